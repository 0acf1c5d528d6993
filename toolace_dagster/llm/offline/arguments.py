"""Where a call's arguments come from: details, earlier outputs, defaults.

Belongs here: filling a planned call, choosing among identifiers, and what the
user has to say because nothing else holds it. Does not belong here: making
values (``values``) or saying them (``speech``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from toolace_dagster.llm.offline.memory import Memory, Sighting
from toolace_dagster.llm.offline.naming import is_identifier, last_word, parts, same_name
from toolace_dagster.llm.offline.request import ToolView, seeded
from toolace_dagster.llm.offline.schedule import Planned, detail_name
from toolace_dagster.llm.offline.schema import Schema, fits
from toolace_dagster.llm.offline.shapes import as_list, objects_in
from toolace_dagster.llm.offline.values import Maker

POLICIES = {
    "cheapest": re.compile(r"\b(cheapest|lowest[- ]priced|least expensive)\b", re.IGNORECASE),
    "soonest": re.compile(r"\b(soonest|earliest one|earliest (?:\w+ )?(?:you|there|that|on))\b", re.IGNORECASE),
    "last": re.compile(r"\b(last one|last on the list)\b", re.IGNORECASE),
    "second": re.compile(r"\bsecond (?:one|\w+ (?:you|on))", re.IGNORECASE),
    "first": re.compile(r"\bfirst\b", re.IGNORECASE),
}
_MONEY = ("price", "rent", "rate", "cost", "fee", "charge", "fare", "amount")
_SMALLEST = frozenset({"cheapest", "soonest"})


@dataclass
class Source:
    """Where one argument came from.

    Attributes:
        kind: ``detail``, ``earlier`` (a detail of an earlier sub-task), ``output``, ``default`` or ``made``.
        value: The value.
        seen: For ``output``: where it was seen.
        policy: For ``output``: by what rule it was chosen from a list.
    """

    kind: str
    value: Any
    seen: Sighting | None = None
    policy: str = ""


@dataclass
class Filled:
    """A call with its arguments and where each came from."""

    tool: ToolView
    repeat: int
    arguments: dict[str, Any]
    sources: dict[str, Source] = field(default_factory=dict[str, Source])
    called: str = ""

    @property
    def call(self) -> dict[str, Any]:
        """The call as replies hold it; ``called`` misnames the tool where that mistake was drawn."""
        return {"name": self.called or self.tool.name, "arguments": self.arguments}


class Resolver:
    """Fills the calls of one sub-task.

    Args:
        task: The task.
        sub_task: The sub-task.
        memory: The past; the caller adds outputs as it goes.
        maker: Makes a value when there is no source.
        said: What the user said in this sub-task, when that is already written.
    """

    def __init__(
        self, task: dict[str, Any], sub_task: dict[str, Any], memory: Memory, maker: Maker, said: str = ""
    ) -> None:
        self.index = sub_task.get("index") if isinstance(sub_task.get("index"), int) else 0
        self.details = _details(sub_task)
        self.earlier = [
            pair
            for other in reversed(objects_in(task.get("sub_tasks")))
            if (other.get("index") or 0) < (self.index or 0)
            for pair in _details(other)
        ]
        self.memory = memory
        self.maker = maker
        self.said = said
        self.salt = f"{task.get('scenario')}|{self.index}"

    def fill(self, planned: Planned, before: list[tuple[str, dict[str, Any]]]) -> Filled:
        """Fill one call.

        Args:
            planned: The call.
            before: Calls already made, as name and arguments; an exact repetition is avoided.

        Returns:
            The call; always with all required arguments.
        """
        tool = planned.tool
        filled = Filled(tool, planned.repeat, {})
        changing = planned.changing
        for name, view in tool.params.items():
            used = [args.get(name) for called, args in before if called == tool.name] if planned.repeat else []
            source = self._source(
                tool, name, view, planned.repeat if name == changing else 0, name in tool.required, used
            )
            if source is not None:
                filled.sources[name] = source
                filled.arguments[name] = source.value
        for name in tool.required:
            if name not in filled.arguments:
                made = self.maker.value(name, {"type": "string"})
                filled.sources[name] = Source("made", made)
                filled.arguments[name] = made
        if (tool.name, filled.arguments) in before:
            self._tell_apart(filled, before)
        return filled

    def _source(
        self, tool: ToolView, name: str, view: Schema, repeat: int, needed: bool, used: list[Any]
    ) -> Source | None:
        whole = tool.parameters
        source = self._stated(name, view, whole, repeat)
        if source is None and needed and is_identifier(name, view):
            source = self._from_outputs(tool, name, view, repeat, used)
        if source is None and needed:
            source = self._recalled(name, view, whole)
        if source is not None or not needed:
            return source
        if "default" in view and fits(view["default"], view, whole):
            return Source("default", view["default"])
        return Source("made", self.maker.value(name, view, whole, tool=tool.description))

    def _stated(self, name: str, view: Schema, whole: Schema, repeat: int) -> Source | None:
        """From a detail of this sub-task that is named like the parameter."""
        if repeat and self.said:
            spoken = self._spoken(name, view, repeat)
            if spoken is not None:
                return spoken
        for wanted in dict.fromkeys((detail_name(name, repeat), name)):
            for known, value in self.details:
                if (known == wanted or (repeat == 0 and same_name(known, wanted))) and fits(value, view, whole):
                    return Source("detail", value)
        return None

    def _recalled(self, name: str, view: Schema, whole: Schema) -> Source | None:
        """From earlier details, from details named otherwise, or from a field of that name."""
        for known, value in self.earlier:
            if same_name(known, name) and fits(value, view, whole):
                return Source("earlier", value)
        loose = _loosely(name, view, self.details, whole)
        if loose is not None:
            return Source("detail", loose[0])
        seen = None if is_identifier(name, view) else self.memory.field(name, view)
        if seen is not None and view["type"] in ("string", "number", "integer"):
            return Source("output", seen)
        return None

    def _from_outputs(self, tool: ToolView, name: str, view: Schema, repeat: int, taken: list[Any]) -> Source | None:
        found = self.memory.candidates(name, view)
        if not found:
            return None
        if self.said:
            for seen in found:
                if str(seen.value) in self.said:
                    return Source("output", seen.value, seen, "named")
        newest = [seen for seen in found if seen.output == found[0].output]
        if found[0].sub_task != self.index or self.said:
            spoken = [seen for seen in found if self.said and (label(seen.holder) or "\0") in self.said]
            if spoken:
                chosen = spoken[min(repeat, len(spoken) - 1)]
                return Source("output", chosen.value, chosen, "named")
        if repeat == 0 and found[0].sub_task != self.index:
            used = [args[key] for _, args in reversed(self.memory.calls) for key in args if same_name(key, name)]
            kept = next((seen for value in used for seen in found if seen.value == value), None)
            if kept is not None:
                return Source("output", kept.value, kept, "same")
        policy = self._policy(tool, name, newest)
        ranked = ranked_by(newest, policy)
        chosen = ranked[repeat % len(ranked)]
        if repeat:
            chosen = next((seen for seen in ranked if seen.value not in taken), chosen)
        return Source("output", chosen.value, chosen, policy if len(newest) > 1 else "only")

    def _spoken(self, name: str, view: Schema, repeat: int) -> Source | None:
        """For a repeated call: a value the user named that no detail holds."""
        if any(known == detail_name(name, repeat) for known, _ in self.details):
            return None
        options = [
            v for v in [*as_list(view.get("enum")), *as_list(view.get("examples"))] if isinstance(v, str) and len(v) > 2
        ]
        used = [args.get(name) for _, args in self.memory.calls] + [v for n, v in self.details if same_name(n, name)]
        found = [v for v in options if v.replace("_", " ").casefold() in self.said.casefold() and v not in used]
        return Source("made", found[0]) if found else None

    def _policy(self, tool: ToolView, name: str, found: list[Sighting]) -> str:
        if self.said:
            for policy, expression in POLICIES.items():
                if expression.search(self.said):
                    return policy
            return "first"
        options = ["first", "first"]
        if any(_key(seen.holder, "cheapest") is not None for seen in found):
            options += ["cheapest", "cheapest"]
        if any(_key(seen.holder, "soonest") is not None for seen in found):
            options += ["soonest"]
        if len(found) > 1 and found[0].sub_task != self.index:
            options += ["second"]
        return seeded(self.salt, tool.name, name).choice(options)

    def _tell_apart(self, filled: Filled, before: list[tuple[str, dict[str, Any]]]) -> None:
        tool = filled.tool
        for name, source in list(filled.sources.items()):
            if source.seen is not None:
                for seen in self.memory.candidates(name, tool.params[name]):
                    filled.arguments[name] = seen.value
                    filled.sources[name] = Source("output", seen.value, seen, "named")
                    if (tool.name, filled.arguments) not in before:
                        return
        order = sorted(
            tool.params, key=lambda name: (is_identifier(name, tool.params[name]), name not in tool.required)
        )
        for name in order:
            view = tool.params[name]
            if is_identifier(name, view) or view["type"] == "null":
                continue
            for _ in range(4):
                made = self.maker.value(name, view, tool.parameters, tool=tool.description)
                if (tool.name, {**filled.arguments, name: made}) not in before:
                    filled.arguments[name] = made
                    filled.sources[name] = Source("made", made)
                    return


def label(holder: dict[str, Any]) -> str | None:
    """What a person would call a thing: its name or title."""
    for name, value in holder.items():
        if (
            isinstance(value, str)
            and value
            and parts(name)[-1:]
            and last_word(name) in ("name", "title", "label", "neighbourhood", "author")
        ):
            return value
    return None


def ranked_by(found: list[Sighting], policy: str) -> list[Sighting]:
    """Candidates in the order a rule such as ``cheapest`` gives."""
    ranked = sorted(found, key=lambda seen: seen.position or 0)
    if policy in _SMALLEST:
        return sorted(
            ranked,
            key=lambda seen: (
                str(_key(seen.holder, policy) or "~") if policy == "soonest" else _key(seen.holder, policy) or 0
            ),
        )
    if policy == "second" and len(ranked) > 1:
        return ranked[1:] + ranked[:1]
    return ranked[::-1] if policy == "last" else ranked


def _key(holder: dict[str, Any], policy: str) -> Any:
    for name, value in holder.items():
        if (
            policy == "cheapest"
            and isinstance(value, (int, float))
            and not isinstance(value, bool)
            and set(parts(name)) & set(_MONEY)
        ):
            return value
        if policy == "soonest" and isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d", value):
            return value
    return None


def _details(sub_task: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(str(detail.get("name")), detail.get("value")) for detail in objects_in(sub_task.get("details"))]


def _loosely(name: str, view: Schema, details: list[tuple[str, Any]], root: Schema) -> tuple[Any] | None:
    wanted = set(parts(name)) | {word for word in parts(str(view.get("description", ""))) if len(word) > 3}
    best: tuple[int, Any] | None = None
    for known, value in details:
        if any(word in parts(known) and word not in wanted for word in ("email", "phone", "date", "time")):
            continue
        shared = len(set(parts(re.sub(r"\(\d+\)", "", known))) & set(parts(name))) * 3 + len(set(parts(known)) & wanted)
        if shared >= 2 and fits(value, view, root) and (best is None or shared > best[0]):
            best = (shared, value)
    return (best[1],) if best else None
