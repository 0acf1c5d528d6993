"""What a tool answers.

Belongs here: results that follow the result schema, fit the arguments and agree
with earlier results; plausible ones when a tool describes no result; the words
of failures. Does not belong here: arguments, or telling the user.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from toolace_dagster.llm.offline import vocabulary
from toolace_dagster.llm.offline.agreement import agree, day_or
from toolace_dagster.llm.offline.free_results import free_result
from toolace_dagster.llm.offline.memory import Memory
from toolace_dagster.llm.offline.naming import is_identifier, last_word, parts, same_name
from toolace_dagster.llm.offline.request import ToolView
from toolace_dagster.llm.offline.schema import Schema, fits, plain, properties, required
from toolace_dagster.llm.offline.shapes import as_list, as_object
from toolace_dagster.llm.offline.values import Maker

_DONE = (
    "paid",
    "updated",
    "created",
    "cancelled",
    "canceled",
    "registered",
    "moved",
    "released",
    "finished",
    "measured",
    "sent",
    "submitted",
)
_BAD = (
    "reject",
    "refus",
    "fail",
    "clash",
    "cancel",
    "late",
    "unknown",
    "expired",
    "suspend",
    "blocked",
    "taken",
    "fault",
    "quarantin",
    "already",
    "past",
    "incomplete",
    "error",
    "missing",
    "denied",
    "closed",
)


class Simulator:
    """Answers calls.

    Args:
        memory: What was returned before.
        maker: Makes values.
    """

    def __init__(self, memory: Memory, maker: Maker) -> None:
        self.memory = memory
        self.maker = maker
        self.rng = maker.rng

    def answer(
        self, tool: ToolView, arguments: dict[str, Any], *, items: int = 0, planted: dict[str, list[Any]] | None = None
    ) -> Any:
        """The result of a call.

        Args:
            tool: The tool called.
            arguments: Its arguments.
            items: Least number of items in lists.
            planted: Values that must be in the result, by the name of the field or parameter they are used as.

        Returns:
            A JSON value; valid for the result schema when there is one.
        """
        if tool.result is None:
            return free_result(tool, arguments, self.maker)
        before = self.memory.answered(tool, arguments)
        if before is not None and not planted and tool.looks_up and fits(before, tool.result, tool.result):
            return before
        known = {
            **self.memory.facts(tool.name, arguments),
            **{n: v for n, v in arguments.items() if not isinstance(v, (dict, list))},
        }
        for value in arguments.values():
            if isinstance(value, dict):
                for name, part in as_object(value).items():
                    if not isinstance(part, (dict, list)):
                        known.setdefault(name, part)
        limit = next(
            (v for n, v in arguments.items() if isinstance(v, int) and set(parts(n)) & {"results", "limit"}), 9
        )
        want = _Wanted(
            known,
            arguments,
            max(items, min(limit, self.rng.choice((2, 2, 3, 3, 4)))),
            {key: list(values) for key, values in (planted or {}).items()},
            tool,
        )
        return self._value("", tool.result, tool.result, want, 0)

    def _value(self, name: str, schema: Any, root: Schema, want: _Wanted, depth: int) -> Any:
        view = plain(schema, root)
        if view["type"] == "object" and properties(view) and depth < 7:
            return self._object(view, root, want, depth)
        if view["type"] == "array" and isinstance(view.get("items"), dict) and depth < 7:
            return self._list(name, view, root, want, depth)
        if view["type"] == "string" and not depth and not view.get("enum"):
            free = free_result(want.tool, want.arguments, self.maker)
            return free if isinstance(free, str) else str(free)
        return self._leaf(name, view, root, want, 0, False)

    def _object(
        self, view: Schema, root: Schema, want: _Wanted, depth: int, position: int = 0, listed: bool = False
    ) -> dict[str, Any]:
        needed = required(view)
        made: dict[str, Any] = {}
        inner: list[tuple[str, Any]] = []
        for name, part in properties(view).items():
            sub = plain(part, root)
            if name not in needed and needed and not self._asked(name, want):
                continue
            if depth >= 5 and name not in needed:
                continue
            made[name] = None
            if sub["type"] in ("object", "array"):
                inner.append((name, sub))
            else:
                made[name] = self._leaf(name, sub, root, want, position, listed)
        for name, sub in inner:
            made[name] = self._value(name, sub, root, want, depth + 1)
        for name in needed:
            if name not in made:
                made[name] = self.maker.value(name, {"type": "string"})
        agree(made, view, root, want.fixed)
        return made

    def _list(self, name: str, view: Schema, root: Schema, want: _Wanted, depth: int) -> list[Any]:
        low, high = view.get("minItems", 0), view.get("maxItems", 50)
        count = max(
            low if isinstance(low, int) else 0,
            min(want.items if depth < 3 else 2, high if isinstance(high, int) else 50),
        )
        sub = plain(view["items"], root)
        if sub["type"] != "object":
            given = next((as_list(v) for n, v in want.arguments.items() if same_name(n, name)), list[Any]())
            if given and fits(given, view, root):
                return given
            made = self.maker.value(name, {**view, "minItems": count, "maxItems": count}, root, depth=depth)
            return as_list(made)
        rows: list[Any] = []
        for position in range(count):
            row = self._object(sub, root, want, depth + 1, position, True)
            for key in row:
                if not self._distinct(key, sub, root):
                    continue
                for _ in range(6):
                    if all(row[key] != other.get(key) for other in rows):
                        break
                    row[key] = self._leaf(key, plain(properties(sub)[key], root), root, want, position, True)
            rows.append(row)
        for key in list(properties(sub)):
            column = [row.get(key) for row in rows]
            if len(rows) > 1 and all(isinstance(v, str) and re.match(r"\d{4}-\d\d-\d\d", v) for v in column):
                for row, value in zip(rows, sorted(str(v) for v in column), strict=True):
                    row[key] = value
                break
        return rows

    def _distinct(self, name: str, view: Schema, root: Schema) -> bool:
        inner = plain(properties(view).get(name, {}), root)
        if inner["type"] != "string" or inner.get("enum") or inner.get("format"):
            return False
        return is_identifier(name, inner) or last_word(name) in ("name", "title", "neighbourhood")

    def _asked(self, name: str, want: _Wanted) -> bool:
        if name in want.planted:
            return True
        asked = {word for given, value in want.arguments.items() if value is not False for word in parts(given)}
        return bool(set(parts(name)) & asked) or self.rng.random() < 0.35

    def _leaf(self, name: str, view: Schema, root: Schema, want: _Wanted, position: int, listed: bool) -> Any:
        if "const" in view:
            return view["const"]
        for key, values in want.planted.items():
            if _same_thing(key, name, view) and values and fits(values[0], view, root):
                return values.pop(0)
        for key, value in want.known.items():
            apart = listed and position and is_identifier(name, view)
            if same_name(key, name) and fits(value, view, root) and not apart:
                return value
        allowed = as_list(view.get("enum"))
        if allowed:
            good = [v for v in allowed if not any(bad in str(v).lower() for bad in _BAD)] or allowed
            return good[0] if self.rng.random() < 0.75 and "status" in name else self.rng.choice(good)
        if view["type"] in ("integer", "number"):
            return self._bounded(name, self.maker.number(name, view), view, want)
        if view["type"] == "boolean" and parts(name)[-1:] in (("success",), ("ok",), ("succeeded",)):
            return True
        text = self._text(name, view, want, position) if view["type"] == "string" else None
        return text if text is not None else self.maker.value(name, view, root, tool=want.tool.description)

    def _text(self, name: str, view: Schema, want: _Wanted, position: int) -> str | None:
        """A text where the result calls for more than a valid one; None where it does not."""
        examples = [v for v in as_list(view.get("examples")) if isinstance(v, str)]
        if parts(name) in (("datetime",), ("timestamp",), ("now",)):
            return self.maker.clock(self.maker.today)
        if name == "message" and not examples and not view.get("pattern"):
            return vocabulary.word_for("reply", self.rng)
        if view.get("format") in ("date", "date-time") and "birth" not in name:
            return self._moment(name, str(view["format"]), want, position)
        if vocabulary.is_person(name, str(view.get("description", ""))):
            others = [v for v in examples if v != self.maker.person]
            return self.rng.choice(others) if others else vocabulary.person(self.rng)
        if examples and not is_identifier(name, view) and not position:
            given = [v.casefold() for v in want.arguments.values() if isinstance(v, str) and len(v) > 3]
            return next((e for e in examples if any(v in e.casefold() for v in given)), None)
        return None

    def _moment(self, name: str, form: str, want: _Wanted, position: int) -> str:
        words_ = set(parts(name))
        today = self.maker.today
        given = sorted(v[:10] for v in want.known.values() if isinstance(v, str) and re.match(r"^20\d\d-\d\d-\d\d", v))
        asked = sorted(
            v[:10] for v in want.arguments.values() if isinstance(v, str) and re.match(r"^20\d\d-\d\d-\d\d", v)
        )
        base = asked or given
        if words_ & set(_DONE) or {"last", "collected"} & words_:
            day = today
            if form == "date-time":
                return f"{day.isoformat()}T{self.rng.randint(8, 19):02d}:{self.rng.randint(0, 59):02d}:00Z"
            return day.isoformat()
        if words_ & {"expires", "until", "expiry", "valid"}:
            day = today + dt.timedelta(days=self.rng.randint(30, 200))
        elif base:
            start = day_or(base[0], today)
            span = (day_or(base[-1], today) - start).days if len(base) > 1 else 0
            before = any("before" in parts(n) or "until" in parts(n) for n in want.arguments)
            if span > 0:
                offset = min(span, position * max(1, span // 5) + self.rng.randint(0, 1))
            elif before:
                offset = -self.rng.randint(1, 6)
            else:
                offset = position + (
                    self.rng.randint(0, 2)
                    if words_ & {"starts", "start", "date", "pickup", "visit"} and not asked
                    else 0
                )
            day = start + dt.timedelta(days=offset)
        else:
            day = today + dt.timedelta(days=self.rng.randint(2, 12) + 2 * position)
        if form == "date":
            return day.isoformat()
        exact = next(
            (v for v in want.arguments.values() if isinstance(v, str) and re.match(r"^20\d\d-\d\d-\d\dT", v)), None
        )
        return exact if exact and not position else self.maker.clock(day)

    def _bounded(self, name: str, value: float, view: Schema, want: _Wanted) -> Any:
        for given, limit in want.arguments.items():
            if not isinstance(limit, (int, float)) or isinstance(limit, bool) or limit <= 0:
                continue
            about = set(parts(given))
            shared = about & set(parts(name)) - {"max", "min", "count", "number"}
            if shared and about & {"max", "maximum"} and value > limit:
                value = limit * self.rng.choice((0.7, 0.8, 0.9, 1.0))
            elif shared and about & {"min", "minimum"} and value < limit:
                value = limit + self.rng.choice((0, 1))
        made = int(value) if view["type"] == "integer" else round(value, 2)
        return made if fits(made, view) else self.maker.number(name, view)


class _Wanted:
    """What a result has to agree with."""

    def __init__(
        self,
        known: dict[str, Any],
        arguments: dict[str, Any],
        items: int,
        planted: dict[str, list[Any]],
        tool: ToolView,
    ) -> None:
        self.known = known
        self.arguments = arguments
        self.items = items
        self.planted = planted
        self.tool = tool
        self.fixed = frozenset(planted)


def _same_thing(key: str, name: str, view: Schema) -> bool:
    return same_name(key, name) or (parts(name) == ("id",) and is_identifier(key, view))
