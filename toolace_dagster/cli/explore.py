"""``toolace explore``: the explorer over a home.

Belongs here: starting it and opening a browser. Does not belong here: pages
(``explorer``).
"""

from __future__ import annotations

import webbrowser
from pathlib import Path

from toolace_dagster.cli.console import complain, say, warn
from toolace_dagster.warehouse import Warehouse

_LOCAL = ("127.0.0.1", "localhost", "::1")


def serve_explorer(home: Path, host: str, port: int, *, browser: bool, against: Path | None = None) -> int:
    """Serve the explorer until it is stopped.

    Args:
        home: Home folder.
        host: Address to listen on.
        port: Port; 0 takes any free one.
        browser: Whether to open it in a browser.
        against: A home to compare dialogues with; ``HOME/simulation`` if there is one, when None.

    Returns:
        Exit code: 1 when the home holds nothing or nothing can listen there.
    """
    from toolace_dagster.explorer.serving import PortTaken, serve
    from toolace_dagster.pipeline.simulation_home import simulation_home

    warehouse = Warehouse(home)
    if not warehouse.domains():
        complain(f"{home} holds nothing yet. `toolace run` makes something; --home names another folder.")
        return 1
    other = Warehouse(against) if against is not None else simulation_home(warehouse)
    if against is not None and not other.domains():
        complain(f"{against} holds nothing yet, so there is nothing to compare with")
        return 1
    if host not in _LOCAL:
        warn(f"everybody who reaches {host} can read all prompts, replies and dialogues of {home}")

    def started(address: str) -> None:
        say(f"The explorer over {home} is at {address} (Ctrl-C stops it).")
        if browser:
            webbrowser.open(address)

    try:
        serve(warehouse, host, port, started, other if other.domains() else None)
    except PortTaken as error:
        complain(str(error))
        return 1
    except KeyboardInterrupt:
        return 0
    return 0
