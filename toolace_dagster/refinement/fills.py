"""From the reply of mask-and-fill to new turns.

Belongs here: what a masked turn takes along, building its new version. Does not
belong here: asking for fills (``reasonability``), whether they are good (``screen``).
"""

from __future__ import annotations

from collections.abc import Mapping

from toolace_dagster.entities import Dialogue, Replacement, ToolCall, Turn
from toolace_dagster.initialization.turns import tool_outputs
from toolace_dagster.refinement.replies import FillReply
from toolace_dagster.refinement.selection import is_real


def unit_of(dialogue: Dialogue, turn_id: str) -> tuple[Turn, ...]:
    """A masked turn, with the tool turn that answers it when it calls tools."""
    index = dialogue.position(turn_id)
    turn = dialogue.turns[index]
    return dialogue.turns[index : index + 2] if turn.is_call else (turn,)


def filled_turns(unit: tuple[Turn, ...], fill: FillReply, round_number: int) -> tuple[Turn, ...]:
    """Build the new version of a masked turn from its fill.

    Args:
        unit: The masked turn with what it takes along.
        fill: The fill.
        round_number: Refinement round, for the turns' origin.

    Raises:
        ValueError: If the fill does not fit: calls where text belongs, or another number of calls or outputs.
    """
    turn = unit[0]
    origin, *dependent = (
        each.origin.model_copy(update={"operation": "reasonability_refinement", "round": round_number}) for each in unit
    )
    content = fill.content.strip()
    if turn.is_call:
        calls = tuple(
            ToolCall(id=old.id, name=new.name, arguments=new.arguments)
            for old, new in zip(turn.tool_calls, fill.tool_calls, strict=True)
        )
        outputs = tool_outputs(fill.outputs, calls) if fill.outputs or not is_real(unit[1]) else unit[1].outputs
        call_turn = {"tool_calls": calls, "content": content or turn.content, "origin": origin}
        return _rebuilt(turn, call_turn), _rebuilt(unit[1], {"outputs": outputs, "origin": dependent[0]})
    if turn.role == "tool":
        calls = tuple(ToolCall(id=old.call_id, name=old.name, arguments={}) for old in turn.outputs)
        return (_rebuilt(turn, {"outputs": tool_outputs(fill.outputs, calls), "origin": origin}),)
    if fill.tool_calls:
        raise ValueError("a fill of a text turn calls tools")
    return (_rebuilt(turn, {"content": content, "origin": origin}),)


def differs(replacement: Replacement) -> bool:
    """Whether a fill says anything else than the turn did."""
    fields = ("content", "tool_calls", "outputs")
    return any(getattr(replacement.before, f) != getattr(replacement.after[0], f) for f in fields)


def _rebuilt(turn: Turn, update: Mapping[str, object]) -> Turn:
    """A copy with changes, validated; ``model_copy`` alone would skip the validators."""
    return Turn.model_validate({**{name: getattr(turn, name) for name in Turn.model_fields}, **update})
