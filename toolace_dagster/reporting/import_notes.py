"""Notes of an import, grouped so that a person can read thousands.

Belongs here: a note in words, and which are alike. Does not belong here: printing (``cli``) and
the notes one by one, which the report file of an import holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from toolace_dagster.entities import ImportNote

EXAMPLES = 3
_SHOWN = 5
"""Notes that a message has room for."""
_PLACES = re.compile(r" \(at [^()]*(\([^()]*\)[^()]*)*\)$")
_PARTICULAR = re.compile(r"'(?:[^'\\]|\\.)*'|\"[^\"]*\"|: [^;]*$")


@dataclass
class NoteGroup:
    """Notes that say the same of different entries.

    Attributes:
        status: ``repaired`` or ``rejected``.
        what: What they say, with ``…`` for what differs.
        mend: What the user can do about the first of them.
        count: How many entries they are about.
        examples: The first entries by name.
    """

    status: str
    what: str
    mend: str
    count: int = 0
    examples: list[str] = field(default_factory=list[str])


def note_line(note: ImportNote) -> str:
    """A note in one line, so that no name of a tool can pass for another note."""
    mend = f" Mend: {note.mend}" if note.mend else ""
    return " ".join(f"{note.status}: {note.source}: {note.item}: {note.reason}{mend}".split())


def first_notes(notes: Sequence[ImportNote]) -> str:
    """The first few notes in one line, and how many more there are."""
    more = f" And {len(notes) - _SHOWN:,} more; `toolace pool check` lists them." if len(notes) > _SHOWN else ""
    return ". ".join(note_line(note) for note in notes[:_SHOWN]) + f".{more}"


def grouped_notes(notes: Iterable[ImportNote]) -> list[NoteGroup]:
    """Group the notes on repaired and rejected entries.

    Args:
        notes: Any notes; those on accepted entries are passed over.

    Returns:
        The groups, rejected ones first, then the largest. An entry with several repairs is in several groups.
    """
    groups: dict[tuple[str, str], NoteGroup] = {}
    for note in notes:
        if note.status == "accepted":
            continue
        parts = note.reason.split("; ") if note.status == "repaired" else [note.reason]
        kinds = dict.fromkeys(_PARTICULAR.sub(" …", _PLACES.sub("", part)).replace("  …", " …") for part in parts)
        for kind in kinds:
            group = groups.setdefault((note.status, kind), NoteGroup(note.status, kind, note.mend.split("; ")[0]))
            group.count += 1
            if len(group.examples) < EXAMPLES:
                group.examples.append(f"{note.source}: {note.item}")
    return sorted(groups.values(), key=lambda group: (group.status == "repaired", -group.count, group.what))
