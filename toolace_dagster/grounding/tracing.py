"""Tracing each argument of a dialogue's calls to where it comes from.

A value is looked for in what the user said, in earlier results, in the schema, and
in what the assistant said and the user agreed to: first as it stands, then in any
notation that means the same, then as something that follows by arithmetic. What is
left is ungrounded, or undecided where only someone who understands the words
can tell. An identifier has to be copied, so for it only notation counts.

``ungrounded`` is the screen for any stage that writes calls: it costs about a
millisecond a dialogue, and needs no model.

Belongs here: the walk over a dialogue and the order in which sources are tried.
Does not belong here: the searches (``in_sight``, ``by_schema``, ``last_resort``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from typing import Any

from toolace_dagster.entities import Dialogue, Tool, Turn
from toolace_dagster.grounding.asked import Asked
from toolace_dagster.grounding.by_schema import by_schema, yes_or_no
from toolace_dagster.grounding.context import Context
from toolace_dagster.grounding.finding import Found, derived
from toolace_dagster.grounding.identifiers import looks_like_identifier, takes_identifier
from toolace_dagster.grounding.in_sight import InSight
from toolace_dagster.grounding.last_resort import LastResort
from toolace_dagster.grounding.leaves import leaves
from toolace_dagster.grounding.sources import ArgumentSource


def ground(
    dialogue: Dialogue,
    tools: Mapping[str, Tool],
    today: date | None = None,
    turn_ids: Collection[str] | None = None,
) -> tuple[ArgumentSource, ...]:
    """Trace the arguments of a dialogue's calls.

    Args:
        dialogue: The dialogue, finished or not.
        tools: Tools by name, for their schemas; calls of others are traced by their values alone.
        today: The day the dialogue happens on; the dialogue's own by default.
        turn_ids: Call turns to trace; all by default.

    Returns:
        One entry per single value inside arguments, in the order of turns and calls.
    """
    traced = _traced(dialogue, tools, today or dialogue.today)
    return traced if turn_ids is None else tuple(source for source in traced if source.turn_id in turn_ids)


def ungrounded(
    dialogue: Dialogue,
    tools: Mapping[str, Tool],
    turn_ids: Collection[str] | None = None,
    today: date | None = None,
) -> tuple[ArgumentSource, ...]:
    """The arguments that nothing in sight gives: the screen to put new turns through before a judge sees them.

    A new user turn or result can take away the source of a later call, so look at all calls (the default) and compare
    with the dialogue as it was, or name the later call turns too. Of calls that a tool refused only identifiers are
    looked at, and of those whose error is simulated on purpose nothing: what is wrong with them is their story.

    Args:
        dialogue: The dialogue with the new turns in it.
        tools: Tools by name.
        turn_ids: Call turns to look at; all by default.
        today: The day the dialogue happens on; the dialogue's own by default.

    Returns:
        The ungrounded arguments; those with ``identifier`` reject a dialogue, the others are remarked on.
    """
    failed = {output.call_id: output for turn in dialogue.turns for output in turn.outputs if output.is_error}

    def counts(source: ArgumentSource) -> bool:
        refusal = failed.get(source.call_id)
        return refusal is None or (source.identifier and refusal.source != "injected")

    traced = ground(dialogue, tools, today, turn_ids)
    return tuple(source for source in traced if source.state == "ungrounded" and counts(source))


@dataclass(frozen=True)
class _Last:
    """What was traced last: a screen and a rule often ask the same of a dialogue one after the other."""

    dialogue: Dialogue
    tools: Mapping[str, Tool]
    today: date | None
    found: tuple[ArgumentSource, ...]


_last: ContextVar[_Last | None] = ContextVar("_last", default=None)


def _traced(dialogue: Dialogue, tools: Mapping[str, Tool], today: date | None) -> tuple[ArgumentSource, ...]:
    last = _last.get()
    if last is not None and last.dialogue is dialogue and last.tools is tools and last.today == today:
        return last.found
    found = Tracer(tools, today).trace(dialogue.turns)
    _last.set(_Last(dialogue, tools, today, found))
    return found


class Tracer:
    """Walks over turns and traces the calls among them.

    Args:
        tools: Tools by name.
        today: The day the dialogue happens on, when it is known.
    """

    def __init__(self, tools: Mapping[str, Tool], today: date | None = None) -> None:
        self._tools = tools
        self._context = Context()
        self._in_sight = InSight(self._context, today)
        self._last_resort = LastResort(self._context, today)
        self._known: dict[Any, tuple[int, ArgumentSource]] = {}
        self._failed: set[str] = set()

    def trace(self, turns: tuple[Turn, ...]) -> tuple[ArgumentSource, ...]:
        """Trace the calls of turns in order.

        Args:
            turns: From the dialogue's first.
        """
        self._failed = {output.call_id for turn in turns for output in turn.outputs if output.is_error}
        found: list[ArgumentSource] = []
        for turn in turns:
            if turn.tool_calls:
                found.extend(self._calls(turn))
            self._context.add(turn)
            if turn.role != "assistant":
                self._last_resort.renew()
        return tuple(found)

    def _calls(self, turn: Turn) -> list[ArgumentSource]:
        found: list[ArgumentSource] = []
        for index, call in enumerate(turn.tool_calls):
            for leaf in leaves(call.arguments, self._tools.get(call.name)):
                identifier = takes_identifier(leaf.name, leaf.schema) or (
                    isinstance(leaf.value, str) and "enum" not in leaf.schema and looks_like_identifier(leaf.value)
                )
                result = self._source(Asked(leaf, turn, identifier))
                found.append(
                    ArgumentSource(
                        turn_id=turn.id,
                        call_id=call.id,
                        tool=call.name,
                        path=f"$.tool_calls[{index}].arguments{leaf.steps}",
                        value=leaf.value,
                        state=result.state,
                        kind=result.kind,
                        identifier=identifier,
                        source_turn=result.turn_id,
                        source_path=result.path,
                        span=result.span,
                        reason=result.reason,
                    )
                )
        # Only now: parallel calls are no sources for each other.
        for source in found:
            if source.call_id not in self._failed and not isinstance(source.value, bool):
                self._known.setdefault((type(source.value), source.value), (len(self._context.said), source))
        return found

    def _source(self, asked: Asked) -> Found:
        value = asked.value
        if isinstance(value, bool):
            return yes_or_no(asked, value, self._context)
        if isinstance(value, str):
            if not value.strip():
                return derived("constant", "an empty text says nothing")
            found = self._in_sight.text(asked, value)
        else:
            found = self._in_sight.number(asked, float(value))
        found = found or by_schema(asked, self._context)
        if found is not None:
            return found
        earlier = self._known.get((type(value), value))
        if earlier is not None:
            return _as_before(earlier[1])
        return self._last_resort.find(asked)


def _as_before(source: ArgumentSource) -> Found:
    if source.state == "ungrounded":
        return Found("ungrounded", reason=f"as in turn {source.turn_id}, where nothing gives it either")
    reason = f"the same value as in turn {source.turn_id}"
    state = "undecided" if source.state == "undecided" else "derived"
    return Found(state, "call", source.turn_id, source.path, None, reason)
