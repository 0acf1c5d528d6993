"""A valid value for a schema.

Belongs here: making values from enums, examples, patterns, formats, bounds and,
failing these, names. Does not belong here: where a value in a dialogue should
come from (``arguments``), or what a tool answers (``simulation``).
"""

from __future__ import annotations

import datetime as dt
import math
from random import Random
from typing import Any

from toolace_dagster.llm.offline import vocabulary
from toolace_dagster.llm.offline.naming import is_identifier, parts
from toolace_dagster.llm.offline.patterns import generate, matches
from toolace_dagster.llm.offline.schema import Schema, plain, properties, required
from toolace_dagster.llm.offline.shapes import as_list

EARLIEST = dt.date(2026, 2, 2)
_DEPTH = 6
_PAST_DATES = (
    "birth",
    "since",
    "after",
    "collected",
    "noticed",
    "seen",
    "founded",
    "issued",
    "updated",
    "previous",
    "measured",
)
_SMALL = (
    "count",
    "number",
    "limit",
    "per",
    "page",
    "size",
    "quantity",
    "steps",
    "days",
    "hours",
    "weeks",
    "guests",
    "people",
)


class Maker:
    """Makes values.

    Args:
        rng: Source of choices.
        today: The day the dialogue is thought to happen.
        person: The user's own name, kept through a dialogue.
    """

    def __init__(self, rng: Random, today: dt.date, person: str = "") -> None:
        self.rng = rng
        self.today = today
        self.person = person
        self.named: list[str] = [person] if person else []

    def value(self, name: str, schema: Any, root: Schema | None = None, *, tool: str = "", depth: int = 0) -> Any:
        """A valid value.

        Args:
            name: Name of the parameter or field it is for.
            schema: Its JSON Schema.
            root: Schema that references point into.
            tool: Words about the tool, for guesses.
            depth: Nesting, to end recursive schemas.

        Returns:
            A JSON value.
        """
        view = plain(schema, root)
        if "const" in view:
            return view["const"]
        allowed = view.get("enum")
        if isinstance(allowed, list) and allowed:
            return self.rng.choice(as_list(allowed))
        match view["type"]:
            case "string":
                return self.text(name, view, tool)
            case "integer" | "number":
                return self.number(name, view)
            case "boolean":
                return self.rng.random() < 0.6
            case "array":
                return self._list(name, view, root, tool, depth)
            case "object":
                return self._object(view, root, tool, depth)
            case _:
                return None

    def text(self, name: str, view: Schema, tool: str = "") -> str:
        """A valid text."""
        description = str(view.get("description", ""))
        pattern = view.get("pattern")
        form = view.get("format")
        examples = [v for v in as_list(view.get("examples")) if isinstance(v, str)]
        if form in ("date", "date-time") and not isinstance(pattern, str) and "birth" not in name:
            return self.moment(name, str(form))
        if vocabulary.is_person(name, description) and not isinstance(pattern, str):
            return self._fit(self._person(name, description, examples), view)
        if form == "email" and not isinstance(pattern, str):
            domain = examples[0].rpartition("@")[2] if examples else "example.org"
            who = next(iter(reversed(self.named)), None) or vocabulary.person(self.rng)
            if any(word in parts(name) for word in ("receiver", "guest", "consignee")) and not self.named:
                who = vocabulary.person(self.rng)
            return vocabulary.address_of(who, domain)
        if isinstance(pattern, str):
            return self._patterned(name, pattern, view, examples)
        if examples:
            return self.rng.choice(examples)
        made = self._formatted(name, form) if isinstance(form, str) else None
        return made if made is not None else self._fit(self._guessed(name, description, view, tool), view)

    def _patterned(self, name: str, pattern: str, view: Schema, examples: list[str]) -> str:
        good = [v for v in examples if matches(pattern, v)]
        coded = is_identifier(name, view) or not good
        made = generate(pattern, self.rng) if coded or (self.rng.random() < 0.3 and ":" not in good[0]) else None
        if made is not None and _in_bounds(made, view):
            return made
        return self.rng.choice(good) if good else made or ""

    def _guessed(self, name: str, description: str, view: Schema, tool: str) -> str:
        """A text from what a name and a description suggest."""
        default = view.get("default")
        if isinstance(default, str) and default and self.rng.random() < 0.3:
            return default
        found = parts(name)
        if found[-1:] in (("id",), ("sha",)) or "identifier" in description.lower()[:20]:
            letters = "".join(self.rng.choice("bcdfghjkmnpqrstvwxz") for _ in range(2))
            return f"{letters}-{self.rng.randint(1000, 99999)}"
        if found in (("datetime",), ("timestamp",)):
            return self.moment(name, "date-time")
        if "date" in found or "YYYY-MM-DD" in description:
            return self.moment(name, "date")
        return vocabulary.word_for(vocabulary.topic_of(name, description, tool), self.rng)

    def moment(self, name: str, form: str) -> str:
        """A date or date-time that suits its name: past for what has happened, otherwise soon."""
        found = " ".join(parts(name))
        if any(word in found for word in _PAST_DATES):
            day = self.today - dt.timedelta(days=self.rng.randint(5, 60))
        elif any(word in found for word in ("to date", "end", "until", "latest")):
            day = self.today + dt.timedelta(days=self.rng.randint(22, 40))
        else:
            day = self.today + dt.timedelta(days=self.rng.randint(3, 20))
        return day.isoformat() if form == "date" else self.clock(day)

    def clock(self, day: dt.date) -> str:
        """A date-time on a day, at a time people choose."""
        return f"{day.isoformat()}T{self.rng.randint(8, 18):02d}:{self.rng.choice((0, 15, 30, 45)):02d}:00Z"

    def number(self, name: str, view: Schema) -> int | float:
        """A valid number."""
        whole = view["type"] == "integer"
        low, high, step = _bounds(view, whole)
        examples = [v for v in as_list(view.get("examples")) if isinstance(v, (int, float)) and not isinstance(v, bool)]
        examples = [v for v in examples if low <= v <= high and (not whole or float(v).is_integer())]
        if len(examples) > 2:
            positive = [v for v in examples if v > 0] or examples
            return self.rng.choice(positive)
        if examples:
            return self.rng.choice(examples)
        found = parts(name)
        if found[:1] in (("temperature",), ("humidity",)) or found[-1:] == ("percent",):
            low, high = max(low, 3), min(high, 38 if found[0] == "temperature" else 95)
        top = (
            9
            if found[-1:] in (("number",), ("page",), ("lines",))
            else 50
            if any(word in found for word in _SMALL)
            else 400
        )
        if "year" in found:
            low, high = max(low, 2015), min(high, 2027)
        floor = low if low > -1e15 else 1
        if low <= 1 <= high and low > -1e15:
            floor = max(low, 1)
        ceiling = min(high, floor + top)
        if step:
            multiples = int((ceiling - floor) // step)
            start = math.ceil(floor / step)
            made = (start + self.rng.randint(0, max(0, multiples))) * step
            return int(made) if whole or float(made).is_integer() else round(made, 6)
        if math.ceil(floor) <= math.floor(ceiling):
            return self.rng.randint(math.ceil(floor), math.floor(ceiling))
        return int(floor) if whole else round((floor + ceiling) / 2, 6)

    def _person(self, name: str, description: str, examples: list[str]) -> str:
        other = any(
            w in f"{name} {description}".lower()
            for w in (
                "guest",
                "companion",
                "coming along",
                "contact",
                "consignee",
                "receives",
                "collector",
                "approve",
                "agent",
            )
        )
        if self.person and not other:
            return self.person
        choices = [v for v in examples if v not in self.named] or examples
        chosen = self.rng.choice(choices) if choices else vocabulary.person(self.rng)
        if not other:
            self.person = chosen
        self.named.append(chosen)
        return chosen

    def _formatted(self, name: str, form: str) -> str | None:
        rng = self.rng
        match form:
            case "email" | "idn-email":
                return vocabulary.address_of(self.person or vocabulary.person(rng))
            case "uri" | "url" | "uri-reference" | "iri":
                return vocabulary.word_for("url", rng)
            case "uuid":
                digits = "".join(rng.choice("0123456789abcdef") for _ in range(32))
                return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
            case "time":
                return f"{rng.randint(8, 18):02d}:{rng.choice((0, 15, 30, 45)):02d}:00Z"
            case "date":
                return self.moment(name, "date")
            case "date-time":
                return self.moment(name, "date-time")
            case "ipv4":
                return f"10.{rng.randint(0, 200)}.{rng.randint(0, 200)}.{rng.randint(1, 200)}"
            case "ipv6":
                return f"2001:db8::{rng.randint(1, 9999)}"
            case "hostname" | "idn-hostname":
                return f"{rng.choice(vocabulary.WORDS)}.example.org"
            case "duration":
                return f"PT{rng.randint(1, 12)}H"
            case _:
                return None

    def _fit(self, text: str, view: Schema) -> str:
        low, high = _length(view)
        while len(text) < low:
            text = (
                f"{text} {self.rng.choice(vocabulary.WORDS)}" if low - len(text) > 3 else text + "a" * (low - len(text))
            )
        return text[:high] if len(text) > high else text

    def _list(self, name: str, view: Schema, root: Schema | None, tool: str, depth: int) -> list[Any]:
        low = int(_as_number(view.get("minItems"), 0))
        high = int(_as_number(view.get("maxItems"), max(low, 3)))
        count = max(low, min(high, self.rng.choice((1, 2, 2, 3))))
        if depth > _DEPTH:
            count = low
        prefix = as_list(view.get("prefixItems"))
        if prefix:
            return [self.value(name, part, root, tool=tool, depth=depth + 1) for part in prefix]
        items = view.get("items")
        if items is False:
            return []
        made: list[Any] = []
        for _ in range(count * 6):
            if len(made) == count:
                break
            item = self.value(
                name, items if isinstance(items, dict) else {"type": "string"}, root, tool=tool, depth=depth + 1
            )
            if item not in made or (len(made) < low and not view.get("uniqueItems")):
                made.append(item)
        return made

    def _object(self, view: Schema, root: Schema | None, tool: str, depth: int) -> dict[str, Any]:
        known = properties(view)
        needed = required(view)
        made: dict[str, Any] = {}
        for key in dict.fromkeys([*needed, *known]):
            wanted = key in needed or (depth < 3 and self.rng.random() < (0.45 if needed else 0.7))
            if wanted and (key in needed or depth <= _DEPTH):
                made[key] = self.value(key, known.get(key, {"type": "string"}), root, tool=tool, depth=depth + 1)
        extra = view.get("additionalProperties")
        while len(made) < _as_number(view.get("minProperties"), 0):
            if extra is False and not set(known) - set(made):
                break
            spare = next((key for key in known if key not in made), None)
            key = spare or f"{vocabulary.WORDS[len(made) % len(vocabulary.WORDS)]}_{len(made)}"
            made[key] = self.value(
                key, known.get(key, extra if isinstance(extra, dict) else {"type": "string"}), root, depth=depth + 1
            )
        return made


def _as_number(value: Any, default: float) -> float:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else default


def _length(view: Schema) -> tuple[int, int]:
    low = int(_as_number(view.get("minLength"), 0))
    return low, max(low, int(_as_number(view.get("maxLength"), 10**6)))


def _in_bounds(text: str, view: Schema) -> bool:
    low, high = _length(view)
    return low <= len(text) <= high


def _bounds(view: Schema, whole: bool) -> tuple[float, float, float]:
    nudge = 1 if whole else 0.5
    low = _as_number(view.get("minimum"), -1e18)
    high = _as_number(view.get("maximum"), 1e18)
    above, below = view.get("exclusiveMinimum"), view.get("exclusiveMaximum")
    if isinstance(above, (int, float)) and not isinstance(above, bool):
        low = max(low, above + nudge)
    if isinstance(below, (int, float)) and not isinstance(below, bool):
        high = min(high, below - nudge)
    if low <= -1e18:
        low = min(0 if high >= 1 else high - 100, high)
    return low, max(low, high), _as_number(view.get("multipleOf"), 0)
