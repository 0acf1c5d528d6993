"""``toolace ui``: the Dagster UI over a home.

Belongs here: starting it. Does not belong here: what it shows.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from toolace_dagster.cli.console import say, warn
from toolace_dagster.configuration import CONFIG_VARIABLE
from toolace_dagster.llm.money import counted
from toolace_dagster.pipeline.pool import configured_pool
from toolace_dagster.settings import Settings
from toolace_dagster.tool_pool import PoolError
from toolace_dagster.warehouse import Warehouse


def serve_ui(home: Path, port: int, settings: Settings, config: Path | None = None) -> int:
    """Run Dagster's web server and daemon until they are stopped. The pool's domains are partitions from the start.

    Args:
        home: Home folder.
        port: Port on this machine.
        settings: They name the pool.
        config: Configuration file of the runs that are launched there.

    Returns:
        Exit code of Dagster.
    """
    from toolace_dagster.orchestration.instance import dagster_home, open_instance, register_domains
    from toolace_dagster.orchestration.workers import report_gone

    folder = dagster_home(Warehouse(home))
    with open_instance(Warehouse(home)) as instance:
        gone = report_gone(instance)
    if gone:
        say(f"{counted(len(gone), 'run')} whose process had gone: marked as failed.")
    try:
        domains = [domain.name for domain in configured_pool(settings).domains if domain.tools]
    except PoolError as error:
        warn(str(error))
    else:
        with open_instance(Warehouse(home)) as instance:
            register_domains(instance, domains)
    environment = os.environ | {"DAGSTER_HOME": str(folder), "TOOLACE_HOME": str(home.resolve())}
    if config is not None:
        # Runs are started in processes of their own, wherever these work.
        environment[CONFIG_VARIABLE] = str(config.resolve())
    workspace = Path(__file__).parents[2] / "workspace.yaml"
    location = ["-w", str(workspace)] if workspace.exists() else ["-m", "toolace_dagster.orchestration.definitions"]
    say(f"The Dagster UI over {home} is at http://127.0.0.1:{port} (Ctrl-C stops it).")
    command = [sys.executable, "-m", "dagster", "dev", *location, "-h", "127.0.0.1", "-p", str(port)]
    try:
        return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603 - our own command
    except KeyboardInterrupt:
        return 0
