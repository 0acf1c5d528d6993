"""Correcting a skeleton whose calls take values from nowhere, before it leaves its stage.

Parameter hallucination is the method's named bottleneck. So every argument of a
skeleton is traced to its source, and where some have none the model is asked, once a
dialogue and for all of them together: it amends the user's message, or replaces
the value. What it gives is taken only where it leaves fewer values without a source.

Belongs here: the request, and applying its reply. Does not belong here: tracing
(``grounding``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from pydantic import BaseModel, Field, JsonValue

from toolace_dagster.entities import Dialogue, Skeleton, TaskSpec, Tool, ToolCall, Turn, canonical_json
from toolace_dagster.entities.randomness import request_seed
from toolace_dagster.grounding import ArgumentSource, ground
from toolace_dagster.llm.protocol import CallFailed, ModelRequest, Program, Purpose, Sampling, ask
from toolace_dagster.prompts import render
from toolace_dagster.prompts.views import dialogue_view, task_view, tools_view
from toolace_dagster.settings import Settings
from toolace_dagster.tool_pool.arguments import argument_faults

TASK = "grounding_correction"
_OF_THE_REPLY = frozenset({"truncated", "empty", "malformed", "schema", "check", "refused", "filtered"})
"""Kinds of failed calls that say something about the reply, and nothing about the endpoint."""
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]|\[\"((?:[^\"\\]|\\.)*)\"\]")
_ECHO = 4
"""From this length on, in characters, a value in an output is known again as an echo of the argument."""


class MessageReply(BaseModel):
    """A user's message written anew."""

    turn: str = Field(description="id of the user's turn")
    content: str = Field(min_length=1, description="the whole message, with the missing values in it")


class ValueReply(BaseModel):
    """A value put in the place of one without a source."""

    number: int = Field(description="number of the entry in <ungrounded>")
    value: JsonValue = Field(description="the value that the user or an earlier output gives")


class GroundingCorrectionReply(BaseModel):
    """How values without a source get one."""

    messages: list[MessageReply] = Field(default_factory=list[MessageReply])
    values: list[ValueReply] = Field(default_factory=list[ValueReply])


@dataclass(frozen=True)
class Missing:
    """A value without a source, with every place that has it.

    Attributes:
        number: From 1.
        argument: Name of the argument, with the path inside it.
        sources: The traces of its places, in order.
        message: Id of the user's turn that should have said it.
        final: Whether a tool was really run with it.
        tried: What was given for it before and did not help.
    """

    number: int
    argument: str
    sources: tuple[ArgumentSource, ...]
    message: str
    final: bool
    tried: JsonValue = None

    @property
    def identity(self) -> tuple[str, str]:
        """The argument's own name and the value: the same however often it is asked about."""
        return _identity(self.sources[0])

    def view(self) -> dict[str, Any]:
        """The entry as a prompt shows it."""
        first = self.sources[0]
        shown: dict[str, Any] = {
            "number": self.number,
            "tool": first.tool,
            "argument": self.argument,
            "value": first.value,
            "identifier": first.identifier,
            "calls": [source.turn_id for source in self.sources],
            "message": self.message,
        }
        shown |= {"final": True} if self.final else {}
        return shown | ({"tried": self.tried} if self.tried is not None else {})


def grounded_skeleton(
    skeleton: Skeleton, spec: TaskSpec, tools: Mapping[str, Tool], settings: Settings
) -> Program[Skeleton]:
    """Give the arguments of a skeleton the sources they lack.

    Args:
        skeleton: The skeleton as it was written and, where tools are run for real, executed.
        spec: Its task.
        tools: Tools of the domain by name.
        settings: Whether this is done at all (``ground_arguments``), how often it is asked for (``rule_tries``), and
            sampling settings.

    Returns:
        The skeleton, corrected as far as replies were of use; as it was when every argument has a source, or when
        no usable reply came.

    Raises:
        CallFailed: On a fault of the endpoint.
    """
    dialogue = skeleton.to_dialogue()
    missing = values_without_source(dialogue, tools) if settings.ground_arguments else []
    if not missing:
        return skeleton
    for attempt in range(settings.rule_tries):
        try:
            answer = yield from ask(_request(dialogue, spec, tools, settings, missing, attempt))
        except CallFailed as failed:
            if failed.error.kind not in _OF_THE_REPLY:
                raise
            break
        dialogue = corrected(dialogue, missing, answer.reply, tools)
        missing = _given_in_vain(missing, answer.reply, values_without_source(dialogue, tools))
        if not missing:
            break
    turns = {turn.id: turn for turn in dialogue.turns}
    parts = tuple(
        part.model_copy(update={"turns": tuple(turns[turn.id] for turn in part.turns)})
        for part in skeleton.sub_trajectories
    )
    return skeleton.model_copy(update={"sub_trajectories": parts})


def values_without_source(dialogue: Dialogue, tools: Mapping[str, Tool]) -> list[Missing]:
    """Values of a dialogue's arguments that nothing gives, each once, in the order they appear."""
    grouped: dict[tuple[str, str], list[ArgumentSource]] = {}
    for source in _ungrounded(dialogue, tools):
        grouped.setdefault(_identity(source), []).append(source)
    executed = {output.call_id for turn in dialogue.turns for output in turn.outputs if output.source == "executed"}
    return [
        Missing(
            number=number,
            argument=_argument_path(sources[0]).removeprefix("."),
            sources=tuple(sources),
            message=_message_before(dialogue, sources[0].turn_id),
            final=any(source.call_id in executed for source in sources),
        )
        for number, sources in enumerate(grouped.values(), start=1)
    ]


def _given_in_vain(asked: Sequence[Missing], reply: GroundingCorrectionReply, left: Sequence[Missing]) -> list[Missing]:
    """Of the values that still have no source, those that the reply meant to mend; what it left out it can't mend."""
    given = {each.number: each.value for each in reply.values}
    values = {entry.identity: given[entry.number] for entry in asked if entry.number in given}
    messages = {each.turn: each.content for each in reply.messages}
    tried = [(entry, values.get(entry.identity, messages.get(entry.message))) for entry in left]
    again = [(entry, what) for entry, what in tried if what is not None]
    return [replace(entry, number=number, tried=what) for number, (entry, what) in enumerate(again, start=1)]


def corrected(
    dialogue: Dialogue, missing: Sequence[Missing], reply: GroundingCorrectionReply, tools: Mapping[str, Tool]
) -> Dialogue:
    """Apply a reply, change by change, as far as each one helps.

    A message that loses a value some call takes, and a value that is not valid or has no source either, are left out.

    Args:
        dialogue: The dialogue as it is.
        missing: The values that were asked about.
        reply: The reply.
        tools: Tools by name.

    Returns:
        The dialogue with the changes that help.
    """
    entries = {each.number: each for each in missing}
    users = {turn.id for turn in dialogue.turns if turn.role == "user"}
    open_places = _places(_ungrounded(dialogue, tools))
    changes: list[Callable[[Dialogue], Dialogue | None]] = [
        _new_message(each) for each in reply.messages if each.turn in users and each.content.strip()
    ]
    changes += [
        _new_value(entries[each.number], each.value, tools)
        for each in reply.values
        if each.number in entries and not entries[each.number].final
    ]
    for change in changes:
        tried = change(dialogue)
        if tried is None:
            continue
        left = _places(_ungrounded(tried, tools))
        if left < open_places:
            dialogue, open_places = tried, left
    return dialogue


def _new_message(written: MessageReply) -> Callable[[Dialogue], Dialogue]:
    def change(dialogue: Dialogue) -> Dialogue:
        return _with_turns(
            dialogue,
            (
                turn.model_copy(update={"content": written.content.strip()}) if turn.id == written.turn else turn
                for turn in dialogue.turns
            ),
        )

    return change


def _new_value(entry: Missing, value: JsonValue, tools: Mapping[str, Tool]) -> Callable[[Dialogue], Dialogue | None]:
    def change(dialogue: Dialogue) -> Dialogue | None:
        places = {source.call_id: _argument_path(source) for source in entry.sources}
        turns: list[Turn] = []
        old = entry.sources[0].value
        echo = _Echo(old, value) if isinstance(old, str) and isinstance(value, str) and len(old) >= _ECHO else None
        begun = False
        for turn in dialogue.turns:
            calls: list[ToolCall] = []
            for call in turn.tool_calls:
                renewed = call
                if call.id in places:
                    arguments = _replaced(call.arguments, _steps(places[call.id]), value)
                    if arguments is None or _spoils(tools.get(call.name), call, arguments):
                        return None
                    renewed = call.model_copy(update={"arguments": arguments})
                    begun = True
                elif begun and echo is not None:
                    renewed = call.model_copy(update={"arguments": echo.in_json(call.arguments)})
                calls.append(renewed)
            update: dict[str, Any] = {"tool_calls": tuple(calls)} if calls else {}
            if begun and echo is not None and not calls:
                update = echo.in_turn(turn)
            turns.append(turn.model_copy(update=update) if update else turn)
        return _with_turns(dialogue, turns)

    return change


class _Echo:
    """The old value wherever it comes back after the call: in outputs, in later calls, in words."""

    def __init__(self, old: str, new: str) -> None:
        self._old = old
        self._new = new
        self._word = re.compile(rf"(?<![\w-]){re.escape(old)}(?![\w-])")

    def in_turn(self, turn: Turn) -> dict[str, Any]:
        update: dict[str, Any] = {"content": self._word.sub(lambda _: self._new, turn.content)}
        if turn.outputs:
            update["outputs"] = tuple(
                output
                if output.source == "executed"
                else output.model_copy(update={"content": self.in_json(output.content)})
                for output in turn.outputs
            )
        return update

    def in_json(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self.in_json(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
        if isinstance(value, list):
            return [self.in_json(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
        if isinstance(value, str):
            return self._word.sub(lambda _: self._new, value)
        return value


def _spoils(tool: Tool | None, call: ToolCall, arguments: dict[str, JsonValue]) -> bool:
    """Whether arguments are not valid where they were before."""
    if tool is None:
        return False
    return any(argument_faults(tool, arguments)) and not any(argument_faults(tool, call.arguments))


def _ungrounded(dialogue: Dialogue, tools: Mapping[str, Tool]) -> list[ArgumentSource]:
    """All of them, also of calls that a tool refused: in a skeleton no error is part of a plan."""
    return [source for source in ground(dialogue, tools) if source.state == "ungrounded"]


def _places(sources: Iterable[ArgumentSource]) -> frozenset[tuple[str, str]]:
    return frozenset((source.call_id, source.path) for source in sources)


def _argument_path(source: ArgumentSource) -> str:
    return source.path.partition(".arguments")[2]


def _identity(source: ArgumentSource) -> tuple[str, str]:
    return source.path.rpartition(".")[2], canonical_json(source.value)


def _message_before(dialogue: Dialogue, turn_id: str) -> str:
    before = dialogue.turns[: dialogue.position(turn_id)]
    return next((turn.id for turn in reversed(before) if turn.role == "user"), dialogue.turns[0].id)


def _steps(path: str) -> list[str | int]:
    """The steps of a JSON path: property names, and positions in lists."""
    steps: list[str | int] = []
    for found in _STEP.finditer(path):
        name, place, quoted, double = found.groups()
        steps.append(int(place) if place is not None else name if name is not None else quoted or double or "")
    return steps


def _replaced(value: Any, steps: Sequence[str | int], new: JsonValue) -> Any:
    """A copy of a JSON value with another value at a path; None when the path leads nowhere."""
    if not steps:
        return new
    first, *rest = steps
    if isinstance(value, dict):
        known = cast("dict[str | int, Any]", value)
        inner = _replaced(known[first], rest, new) if first in known else None
        return None if inner is None else {**known, first: inner}
    if isinstance(value, list) and isinstance(first, int):
        items = cast("list[Any]", value)
        inner = _replaced(items[first], rest, new) if first < len(items) else None
        return None if inner is None else [*items[:first], inner, *items[first + 1 :]]
    return None


def _with_turns(dialogue: Dialogue, turns: Iterable[Turn]) -> Dialogue:
    return dialogue.model_copy(update={"turns": tuple(turns)})


def _request(
    dialogue: Dialogue,
    spec: TaskSpec,
    tools: Mapping[str, Tool],
    settings: Settings,
    missing: Sequence[Missing],
    attempt: int,
) -> ModelRequest[GroundingCorrectionReply]:
    seed = request_seed(TASK, spec.dialogue_id, *([attempt] if attempt else []))
    return ModelRequest(
        messages=render(
            TASK,
            tools=tools_view(spec.offered_tools, tools),
            task=task_view(spec),
            dialogue=dialogue_view(dialogue.turns),
            ungrounded=[each.view() for each in missing],
        ),
        reply_type=GroundingCorrectionReply,
        sampling=Sampling.of(settings.model_of("generator"), seed),
        purpose=Purpose(
            stage="skeletons",
            task=TASK,
            role="generator",
            domain=spec.domain,
            dialogue_id=spec.dialogue_id,
            turn_ids=tuple(dict.fromkeys(source.turn_id for each in missing for source in each.sources)),
        ),
    )
