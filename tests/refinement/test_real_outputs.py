"""Fills of calls that are run for real: outputs are what was answered, or the fill is given up."""

from __future__ import annotations

from typing import Any

from tests.builders import dialogue, drive, garage_turns
from toolace_dagster.entities import Dialogue, Replacement, Turn
from toolace_dagster.execution.protocol import Outcome, ToolRun
from toolace_dagster.refinement.real_outputs import with_real_outputs

EXECUTABLE = frozenset({"find_garage", "book_service", "rate_garage"})


def executed_dialogue() -> Dialogue:
    def real(turn: Turn) -> Turn:
        outputs = tuple(output.model_copy(update={"source": "executed"}) for output in turn.outputs)
        return turn.model_copy(update={"outputs": outputs})

    return dialogue(tuple(map(real, garage_turns())))


def filled(subject: Dialogue, turn_id: str, arguments: dict[str, Any]) -> list[Replacement]:
    """A fill of a call turn and its outputs, as a model writes them."""
    index = subject.position(turn_id)
    acting, answering = subject.turns[index : index + 2]
    call = acting.tool_calls[0].model_copy(update={"arguments": arguments})
    invented = answering.outputs[0].model_copy(update={"content": "made up", "source": "simulated"})
    return [
        Replacement(before=acting, after=(acting.model_copy(update={"tool_calls": (call,)}),)),
        Replacement(before=answering, after=(answering.model_copy(update={"outputs": (invented,)}),), dependent=True),
    ]


def answers(booked: Any, later: Any = None) -> Any:
    """Runs as recorded, but for the booking, and perhaps for what comes after a changed booking."""
    recorded = {o.name: o.content for turn in garage_turns() for o in turn.outputs}

    def run(tool_run: ToolRun) -> tuple[Outcome, ...]:
        changed = any(call.arguments.get("date") == "2026-07-15" for call in tool_run.calls)
        contents = dict(recorded)
        if changed:
            contents["book_service"] = booked
            contents["rate_garage"] = later if later is not None else contents["rate_garage"]
        return tuple(Outcome(content=contents[call.tool]) for call in tool_run.calls)

    return run


NEW = {"garage_id": "GR-771", "date": "2026-07-15"}


def test_a_changed_call_gets_its_real_output() -> None:
    subject = executed_dialogue()
    program = with_real_outputs(subject, filled(subject, "t03", NEW), EXECUTABLE)
    replacements, given_up = drive(program, lambda _: None, answers({"booking_id": "BK-2"}))
    assert given_up == []
    (output,) = replacements[1].after[0].outputs
    assert (output.content, output.source) == ({"booking_id": "BK-2"}, "executed")


def test_an_unchanged_call_keeps_its_output_without_a_run() -> None:
    subject = executed_dialogue()
    same = subject.turn("t03").tool_calls[0].arguments
    replacements, given_up = drive(with_real_outputs(subject, filled(subject, "t03", same), EXECUTABLE), lambda _: None)
    assert given_up == []
    assert replacements[1].after[0].outputs == subject.turn("t04").outputs


def test_a_fill_that_changes_a_later_output_is_given_up() -> None:
    subject = executed_dialogue()
    program = with_real_outputs(subject, filled(subject, "t03", NEW), EXECUTABLE)
    replacements, given_up = drive(program, lambda _: None, answers({"booking_id": "BK-2"}, later={"ok": False}))
    assert given_up == ["its calls, run for real, change the output of a later one"]
    assert [r.after[0] for r in replacements] == [r.before for r in replacements]


def test_a_tool_that_never_answers_the_same_is_no_reason_to_give_up() -> None:
    subject = executed_dialogue()
    ticks = iter(range(100))

    def run(tool_run: ToolRun) -> tuple[Outcome, ...]:
        outcomes = answers({"booking_id": "BK-2"})(tool_run)
        clock = Outcome(content={"ticks": next(ticks)})
        return tuple(clock if c.tool == "rate_garage" else o for c, o in zip(tool_run.calls, outcomes, strict=True))

    replacements, given_up = drive(
        with_real_outputs(subject, filled(subject, "t03", NEW), EXECUTABLE), lambda _: None, run
    )
    assert given_up == []
    assert replacements[1].after[0].outputs[0].content == {"booking_id": "BK-2"}


def test_a_tool_that_is_not_run_does_not_take_over_a_real_output() -> None:
    subject = executed_dialogue()
    fills = filled(subject, "t03", NEW)
    call = fills[0].after[0].tool_calls[0].model_copy(update={"name": "ask_a_person"})
    fills[0] = Replacement(
        before=fills[0].before, after=(fills[0].after[0].model_copy(update={"tool_calls": (call,)}),)
    )
    replacements, given_up = drive(with_real_outputs(subject, fills, EXECUTABLE), lambda _: None)
    assert given_up == ["it puts a tool that is not run in the place of one that was"]
    assert [r.after[0] for r in replacements] == [r.before for r in replacements]
