"""The things among which an argument chooses: entries of a list that a tool returned and a reply told of.

Belongs here: finding them, and what each is called. Does not belong here: where an
injection goes (``places``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from toolace_dagster.entities import Turn
from toolace_dagster.entities.base import JsonObject
from toolace_dagster.grounding import looks_like_identifier
from toolace_dagster.refinement.values import lists_in, says


@dataclass(frozen=True)
class Alternatives:
    """A thing and those beside it.

    Attributes:
        key: Property that holds what each is called.
        name: What the thing is called.
        others: What the others are called.
    """

    key: str
    name: str
    others: tuple[str, ...]


def alternatives(turns: Sequence[Turn], value: str, told: str) -> Iterator[Alternatives]:
    """The things a value chooses among.

    Args:
        turns: The turns before the choice.
        value: The value of an argument: an identifier or a name out of a list.
        told: What the user was told; a thing that nobody told of is none to point at.

    Yields:
        For each list that holds the value, and each property that tells its entries apart in words.
    """
    for turn in turns:
        for output in turn.outputs:
            for entries in lists_in(output.content) if not output.is_error else ():
                rows = [entry for entry in entries if isinstance(entry, dict)]
                chosen = next((row for row in rows if value in row.values()), None)
                if chosen is None or len(rows) < 2:
                    continue
                for key in _naming(rows):
                    names = [str(row[key]) for row in rows if row is not chosen]
                    others = tuple(name for name in names if says(told, name))
                    if others and says(told, str(chosen[key])):
                        yield Alternatives(key, str(chosen[key]), others)


def _naming(rows: Sequence[JsonObject]) -> list[str]:
    """Properties that name entries: words, another in each, and no codes, dates or times."""
    keys = [key for key in rows[0] if all(_is_name(row.get(key)) for row in rows)]
    return [key for key in keys if len({str(row[key]).casefold() for row in rows}) == len(rows)]


def _is_name(value: JsonValue) -> bool:
    return (
        isinstance(value, str)
        and len(value) > 2
        and any(letter.isalpha() for letter in value)
        and not value[:4].isdigit()
        and not looks_like_identifier(value)
    )
