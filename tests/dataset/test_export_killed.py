"""An export that is killed, for real: the files of the one before are whole and unchanged."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.dataset.rows import rows
from toolace_dagster.dataset import export_rows
from toolace_dagster.settings import FormatName

WRITER = """
import sys, time
from pathlib import Path
from tests.dataset.rows import row
from toolace_dagster.dataset import export_rows

def endless():
    number = 0
    while True:
        number += 1
        yield row(f"new-{number}")
        if number == 300:
            print("writing", flush=True)

export_rows(endless(), Path(sys.argv[1]), sys.argv[2])
"""


@pytest.mark.parametrize("name", ["trl", "openai"])
def test_a_kill_leaves_the_old_files(tmp_path: Path, name: FormatName):
    export_rows(rows(3), tmp_path, name)
    before = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path), name], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"writing\n"
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    after = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert {name: after[name] for name in before} == before
    # What the kill left is hidden, so that no loader takes it for data.
    assert all(left.startswith(".") and left.endswith(".tmp") for left in after.keys() - before.keys())
    assert after.keys() - before.keys()
    export_rows(rows(4), tmp_path, name)
    assert (tmp_path / name / "train.jsonl").read_text().count("\n") == 4
    # The next export takes away what is nobody's any more.
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == before.keys()


def test_files_of_a_living_export_and_of_another_machine_are_left_alone(tmp_path: Path):
    export_rows(rows(1), tmp_path, "openai")
    folder = tmp_path / "openai"
    host = socket.gethostname()
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    kept = {
        f".train.jsonl.{host}@{os.getpid()}-0123abcd.tmp",
        f".train.jsonl.elsewhere-{host}@{dead.pid}-0123abcd.tmp",
        f".{dead.pid}-0123abcd.tmp",
        ".mine.tmp",
    }
    gone = {f".train.jsonl.{host}@{dead.pid}-0123abcd.tmp", f".test.jsonl.{dead.pid}-0123abcd.tmp"}
    for name in kept | gone:
        (folder / name).write_text("half a li")
    export_rows(rows(2), tmp_path, "openai")
    assert {path.name for path in folder.iterdir() if path.suffix == ".tmp"} == kept
