"""Running a training script as a process of its own, and reading what it measured.

Belongs here: the process and its metrics. Does not belong here: the asset
(``assets.training``), or training itself.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

_TAIL = 20


class TrainingFailed(RuntimeError):
    """The script ended with an error, or measured nothing; with its last lines."""


def run_training(
    script: str, arguments: Sequence[str], out: Path, *, python: str = "", log: Callable[[str], object] = print
) -> dict[str, int | float | str]:
    """Run a script and wait for it.

    Args:
        script: Path of the script.
        arguments: Its arguments.
        out: Folder it writes ``metrics.json`` into.
        python: Interpreter; empty means this one.
        log: Told each line the script prints.

    Returns:
        What it measured: numbers and texts by name.

    Raises:
        TrainingFailed: If it is missing, fails, or leaves no metrics.
    """
    if not Path(script).is_file():
        raise TrainingFailed(f"there is no script {script}; name one that exists")
    lines: list[str] = []
    command = [python or sys.executable, script, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        for line in process.stdout:
            log(line.rstrip())
            lines = [*lines, line][-_TAIL:]
    if process.returncode:
        raise TrainingFailed(f"{script} ended with exit code {process.returncode}:\n{''.join(lines)}")
    try:
        metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingFailed(f"{script} left no metrics in {out}: {error}") from error
    return {name: value for name, value in metrics.items() if isinstance(value, int | float | str)}
