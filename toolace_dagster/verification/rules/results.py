"""Rules on what tools answered.

Belongs here: results against their described schema, results of two calls that
were swapped, calls run again. Does not belong here: the calls themselves (``calls``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from pydantic import JsonValue

from toolace_dagster.entities import JsonObject, Tool, canonical_json
from toolace_dagster.tool_pool.arguments import validator
from toolace_dagster.verification.rules.registry import Defect, PlacedCall, Subject, rule

_NEAR = 6
"""Calls up to so many places apart are looked at for swapped results."""
_CLEAR = 0.75
"""How much better two results have to fit each other's tools than their own, in shares of described fields."""
_TELLING = 3
"""Characters from which on a text argument that comes back in a result tells whose result it is."""


@rule("rule.result_schema", severity="soft")
def result_schema(subject: Subject) -> Iterator[Defect]:
    """Results fit the result schema that the tool describes; error results are free."""
    for placed in subject.calls:
        tool = subject.tools.get(placed.call.name)
        if tool is None or tool.result is None or placed.output is None or placed.failed:
            continue
        for error in validator(tool.result_json).iter_errors(placed.output.content):
            path = "".join(f"[{part!r}]" for part in error.instance_path)
            yield Defect(
                f"The result of {tool.name} does not fit its described schema: {error.message}",
                turn_id=_answering_turn(subject, placed),
                path=f"$.outputs[{placed.index}].content{path}",
                evidence=canonical_json(placed.output.content),
            )
            break


@rule("rule.results_swapped")
def results_swapped(subject: Subject) -> Iterator[Defect]:
    """No two calls have each other's results, by the fields tools describe and by what calls asked about."""
    calls = [
        _Answered(placed, placed.output.content, subject.tools.get(placed.call.name))
        for placed in subject.calls
        if placed.output is not None and not placed.failed
    ]
    taken: set[str] = set()
    for at, first in enumerate(calls):
        for second in calls[at + 1 : at + 1 + _NEAR]:
            ids = {first.placed.call.id, second.placed.call.id}
            if ids & taken or not _swapped(first, second):
                continue
            taken |= ids
            yield Defect(
                f"The calls of {first.name} (turn {first.placed.turn.id}) and {second.name} "
                f"(turn {second.placed.turn.id}) have each other's results.",
                turn_id=_answering_turn(subject, first.placed),
                path=f"$.outputs[{first.placed.index}].content",
                evidence=canonical_json(first.content),
            )


@rule("rule.replay", repairable=False)
def replay(subject: Subject) -> Iterator[Defect]:
    """Calls that were run for real answer the same when the dialogue's calls are run again."""
    by_id = {placed.call.id: placed for placed in subject.calls}
    for difference in subject.facts.replayed:
        placed = by_id[difference.call_id]
        yield Defect(
            f"Run again, {placed.call.name} answers otherwise than the dialogue says"
            f"{', with an error' if difference.is_error else ''}.",
            turn_id=_answering_turn(subject, placed),
            path=f"$.outputs[{placed.index}].content",
            evidence=canonical_json(difference.answered),
        )
    if subject.facts.replay_fault:
        message = f"The calls could not be run again: {subject.facts.replay_fault}"
        yield Defect(message, evidence=subject.facts.replay_fault, severity="soft")


@dataclass(frozen=True)
class _Answered:
    """A call with its result, and what in both tells calls apart; looked at once, compared with several."""

    placed: PlacedCall
    content: JsonValue
    tool: Tool | None

    @property
    def name(self) -> str:
        return self.placed.call.name

    @cached_property
    def asked(self) -> set[str]:
        return _telling(self.placed.call.arguments)

    @cached_property
    def answered(self) -> set[str]:
        return _telling(self.content)

    @cached_property
    def own_share(self) -> float | None:
        return _share(self.tool, self.content)


def _swapped(first: _Answered, second: _Answered) -> bool:
    one, other = first.content, second.content
    if first.name == second.name:
        return one != other and _echoes_cross(first, second)
    # One of them has what only the other describes, and nobody has just what is their own.
    own = [share for share in (first.own_share, second.own_share) if share is not None]
    if not own or max(own) >= 1 or one == other:
        return False
    crossed = [share for share in (_share(first.tool, other), _share(second.tool, one)) if share is not None]
    return bool(crossed) and max(crossed) == 1 and sum(crossed) - sum(own) >= _CLEAR


def _share(tool: Tool | None, content: JsonValue) -> float | None:
    """Share of a result's fields that a tool describes; None where the tool describes none."""
    described = _fields(tool.result_json) if tool is not None and tool.result is not None else frozenset[str]()
    if not described or content == {}:
        return None
    return len(content.keys() & described) / len(content) if isinstance(content, dict) else 0.0


def _echoes_cross(first: _Answered, second: _Answered) -> bool:
    """Whether what only one call asked about comes back, under its name, in the other's result alone, both ways."""
    only_mine, only_theirs = first.asked - second.asked, second.asked - first.asked
    if not only_mine or not only_theirs:
        return False
    one, other = first.answered, second.answered
    own = only_mine & one or only_theirs & other
    return not own and bool(only_mine & other) and bool(only_theirs & one)


def _telling(value: JsonValue) -> set[str]:
    """Values that tell one thing from another, each with the name of its field: the same name says the same thing."""
    found: set[str] = set()
    pending: list[tuple[str, JsonValue]] = [("", value)]
    while pending:
        name, each = pending.pop()
        if isinstance(each, dict):
            pending += each.items()
        elif isinstance(each, list):
            pending += ((name, inner) for inner in each)
        elif isinstance(each, str):
            if len(each) >= _TELLING:
                found.add(f"{name}={each.casefold()}")
        elif each is not None and not isinstance(each, bool) and abs(each) >= 10:
            found.add(f"{name}={each:g}")
    return found


def _answering_turn(subject: Subject, placed: PlacedCall) -> str:
    """Id of the turn that holds a call's output; where the form is broken, that of the call."""
    after = subject.dialogue.turns[placed.turn_index + 1 : placed.turn_index + 2]
    return after[0].id if after and after[0].outputs else placed.turn.id


@lru_cache(maxsize=4096)
def _fields(schema: str) -> frozenset[str]:
    described: JsonObject = json.loads(schema)
    properties = described.get("properties")
    return frozenset(properties) if isinstance(properties, dict) else frozenset()
