"""What caches hold and which of it to remove, whether in a home or in a shared folder.

Belongs here: listing, selecting, the terms both share. Does not belong here: where
texts are (``homes``, ``folders``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Protocol

By = Literal["model", "stage", "domain", "age"]
AGES = {0: "under a day", 1: "1 to 7 days", 7: "7 to 30 days", 30: "30 to 90 days", 90: "over 90 days"}


@dataclass(frozen=True)
class Holding:
    """Texts that have model, stage, domain, age and use in common.

    Attributes:
        age: Key of :data:`AGES`.
        in_use: Whether current rows name their calls; None in a shared folder, which knows no rows.
        texts: Number of calls with texts.
        size: Bytes of the texts.
        oldest: When the first was paid for, UTC.
        last_used: When one was last used, UTC.
    """

    model: str
    stage: str
    domain: str
    age: int
    in_use: bool | None
    texts: int
    size: int
    oldest: str
    last_used: str


@dataclass(frozen=True)
class Group:
    """Holdings added up; ``unused`` counts texts no current row names."""

    name: str
    texts: int
    size: int
    unused: int
    unused_size: int
    oldest: str
    last_used: str


@dataclass(frozen=True)
class Selection:
    """What to remove: texts that meet all conditions that are set.

    Attributes:
        older_than: Paid for longer ago than this.
        unused_since: Not used for this long.
        model: Of this model.
        down_to: Least recently used first, until so many bytes are left over all.
        used_too: Also what current rows of a home name.
    """

    older_than: timedelta | None = None
    unused_since: timedelta | None = None
    model: str | None = None
    down_to: int | None = None
    used_too: bool = False

    @property
    def conditions(self) -> dict[str, Any]:
        """Parameters of the ``prunable`` queries."""
        now = datetime.now(UTC).replace(tzinfo=None)
        return {
            "model": self.model,
            "created_before": (now - self.older_than).isoformat() if self.older_than is not None else None,
            "used_before": (now - self.unused_since).isoformat() if self.unused_since is not None else None,
        }


@dataclass(frozen=True)
class Candidate:
    """A text that meets a selection's conditions.

    Attributes:
        place: Where it is, in the terms of whoever holds it.
        size: Bytes.
        last_used: UTC, ISO 8601.
    """

    place: Any
    size: int
    last_used: str


@dataclass(frozen=True)
class Pruned:
    """What was removed, or would be.

    Attributes:
        texts: Number of calls whose texts went.
        size: Bytes of these texts.
        spared: Calls that were selected, but are in use.
        busy: Domains left alone since a run is making calls for them.
        disk_before: Bytes of the files before.
        disk_after: Bytes of the files afterwards.
    """

    texts: int
    size: int
    spared: int = 0
    busy: Sequence[str] = field(default_factory=tuple)
    disk_before: int = 0
    disk_after: int = 0


class Holder(Protocol):
    """Whatever holds texts."""

    def holdings(self) -> list[Holding]:
        """What it holds."""
        ...

    def disk(self) -> int:
        """Bytes of its files."""
        ...

    def prune(self, selection: Selection, *, dry_run: bool) -> Pruned:
        """Remove texts."""
        ...


def grouped(holdings: Sequence[Holding], by: By) -> list[Group]:
    """Add holdings up.

    Returns:
        Groups, the largest first; by age the youngest first.
    """
    members: dict[Any, list[Holding]] = {}
    for holding in holdings:
        members.setdefault(getattr(holding, by), []).append(holding)
    groups = {key: added_up(AGES[key] if by == "age" else key, found) for key, found in members.items()}
    if by == "age":
        return [groups[key] for key in sorted(groups)]
    return sorted(groups.values(), key=lambda group: (-group.size, group.name))


def added_up(name: str, holdings: Sequence[Holding]) -> Group:
    """All of some holdings as one group."""
    unused = [holding for holding in holdings if holding.in_use is False]
    return Group(
        name=name,
        texts=sum(holding.texts for holding in holdings),
        size=sum(holding.size for holding in holdings),
        unused=sum(holding.texts for holding in unused),
        unused_size=sum(holding.size for holding in unused),
        oldest=min((holding.oldest for holding in holdings), default=""),
        last_used=max((holding.last_used for holding in holdings), default=""),
    )


def chosen(candidates: Sequence[Candidate], selection: Selection, held: int) -> list[Candidate]:
    """Those to remove, least recently used first.

    Args:
        candidates: Texts that meet the conditions.
        selection: The selection.
        held: Bytes held over all.
    """
    ordered = sorted(candidates, key=lambda candidate: candidate.last_used)
    if selection.down_to is None:
        return ordered
    too_many = held - selection.down_to
    removed: list[Candidate] = []
    for candidate in ordered:
        if too_many <= 0:
            break
        removed.append(candidate)
        too_many -= candidate.size
    return removed
