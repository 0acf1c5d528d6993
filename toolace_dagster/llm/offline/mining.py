"""Reading values back out of a reply.

When outputs are written anew, what the reply after them states has to be in
them. Belongs here: finding the part of a reply that is about a call, and the
values it gives for fields. Does not belong here: writing outputs (``simulation``).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from toolace_dagster.llm.offline.naming import is_identifier, last_word, parts, words
from toolace_dagster.llm.offline.phrases import label_and_unit
from toolace_dagster.llm.offline.request import Leaf, ToolView
from toolace_dagster.llm.offline.shapes import as_list

_SENTENCES = re.compile(r"(?<=[.?!]) (?=[A-Z0-9])")


def part_about(reply: str, tool: ToolView, place: int) -> str:
    """The sentences of a reply that seem to be about one of its calls."""
    told = [label_and_unit(leaf.name, leaf.schema)[0].casefold() for leaf in tool.leaves]
    nouns = [words(leaf.holder) for leaf in tool.leaves if leaf.holder]
    scored = [
        (sum(f"{text} " in part.casefold() for text in told) + 2 * any(noun in part.casefold() for noun in nouns), part)
        for part in _SENTENCES.split(reply)
    ]
    best = max((score for score, _ in scored), default=0)
    if best < 2:
        return reply
    about = [part for score, part in scored if score >= max(2, best - 1)]
    return about[min(place, len(about) - 1)]


def mined(reply: str, leaves_: tuple[Leaf, ...], known: str) -> dict[str, list[Any]]:
    """Values a reply states for fields of a result, found by their labels and patterns."""
    found: dict[str, list[Any]] = dict(mined_rows(reply, leaves_))
    low = reply.casefold()
    for leaf in leaves_:
        if leaf.name in found:
            continue
        kind = leaf.schema.get("type")
        pattern = leaf.schema.get("pattern")
        text, _ = label_and_unit(leaf.name, leaf.schema)
        if is_identifier(leaf.name, leaf.schema) and isinstance(pattern, str):
            bare = pattern.removeprefix("^").removesuffix("$")
            try:
                values = [m.group(0) for m in _code(bare).finditer(reply)]
            except re.error:
                values = []
            found[leaf.name] = [v for v in dict.fromkeys(values) if v not in known]
            continue
        enumerated = kind == "string" and isinstance(leaf.schema.get("enum"), list)
        named = bool(leaf.schema.get("examples"))
        if not text or (not enumerated and not named and f"{text} ".casefold() not in low):
            continue
        head = rf"\b{re.escape(text)}(?: is)? "
        if kind in ("integer", "number"):
            raw = _expression(head + r"(-?\d+(?:\.\d+)?)").findall(reply)
            found[leaf.name] = [int(v) if kind == "integer" and "." not in v else float(v) for v in raw]
        elif kind == "string" and leaf.schema.get("format") in ("date", "date-time"):
            raw = _expression(head + r"(\d{4}-\d\d-\d\d)(?: at (\d\d:\d\d))?").findall(reply)
            stamped = leaf.schema["format"] == "date-time"
            found[leaf.name] = [f"{day}T{clock or '09:00'}:00Z" if stamped else day for day, clock in raw]
        elif kind == "string" and isinstance(leaf.schema.get("enum"), list):
            about = " ".join(parts(leaf.name)[:-1])
            raw = [
                v
                for v in leaf.schema["enum"]
                if isinstance(v, str) and about and f"{about} is {v.replace('_', ' ')}".casefold() in low
            ]
            found[leaf.name] = raw[:1]
        elif kind == "string":
            shown = [v for v in leaf.schema.get("examples", []) if isinstance(v, str) and len(v) > 3 and v in reply]
            found[leaf.name] = sorted(shown, key=reply.find) or [
                m.strip() for m in _expression(head + r"([^,;.:()]{2,60}?)(?:,| and |\.|;|$)").findall(reply)
            ]
    return {name: values for name, values in found.items() if values}


@lru_cache(maxsize=4096)
def _code(bare: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-]){bare}(?![\w-])")


@lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_TITLES = frozenset(("name", "title", "label", "neighbourhood", "author"))


def mined_rows(reply: str, leaves_: tuple[Leaf, ...]) -> dict[str, list[Any]]:
    """Values of a list's rows, where a reply gives them one by one: ``Casa Eco (ST-LN806, seats 5); …``."""
    listed = [leaf for leaf in leaves_ if leaf.listed]
    found = re.search(r": ([^:]*(?:\d:\d\d[^:]*)*)$", reply.strip().rstrip("."))
    if not listed or found is None:
        return {}
    listed = [leaf for leaf in listed if leaf.holder == listed[0].holder]
    items = [item for item in found[1].split("; ") if not re.fullmatch(r"\d+ more", item)]
    title = next((leaf for leaf in listed if last_word(leaf.name) in _TITLES), None)
    rest = [leaf for leaf in listed if leaf is not title]
    columns: dict[str, list[Any]] = {}
    for item in items:
        named = re.match(r"(.*?) \((.*)\)$", item)
        if (named is None) != (title is None):
            return {}
        given = re.split(r", | and ", item) if named is None else named[2].split(", ")
        values = [_read(text, leaf) for text, leaf in zip(given, rest, strict=False)]
        if any(value is None for value in values):
            return {}
        if named is not None and title is not None:
            columns.setdefault(title.name, []).append(named[1])
        for leaf, value in zip(rest, values, strict=False):
            columns.setdefault(leaf.name, []).append(value)
    more = re.search(r"; (\d+) more\.?$", reply)
    if more and columns:
        # Rows that the reply counts but does not show: room for them, no values.
        next(iter(columns.values())).extend([None] * int(more[1]))
    return columns


def _read(text: str, leaf: Leaf) -> Any:
    label, _ = label_and_unit(leaf.name, leaf.schema)
    bare = text.strip()
    if bare.casefold().startswith(f"{label} ".casefold()):
        bare = bare[len(label) + 1 :]
    kind = leaf.schema.get("type")
    if kind in ("integer", "number"):
        number = re.match(r"-?\d+(?:\.\d+)?", bare)
        return (
            None
            if number is None
            else int(number[0])
            if kind == "integer" and "." not in number[0]
            else float(number[0])
        )
    if kind != "string":
        return None
    stamp = re.fullmatch(r"(\d{4}-\d\d-\d\d)(?: at (\d\d:\d\d))?", bare)
    if stamp is not None:
        return f"{stamp[1]}T{stamp[2]}:00Z" if stamp[2] else stamp[1]
    allowed = leaf.schema.get("enum")
    if isinstance(allowed, list):
        return next(
            (v for v in as_list(allowed) if isinstance(v, str) and v.replace("_", " ").casefold() == bare.casefold()),
            None,
        )
    return bare or None
