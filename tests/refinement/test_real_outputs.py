"""Fills of calls that are run for real: outputs are what was answered, or the fill is given up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.builders import dialogue, drive, garage_turns
from toolace_dagster.entities import Dialogue, Replacement, Turn
from toolace_dagster.execution.protocol import Outcome, ToolRun
from toolace_dagster.llm.protocol import ModelRequest, Purpose, Sampling
from toolace_dagster.prompts import render
from toolace_dagster.prompts.views import dialogue_view
from toolace_dagster.refinement.in_step import told
from toolace_dagster.refinement.real_outputs import RealFills, with_real_outputs
from toolace_dagster.refinement.replies import MaskFillReply

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

    def outcomes(tool_run: ToolRun) -> tuple[Outcome, ...]:
        changed = any(call.arguments.get("date") == "2026-07-15" for call in tool_run.calls)
        contents = dict(recorded)
        if changed:
            contents["book_service"] = booked
            contents["rate_garage"] = later if later is not None else contents["rate_garage"]
        return tuple(Outcome(content=contents[call.tool]) for call in tool_run.calls)

    return outcomes


NEW = {"garage_id": "GR-771", "date": "2026-07-15"}


def run(subject: Dialogue, fills: list[Replacement], outcomes: Any = None, told: Any = None) -> RealFills:
    """The fills with real outputs; ``told`` writes turns anew: texts by turn id."""

    def rewrite(
        now: Dialogue, stale: tuple[str, ...], check: Callable[[MaskFillReply], str | None]
    ) -> ModelRequest[MaskFillReply]:
        return ModelRequest(
            messages=render("mask_fill", tools=[], task={}, dialogue=dialogue_view(now.turns), masked=list(stale)),
            reply_type=MaskFillReply,
            sampling=Sampling(),
            purpose=Purpose(
                stage="refinement_round_01",
                task="mask_fill",
                role="refiner",
                domain=now.domain,
                dialogue_id=now.id,
                turn_ids=stale,
            ),
            check=check,
        )

    def answer(request: ModelRequest[Any]) -> dict[str, Any]:
        assert told is not None, "no turn was to be written anew"
        return {"fills": [{"turn": turn, "content": told[turn]} for turn in request.purpose.turn_ids]}

    return drive(with_real_outputs(subject, fills, EXECUTABLE, rewrite, 2), answer, outcomes)


def after(result: RealFills) -> dict[str, Turn]:
    return {each.before.id: each.after[0] for each in result.replacements if each.after[0] != each.before}


def test_a_changed_call_gets_its_real_output_and_the_reply_follows() -> None:
    subject = executed_dialogue()
    result = run(
        subject,
        filled(subject, "t03", NEW),
        answers({"booking_id": "BK-2", "time": "09:30"}),
        {"t05": "Dok Noord takes your van on 15 July at 09:30; the booking is BK-2."},
    )
    assert result.given_up == []
    changed = after(result)
    assert list(changed) == ["t03", "t04", "t05"]
    (output,) = changed["t04"].outputs
    assert (output.content, output.source) == ({"booking_id": "BK-2", "time": "09:30"}, "executed")
    assert "BK-2" in changed["t05"].content
    assert changed["t05"].origin.round == 2
    assert [each.before.id for each in result.replacements if each.dependent] == ["t04", "t05"]
    assert len(result.call_ids) == 1


def test_an_unchanged_call_keeps_its_output_without_a_run() -> None:
    subject = executed_dialogue()
    same = subject.turn("t03").tool_calls[0].arguments
    result = run(subject, filled(subject, "t03", same))
    assert result.given_up == []
    assert after(result) == {}


def test_a_changed_call_that_is_answered_alike_needs_nothing_more() -> None:
    subject = executed_dialogue()
    recorded = subject.turn("t04").outputs[0].content
    result = run(subject, filled(subject, "t03", NEW), answers(recorded))
    assert list(after(result)) == ["t03"]
    assert result.call_ids == ()


def test_later_calls_take_the_identifiers_of_the_new_answer() -> None:
    subject = executed_dialogue()

    def world(tool_run: ToolRun) -> tuple[Outcome, ...]:
        found = "GR-802" if tool_run.calls[0].arguments["city"] == "Bruges" else "GR-771"
        contents: list[Any] = [{"garages": [{"garage_id": found, "name": "Dok Noord"}]}]
        for call in tool_run.calls[1:]:
            known = call.arguments["garage_id"] == found
            contents.append(
                None if not known else {"ok": True} if "stars" in call.arguments else {"booking_id": "BK-9"}
            )
        return tuple(Outcome(content=c or {"error": "no such garage"}, is_error=c is None) for c in contents)

    result = run(
        subject,
        filled(subject, "t01", {"city": "Bruges"}),
        world,
        {"t05": "Dok Noord in Bruges takes your van; the booking is BK-9."},
    )
    assert result.given_up == []
    changed = after(result)
    assert changed["t03"].tool_calls[0].arguments["garage_id"] == "GR-802"
    assert changed["t07"].tool_calls[0].arguments["garage_id"] == "GR-802"
    assert list(changed) == ["t01", "t02", "t03", "t04", "t05", "t07"]


def test_a_reply_that_still_tells_the_old_answer_costs_the_fill() -> None:
    subject = executed_dialogue()
    result = run(
        subject,
        filled(subject, "t03", NEW),
        answers({"booking_id": "BK-2", "time": "09:30"}),
        {"t05": "Dok Noord takes your van at 09:30; the booking is BK-30918."},
    )
    assert after(result) == {}
    assert "BK-30918" in result.given_up[0]
    assert len(result.call_ids) == 1


def test_a_fill_whose_call_fails_is_given_up_and_the_others_stay() -> None:
    subject = executed_dialogue()
    fills = filled(subject, "t03", NEW)
    kind = subject.turn("t09").model_copy(update={"content": "Done: 4 stars for them."})
    fills.append(Replacement(before=subject.turn("t09"), after=(kind,)))

    def refused(tool_run: ToolRun) -> tuple[Outcome, ...]:
        outcomes = answers(None)(tool_run)
        return tuple(
            Outcome(content={"error": "closed"}, is_error=True) if call.arguments == NEW else outcome
            for call, outcome in zip(tool_run.calls, outcomes, strict=True)
        )

    result = run(subject, fills, refused)
    assert result.given_up == ["its call, run for real, fails"]
    assert list(after(result)) == ["t09"]


def test_a_fill_that_makes_a_later_call_fail_is_given_up() -> None:
    subject = executed_dialogue()

    def refused(tool_run: ToolRun) -> tuple[Outcome, ...]:
        *outcomes, last = answers({"booking_id": "BK-2"})(tool_run)
        if tool_run.calls[1].arguments != NEW:
            return (*outcomes, last)
        return (*outcomes, Outcome(content={"error": "not yet visited"}, is_error=True))

    result = run(subject, filled(subject, "t03", NEW), refused)
    assert result.given_up == ["its calls, run for real, make a later one fail"]
    assert after(result) == {}


def test_a_fill_that_takes_away_what_a_later_output_holds_is_given_up() -> None:
    subject = executed_dialogue()
    turns = list(subject.turns)
    told = turns[8].outputs[0].model_copy(update={"content": {"visit": "BK-30918"}, "source": "simulated"})
    other = turns[7].tool_calls[0].model_copy(update={"name": "ask_a_person"})
    turns[7] = turns[7].model_copy(update={"tool_calls": (other,)})
    turns[8] = turns[8].model_copy(update={"outputs": (told.model_copy(update={"name": "ask_a_person"}),)})
    subject = subject.model_copy(update={"turns": tuple(turns)})
    result = run(subject, filled(subject, "t03", NEW), answers({"booking_id": "BK-2"}))
    assert result.given_up == ["its calls, run for real, take away what turn t08 relies on"]
    assert after(result) == {}


def test_a_tool_that_never_answers_the_same_is_no_reason_to_give_up() -> None:
    subject = executed_dialogue()
    ticks = iter(range(100))

    def ticking(tool_run: ToolRun) -> tuple[Outcome, ...]:
        outcomes = answers({"booking_id": "BK-2"})(tool_run)
        clock = Outcome(content={"ticks": next(ticks)})
        return tuple(clock if c.tool == "rate_garage" else o for c, o in zip(tool_run.calls, outcomes, strict=True))

    result = run(subject, filled(subject, "t03", NEW), ticking, {"t05": "The booking is BK-2."})
    assert result.given_up == []
    assert list(after(result)) == ["t03", "t04", "t05"]


def test_a_tool_that_is_not_run_does_not_take_over_a_real_output() -> None:
    subject = executed_dialogue()
    fills = filled(subject, "t03", NEW)
    call = fills[0].after[0].tool_calls[0].model_copy(update={"name": "ask_a_person"})
    fills[0] = Replacement(
        before=fills[0].before, after=(fills[0].after[0].model_copy(update={"tool_calls": (call,)}),)
    )
    result = run(subject, fills)
    assert result.given_up == ["it puts a tool that is not run in the place of one that was"]
    assert after(result) == {}


@given(old=st.sampled_from(["GR-771", "Dok Noord", "2026-07-14", "1500", "12.75"]), word=st.text("ab -.", max_size=3))
def test_a_value_is_told_only_as_a_whole_word(old: str, word: str) -> None:
    assert told({old}, f"It is {old}.") == [old]
    assert told({old}, f"({old}), {word}") == [old]
    assert told({old}, f"a{old}9 {word}") == []
