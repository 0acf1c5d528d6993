"""Groups of failures over dialogues, and what the last run changed.

Belongs here: reading and telling groups. Does not belong here: the story of one
dialogue (``story``, ``why``).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from toolace_dagster.entities import Entity
from toolace_dagster.warehouse import Row, Warehouse, sql

_EXAMPLES = 3
_CHANGES = ("mended", "broken", "another reason", "the same", "first end")


class UnknownSelection(LookupError):
    """No such domain or check; the message says which there are."""


class Example(Entity):
    """A dialogue of a group and the first cause of its end."""

    dialogue_id: str
    turn_id: str | None = None
    cause: str


class FailureGroup(Entity):
    """Dialogues that ended by the same check for a defect of the same origin.

    Attributes:
        state: ``rejected`` or ``failed``.
        check: The check; ``call.…`` for a failed call.
        cause_stage: The stage that introduced the defect.
        how: How it came about, as in ``FirstCause``.
        dialogues: Number of dialogues by domain.
        examples: A few of them.
    """

    state: str
    check: str
    cause_stage: str
    how: str
    dialogues: dict[str, int]
    examples: tuple[Example, ...]

    @property
    def size(self) -> int:
        """Number of dialogues."""
        return sum(self.dialogues.values())


@dataclass(frozen=True)
class RunChanges:
    """What the last run of a domain changed.

    Attributes:
        domain: Tool domain.
        run_id: Its last run.
        finished_at: When its last stage ended, in UTC.
        dialogues: Rows of dialogue_id, change, state_before, check_before, state_now, check_now, reason.
    """

    domain: str
    run_id: str
    finished_at: str
    dialogues: list[Row] = field(default_factory=list[Row])

    def of(self, change: str) -> list[Row]:
        """The dialogues of one kind of change: mended, broken, another reason, the same, first end."""
        return [row for row in self.dialogues if row["change"] == change]


@dataclass(frozen=True)
class Failures:
    """Failures of some domains.

    Attributes:
        groups: Largest first.
        changes: What the last run of each domain changed.
        attempted: Dialogues attempted in these domains.
    """

    groups: list[FailureGroup]
    changes: list[RunChanges]
    attempted: int

    @property
    def size(self) -> int:
        """Number of dialogues that failed or were rejected."""
        return sum(group.size for group in self.groups)


def read_failures(warehouse: Warehouse, domain: str | None = None, check: str | None = None) -> Failures:
    """Read failures of one domain or all.

    Args:
        warehouse: The home's files.
        domain: Only this domain.
        check: Only ends by this check; ``rule.`` may be left out.

    Raises:
        UnknownSelection: If there is no such domain, or nothing ever ended by such a check.
    """
    domains = warehouse.domains()
    if domain is not None and domain not in domains:
        raise UnknownSelection(f"There is no domain {domain!r}. {_hint(domain, domains)}")
    domains = [domain] if domain is not None else domains
    rows: list[Row] = []
    changes: list[RunChanges] = []
    attempted = 0
    for name in domains:
        store = warehouse.domain(name)
        with store.reading():
            rows += store.read(sql("lineage/failure_groups"))
            changes += _changes(name, store.read(sql("lineage/last_run_changes")))
            attempted += sum(row["attempted"] for row in store.read(sql("queries/domain_outcomes")))
    if check is not None:
        wanted = _known_check(check, {row["check_id"] for row in rows})
        rows = [row for row in rows if row["check_id"] == wanted]
        changes = [_about(each, wanted) for each in changes]
    return Failures(_groups(rows), changes, attempted)


def _known_check(check: str, known: Iterable[str]) -> str:
    names = sorted(known)
    for candidate in (check, f"rule.{check}", f"expert.{check}", f"call.{check}"):
        if candidate in names:
            return candidate
    raise UnknownSelection(f"No dialogue ended by a check {check!r}. {_hint(check, names)}")


def _hint(given: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(given, known, n=3, cutoff=0.4)
    if close:
        return f"Did you mean {' or '.join(close)}?"
    return f"There are: {', '.join(known)}." if known else "There are none yet."


def _groups(rows: Iterable[Row]) -> list[FailureGroup]:
    sizes: dict[tuple[str, str, str, str], dict[str, int]] = {}
    examples: dict[tuple[str, str, str, str], list[Example]] = {}
    for row in rows:
        key = (row["state"], row["check_id"], row["cause_stage"], row["how"])
        by_domain = sizes.setdefault(key, {})
        by_domain[row["domain"]] = by_domain.get(row["domain"], 0) + row["dialogues"]
        examples.setdefault(key, []).extend(Example(**each) for each in row["examples"])
    groups = [
        FailureGroup(
            state=key[0],
            check=key[1],
            cause_stage=key[2],
            how=key[3],
            dialogues=by_domain,
            examples=tuple(examples[key][:_EXAMPLES]),
        )
        for key, by_domain in sizes.items()
    ]
    return sorted(groups, key=lambda group: (-group.size, group.check, group.cause_stage))


def _changes(domain: str, rows: list[Row]) -> list[RunChanges]:
    if not rows:
        return []
    ends = [row for row in rows if row["dialogue_id"] is not None]
    return [RunChanges(domain, rows[0]["run_id"], f"{rows[0]['finished_at']:%Y-%m-%d %H:%M:%S}", ends)]


def _about(changes: RunChanges, check: str) -> RunChanges:
    kept = [row for row in changes.dialogues if check in (row["check_before"], row["check_now"])]
    return RunChanges(changes.domain, changes.run_id, changes.finished_at, kept)


def tell_failures(failures: Failures) -> str:
    """Groups and changes as plain text."""
    return "\n".join(_lines(failures))


def _lines(failures: Failures) -> Iterator[str]:
    if not failures.groups:
        yield f"None of {failures.attempted} dialogues was rejected or failed so."
    else:
        groups = f"{len(failures.groups)} group{'s' if len(failures.groups) > 1 else ''}"
        yield f"{failures.size} of {failures.attempted} dialogues rejected or failed, in {groups}:"
    for group in failures.groups:
        domains = ", ".join(f"{name} {number}" for name, number in sorted(group.dialogues.items()))
        yield ""
        yield f"{group.size} {group.state} by {group.check}, {origin(group)} ({domains})"
        for example in group.examples:
            yield f"    {example.dialogue_id}: {' '.join(example.cause.split())}"
    yield ""
    for changes in failures.changes:
        yield from _told_changes(changes)


def origin(group: FailureGroup) -> str:
    """Where the defects of a group come from, in words."""
    if group.how == "judged":
        return "judged as a whole"
    if group.how in ("rejected", "failed"):
        return f"at {group.cause_stage}"
    return {
        "initial": f"there from {group.cause_stage} on",
        "rewritten": f"written by {group.cause_stage}",
        "exposed": f"source lost at {group.cause_stage}",
    }.get(group.how, f"from {group.cause_stage}")


def _told_changes(changes: RunChanges) -> Iterator[str]:
    head = f"Last run of {changes.domain}, {changes.finished_at} UTC ({changes.run_id[:8]})"
    counts = [(change, changes.of(change)) for change in _CHANGES]
    said = ", ".join(f"{len(rows)} {change}" for change, rows in counts if rows)
    yield f"{head}: {said or 'brought no dialogue to another end'}"
    for change in ("mended", "broken", "another reason"):
        for row in changes.of(change)[:5]:
            yield f"    {change}: {row['dialogue_id']}, {_end(row, 'before')} before, {_end(row, 'now')} now"


def _end(row: Row, when: str) -> str:
    check = row[f"check_{when}"]
    return row[f"state_{when}"] + (f" by {check}" if check else "")
