"""Values, parameters and tools in words.

Belongs here: how a single value, parameter or deed is said. Does not belong
here: whole messages (``speech``, ``reports``).

Inside a message a value is wrapped in two private-use marks until the message
is finished, so that styles such as lower case leave it as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from toolace_dagster.llm.offline.naming import last_word, parts, plural, singular, words
from toolace_dagster.llm.offline.request import ToolView
from toolace_dagster.llm.offline.schema import Schema, properties
from toolace_dagster.llm.offline.shapes import as_list, as_object

OPEN, CLOSE = "\ue000", "\ue001"
ISO_DATE = re.compile(r"^(\d{4})-(\d\d)-(\d\d)$")
ISO_MOMENT = re.compile(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?$")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
UNITS = re.compile(
    r",? (?:in|as) (euros|hectares|square metres|metres|kilometres|kilograms|grams|centimetres|millimetres"
    r"|millilitres|litres|minutes|hours|days|weeks|months|seconds|percent|degrees Celsius|degrees|kilowatt-hours)\b"
)
_SUFFIX_UNITS = {
    "m2": "m²",
    "m3": "m³",
    "kwh": "kWh",
    "kw": "kW",
    "kg": "kg",
    "km": "km",
    "cm": "cm",
    "mm": "mm",
    "ml": "ml",
    "ha": "hectares",
    "c": "°C",
    "percent": "percent",
    "minutes": "minutes",
    "hours": "hours",
    "days": "days",
    "weeks": "weeks",
    "months": "months",
    "years": "years",
}
_PROPER = frozenset(
    "english french german spanish arabic portuguese hindi ukrainian polish vietnamese japanese turkish swahili "
    "italian chinese monday tuesday wednesday thursday friday saturday sunday".split()
)
_THIRD = re.compile(r"^([A-Z][a-z]+?)(es|s)\b")
_CLAUSE = re.compile(r"^(how|what|why|where|who|when|which|step at which)\b", re.IGNORECASE)
_TAIL = (
    re.compile(r"\s*\([^)]*\)"),
    re.compile(r",? (?:and optionally|with an? optional) .*$", re.IGNORECASE),
    re.compile(r"[:;].*$"),
    re.compile(r",? (?:by|from|with|if) [^,]* if (?:wanted|needed)$"),
    re.compile(
        r",? (?:including|and put|so that|to be|while|along with|together with|that gathers|using|when|whether)\b.*$"
    ),
    re.compile(r" by [a-z-]+, [a-z-]+ or [a-z -]+$"),
    re.compile(r" by their [a-z -]+$"),
    re.compile(r" in a range of dates\b"),
    re.compile(r" for a given [a-z -]+$"),
    re.compile(r" (?:as a JSON structure|in the SQLite database|from the file system|for debugging).*$", re.IGNORECASE),
)


def marked(text: str) -> str:
    """A value's text, protected from styles."""
    return f"{OPEN}{text}{CLOSE}"


def unmarked(text: str) -> str:
    """A finished message without marks."""
    return text.replace(OPEN, "").replace(CLOSE, "")


def day_in_words(text: str) -> str:
    """``2026-07-14`` as ``14 July 2026``; other text as it is."""
    found = ISO_DATE.match(text)
    if not found or not 1 <= int(found[2]) <= 12:
        return text
    return f"{int(found[3])} {_MONTHS[int(found[2]) - 1]} {found[1]}"


def say(value: Any, view: Schema | None = None, *, spelled: bool = False) -> str:
    """A value in words.

    Args:
        value: The value.
        view: Its plain schema, where known.
        spelled: Whether dates are spelled out.

    Returns:
        Marked text that holds the value.
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return marked(str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else str(value))
    if isinstance(value, str):
        moment = ISO_MOMENT.match(value)
        if moment:
            zone = moment[3] or ""
            day = day_in_words(moment[1]) if spelled else moment[1]
            return marked(f"{day} at {moment[2]}{'' if zone in ('Z', '') else ' (' + zone + ')'}")
        if view is not None and isinstance(view.get("enum"), list) and re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)+", value):
            return marked(value.replace("_", " "))
        if view is not None and isinstance(view.get("enum"), list) and value in _PROPER:
            return marked(value.capitalize())
        return marked(day_in_words(value) if spelled else value)
    if isinstance(value, list):
        items = as_list(value)
        inner = as_object(view.get("items")) if view else None
        if any(isinstance(item, dict) for item in items):
            return "; ".join(say(item, inner, spelled=spelled) for item in items)
        if any(isinstance(item, str) and re.search(r"[.,;!?]", item) for item in items):
            return joined([f'"{say(item, None)}"' for item in items])
        return joined([say(item, inner, spelled=spelled) for item in items]) or "none"
    if isinstance(value, dict):
        return spell_out(as_object(value), view or {}, spelled=spelled)
    return "nothing"


def spell_out(value: dict[str, Any], view: Schema, *, spelled: bool = False) -> str:
    """An object in words: ``2 adults and 1 child``, ``pitch 30 degrees, facing south``."""
    said: list[str] = []
    known = properties(view)
    for name, part in value.items():
        inner = known.get(name)
        sub = as_object(inner)
        text = say(part, sub, spelled=spelled)
        counted = (
            isinstance(part, int)
            and not isinstance(part, bool)
            and parts(name)[-1:]
            and last_word(name) in ("adults", "children", "seniors", "pets")
        )
        if counted:
            said.append(f"{text} {singular(name) if part == 1 else name}")
        elif isinstance(part, bool):
            said.append(f"{'' if part else 'not '}{words(name)}")
        else:
            label, unit = label_and_unit(name, sub)
            said.append(f"{label} {text}{unit}" if not isinstance(part, dict) else f"{label} ({text})")
    return joined(said)


def joined(items: Sequence[str], last: str = "and") -> str:
    """``a, b and c``."""
    kept = [item for item in items if item]
    return kept[0] if len(kept) == 1 else f"{', '.join(kept[:-1])} {last} {kept[-1]}" if kept else ""


@lru_cache(maxsize=4096)
def unit_of(name: str, description: str, kind: str) -> str:
    """The unit of a number, with a space before it; empty when none is known."""
    if kind not in ("number", "integer"):
        return ""
    found = UNITS.search(description)
    if found:
        return f" {found[1]}"
    last = parts(name)[-1:] or ("",)
    return f" {_SUFFIX_UNITS[last[0]]}" if last[0] in _SUFFIX_UNITS and len(parts(name)) > 1 else ""


_BARE_LABELS = frozenset("used remaining yearly annual daily total average monthly current new next free made".split())


@lru_cache(maxsize=4096)
def _label_from(description: str, fallback: str) -> str:
    said = noun_phrase("", description)
    return said if said and len(said.split()) <= 6 else fallback


def unit_after(value: Any, unit: str) -> str:
    """A unit as it stands after a value: ``1 hour``, ``2 hours``."""
    return unit.removesuffix("s") if value == 1 and unit.endswith(("rs", "es", "ys", "ks", "hs", "ms")) else unit


def label_and_unit(name: str, view: Schema) -> tuple[str, str]:
    """A field's name in words without its unit, and the unit to put after the value."""
    unit = unit_of(name, str(view.get("description", "")), str(view.get("type", "")))
    kept = list(parts(name))
    if len(kept) > 1 and kept[-1] in _SUFFIX_UNITS and unit:
        kept = kept[:-1]
    if kept and kept[-1] == "id":
        kept[-1] = "ID"
    if kept and kept[-1] in _BARE_LABELS and view.get("description"):
        return _label_from(str(view["description"]), " ".join(kept)), unit
    return " ".join(kept), "" if unit.strip() in kept else unit


@lru_cache(maxsize=2048)
def deed_of(description: str, name: str) -> str:
    """What a tool does as a verb phrase a user could say: ``search the catalogue for titles``."""
    first = re.split(r"(?<=[a-z0-9)])\.(?:\s|$)|\n", description.strip(), maxsplit=1)[0].strip().rstrip(".")
    if not first or not first[0].isalpha() or len(first.split()) < 2:
        return words(name)
    third = _THIRD.match(first)
    if third and third[1].lower() not in ("acces", "proces", "pas", "focu"):
        whole = third[0].lower()
        verb = whole[:-2] if whole.endswith(("ches", "shes", "sses", "oes")) else whole[:-1]
        first = verb + first[third.end() :]
    for tail in _TAIL:
        shorter = tail.sub("", first).strip().rstrip(",")
        if len(shorter.split()) >= 2:
            first = shorter
    if len(first.split()) > 14 and ", " in first:
        first = first.split(", ")[0]
    # What was cut off at its end may leave a word that joined it on.
    first = re.sub(r"(?:,? (?:and|or|with|for|to|by|in|of))+$", "", first)
    said = first if len(first) > 1 and first[1].isupper() else first[0].lower() + first[1:]
    return re.sub(r"\bAPI\b|\bMCP\b", "service", said)


def deed(tool: ToolView) -> str:
    """The verb phrase of a tool."""
    return deed_of(tool.description, tool.name)


@lru_cache(maxsize=4096)
def noun_phrase(name: str, description: str) -> str:
    """A parameter as a noun phrase without article: ``date of the visit``."""
    first = re.split(r"[.,;:(]|\s-\s| - ", description.strip(), maxsplit=1)[0].strip()
    first = re.sub(r"(?i)^(?:the |an? )?(?:optional |1-based )*(?:(?:array|list) of )?", "", UNITS.sub("", first))
    plainly = not first or len(first.split()) > 9 or _CLAUSE.match(first) or not first[0].isalpha()
    if plainly or re.match(r"(?i)(whether|only|if|use|set|filter|returns?|identifier)\b", first):
        return words(name)
    first = re.sub(r"^(The|A|An)\s+", "", first)
    return first if len(first) > 1 and first[1].isupper() else first[0].lower() + first[1:]


def things(noun: str, count: int) -> str:
    """``1 hold`` or ``3 holds``."""
    return f"{count} {noun if count == 1 else plural(noun)}"
