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
from toolace_dagster.llm.offline.memory import Memory
from toolace_dagster.llm.offline.naming import is_identifier, parts, plural, same_name, words
from toolace_dagster.llm.offline.request import ToolView
from toolace_dagster.llm.offline.schema import Schema, fits, plain, properties, required
from toolace_dagster.llm.offline.shapes import as_list, as_object, objects_in
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
_BAD = ("reject", "refus", "fail", "clash", "cancel", "late", "unknown", "expired", "suspend", "blocked", "taken", "fault", "quarantin", "already", "past", "incomplete", "error", "missing", "denied", "closed")  # fmt: skip
_LEAST = frozenset("driest best lowest cheapest min minimum earliest smallest".split())
_MOST = frozenset("highest max maximum wettest top largest".split())
_COUNTS = ("total", "count", "found", "matches", "number")


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
            return self._free(tool, arguments)
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
            free = self._free(want.tool, want.arguments)
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
        self._agree(made, view, root, want)
        return made

    def _list(self, name: str, view: Schema, root: Schema, want: _Wanted, depth: int) -> list[Any]:
        low, high = view.get("minItems", 0), view.get("maxItems", 50)
        count = max(
            low if isinstance(low, int) else 0,
            min(want.items if depth < 3 else 2, high if isinstance(high, int) else 50),
        )
        sub = plain(view["items"], root)
        if sub["type"] != "object":
            given = next((as_list(v) for n, v in want.arguments.items() if same_name(n, name)), [])
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
        return is_identifier(name, inner) or (parts(name)[-1:] or ("",))[0] in ("name", "title", "neighbourhood")

    def _asked(self, name: str, want: _Wanted) -> bool:
        if name in want.planted:
            return True
        asked = {word for given, value in want.arguments.items() if value is not False for word in parts(given)}
        return bool(set(parts(name)) & asked) or self.rng.random() < 0.35

    def _leaf(self, name: str, view: Schema, root: Schema, want: _Wanted, position: int, listed: bool) -> Any:
        if "const" in view:
            return view["const"]
        for key in list(want.planted):
            if _same_thing(key, name, view) and want.planted[key] and fits(want.planted[key][0], view, root):
                return want.planted[key].pop(0)
        for key, value in want.known.items():
            if (
                same_name(key, name)
                and fits(value, view, root)
                and not (listed and is_identifier(name, view) and position)
            ):
                return value
        if view["type"] == "boolean" and parts(name)[-1:] in (("success",), ("ok",), ("succeeded",)):
            return True
        if view["type"] == "string" and parts(name) in (("datetime",), ("timestamp",), ("now",)):
            return self.maker.clock(self.maker.today)
        if (
            view["type"] == "string"
            and name == "message"
            and not view.get("examples")
            and not view.get("enum")
            and not view.get("pattern")
        ):
            return vocabulary.word_for("reply", self.rng)
        allowed = view.get("enum")
        if isinstance(allowed, list) and allowed:
            good = [v for v in as_list(allowed) if not any(bad in str(v).lower() for bad in _BAD)] or as_list(allowed)
            return good[0] if self.rng.random() < 0.75 and "status" in name else self.rng.choice(good)
        if view["type"] == "string" and view.get("format") in ("date", "date-time") and "birth" not in name:
            return self._moment(name, str(view["format"]), want, position)
        if view["type"] in ("integer", "number"):
            return self._bounded(name, self.maker.number(name, view), view, want)
        if view["type"] == "string" and vocabulary.is_person(name, str(view.get("description", ""))):
            examples = [v for v in view.get("examples", []) if isinstance(v, str) and v != self.maker.person]
            return self.rng.choice(examples) if examples else vocabulary.person(self.rng)
        if (
            view["type"] == "string"
            and isinstance(view.get("examples"), list)
            and not is_identifier(name, view)
            and not position
        ):
            given = [v for v in want.arguments.values() if isinstance(v, str) and len(v) > 3]
            close = [
                e for e in view["examples"] if isinstance(e, str) and any(v.casefold() in e.casefold() for v in given)
            ]
            if close:
                return close[0]
        return self.maker.value(name, view, root, tool=want.tool.description)

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
            start = _day(base[0], today)
            span = (_day(base[-1], today) - start).days if len(base) > 1 else 0
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
        if view["type"] == "integer":
            made = int(value)
        else:
            made = round(value, 2)
        return made if fits(made, view) else self.maker.number(name, view)

    def _agree(self, made: dict[str, Any], view: Schema, root: Schema, want: _Wanted) -> None:
        """Bring fields of one object into agreement: sums, extremes, shares, orders."""
        _order(made)
        known = properties(view)
        used = next((v for n, v in made.items() if parts(n)[:1] == ("used",) and isinstance(v, float)), None)
        whole = next(
            (v for n, v in made.items() if set(parts(n)) & {"allowance", "quota", "capacity"} and isinstance(v, float)),
            None,
        )
        share = next((n for n in made if parts(n) == ("remaining", "percent")), None)
        if share is not None and used is not None and whole and used <= whole and "remaining_percent" not in want.fixed:
            made[share] = round(100 * (1 - used / whole), 1)
        for name, value in made.items():
            if isinstance(value, (int, float)) and not isinstance(value, bool) and name not in want.fixed:
                total = _over_rows(name, made)
                if total is not None and fits(total, known[name], root):
                    made[name] = total
        lists = [as_list(value) for value in made.values() if isinstance(value, list)]
        if len(lists) != 1:
            return
        for name, value in made.items():
            about = parts(name)
            if (
                isinstance(value, int)
                and not isinstance(value, bool)
                and (about[-1] in _COUNTS or about[0] in _COUNTS)
                and len(about) < 3
            ):
                if about[0] in ("overdue", "unread", "waiting"):
                    made[name] = min(value, len(lists[0]))
                elif fits(len(lists[0]), properties(view)[name], root):
                    made[name] = len(lists[0])

    def _free(self, tool: ToolView, arguments: dict[str, Any]) -> Any:
        """A result for a tool that does not describe one."""
        name = parts(tool.name)
        flat = {
            key: value
            for key, value in arguments.items()
            if isinstance(value, (str, int, float)) and not isinstance(value, bool)
        }
        numbers = [value for value in flat.values() if isinstance(value, (int, float))]
        where = next(
            (v for k, v in flat.items() if parts(k)[-1:] and parts(k)[-1] in ("path", "file", "destination")), None
        )
        if "echo" in name and flat:
            return f"Echo: {next(iter(flat.values()))}"
        if {"sum", "add"} & set(name) and len(numbers) == len(flat) == 2:
            return f"The sum of {numbers[0]} and {numbers[1]} is {numbers[0] + numbers[1]}."
        if where is not None and tool.verb in ("read", "get", "fetch"):
            return self._document(str(where))
        if where is not None and tool.looks_up:
            return "\n".join(
                ["[DIR] archive", *(f"[FILE] {self.rng.choice(vocabulary.WORDS)}-{n}.md" for n in (1, 2, 3))]
            )
        if where is not None:
            return f"{where}: {past_of(tool.verb)}."
        if "url" in flat:
            return f"# {self.rng.choice(vocabulary.WORDS).capitalize()} news\n\n{vocabulary.word_for('text', self.rng)} Last updated {self.maker.today.isoformat()}."
        return self._record(tool, flat)

    def _document(self, where: str) -> str:
        title = words(re.sub(r"\.\w+$", "", where.rsplit("/", 1)[-1])).capitalize()
        lines = self.rng.sample(
            (
                "water the north beds",
                "call the printer",
                "order two boxes of paper",
                "check the gate key",
                "send the minutes",
            ),
            3,
        )
        return f"# {title}\n\n" + "\n".join(f"- {line}" for line in lines)

    def _record(self, tool: ToolView, flat: dict[str, Any]) -> Any:
        rng = self.rng
        noun = tool.noun
        many = tool.looks_up and (parts(tool.name) or ("",))[-1] == plural(noun)

        def row() -> dict[str, Any]:
            return {
                "id": rng.randint(1000, 98999),
                "title": f"{rng.choice(vocabulary.WORDS).capitalize()} {rng.choice(('plan', 'notes', 'report', 'draft', 'list'))}",
                "state": rng.choice(("open", "open", "closed")),
                "updated_at": self.maker.clock(self.maker.today - dt.timedelta(days=rng.randint(1, 30))),
            }

        if many:
            rows = [row() for _ in range(rng.choice((2, 3)))]
            return {"total_count": len(rows), plural(noun).replace(" ", "_"): rows}
        kept = {key: value for key, value in flat.items() if len(str(value)) < 60}
        if tool.looks_up:
            return {**row(), **kept}
        return {**kept, "status": past_of(tool.verb), "updated_at": self.maker.clock(self.maker.today)}


def failure_text(tool: ToolView, failure: str, arguments: dict[str, Any], name: str | None) -> Any:
    """The error output of a failing call.

    Args:
        tool: The tool called.
        failure: ``invalid_argument``, ``service_error`` or ``not_found``.
        arguments: The arguments it was called with.
        name: The argument at fault, where one is.

    Returns:
        A JSON object in the words of a real system.
    """
    if failure == "invalid_argument" and name is not None:
        return {
            "error": "invalid_argument",
            "field": name,
            "message": f"Value {arguments.get(name)!r} is not valid for '{name}'.",
        }
    if failure == "not_found" and name is not None:
        return {
            "error": "not_found",
            "message": f"No {words(name).removesuffix(' id')} matches {arguments.get(name)!r}.",
        }
    return {
        "error": "service_unavailable",
        "message": "The service did not answer in time. Please try again.",
        "retry_after_seconds": 5,
    }


def _over_rows(name: str, made: dict[str, Any]) -> int | float | None:
    """The least, largest or sum of a column, for a field such as ``best_yearly_cost`` or ``total_area_ha``."""
    head, *rest = parts(name)
    fold = min if head in _LEAST else max if head in _MOST else sum if head == "total" else None
    if fold is None or not rest:
        return None
    for rows in made.values():
        listed = objects_in(rows)
        for key in listed[0] if listed else ():
            column: list[Any] = [row.get(key) for row in listed]
            if list(parts(key)) == rest and all(
                isinstance(v, (int, float)) and not isinstance(v, bool) for v in column
            ):
                return round(fold(column), 2)
    return None


def _order(made: dict[str, Any]) -> None:
    """Put pairs such as opening and closing time, or low and high price, in order."""
    moment = made.get("datetime")
    if isinstance(moment, str) and isinstance(made.get("day_of_week"), str):
        made["day_of_week"] = _day(moment, dt.date.min).strftime("%A")
    times = [n for n in ("opens_at", "closes_at") if isinstance(made.get(n), str)]
    if len(times) == 2 and made["opens_at"] > made["closes_at"]:
        made["opens_at"], made["closes_at"] = made["closes_at"], made["opens_at"]
    for low in [n for n in made if parts(n)[:1] == ("low",)]:
        about = parts(low)[1:]
        trio = [
            low,
            *(n for n in made if parts(n)[1:] == about and parts(n)[0] not in ("low", "high")),
            *(n for n in made if parts(n) == ("high", *about)),
        ]
        if all(isinstance(made[n], (int, float)) for n in trio):
            for n, value in zip(trio, sorted(made[n] for n in trio), strict=True):
                made[n] = value


_PARTICIPLES = {"set": "set", "put": "put", "write": "written", "send": "sent", "run": "run", "make": "made", "do": "done", "take": "taken", "show": "shown"}  # fmt: skip


def past_of(verb: str) -> str:
    """The past participle of a verb, roughly: ``update`` gives ``updated``."""
    if verb in _PARTICIPLES:
        return _PARTICIPLES[verb]
    if verb.endswith("e"):
        return verb + "d"
    if verb.endswith("y") and verb[-2:-1] not in "aeiou":
        return verb[:-1] + "ied"
    return verb + (
        "ted" if verb in ("submit", "commit") else "ged" if verb == "tag" else "led" if verb == "cancel" else "ed"
    )


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


def _day(text: str, fallback: dt.date) -> dt.date:
    try:
        return dt.date.fromisoformat(text[:10])
    except ValueError:
        return fallback
