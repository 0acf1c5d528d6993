"""How the splits came out: sizes, balance, leakage.

Belongs here: counting rows whose sides are given. Does not belong here: giving them
(``dealing``), or writing files.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from pydantic import Field

from toolace_dagster.dataset.rows import SPLITS, DatasetRow, ExportError, Split
from toolace_dagster.dataset.traits import Outline, outline_of
from toolace_dagster.entities import Entity

_TABLES = ("domains", "injections", "lengths")


class SplitReport(Entity):
    """How the splits came out.

    Attributes:
        sizes: Dialogues by split; every split is named, empty ones too.
        domains: The same by domain, sorted by name.
        groups: Number of different tasks.
        leakage: Tasks that stand on two sides; anything but 0 is a bug.
        largest_group: Dialogues of the most frequent task. Near the whole size, the model repeats itself.
        injections: Dialogues by kind of injection and split; one with two kinds counts in both.
        lengths: Dialogues by class of length and split.
        tools_on_two_sides: Tools that dialogues of two sides call, by name over all domains; 0 only where they are kept
            apart by setting. A tool that is offered and not called does not count.
        domains_on_two_sides: Likewise for tool domains.
        near_duplicates: Pairs of near-duplicates among the dialogues; None where nobody looked.
        near_leakage: Those of them that stand on two sides; anything but 0 is a bug.
    """

    sizes: dict[Split, int]
    domains: dict[str, dict[Split, int]]
    groups: int
    leakage: int
    largest_group: int
    injections: dict[str, dict[Split, int]] = Field(default_factory=dict[str, dict[Split, int]])
    lengths: dict[str, dict[Split, int]] = Field(default_factory=dict[str, dict[Split, int]])
    tools_on_two_sides: int = 0
    domains_on_two_sides: int = 0
    near_duplicates: int | None = None
    near_leakage: int = 0

    @property
    def empty(self) -> tuple[Split, ...]:
        """Splits that no dialogue fell into; a hash over few tasks can leave some."""
        return tuple(split for split in SPLITS if not self.sizes[split])


class SplitTally:
    """Counts rows into a :class:`SplitReport` as they pass by."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[tuple[str, Split]]] = {name: Counter() for name in _TABLES}
        self._tools: defaultdict[str, set[Split]] = defaultdict(set)
        self._sides: defaultdict[str, set[Split]] = defaultdict(set)
        self._sizes: Counter[str] = Counter()

    def add(self, outline: Outline, split: Split) -> None:
        """Count one dialogue."""
        kinds = outline.injections or ("none",)
        for table, names in zip(_TABLES, ((outline.domain,), kinds, (outline.length,)), strict=True):
            for name in names:
                self._counts[table][name, split] += 1
        for tool in outline.tools:
            self._tools[tool].add(split)
        self._sides[outline.goals].add(split)
        self._sizes[outline.goals] += 1

    def report(self) -> SplitReport:
        """What was counted so far."""
        domains = self._table("domains")
        return SplitReport(
            sizes={split: sum(sizes[split] for sizes in domains.values()) for split in SPLITS},
            domains=domains,
            groups=len(self._sides),
            leakage=sum(len(sides) > 1 for sides in self._sides.values()),
            largest_group=max(self._sizes.values(), default=0),
            injections=self._table("injections"),
            lengths=self._table("lengths"),
            tools_on_two_sides=sum(len(sides) > 1 for sides in self._tools.values()),
            domains_on_two_sides=sum(sum(map(bool, sizes.values())) > 1 for sizes in domains.values()),
        )

    def _table(self, name: str) -> dict[str, dict[Split, int]]:
        counts = self._counts[name]
        return {key: {split: counts[key, split] for split in SPLITS} for key in sorted({key for key, _ in counts})}


def report_splits(rows: Iterable[DatasetRow]) -> SplitReport:
    """Report on rows whose splits are assigned.

    Args:
        rows: The rows, each with its split.

    Returns:
        Sizes by split and domain, and leakage as counted from the rows themselves.

    Raises:
        ExportError: If a row has no split.
    """
    tally = SplitTally()
    for row in rows:
        tally.add(outline_of(row), require_split(row))
    return tally.report()


def require_split(row: DatasetRow) -> Split:
    """The row's split.

    Raises:
        ExportError: If it has none yet.
    """
    if row.split is None:
        raise ExportError(f"dialogue {row.dialogue.id} has no split; assign splits before exporting")
    return row.split
