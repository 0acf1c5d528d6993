"""Rules a written task must meet before a dialogue is made of it.

========================  ==============================================================
task.sub_task_count       as many sub-tasks as planned
task.unknown_tool         only tools that are offered
task.tools                each sub-task with its planned tools
task.steps                each sub-task with its planned steps
task.tool_named           no goal or scenario names a tool
task.same_sub_task        no two sub-tasks that are the same
task.no_call_needed       no sub-task that the one before has already answered
task.missing_value        a source for each required parameter of the planned calls
task.made_up_result       no value for what an earlier sub-task's result will hold
task.invalid_value        details named like a parameter are valid for it
task.placeholder          no placeholders
task.option_unused        a word of each optional parameter that the plan wants used
========================  ==============================================================

The last is told and rejects nothing: a goal can say a thing in words that no rule knows.

They are about impossible and trivial tasks, and they forgive: a value counts as given when
a detail or an earlier result shares a word with the parameter's name.

Belongs here: these rules. Does not belong here: asking for the task
(``task_initialization``), or rules on dialogues (``verification``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from toolace_dagster.entities import Rejection, SubTaskPlan, TaskPlan, Tool, canonical_json
from toolace_dagster.entities.base import JsonObject
from toolace_dagster.initialization.replies import SubTaskReply, TaskSpecReply
from toolace_dagster.tool_pool.arguments import argument_faults
from toolace_dagster.tool_pool.naming import snake
from toolace_dagster.tool_pool.result_fields import result_fields

_STEM = 5
_NUMBERED = re.compile(r"[ _]?\(?\d+\)?$| for .*$")
"""What tells details apart that are for the same parameter: ``city_2``, ``city (2)``, ``city for branch``."""
_PLACEHOLDER = re.compile(
    r"(?:john|jane) (?:doe|smith|q\.? public)|foo(?:bar)?|bar|baz|string|text|value|example|sample|test|dummy"
    r"|placeholder|tbd|tba|n/?a|none|null|undefined|lorem ipsum.*|x{3,}|your[ _].*|insert .*"
    r"|some (?:name|id|value|text|date)"
    r"|<[^>]*>|\[[^\]]*\]|\{[^}]*\}|(?:yyyy|dd|mm)[-/](?:yyyy|dd|mm).*",
    re.IGNORECASE,
)


TOLD_ONLY = frozenset({"task.option_unused"})
"""Checks whose faults the model is told of and that reject no task."""


def task_faults(reply: TaskSpecReply, plan: TaskPlan, tools: Mapping[str, Tool]) -> list[Rejection]:
    """Find where a task breaks its plan or a rule.

    Args:
        reply: The task as the model wrote it.
        plan: What sampling fixed.
        tools: Tools of the domain by name.

    Returns:
        All faults, those against the plan first; an empty list for a sound task. While the task has not the
        planned sub-tasks, nothing else is looked at.
    """
    if len(reply.sub_tasks) != len(plan.sub_tasks):
        return [
            Rejection(
                check="task.sub_task_count",
                reason=f"The task has {len(reply.sub_tasks)} sub-tasks where the plan has {len(plan.sub_tasks)}.",
                evidence=str(len(reply.sub_tasks)),
            )
        ]
    places = [
        _Place(index, written, planned, plan, reply, tools)
        for index, (written, planned) in enumerate(zip(reply.sub_tasks, plan.sub_tasks, strict=True))
    ]
    against_plan = [fault for place in places for rule in _PLANNED for fault in rule(place)]
    if against_plan:
        return against_plan
    return [fault for place in places for rule in _SENSIBLE for fault in rule(place)]


@dataclass(frozen=True)
class _Place:
    """A sub-task as written and as planned, in its task."""

    index: int
    written: SubTaskReply
    planned: SubTaskPlan
    plan: TaskPlan
    reply: TaskSpecReply
    tools: Mapping[str, Tool]

    def fault(self, check: str, reason: str, evidence: str = "") -> Rejection:
        return Rejection(check=f"task.{check}", reason=reason, evidence=evidence)

    @property
    def before(self) -> list[SubTaskReply]:
        return self.reply.sub_tasks[: self.index]

    @property
    def details(self) -> list[tuple[str, JsonValue]]:
        """Names, without what tells them apart, and values."""
        return [(_bare(detail.name), detail.value) for detail in self.written.details]


Rule = Callable[[_Place], Iterator[Rejection]]


def _only_offered(place: _Place) -> Iterator[Rejection]:
    offered = {*place.plan.needed_tools, *place.plan.distractors}
    unknown = sorted(set(place.written.tools) - offered)
    if unknown:
        yield place.fault(
            "unknown_tool", f"Sub-task {place.index} uses {', '.join(unknown)}, which is not offered.", unknown[0]
        )


def _planned_tools(place: _Place) -> Iterator[Rejection]:
    if set(place.written.tools) != set(place.planned.tools):
        written, planned = ", ".join(place.written.tools), ", ".join(place.planned.tools)
        yield place.fault("tools", f"Sub-task {place.index} uses {written} where the plan has {planned}.", written)


def _planned_steps(place: _Place) -> Iterator[Rejection]:
    if place.written.steps != place.planned.steps:
        yield place.fault(
            "steps",
            f"Sub-task {place.index} has {place.written.steps} steps where the plan has {place.planned.steps}.",
            str(place.written.steps),
        )


def _no_tool_named(place: _Place) -> Iterator[Rejection]:
    names = [name for name in (*place.plan.needed_tools, *place.plan.distractors) if _is_unspeakable(name)]
    texts = {"goal": place.written.goal} | ({"scenario": place.reply.scenario} if place.index == 0 else {})
    for part, text in texts.items():
        named = next((name for name in names if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)), None)
        if named is not None:
            where = f"goal of sub-task {place.index}" if part == "goal" else "scenario"
            yield place.fault("tool_named", f"The {where} names the tool {named}; a user knows nothing of tools.", text)


def _not_the_same(place: _Place) -> Iterator[Rejection]:
    for other, earlier in enumerate(place.before):
        same_words = _plain(earlier.goal) == _plain(place.written.goal)
        same_calls = (
            set(earlier.tools) == set(place.written.tools)
            and bool(place.written.details)
            and _values(earlier) == _values(place.written)
        )
        if same_words or same_calls:
            what = "the same goal" if same_words else "the same tools and details"
            yield place.fault(
                "same_sub_task", f"Sub-tasks {other} and {place.index} have {what}; each wants something of its own."
            )
            return


def _calls_are_needed(place: _Place) -> Iterator[Rejection]:
    if not place.index or place.written.details or place.planned.takes or place.planned.again:
        return
    known = set(place.plan.sub_tasks[place.index - 1].tools)
    if set(place.planned.tools) <= known:
        yield place.fault(
            "no_call_needed",
            f"Sub-task {place.index} has no value of its own and calls only what sub-task {place.index - 1} has just "
            "called, so nothing has to be called for it.",
            place.written.goal,
        )


def _values_have_sources(place: _Place) -> Iterator[Rejection]:
    given = [_words(detail.name) for sub_task in (*place.before, place.written) for detail in sub_task.details]
    called = [name for earlier in place.plan.sub_tasks[: place.index] for name in earlier.tools]
    returned: list[frozenset[str]] = [words for name in called for words in _returned(place, name)]
    for at, name in enumerate(place.planned.tools):
        tool = place.tools[name]
        found = [words for other in place.planned.tools[:at] for words in _returned(place, other)]
        brought = place.planned.from_user.get(name, ())
        for parameter in sorted(tool.required):
            schema = tool.properties.get(parameter, {})
            if _fills_itself(schema):
                continue
            wanted = _words(parameter)
            sources = given if parameter in brought else [*given, *returned, *found]
            if not any(wanted & words for words in sources):
                yield place.fault(
                    "missing_value",
                    f"{name} in sub-task {place.index} needs {parameter}, and neither a detail nor an earlier result "
                    "gives it.",
                    f"{name}.{parameter}",
                )


def _results_are_not_made_up(place: _Place) -> Iterator[Rejection]:
    for taken in place.planned.takes:
        if any(name == taken.parameter for name, _ in place.details):
            yield place.fault(
                "made_up_result",
                f"Sub-task {place.index} gives {taken.parameter} as a detail, but {taken.source} in sub-task "
                f"{taken.sub_task} returns it.",
                taken.parameter,
            )


def _values_are_valid(place: _Place) -> Iterator[Rejection]:
    for name, value in place.details:
        takers = [place.tools[tool] for tool in place.planned.tools if name in place.tools[tool].properties]
        refused = [fault for tool in takers if (fault := _refusal(tool, name, value)) is not None]
        if takers and len(refused) == len(takers):
            yield place.fault(
                "invalid_value",
                f"The detail {name} of sub-task {place.index} is no valid value: {refused[0]}",
                canonical_json(value)[:200],
            )


def _no_placeholders(place: _Place) -> Iterator[Rejection]:
    for name, value in place.details:
        # A word that the schema itself offers, such as "text" for a format, is no placeholder.
        offered = any(value in _choices(place.tools[tool].properties.get(name, {})) for tool in place.planned.tools)
        if isinstance(value, str) and not offered and _PLACEHOLDER.fullmatch(value.strip()):
            yield place.fault(
                "placeholder", f"The detail {name} of sub-task {place.index} is the placeholder {value!r}.", value
            )


def _options_come_up(place: _Place) -> Iterator[Rejection]:
    # In another language a goal can say it in words that are nowhere in the schema.
    if place.plan.language != "English":
        return
    given = {word for each in (*place.before, place.written) for detail in each.details for word in _words(detail.name)}
    values = {_plain(str(value)) for _, value in place.details}
    said = {_stem(word) for word in _plain(f"{place.written.goal} {place.reply.scenario}").split()}
    called = [name for earlier in place.plan.sub_tasks[: place.index] for name in earlier.tools]
    for name, parameter in place.planned.options.items():
        schema = place.tools[name].properties.get(parameter, {})
        choices = {_plain(str(choice)) for choice in _choices(schema)}
        wanted = _words(f"{parameter} {schema.get('description', '')}") - _EMPTY
        returned = (words for each in (*called, *place.planned.tools) for words in _returned(place, each))
        spare = any(_is_nobodys(detail, place, parameter) for detail, _ in place.details)
        told = spare or wanted & given or choices & values or {_stem(word) for word in (*wanted, *choices)} & said
        if not told and not any(_words(parameter) & words for words in returned):
            yield place.fault(
                "option_unused",
                f"The plan has sub-task {place.index} use {parameter} of {name}, and neither its goal nor a detail "
                "says anything of it.",
                f"{name}.{parameter}",
            )


def _is_nobodys(detail: str, place: _Place, parameter: str) -> bool:
    """Whether a detail is named like no other parameter of the planned tools, and so may be this one's."""
    others = {name for tool in place.planned.tools for name in place.tools[tool].properties} - {parameter}
    return not any(_words(detail) & _words(other) for other in others)


_PLANNED: tuple[Rule, ...] = (_only_offered, _planned_tools, _planned_steps)
_SENSIBLE: tuple[Rule, ...] = (
    _no_tool_named,
    _not_the_same,
    _calls_are_needed,
    _values_have_sources,
    _results_are_not_made_up,
    _values_are_valid,
    _no_placeholders,
    _options_come_up,
)


_EMPTY = frozenset(
    "a an and as at be by for from if in is it no not of on only or that the this to whether with".split()
)


def _stem(word: str) -> str:
    """The beginning of a word, which its other forms share."""
    return word[:_STEM]


def _refusal(tool: Tool, name: str, value: JsonValue) -> str | None:
    """What a tool's schema has against a value of one parameter."""
    return next((fault.message for fault in argument_faults(tool, {name: value}) if fault.path[:1] == (name,)), None)


def _returned(place: _Place, name: str) -> Iterator[frozenset[str]]:
    """The names of what a tool returns, each with what it belongs to; a tool that does not say may return anything."""
    result = place.tools[name].result
    if result is None:
        for tool in place.tools.values():
            yield frozenset(word for parameter in tool.required for word in _words(parameter))
        return
    own = _words(name)
    for field in result_fields(result):
        bare = field.name in ("id", "name", "number")
        yield (_words(field.name) | _words(field.owner) | (own if bare else frozenset[str]()))


def _fills_itself(schema: JsonObject) -> bool:
    """Whether a required parameter needs no one to say it: it has a default, or only so many choices."""
    return bool({"default", "const", "enum"} & schema.keys()) or schema.get("type") == "boolean"


def _choices(schema: JsonObject) -> list[JsonValue]:
    listed = schema.get("enum")
    return listed if isinstance(listed, list) else []


def _is_unspeakable(name: str) -> bool:
    """Whether a tool's name is no word that a sentence could hold by chance."""
    return re.fullmatch(r"[A-Za-z]?[a-z]*", name) is None


def _bare(name: str) -> str:
    return _NUMBERED.sub("", name.strip())


def _words(name: str) -> frozenset[str]:
    return frozenset(word for word in re.split(r"[^a-z0-9]+", snake(_bare(name)).lower()) if word)


def _values(sub_task: SubTaskReply) -> list[str]:
    return sorted(canonical_json([_bare(detail.name), detail.value]) for detail in sub_task.details)


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))
