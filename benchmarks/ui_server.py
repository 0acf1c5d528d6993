"""`toolace ui` in a process of its own, asked over GraphQL as its pages ask it.

Belongs here: starting it, asking, launching and waiting for runs. Does not belong here: what is tried with it
(``kill_in_stages``, ``ui_tour``).
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

LOCATION, REPOSITORY = "toolace_dagster", "__repository__"
_PATIENCE = 240.0
_ENDED = ("SUCCESS", "FAILURE", "CANCELED")
_LOADED = (
    "{ workspaceOrError { ... on Workspace { locationEntries { loadStatus locationOrLoadError { __typename } } } } }"
)
_LAUNCH = """
mutation ($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }
"""
_AGAIN = """
mutation ($params: ReexecutionParams!) { launchRunReexecution(reexecutionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }
"""
_STATUS = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"


@dataclass(frozen=True)
class Ui:
    """A running UI.

    Attributes:
        port: Port on this machine.
        log: File with what it said.
    """

    port: int
    log: Path

    @property
    def address(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Ask over GraphQL.

        Raises:
            RuntimeError: If the answer holds errors.
        """
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(  # noqa: S310 - our own address
            f"{self.address}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - our own address
            given = cast("dict[str, Any]", json.load(answer))
        if given.get("errors"):
            raise RuntimeError(f"GraphQL: {given['errors']}")
        return cast("dict[str, Any]", given["data"])

    def launch(self, job: str, partition: str | None = None) -> str:
        """Launch a job as its page does; gives the run's id."""
        selector = {"repositoryLocationName": LOCATION, "repositoryName": REPOSITORY, "jobName": job}
        tags = [{"key": "dagster/partition", "value": partition}] if partition else []
        params = {
            "selector": selector,
            "runConfigData": {},
            "mode": "default",
            "executionMetadata": {"tags": tags},
        }
        return self._launched(self.ask(_LAUNCH, params=params)["launchRun"])

    def again(self, run_id: str) -> str:
        """What the button "Re-execute from failure" does; gives the new run's id."""
        params = {"parentRunId": run_id, "strategy": "FROM_FAILURE"}
        return self._launched(self.ask(_AGAIN, params=params)["launchRunReexecution"])

    def ended(self, run_id: str, patience: float = _PATIENCE) -> str:
        """Wait for a run; gives its status.

        Raises:
            TimeoutError: If it has not ended by then.
        """
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            status = self.ask(_STATUS, id=run_id)["runOrError"]["status"]
            if status in _ENDED:
                return str(status)
            time.sleep(0.5)
        raise TimeoutError(f"run {run_id} has not ended within {patience:.0f} s")

    @staticmethod
    def _launched(answer: Mapping[str, Any]) -> str:
        if "run" not in answer:
            raise RuntimeError(f"not launched: {answer}")
        return str(answer["run"]["runId"])


@contextmanager
def serving(home: Path, log: Path, **environment: str) -> Generator[Ui]:
    """Start ``toolace ui`` over a home, and stop it with all that it started.

    Args:
        home: The home; ``settings.json`` or ``toolace.toml`` in it say what its runs make.
        log: File for what it says.
        environment: Further variables.

    Raises:
        RuntimeError: If it ends before it answers.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("OPENAI_", "TOOLACE_", "DAGSTER"))}
    command = [
        sys.executable,
        "-c",
        "from toolace_dagster.cli import main; main()",
        "ui",
        "--home",
        str(home),
        "--port",
        str(port),
    ]
    with log.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=kept | environment, start_new_session=True)
        try:
            ui = Ui(port, log)
            _wait(ui, process)
            yield ui
        finally:
            os.killpg(process.pid, signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _wait(ui: Ui, process: subprocess.Popen[bytes]) -> None:
    while True:
        if process.poll() is not None:
            raise RuntimeError(f"toolace ui ended: {ui.log.read_text()[-2000:]}")
        try:
            entries = ui.ask(_LOADED)["workspaceOrError"].get("locationEntries", [])
        except OSError:
            entries = []
        if any(entry["loadStatus"] == "LOADED" for entry in entries):
            kinds = [entry["locationOrLoadError"]["__typename"] for entry in entries]
            if "RepositoryLocation" not in kinds:
                raise RuntimeError(f"the code location did not load: {ui.log.read_text()[-2000:]}")
            return
        time.sleep(0.5)
