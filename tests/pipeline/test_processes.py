"""Processes of domains: one that dies is told by name, and the others go on."""

from __future__ import annotations

import os
import struct
from multiprocessing.connection import Connection

import pytest

from toolace_dagster.pipeline.ends import RunEnd
from toolace_dagster.pipeline.processes import in_processes


@pytest.mark.parametrize("said", [b"", struct.pack("!i", 100), struct.pack("!i", 100) + b"half of it"])
def test_a_process_that_dies_while_it_tells_something_is_named(said: bytes) -> None:
    def work(name: str, sender: Connection) -> None:
        if name == "banking":
            os.write(sender.fileno(), said)
            os._exit(9)
        sender.send(RunEnd(name=name, run_id="r"))

    ends = in_processes(["banking", "travel"], work, 2, lambda _: None)
    assert "the process ended with exit code 9" in ends[0].error
    assert ends[1] == RunEnd(name="travel", run_id="r")
