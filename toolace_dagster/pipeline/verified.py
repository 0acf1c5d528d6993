"""Verified dialogues read back a stretch at a time, so that memory does not grow with their number.

Belongs here: which dialogues make the dataset, and reading them, in this process or in
several. Does not belong here: what is made of them (``pipeline.dataset``,
``pipeline.exports``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import TypeVar

from toolace_dagster.dataset import DatasetRow
from toolace_dagster.entities import Dialogue, TaskSpec, Tool
from toolace_dagster.pipeline.in_order import in_order, processes_for
from toolace_dagster.pipeline.pool import configured_pool
from toolace_dagster.settings import Settings
from toolace_dagster.tool_pool import PoolError
from toolace_dagster.warehouse import Warehouse, sql

_FEWEST, _MOST = 256, 512
"""Dialogues read at once. A read unpacks some 2,000 rows, neighbours of those it is for, so many at once come cheaper,
and take memory in each process; of a small home few at once leave something to do for each process."""
_PARTS = 32
_MADE_AT_ONCE = 32
"""Rows that something is made of at once, which are held as objects."""
_Made = TypeVar("_Made")


@dataclass(frozen=True)
class Stretch:
    """Some neighbouring dialogues of a domain.

    Attributes:
        domain: The domain.
        first: Slot of the first.
        last: Slot of the last.
    """

    domain: str
    first: int
    last: int


def dataset_domains(warehouse: Warehouse, settings: Settings) -> list[str]:
    """Domains of the current pool that have a file; others keep theirs, but are no part of the dataset."""
    try:
        current = {domain.name for domain in configured_pool(settings).domains}
    except PoolError:
        return []
    return [name for name in warehouse.domains() if name in current]


def stretches(warehouse: Warehouse, settings: Settings) -> list[Stretch]:
    """All verified dialogues by domain and slot, in stretches that are read at once."""
    slots = {
        domain: warehouse.domain(domain).read(sql("queries/dataset_slots"))
        for domain in dataset_domains(warehouse, settings)
    }
    total = sum(row["dialogues"] for rows in slots.values() for row in rows)
    most = min(max(_FEWEST, total // _PARTS), _MOST)
    found: list[Stretch] = []
    for domain, rows in slots.items():
        # As even as can be: processes take turns, and a short last one would leave the same of them waiting each time.
        own = sum(row["dialogues"] for row in rows)
        even = math.ceil(own / max(1, math.ceil(own / most)))
        first, dialogues = None, 0
        last = -1
        for row in rows:
            if first is not None and dialogues + row["dialogues"] > even:
                found.append(Stretch(domain, first, last))
                first, dialogues = None, 0
            first = row["slot"] if first is None else first
            last = row["slot"]
            dialogues += row["dialogues"]
        if first is not None:
            found.append(Stretch(domain, first, last))
    return found


class VerifiedRows:
    """Reads verified dialogues with spec and the tool versions they were made with."""

    def __init__(self, warehouse: Warehouse) -> None:
        """Name the home; nothing is read yet."""
        self._warehouse = warehouse
        self._tools = lru_cache(maxsize=8)(self._tools_of)

    def of(self, stretch: Stretch) -> Iterator[DatasetRow]:
        """The dialogues of a stretch by slot."""
        versions = self._tools(stretch.domain)
        where = {"first": stretch.first, "last": stretch.last}
        rows = self._warehouse.domain(stretch.domain).read(sql("queries/dataset_rows"), where)
        rows.reverse()
        while rows:
            # Taken out, so that its texts go when it is done.
            row = rows.pop()
            spec = TaskSpec.model_validate_json(row["spec"])
            yield DatasetRow(
                dialogue=Dialogue.model_validate_json(row["dialogue"]),
                spec=spec,
                tools={name: versions[name, fingerprint] for name, fingerprint in spec.tool_versions.items()},
            )

    def _tools_of(self, domain: str) -> dict[tuple[str, str], Tool]:
        return {
            (row["name"], row["fingerprint"]): Tool.model_validate_json(row["definition"])
            for row in self._warehouse.domain(domain).read(sql("queries/tool_versions"))
        }


def dataset_rows(warehouse: Warehouse, settings: Settings) -> Iterator[DatasetRow]:
    """All verified dialogues with spec and the tool versions they were made with, by domain and slot."""
    rows = VerifiedRows(warehouse)
    for stretch in stretches(warehouse, settings):
        yield from rows.of(stretch)


def made_of_rows(
    warehouse: Warehouse, settings: Settings, make: Callable[[Sequence[DatasetRow]], Iterable[_Made]]
) -> Iterator[_Made]:
    """What is made of verified dialogues, by domain and slot; of many dialogues in several processes.

    Args:
        warehouse: The home's files. None of them may be open for writing.
        settings: Settings of the home.
        make: Makes something that can be pickled of some rows, whose number says nothing.

    Yields:
        What was made.
    """
    rows = VerifiedRows(warehouse)

    def made(stretch: Stretch) -> list[_Made]:
        left, found = rows.of(stretch), list[_Made]()
        while some := list(islice(left, _MADE_AT_ONCE)):
            found += make(some)
        return found

    parts = stretches(warehouse, settings)
    for part in in_order(made, parts, processes_for(len(parts))):
        yield from part
