"""Which side of the dataset a dialogue is on.

Belongs here: grouping by task, assigning sides, and checking the result for
leakage. Does not belong here: writing files.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable

from toolace_dagster.dataset.rows import SPLITS, DatasetRow, ExportError, Split
from toolace_dagster.entities import Entity, TaskSpec, content_hash

_DIGITS = 13
"""Hex digits of a group's hash that place it: 52 bits, which a float holds exactly."""


class SplitReport(Entity):
    """How the splits came out.

    Attributes:
        sizes: Dialogues by split; every split is named, empty ones too.
        domains: The same by domain, sorted by name.
        groups: Number of different tasks.
        leakage: Tasks that stand on two sides; anything but 0 is a bug.
        largest_group: Dialogues of the most frequent task. Near the whole size, the model repeats itself.
    """

    sizes: dict[Split, int]
    domains: dict[str, dict[Split, int]]
    groups: int
    leakage: int
    largest_group: int

    @property
    def empty(self) -> tuple[Split, ...]:
        """Splits that no dialogue fell into; a hash over few tasks can leave some."""
        return tuple(split for split in SPLITS if not self.sizes[split])


def task_group(spec: TaskSpec) -> str:
    """The group of a task: specs with the same goals are one group, whatever else differs.

    Goals alone decide. Specs that are identical have the same goals; and two specs
    with the same goals in another scenario, order or with other details ask the
    model for the same thing, so they must not stand on two sides. Case, spacing and
    Unicode form do not count. The domain and the tools do not either: a group is
    named by content alone, and no group's name depends on which others exist.

    Args:
        spec: A task spec.

    Returns:
        A content hash.
    """
    goals = (unicodedata.normalize("NFKC", " ".join(sub_task.goal.split())) for sub_task in spec.sub_tasks)
    return content_hash({" ".join(goal.casefold().split()) for goal in goals}, length=32)


def split_of(spec: TaskSpec, *, validation_share: float, test_share: float) -> Split:
    """The side a task's dialogues are on, decided by the task's content alone.

    Test is cut from the low end and validation from the high end, so that changing
    one share never moves a dialogue between train and the other.

    Args:
        spec: A task spec.
        validation_share: Share of tasks for validation.
        test_share: Share of tasks for test.
    """
    place = int(task_group(spec)[:_DIGITS], 16) / 16**_DIGITS
    if place < test_share:
        return "test"
    return "validation" if place >= 1 - validation_share else "train"


def assign_splits(rows: Iterable[DatasetRow], *, validation_share: float, test_share: float) -> dict[str, Split]:
    """Assign every dialogue to a side; adding rows never moves one that was there before.

    Args:
        rows: The rows, in any order.
        validation_share: Share of tasks for validation.
        test_share: Share of tasks for test.

    Returns:
        The split by dialogue id, in the order of the rows.

    Raises:
        ValueError: If the shares leave nothing to train on.
    """
    if min(validation_share, test_share) < 0 or validation_share + test_share >= 1:
        raise ValueError("validation_share and test_share are shares that leave something to train on")
    return {
        row.dialogue.id: split_of(row.spec, validation_share=validation_share, test_share=test_share) for row in rows
    }


class SplitTally:
    """Counts rows into a :class:`SplitReport` as they pass by."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, Split]] = Counter()
        self._sides: defaultdict[frozenset[str], set[Split]] = defaultdict(set)
        self._sizes: Counter[frozenset[str]] = Counter()

    def add(self, row: DatasetRow) -> None:
        """Count one row.

        Raises:
            ExportError: If the row has no split.
        """
        split = require_split(row)
        self._counts[row.dialogue.domain, split] += 1
        # Not task_group: leakage is counted without the hash and the normal form that assigned the sides.
        task = frozenset(" ".join(sub_task.goal.split()).lower() for sub_task in row.spec.sub_tasks)
        self._sides[task].add(split)
        self._sizes[task] += 1

    def report(self) -> SplitReport:
        """What was counted so far."""
        names = sorted({domain for domain, _ in self._counts})
        return SplitReport(
            sizes={split: sum(self._counts[name, split] for name in names) for split in SPLITS},
            domains={name: {split: self._counts[name, split] for split in SPLITS} for name in names},
            groups=len(self._sides),
            leakage=sum(len(sides) > 1 for sides in self._sides.values()),
            largest_group=max(self._sizes.values(), default=0),
        )


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
        tally.add(row)
    return tally.report()


def require_split(row: DatasetRow) -> Split:
    """The row's split.

    Raises:
        ExportError: If it has none yet.
    """
    if row.split is None:
        raise ExportError(f"dialogue {row.dialogue.id} has no split; assign splits before exporting")
    return row.split
