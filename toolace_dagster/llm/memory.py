"""What endpoints refused, kept between runs, so that a refusal is met once and not by every stage.

The file is ``endpoints.json`` in the home: readable, and safe to delete, as a whole
or an entry of it; the endpoint is then asked for everything again. Entries are
forgotten after ``FORGOTTEN_AFTER``, since endpoints learn too.

Belongs here: the file and its entries. Does not belong here: what a refusal means
(``asking``), or deciding that something was refused (``terms``).
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal, cast

from pydantic import ValidationError

from toolace_dagster.entities import Entity

FORGOTTEN_AFTER: Final = timedelta(days=7)
"""Age at which a refusal no longer counts."""
_MOST_ENTRIES: Final = 1_000
_ABOUT = (
    "What endpoints refused, so that it is not asked for again. Delete the file or an entry to have it asked again."
)


class Refusal(Entity):
    """One thing an endpoint refused.

    Attributes:
        what: ``format`` for a way of asking for structured output, ``schema`` for one schema in that way,
            ``parameter`` for a parameter of the request.
        value: The way, the schema's hash, or the parameter.
        instead: The way it is asked since; empty for a parameter.
        said: The endpoint's own words, shortened and free of secrets.
        at: When, UTC, ISO 8601.
    """

    what: Literal["format", "schema", "parameter"]
    value: str
    instead: str = ""
    said: str = ""
    at: str

    @property
    def is_fresh(self) -> bool:
        """Whether it still counts."""
        try:
            at = datetime.fromisoformat(self.at)
        except ValueError:
            return False
        return datetime.now(UTC) - at.replace(tzinfo=at.tzinfo or UTC) < FORGOTTEN_AFTER


class EndpointMemory:
    """The refusals of all endpoints.

    A file that can't be read or written costs refusals, never a call: then nothing is remembered.
    """

    def __init__(self, path: Path | None, tell: Callable[[str], None] | None = None) -> None:
        """Name the file; None remembers nothing.

        Args:
            path: The file, made on the first refusal.
            tell: Told once of each refusal that is news, in a sentence.
        """
        self._path = path
        self._tell = tell

    def recall(self, endpoint: str) -> list[Refusal]:
        """The refusals of one endpoint that still count, oldest first.

        Args:
            endpoint: Host, path and model.
        """
        return [refusal for refusal in self._read().get(endpoint, []) if refusal.is_fresh]

    def keep(self, endpoint: str, refusal: Refusal, told: str = "") -> None:
        """Remember a refusal, and tell of it unless another process met it in the meantime.

        Args:
            endpoint: Host, path and model.
            refusal: The refusal.
            told: What to tell, if anything.
        """
        if self._is_news(endpoint, refusal) and told and self._tell is not None:
            self._tell(told)

    def _is_news(self, endpoint: str, refusal: Refusal) -> bool:
        if self._path is None:
            return True
        try:
            with self._locked(self._path):
                held = self._read()
                known = held.setdefault(endpoint, [])
                mark = (refusal.what, refusal.value, refusal.instead)
                if any((each.what, each.value, each.instead) == mark and each.is_fresh for each in known):
                    return False
                known.append(refusal)
                self._write(self._path, held)
        except OSError:
            return True
        return True

    @contextmanager
    def _locked(self, path: Path) -> Generator[None]:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _read(self) -> dict[str, list[Refusal]]:
        if self._path is None:
            return {}
        try:
            stored: Any = json.loads(self._path.read_text())
            endpoints = cast("dict[str, list[Any]]", stored["endpoints"])
            return {name: _entries(listed) for name, listed in endpoints.items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return {}

    def _write(self, path: Path, held: dict[str, list[Refusal]]) -> None:
        endpoints = {
            name: [refusal.model_dump(mode="json") for refusal in listed if refusal.is_fresh][-_MOST_ENTRIES:]
            for name, listed in held.items()
        }
        new = path.with_suffix(f".{os.getpid()}.new")
        new.write_text(json.dumps({"about": _ABOUT, "endpoints": endpoints}, indent=1, ensure_ascii=False) + "\n")
        new.replace(path)


def _entries(listed: list[Any]) -> list[Refusal]:
    """The entries that are some; a hand that edits the file may leave others."""
    found: list[Refusal] = []
    for entry in listed:
        try:
            found.append(Refusal.model_validate(entry))
        except ValidationError:
            continue
    return found
