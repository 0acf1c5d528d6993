"""Rules on what tools answered.

Belongs here: results against their described schema, results of two calls that
were swapped, calls run again. Does not belong here: the calls themselves (``calls``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache

from pydantic import JsonValue

from toolace_dagster.entities import JsonObject, Tool, canonical_json
from toolace_dagster.tool_pool.arguments import validator
from toolace_dagster.verification.rules.registry import Defect, PlacedCall, Subject, rule

_NEAR = 6
"""Calls up to so many places apart are looked at for swapped results."""
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
    calls = [placed for placed in subject.calls if placed.output is not None and not placed.failed]
    taken: set[str] = set()
    for at, first in enumerate(calls):
        for second in calls[at + 1 : at + 1 + _NEAR]:
            if {first.call.id, second.call.id} & taken:
                continue
            if _swapped(first, second, subject):
                taken |= {first.call.id, second.call.id}
                assert first.output is not None
                yield Defect(
                    f"The calls of {first.call.name} (turn {first.turn.id}) and {second.call.name} "
                    f"(turn {second.turn.id}) have each other's results.",
                    turn_id=_answering_turn(subject, first),
                    path=f"$.outputs[{first.index}].content",
                    evidence=canonical_json(first.output.content),
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


def _swapped(first: PlacedCall, second: PlacedCall, subject: Subject) -> bool:
    assert first.output is not None
    assert second.output is not None
    one, other = first.output.content, second.output.content
    if one == other:
        return False
    tools = subject.tools.get(first.call.name), subject.tools.get(second.call.name)
    if first.call.name != second.call.name:
        own = _kinship(tools[0], one), _kinship(tools[1], other)
        crossed = _kinship(tools[0], other), _kinship(tools[1], one)
        if None not in (*own, *crossed):
            # Both have to be sure: a field in common, or one left out, says nothing.
            return own == (0.0, 0.0) and crossed == (1.0, 1.0)
    return _echoes_cross(first, second)


def _kinship(tool: Tool | None, content: JsonValue) -> float | None:
    """Share of a result's fields that its tool describes; None where that says nothing."""
    described = _fields(tool.result_json) if tool is not None and tool.result is not None else frozenset[str]()
    if not described:
        return None
    if not isinstance(content, dict):
        return 0.0
    return len(content.keys() & described) / len(content) if content else None


def _echoes_cross(first: PlacedCall, second: PlacedCall) -> bool:
    """Whether what only one call asked about comes back in the other's result alone, both ways."""
    assert first.output is not None
    assert second.output is not None
    mine, theirs = _telling(first.call.arguments), _telling(second.call.arguments)
    only_mine, only_theirs = mine - theirs, theirs - mine
    if not only_mine or not only_theirs:
        return False
    one, other = _telling(first.output.content), _telling(second.output.content)
    own = only_mine & one or only_theirs & other
    return not own and bool(only_mine & other) and bool(only_theirs & one)


def _telling(value: JsonValue) -> set[str]:
    found: set[str] = set()
    pending: list[JsonValue] = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, dict):
            pending += each.values()
        elif isinstance(each, list):
            pending += each
        elif isinstance(each, str):
            if len(each) >= _TELLING:
                found.add(each.casefold())
        elif each is not None and not isinstance(each, bool) and abs(each) >= 10:
            found.add(f"{each:g}")
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
