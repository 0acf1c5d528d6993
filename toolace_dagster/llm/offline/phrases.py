"""Values, parameters and tools in words.

Belongs here: how a single value, parameter or deed is said. Does not belong
here: whole messages (``speech``, ``reports``).

Inside a message a value is wrapped in two private-use marks until the message
is finished, so that styles such as lower case leave it as it is.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from functools import lru_cache
from random import Random
from typing import Any

from toolace_dagster.llm.offline import vocabulary
from toolace_dagster.llm.offline.naming import parts, plural, singular, words
from toolace_dagster.llm.offline.request import ToolView
from toolace_dagster.llm.offline.schema import Schema, properties
from toolace_dagster.llm.offline.shapes import as_list, as_object

OPEN, CLOSE = "\ue000", "\ue001"
_ISO_DATE = re.compile(r"^(\d{4})-(\d\d)-(\d\d)$")
_ISO_MOMENT = re.compile(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?$")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")  # fmt: skip
_UNITS = re.compile(r",? (?:in|as) (euros|hectares|square metres|metres|kilometres|kilograms|grams|centimetres|millimetres|millilitres|litres|minutes|hours|days|weeks|months|seconds|percent|degrees Celsius|degrees|kilowatt-hours)\b")  # fmt: skip
_SUFFIX_UNITS = {"m2": "m²", "m3": "m³", "kwh": "kWh", "kw": "kW", "kg": "kg", "km": "km", "cm": "cm", "mm": "mm", "ml": "ml", "ha": "hectares", "c": "°C", "percent": "percent", "minutes": "minutes", "hours": "hours", "days": "days", "weeks": "weeks", "months": "months", "years": "years"}  # fmt: skip
_MONEY = ("price", "rent", "rate", "cost", "fee", "charge", "fare", "deposit", "payment", "amount", "saving", "bills")
_PROPER = frozenset(
    "english french german spanish arabic portuguese hindi ukrainian polish vietnamese japanese turkish swahili italian chinese monday tuesday wednesday thursday friday saturday sunday".split()
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
    found = _ISO_DATE.match(text)
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
        moment = _ISO_MOMENT.match(value)
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
            and parts(name)[-1] in ("adults", "children", "seniors", "pets")
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
def _unit(name: str, description: str, kind: str) -> str:
    if kind not in ("number", "integer"):
        return ""
    found = _UNITS.search(description)
    if found:
        return f" {found[1]}"
    last = parts(name)[-1:] or ("",)
    return f" {_SUFFIX_UNITS[last[0]]}" if last[0] in _SUFFIX_UNITS and len(parts(name)) > 1 else ""


_BARE_LABELS = frozenset("used remaining yearly annual daily total average monthly current new next free made".split())


@lru_cache(maxsize=4096)
def _label_from(description: str, fallback: str) -> str:
    said = noun_phrase("", description)
    return said if said and len(said.split()) <= 6 else fallback


def _one(value: Any, unit: str) -> str:
    """A unit as it stands after a value: ``1 hour``, ``2 hours``."""
    return unit.removesuffix("s") if value == 1 and unit.endswith(("rs", "es", "ys", "ks", "hs", "ms")) else unit


def label_and_unit(name: str, view: Schema) -> tuple[str, str]:
    """A field's name in words without its unit, and the unit to put after the value."""
    unit = _unit(name, str(view.get("description", "")), str(view.get("type", "")))
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
    said = first if len(first) > 1 and first[1].isupper() else first[0].lower() + first[1:]
    return re.sub(r"\bAPI\b|\bMCP\b", "service", said)


def deed(tool: ToolView) -> str:
    """The verb phrase of a tool."""
    return deed_of(tool.description, tool.name)


@lru_cache(maxsize=4096)
def noun_phrase(name: str, description: str) -> str:
    """A parameter as a noun phrase without article: ``date of the visit``."""
    first = re.split(r"[.,;:(]|\s-\s| - ", description.strip(), maxsplit=1)[0].strip()
    first = re.sub(r"(?i)^(?:the |an? )?(?:optional |1-based )*(?:(?:array|list) of )?", "", _UNITS.sub("", first))
    plainly = not first or len(first.split()) > 9 or _CLAUSE.match(first) or not first[0].isalpha()
    if plainly or re.match(r"(?i)(whether|only|if|use|set|filter|returns?|identifier)\b", first):
        return words(name)
    first = re.sub(r"^(The|A|An)\s+", "", first)
    return first if len(first) > 1 and first[1].isupper() else first[0].lower() + first[1:]


def clause(name: str, view: Schema, value: Any, rng: Random, *, spelled: bool = False) -> tuple[str, str]:
    """How a user gives a value.

    Args:
        name: Parameter name.
        view: Its plain schema.
        value: The value.
        rng: Source of choices.
        spelled: Whether dates are spelled out.

    Returns:
        ``inline`` and words to hang on a request, or ``sentence`` and a clause of its own.
    """
    description = str(view.get("description", ""))
    said = say(value, view, spelled=spelled)
    if isinstance(value, bool):
        return "sentence", _yes_or_no(name, description, value)
    found = parts(name)
    last = found[-1] if found else ""
    only = re.match(
        r"(?i)only (?:return |list |consider |show |include |count )?(.*)\bthis ([a-z]+)\b(.*)$", description
    )
    if only and not isinstance(value, (list, dict)):
        if only[2] == "kind" and only[3].startswith(" of "):
            return "sentence", f"I only want {said} {plural(only[3][4:].strip())}"
        keep = " format" if only[2] == "format" else ""
        return "sentence", f"I only want {only[1]}{said}{keep}{only[3]}".strip()
    inline = _inline(found, last, name, description, view, value, said, rng)
    if inline is not None:
        return "inline", inline
    return "sentence", _statement(found, last, name, description, view, value, said, rng)


def _inline(
    found: tuple[str, ...], last: str, name: str, description: str, view: Schema, value: Any, said: str, rng: Random
) -> str | None:
    have = set(found)
    text = description.lower()
    if isinstance(value, str) and (_ISO_DATE.match(value) or _ISO_MOMENT.match(value)) and "birth" not in have:
        if have & {"from", "since", "start", "after", "starting"}:
            return f"from {said}"
        if have & {"to", "until", "end"}:
            return f"until {said}"
        if "before" in have:
            return f"due before {said}" if "due" in have else f"before {said}"
        if "by" in have:
            return f"by {said}"
        return None if have & {"noticed", "seen", "collected", "measured"} else f"on {said}"
    if isinstance(value, str) and re.fullmatch(r"\d\d:\d\d", value):
        return (
            f"no earlier than {said}"
            if have & {"earliest", "after"}
            else f"no later than {said}"
            if have & {"latest", "before"}
            else f"at {said}"
        )
    if isinstance(value, str):
        if last in (
            "city",
            "town",
            "location",
            "district",
            "neighbourhood",
            "neighborhood",
            "country",
            "region",
            "area",
        ):
            return (
                f"from {said}"
                if have & {"origin", "source", "departure", "from"}
                else f"to {said}"
                if have & {"destination", "target", "to"}
                else f"in {said}"
            )
        if last in ("query", "keywords", "topic", "search", "q", "keyword") and "sql" not in text:
            return rng.choice(
                (
                    f"about {said}",
                    f"on {said}",
                    f'for "{said}"' if "search" in text or "look" in text else f"about {said}",
                )
            )
        if last == "timezone":
            return f"from {said}" if "source" in have else f"to {said}" if "target" in have else f"in {said}"
        if last in ("path", "file", "directory", "source", "url", "uri") and "target" not in have:
            return (
                rng.choice((f"at {said}", f"({said})"))
                if last in ("url", "uri")
                else f"({said})"
                if last != "source"
                else f"from {said}"
            )
        if last == "destination":
            return f"to {said}"
        if last in ("repo", "repository"):
            return f"in the {said} repository"
        if last == "owner":
            return f"owned by {said}"
    number = re.match(r"(?i)(largest|highest|smallest|lowest|maximum|minimum)?\s*number of ([a-z0-9 -]+)", description)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and number:
        thing = re.sub(r" to (return|add|show|list|include)$", "", number[2]).strip()
        bound = {
            "largest": "at most ",
            "highest": "at most ",
            "maximum": "at most ",
            "smallest": "at least ",
            "lowest": "at least ",
            "minimum": "at least ",
        }
        head, _, rest = thing.partition(" ")
        thing = f"{singular(head) if value == 1 else head} {rest}".strip()
        return f"with {bound.get((number[1] or '').lower(), '')}{said} {thing}"
    limit = re.match(r"(?i)(largest|highest|longest|maximum|smallest|lowest|shortest|minimum) ([a-z -]+)", description)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and limit:
        bound = "at least" if limit[1].lower() in ("smallest", "lowest", "shortest", "minimum") else "at most"
        return f"with {'an' if limit[2][0] in 'aeiou' else 'a'} {_UNITS.sub('', ' ' + limit[2]).strip()} of {bound} {said}{_one(value, _unit(name, description, str(view.get('type'))))}"
    return None


def _statement(
    found: tuple[str, ...], last: str, name: str, description: str, view: Schema, value: Any, said: str, rng: Random
) -> str:
    if not found:
        return said
    phrase = noun_phrase(name, description)
    other = re.search(
        r"\b(guest|contact|companion|collector|receiver|consignee|listeners|receipt|confirmation|coming along|tell when|receives|approve|host)\b",
        f"{name} {description}".lower(),
    )
    if vocabulary.is_person(name, description) and isinstance(value, str):
        return (
            f"the {phrase} is {said}"
            if other or "person" in phrase
            else rng.choice((f"my name is {said}", f"it goes under the name {said}", f"the name is {said}"))
        )
    if last in ("email", "phone") and isinstance(value, str):
        thing = "e-mail address" if last == "email" else "phone number"
        return (
            f"the {phrase} is {said}" if other else rng.choice((f"my {thing} is {said}", f"you can reach me at {said}"))
        )
    if last == "reason":
        return f"the reason is {said}"
    if isinstance(value, str) and (
        last in ("note", "message", "text", "content", "body", "comment", "description") or len(value) > 45
    ):
        return f'the {words(name)} should say "{said}"'
    unit = _unit(name, description, str(view.get("type", "")))
    if isinstance(value, dict):
        return f"the {words(name)}: {said}"
    if isinstance(value, list):
        head = phrase.split()[0]
        return f"the {phrase} {'are' if head.endswith('s') and not head.endswith('ss') else 'is'} {said}"
    should = rng.choice(("should be", "is")) if view.get("enum") else "is"
    return f"the {phrase} {should} {said}{_one(value, unit)}"


def _yes_or_no(name: str, description: str, value: bool) -> str:
    first = re.split(r"[.,;(]", description.strip(), maxsplit=1)[0].strip()
    to = re.match(r"(?i)(?:whether|set to true|true|if true,?) to (.+)", first)
    if to:
        return f"please {to[1]}" if value else f"no need to {to[1]}"
    that = re.match(r"(?i)whether (.+)", first)
    if that:
        if value:
            return that[1]
        turned = re.sub(
            r"\b(is|are|must|should|will|has to|was|can)\b",
            lambda found: "needn't" if found[0] in ("must", "has to") else f"{found[0]} not",
            that[1],
            count=1,
        )
        return turned if turned != that[1] else f"it's not so that {that[1]}"
    return f"{words(name)}: {'yes' if value else 'no'}"


def today_from(values: Sequence[Any], fallback: dt.date) -> dt.date:
    """The day a dialogue is thought to happen: shortly before the first coming date somebody mentions."""
    days = sorted(v[:10] for v in values if isinstance(v, str) and re.match(r"^202[6-9]-\d\d-\d\d", v))
    for text in days:
        try:
            return dt.date.fromisoformat(text) - dt.timedelta(days=4)
        except ValueError:
            continue
    return fallback


def money(name: str) -> bool:
    """Whether a field is an amount of money."""
    return bool(set(parts(name)) & set(_MONEY))


def things(noun: str, count: int) -> str:
    """``1 hold`` or ``3 holds``."""
    return f"{count} {noun if count == 1 else plural(noun)}"
