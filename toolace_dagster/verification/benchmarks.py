"""Evaluation benchmarks that a user names, and what a dialogue has in common with them.

Data that repeats a benchmark makes the benchmark worthless, so its texts are kept
out: runs of words that stand in one of its files, after case and punctuation
are taken away.

Belongs here: reading the files and looking texts up. Does not belong here: what
becomes of an overlap (``rules.overlap``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from pydantic import JsonValue

from toolace_dagster.entities import Dialogue, text_hash
from toolace_dagster.verification.rules.facts import Overlap

_WORD = re.compile(r"\w+")
_NAME_ONE = "Name a UTF-8 file in benchmarks, or none."
_WHOLE = 6
"""Words from which on a text that stands in a benchmark as a whole counts, even if it is no long run."""


class BenchmarkUnreadable(ValueError):
    """A benchmark's file can't be read. The message names it and the mend."""


@dataclass(frozen=True)
class BenchmarkIndex:
    """Runs of words of all files.

    Attributes:
        run: Words in a run.
        fingerprint: Content hash of the files.
        runs: Hash of each run, with the position of its file.
        wholes: Hash of each shorter text as a whole, likewise.
        files: Names of the files.
    """

    run: int
    fingerprint: str
    files: tuple[str, ...]
    runs: dict[int, int] = field(default_factory=dict[int, int])
    wholes: dict[int, int] = field(default_factory=dict[int, int])

    def overlaps(self, dialogue: Dialogue) -> tuple[Overlap, ...]:
        """What the user's turns of a dialogue have in common with the benchmarks: the first run of each turn."""
        found = (self._overlap(turn.id, turn.content) for turn in dialogue.turns if turn.role == "user")
        return tuple(overlap for overlap in found if overlap is not None)

    def _overlap(self, turn_id: str, text: str) -> Overlap | None:
        words = _words(text)
        if len(words) < self.run:
            at = self.wholes.get(hash(tuple(words))) if len(words) >= _WHOLE else None
            return Overlap(turn_id, " ".join(words), self.files[at]) if at is not None else None
        for start in range(len(words) - self.run + 1):
            run = words[start : start + self.run]
            at = self.runs.get(hash(tuple(run)))
            if at is not None:
                return Overlap(turn_id, " ".join(run), self.files[at])
        return None


def read_benchmarks(paths: Sequence[Path], run: int) -> BenchmarkIndex:
    """Read the texts of benchmark files.

    Args:
        paths: Files: JSON, JSON lines, or plain text with one example a line. Of JSON every text with words enough
            counts, wherever it stands.
        run: Words in a run that is looked for.

    Raises:
        BenchmarkUnreadable: If a file is not there or not what its name says.
    """
    try:
        states = tuple((path.stat().st_mtime_ns, path.stat().st_size) for path in paths)
    except OSError as fault:
        raise BenchmarkUnreadable(f"benchmark {fault.filename}: {fault.strerror}. {_NAME_ONE}") from None
    return _read(tuple(paths), states, run)


@lru_cache(maxsize=4)
def _read(paths: tuple[Path, ...], states: tuple[tuple[int, int], ...], run: int) -> BenchmarkIndex:
    """Read them once in each state they are in: several places of a run ask."""
    del states
    contents = [_content(path) for path in paths]
    index = BenchmarkIndex(run, text_hash("\x1f".join(contents)), tuple(path.name for path in paths))
    for position, (path, content) in enumerate(zip(paths, contents, strict=True)):
        for text in _texts(path, content):
            words = _words(text)
            if len(words) < run:
                if len(words) >= _WHOLE:
                    index.wholes.setdefault(hash(tuple(words)), position)
                continue
            for start in range(len(words) - run + 1):
                index.runs.setdefault(hash(tuple(words[start : start + run])), position)
    return index


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _content(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise BenchmarkUnreadable(f"benchmark {path}: {fault}. {_NAME_ONE}") from None


def _texts(path: Path, content: str) -> Iterator[str]:
    if path.suffix == ".json":
        yield from _inside(_parsed(path, content, 0))
        return
    for number, line in enumerate(content.splitlines(), 1):
        if path.suffix == ".jsonl" and line.strip():
            yield from _inside(_parsed(path, line, number))
        elif path.suffix != ".jsonl":
            yield line


def _parsed(path: Path, text: str, line: int) -> JsonValue:
    try:
        return json.loads(text)
    except ValueError as fault:
        place = f" line {line}" if line else ""
        # BFCL's files are JSON lines under a name that says JSON.
        if not line:
            return [_parsed(path, each, number) for number, each in enumerate(text.splitlines(), 1) if each.strip()]
        raise BenchmarkUnreadable(f"benchmark {path}{place}: {fault}. Name it .txt if it is plain text.") from None


def _inside(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _inside(each)
    elif isinstance(value, dict):
        for each in value.values():
            yield from _inside(each)
