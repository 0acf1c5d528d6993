"""Submissions on disk: what was sent, which batch it became, and what came back.

Each is a folder. It is written before anything is sent and goes when all its lines
are in the journal. Steps, each on disk before what follows:

- ``written``: input and lines are here; nothing that costs was asked for yet.
- ``creating``: a batch with this submission's token may exist; only the endpoint knows.
- ``submitted``: the batch's id is known.
- ``collected``: its output and error files are here.

Belongs here: these folders. Does not belong here: talking to the endpoint
(``service``), or who waits for what (``desk``).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from shutil import rmtree
from typing import Any, Literal
from uuid import uuid4

from pydantic import TypeAdapter, ValidationError

from toolace_dagster.llm.asking import Manner
from toolace_dagster.llm.batch.lines import Line

Step = Literal["written", "creating", "submitted", "collected"]

_STATE = "state.json"
_LINES = "lines.json"
_MANNER = TypeAdapter(Manner)


class Submission:
    """One submission.

    Attributes:
        folder: Where it is kept.
        manners: How each line is asked, by custom id in the order of the input file.
        state: Token, account, stage, step, ids at the endpoint and times, as on disk.
    """

    def __init__(self, folder: Path, manners: Mapping[str, Manner], state: dict[str, Any]) -> None:
        """Name what is on disk."""
        self.folder = folder
        self.manners = dict(manners)
        self.state = state

    @property
    def token(self) -> str:
        """What its batch is found by: the endpoint keeps it with the batch."""
        return self.state["token"]

    @property
    def step(self) -> Step:
        """How far it is."""
        return self.state["step"]

    @property
    def batch_id(self) -> str:
        """Its batch, as the endpoint calls it; empty before ``submitted``."""
        return self.state.get("batch_id", "")

    @property
    def stage(self) -> str:
        """The stage its lines are of; empty in a folder of a version that did not write it down."""
        return self.state.get("stage", "")

    @property
    def written_at(self) -> float:
        """When it was written, in seconds since 1970; 0 where nobody noted it."""
        return self.state.get("written_at", 0.0)

    @property
    def seconds(self) -> float:
        """How long its batch took; 0 where nobody noted it."""
        return self.state.get("seconds", 0.0)

    @property
    def input(self) -> Path:
        """The file that is uploaded."""
        return self.folder / "input.jsonl"

    @property
    def results(self) -> tuple[Path, Path]:
        """Output and error file; either may be missing."""
        return self.folder / "output.jsonl", self.folder / "errors.jsonl"

    def note(self, step: Step, **more: Any) -> None:
        """Put a step on disk, with what is new about it."""
        self.state |= {"step": step, f"{step}_at": time.time(), **more}
        _write(self.folder / _STATE, json.dumps(self.state).encode())

    def discard(self) -> None:
        """Remove it; a folder without its state is nothing."""
        (self.folder / _STATE).unlink(missing_ok=True)
        rmtree(self.folder, ignore_errors=True)

    def narrow(self, ids: set[str]) -> None:
        """Forget all lines but these; without any the submission goes."""
        self.manners = {custom_id: manner for custom_id, manner in self.manners.items() if custom_id in ids}
        if not self.manners:
            self.discard()
            return
        _write(self.folder / _LINES, _encoded(self.manners))
        self.input.unlink(missing_ok=True)


class Submissions:
    """All submissions of one domain to one account.

    Attributes:
        folder: Where they are kept.
        account: Endpoint, model and key variable: other accounts' batches can't be asked for.
    """

    def __init__(self, folder: Path, account: Mapping[str, str]) -> None:
        """Name folder and account; nothing is read yet."""
        self.folder = folder
        self.account = dict(account)
        self._begun = time.time()

    def write(self, lines: Sequence[Line], encoded: Sequence[bytes]) -> Submission:
        """Put lines on disk that are about to be sent."""
        token = uuid4().hex
        folder = self.folder / token
        folder.mkdir(parents=True)
        manners = {line.custom_id: line.manner for line in lines}
        state = {"token": token, "account": self.account, "stage": lines[0].stage}
        submission = Submission(folder, manners, state)
        _write(folder / _LINES, _encoded(manners))
        _write(submission.input, b"".join(encoded))
        submission.note("written")
        _sync(self.folder)
        return submission

    def left(self) -> Iterator[Submission]:
        """What earlier runs left, oldest first; what never got to the endpoint is removed.

        What is newer than this object is being written just now, for another account of the same run.
        """
        found: list[Submission] = []
        for path in _folders(self.folder):
            submission = _read(path)
            if submission is None:
                if path.exists() and path.stat().st_mtime < self._begun:
                    rmtree(path, ignore_errors=True)
            elif submission.written_at < self._begun:
                found.append(submission)
        for submission in sorted(found, key=lambda one: one.written_at):
            if submission.step == "written":
                submission.discard()
            elif submission.state.get("account") == self.account:
                yield submission


def under_way(folder: Path) -> int:
    """How many batches earlier runs left to be collected.

    Args:
        folder: Where a domain's submissions are.
    """
    left = [submission for path in _folders(folder) if (submission := _read(path)) is not None]
    return sum(submission.step in ("creating", "submitted") for submission in left)


def _folders(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []


def _read(folder: Path) -> Submission | None:
    """A submission; None where half of one is: a kill left it, or another process is at it just now."""
    try:
        state: dict[str, Any] = json.loads((folder / _STATE).read_bytes())
        manners: dict[str, Any] = json.loads((folder / _LINES).read_bytes())
    except FileNotFoundError:
        return None
    return Submission(folder, {custom_id: _manner(manner) for custom_id, manner in manners.items()}, state)


def _manner(value: Any) -> Manner:
    try:
        return _MANNER.validate_python(value)
    except ValidationError:
        # Of another version, which had other manners: its answers are read all the same.
        return Manner()


def _encoded(manners: Mapping[str, Manner]) -> bytes:
    return json.dumps(
        {custom_id: _MANNER.dump_python(manner, mode="json") for custom_id, manner in manners.items()}
    ).encode()


def write_all(path: Path, chunks: Iterable[bytes]) -> None:
    """Make a file that is there as a whole or not at all."""
    writing = path.with_suffix(".part")
    with writing.open("wb") as file:
        for chunk in chunks:
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    writing.replace(path)
    _sync(path.parent)


def _write(path: Path, content: bytes) -> None:
    write_all(path, [content])


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
