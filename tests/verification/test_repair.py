"""Repair and prefixes: faults in a few turns are mended once, and good beginnings kept where a setting asks for it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import TOOLS, call, dialogue, drive, garage_turns, reply, spec
from toolace_dagster.entities import Turn, Verdict, apply_edit
from toolace_dagster.settings import Settings
from toolace_dagster.verification.experts import QUESTIONS
from toolace_dagster.verification.verdict import verdict_program

RIGHT = {"name": "book_service", "arguments": {"garage_id": "GR-771", "date": "2026-07-14"}}
WRONG = call("t03", "book_service", {"garage_id": "GR-771"})
BOOKED = {"name": "book_service", "content": {"booking_id": "BK-30918", "time": "09:30"}}


def swapped(*turns: Turn) -> tuple[Turn, ...]:
    by_id = {turn.id: turn for turn in turns}
    return tuple(by_id.get(old.id, old) for old in garage_turns())


def verified(
    turns: tuple[Turn, ...], *fills: dict[str, Any] | None, objection: str = "", **settings: Any
) -> tuple[Verdict, list[str]]:
    """The verdict, with each repair answered by the next of ``fills``, and the tasks that were asked."""
    asked: list[str] = []
    waiting = list(fills)

    def answer(request: Any) -> dict[str, Any] | None:
        asked.append(request.purpose.task)
        if request.purpose.task == "mask_fill":
            assert request.purpose.stage == "verification"
            return waiting.pop(0)
        names = [name for name in QUESTIONS if f'"{name}"' in request.messages[1].content]
        objects = objection if "4 stars, thanks" not in request.messages[1].content else ""
        return {
            "answers": [
                {"question": name, "reason": "seen", "passes": name != objects, "turn": "t09", "quote": "4 stars"}
                for name in names
            ]
        }

    verdict = drive(verdict_program(dialogue(turns), spec(), TOOLS, Settings(questions_per_call=4, **settings)), answer)
    return verdict, asked


def test_a_fault_of_a_rule_is_mended_in_its_turn_and_verified_again():
    fill = {"fills": [{"turn": "t03", "tool_calls": [RIGHT], "outputs": [BOOKED]}]}
    verdict, asked = verified(swapped(WRONG), fill)
    assert asked == ["mask_fill", "expert", "expert"]
    assert verdict.terminal.state == "accepted"
    (edit,) = verdict.edits
    assert (edit.operation, edit.outcome, edit.round) == ("repair", "accepted", Settings().rounds + 1)
    assert verdict.dialogue is not None
    assert verdict.dialogue == apply_edit(dialogue(swapped(WRONG)), edit)
    assert verdict.dialogue.turn("t03").tool_calls[0].arguments == RIGHT["arguments"]
    assert verdict.dialogue.turn("t03").origin.operation == "repair"
    assert verdict.dialogue.turn("t00") == garage_turns()[0]
    mended = [finding for finding in verdict.findings if finding.check == "rule.arguments_schema"]
    assert [(finding.severity, edit.id in finding.message) for finding in mended] == [("soft", True)]


def test_an_experts_objection_is_mended_too_and_its_reason_is_told():
    fill = {"fills": [{"turn": "t09", "content": "I rated them 4 stars, thanks."}]}
    verdict, asked = verified(garage_turns(), fill, objection="coherence")
    assert asked == ["expert", "expert", "mask_fill", "expert", "expert"]
    assert verdict.terminal.state == "accepted"
    assert verdict.edits[0].reason == "seen"


@pytest.mark.parametrize(
    "fill",
    [
        {"fills": [{"turn": "t03", "tool_calls": [{**RIGHT, "arguments": {}}], "outputs": [BOOKED]}]},
        {"fills": [{"turn": "t03", "content": "I would rather talk."}]},
        None,
    ],
)
def test_a_repair_that_does_not_help_leaves_the_first_verdict(fill: dict[str, Any] | None):
    verdict, _ = verified(swapped(WRONG), fill)
    assert (verdict.terminal.state, verdict.terminal.check) == ("rejected", "rule.arguments_schema")
    assert verdict.dialogue is None
    assert all(edit.outcome in ("kept", "discarded") for edit in verdict.edits)
    assert verdict.turn_outcomes["t03"] == "fault"
    assert verdict.turn_outcomes["t00"] == "clean"


WORSE = {"fills": [{"turn": "t03", "tool_calls": [{**RIGHT, "arguments": {}}], "outputs": [BOOKED]}]}
BETTER = {"fills": [{"turn": "t03", "tool_calls": [RIGHT], "outputs": [BOOKED]}]}


def test_repairs_go_on_from_one_another_as_often_as_is_set():
    verdict, asked = verified(swapped(WRONG), WORSE, BETTER, repairs=2)
    assert asked == ["mask_fill", "mask_fill", "expert", "expert"]
    assert verdict.terminal.state == "accepted"
    first, second = verdict.edits
    assert [edit.outcome for edit in verdict.edits] == ["accepted", "accepted"]
    assert first.id != second.id
    assert first.reason.startswith("verified again: rule.arguments_schema")
    assert verdict.dialogue == apply_edit(apply_edit(dialogue(swapped(WRONG)), first), second)
    assert verdict.dialogue is not None
    assert verdict.dialogue.turn("t03").tool_calls[0].arguments == RIGHT["arguments"]
    given_up, asked = verified(swapped(WRONG), WORSE, BETTER, repairs=1)
    assert (given_up.terminal.state, asked) == ("rejected", ["mask_fill"])
    failing, _ = verified(swapped(WRONG), WORSE, WORSE, repairs=2)
    assert failing.terminal.state == "rejected"
    assert failing.dialogue is None
    assert {edit.outcome for edit in failing.edits} <= {"kept", "discarded"}


def test_what_lies_in_no_turn_or_in_too_many_is_not_sent_back():
    assert verified(garage_turns()[:6])[1] == []
    many = [
        reply(turn.id, "Your code is QX-90210.", turn.sub_task) for turn in garage_turns() if turn.id in ("t05", "t09")
    ]
    assert verified(swapped(WRONG, call("t01", "find_garage", {}), *many))[1] == []
    assert verified(swapped(WRONG), repair=False)[1] == []


def test_the_sub_tasks_before_a_fault_are_kept_where_a_setting_asks_for_it():
    bad = swapped(call("t07", "rate_garage", {"garage_id": "GR-771", "stars": "many"}, 1))
    assert verified(bad, repair=False)[0].terminal.state == "rejected"
    verdict, asked = verified(bad, repair=False, keep_prefix=True)
    assert asked == ["expert", "expert"]
    assert verdict.terminal.state == "accepted"
    assert verdict.dialogue is not None
    assert verdict.dialogue.turns == garage_turns()[:6]
    assert {finding.severity for finding in verdict.findings} == {"soft"}


def test_no_prefix_is_kept_that_is_at_fault_itself():
    verdict, asked = verified(swapped(WRONG), repair=False, keep_prefix=True)
    assert (verdict.terminal.state, asked) == ("rejected", [])
