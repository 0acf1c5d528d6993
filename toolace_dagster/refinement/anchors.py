"""Where a complexity injection can go, and what exactly it is to do there.

The injection log keeps two injections apart: a turn that one wrote is never
masked by another (paper, stage 2).

Belongs here: choosing the masked turn and the details the prompt names. Does not
belong here: asking for the fill (``injection``).
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from toolace_dagster.entities import Dialogue, InjectionType, Tool, Turn, canonical_json

_FAILURES = ("invalid_argument", "service_error", "not_found")


@dataclass(frozen=True)
class Anchor:
    """A place for an injection.

    Attributes:
        turn: The turn to mask.
        instruction: What the prompt's ``<injection>`` says.
        withheld_tool: For tool awareness: the tool that arrives later.
    """

    turn: Turn
    instruction: dict[str, Any]
    withheld_tool: str | None = None


def find_anchor(
    dialogue: Dialogue, kind: InjectionType, tools: Mapping[str, Tool], rng: random.Random
) -> Anchor | None:
    """Choose a place for an injection of one kind.

    Args:
        dialogue: The dialogue as it is.
        kind: Kind of injection.
        tools: Tools by name.
        rng: Source of randomness.

    Returns:
        A place drawn from all eligible ones, or None when there is none.
    """
    touched = {turn_id for record in dialogue.injections for turn_id in record.turn_ids}
    finder = {
        InjectionType.CLARIFICATION: _clarification,
        InjectionType.TOOL_AWARENESS: _tool_awareness,
        InjectionType.ERROR_SIMULATION: _error_simulation,
        InjectionType.NON_FUNCTION_CALLING: _non_function_calling,
    }[kind]
    anchors = [
        anchor
        for index, turn in enumerate(dialogue.turns)
        if turn.id not in touched
        for anchor in finder(dialogue, index, tools, rng)
    ]
    return rng.choice(anchors) if anchors else None


def _clarification(dialogue: Dialogue, index: int, tools: Mapping[str, Tool], rng: random.Random) -> list[Anchor]:
    turn = dialogue.turns[index]
    if turn.role != "user":
        return []
    stated = _stated_arguments(dialogue, index, tools)
    if not stated:
        return []
    name = rng.choice(sorted(stated))
    return [Anchor(turn, {"type": "clarification", "withhold": [{"name": name, "value": stated[name]}]})]


def _stated_arguments(dialogue: Dialogue, index: int, tools: Mapping[str, Tool]) -> dict[str, JsonValue]:
    """Required text or number arguments of the calls this user turn leads to, whose value it alone states."""
    text = dialogue.turns[index].content.casefold()
    known = " ".join(_said(turn) for turn in dialogue.turns[:index]).casefold()
    stated: dict[str, JsonValue] = {}
    for turn in dialogue.turns[index + 1 :]:
        if turn.role == "user":
            break
        for call in turn.tool_calls:
            tool = tools.get(call.name)
            for name, value in call.arguments.items():
                required = tool is not None and name in tool.required
                if not required or isinstance(value, bool) or not isinstance(value, (str, int, float)):
                    continue
                words = str(value).casefold()
                # A value that the conversation gives away, such as a name in an e-mail address, can't be withheld.
                if len(words) > 1 and text.count(words) == 1 and words not in known and not _is_hinted(words, text):
                    stated[name] = value
    return stated


def _said(turn: Turn) -> str:
    outputs = " ".join(canonical_json(output.content) for output in turn.outputs)
    return f"{turn.content} {outputs}"


def _is_hinted(words: str, text: str) -> bool:
    """Whether a longer word of the value stands in the text a second time, alone or inside another word."""
    return any(text.count(word) > 1 for word in words.split() if len(word) >= 4)


def _tool_awareness(dialogue: Dialogue, index: int, tools: Mapping[str, Tool], rng: random.Random) -> list[Anchor]:
    turn = dialogue.turns[index]
    opens = index == 0 or dialogue.turns[index - 1].sub_task != turn.sub_task
    if turn.role != "user" or not opens:
        return []
    used_before = {call.name for earlier in dialogue.turns[:index] for call in earlier.tool_calls}
    served = [t for t in dialogue.turns[index:] if t.sub_task == turn.sub_task]
    fresh = dict.fromkeys(
        call.name
        for later in served
        for call in later.tool_calls
        if call.name in dialogue.initial_tools and call.name in tools and call.name not in used_before
    )
    # At least one tool stays on offer from the start.
    if not fresh or len(dialogue.initial_tools) < 2:
        return []
    name = rng.choice(list(fresh))
    return [Anchor(turn, {"type": "tool_awareness", "tool": name}, withheld_tool=name)]


def _error_simulation(dialogue: Dialogue, index: int, tools: Mapping[str, Tool], rng: random.Random) -> list[Anchor]:
    turn = dialogue.turns[index]
    if not turn.is_call or any(call.name not in tools for call in turn.tool_calls):
        return []
    return [Anchor(turn, {"type": "error_simulation", "failure": rng.choice(_FAILURES)})]


def _non_function_calling(
    dialogue: Dialogue, index: int, _tools: Mapping[str, Tool], _rng: random.Random
) -> list[Anchor]:
    turn = dialogue.turns[index]
    return [Anchor(turn, {"type": "non_function_calling"})] if turn.role == "user" else []
