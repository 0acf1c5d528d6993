"""Serving the explorer until it is stopped.

Belongs here: sockets and the server. Does not belong here: the application (``app``).
"""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn

from toolace_dagster.explorer.app import make_app
from toolace_dagster.warehouse import Warehouse


class PortTaken(OSError):
    """The address is in use or not ours; the message says the mend."""


def serve(
    warehouse: Warehouse, host: str, port: int, on_start: Callable[[str], None], other: Warehouse | None = None
) -> None:
    """Serve a home until Ctrl-C.

    Args:
        warehouse: The home's files.
        host: Address to listen on.
        port: Port; 0 takes any free one.
        on_start: Told the explorer's address once it can be reached.
        other: A home to compare this one with.

    Raises:
        PortTaken: If nothing can listen there.
    """
    listening = listen(host, port)
    shown = f"[{host}]" if ":" in host else host
    config = uvicorn.Config(
        make_app(warehouse, host, other), log_level="warning", access_log=False, server_header=False
    )
    with listening:
        on_start(f"http://{shown}:{listening.getsockname()[1]}")
        uvicorn.Server(config).run(sockets=[listening])


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Args:
        host: Address to listen on.
        port: Port; 0 takes any free one.

    Raises:
        PortTaken: If nothing can listen there.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
    except OSError as error:
        reason = error.strerror or str(error)
        raise PortTaken(f"nothing can listen on {host}, port {port} ({reason}); --port takes another") from None
    return listening
