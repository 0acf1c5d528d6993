"""The step that introduced a defect is named, whatever came before and after it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import TOOLS, call, dialogue, garage_turns, output, reply, spec, user
from toolace_dagster.entities import Dialogue, Edit, Finding, InjectionType, Replacement, Turn
from toolace_dagster.verification.cause_words import told
from toolace_dagster.verification.first_cause import FirstCause, Step, first_cause, replay
from toolace_dagster.verification.rules import RULES, Subject, run_rules


def edit(number: int, *new: Turn, before: Dialogue | None = None, **more: Any) -> tuple[str, Edit]:
    """An accepted mask-and-fill of round ``number``, which writes the given turns anew."""
    old = {turn.id: turn for turn in (before or dialogue()).turns}
    values: dict[str, Any] = {
        "id": f"garages/r{number}/0",
        "dialogue_id": "garages",
        "round": number,
        "sequence": 0,
        "operation": "reasonability_refinement",
        "replacements": tuple(Replacement(before=old[turn.id], after=(turn,)) for turn in new),
        "outcome": "accepted",
        "call_ids": (f"c-{number}",),
    }
    return f"refinement_round_{number:02d}", Edit(**(values | more))


def hard(now: Dialogue) -> list[Finding]:
    return [f for f in run_rules(Subject(now, spec(), TOOLS)) if f.severity == "hard"]


def cause(steps: list[Step], check: str, turn_id: str | None = None) -> FirstCause:
    finding = next(f for f in hard(steps[-1].dialogue) if f.check == check and turn_id in (None, f.turn_id))

    def again(now: Dialogue) -> list[Finding]:
        return run_rules(Subject(now, spec(), TOOLS), {check: RULES[check]})

    return told(first_cause(steps, finding, again), finding, steps, spec())


def booking(garage: str, date: str = "2026-07-14") -> Turn:
    return call("t03", "book_service", {"garage_id": garage, "date": date})


FINE = reply("t09", "Four stars it is.", 1)


def test_a_defect_of_the_skeleton_is_the_skeletons_whatever_was_edited_later() -> None:
    turns = tuple(booking("GR-999") if turn.id == "t03" else turn for turn in garage_turns())
    found = cause(replay(dialogue(turns), [edit(1, FINE), edit(2, FINE)]), "rule.grounding")
    assert (found.how, found.stage, found.round, found.edit_id) == ("initial", "skeletons", 0, None)
    assert found.sentence == "the identifier 'GR-999' in turn t03 was there from the start: the skeleton has it."


@pytest.mark.parametrize("number", [1, 2, 3])
def test_an_edit_that_wrote_the_defect_is_named_with_its_round(number: int) -> None:
    edits = [edit(n, booking("GR-999") if n == number else FINE) for n in (1, 2, 3)]
    found = cause(replay(dialogue(), edits), "rule.grounding")
    assert (found.how, found.round, found.changed, found.call_ids) == ("rewritten", number, ("t03",), (f"c-{number}",))
    assert found.replayed
    assert found.sentence == (
        f"the identifier 'GR-999' in turn t03 appeared in round {number}, when mask-and-fill rewrote that turn."
    )


def test_a_defect_that_was_mended_and_came_back_is_the_later_edits() -> None:
    turns = tuple(booking("GR-999") if turn.id == "t03" else turn for turn in garage_turns())
    edits = [edit(1, booking("GR-771")), edit(2, booking("GR-999"))]
    assert cause(replay(dialogue(turns), edits), "rule.grounding").round == 2


def test_an_edit_that_was_not_kept_is_never_the_cause() -> None:
    edits = [edit(1, booking("GR-999"), outcome="kept"), edit(2, booking("GR-999"))]
    assert cause(replay(dialogue(), edits), "rule.grounding").round == 2


def test_of_a_call_and_the_output_made_with_it_the_call_is_named_first() -> None:
    old = garage_turns()
    asked = call("t03", "book_servic", {"garage_id": "GR-771", "date": "2026-07-14"})
    refill = edit(
        2,
        replacements=(
            Replacement(before=old[9], after=(FINE,)),
            Replacement(before=old[3], after=(asked,)),
            Replacement(
                before=old[4],
                after=(old[4].model_copy(update={"content": "", "outputs": output("t04", old[3], {}).outputs}),),
                dependent=True,
            ),
        ),
    )
    found = cause(replay(dialogue(), [edit(1, FINE), refill]), "rule.call_ids", "t04")
    assert (found.how, found.round, found.changed) == ("rewritten", 2, ("t03", "t04"))
    assert found.sentence.endswith("so since round 2, when mask-and-fill rewrote turns t03, t04.")
    assert cause(replay(dialogue(), [edit(1, FINE), refill]), "rule.tool_known").changed == ("t03",)


def test_an_edit_of_another_turn_that_took_the_source_away_is_named() -> None:
    find = garage_turns()[1]
    emptied = output("t02", find, {"garages": [{"garage_id": "GR-100", "name": "Dok Noord"}]})
    found = cause(replay(dialogue(), [edit(1, FINE), edit(2, FINE, emptied)]), "rule.grounding", "t03")
    # Of the two turns of round 2 it is the one that did it.
    assert (found.how, found.round, found.changed) == ("exposed", 2, ("t02",))
    assert "lost its source in round 2, when mask-and-fill rewrote turn t02, which had held it." in found.sentence


def test_a_defect_is_followed_through_an_injection_that_splits_its_turn() -> None:
    wrong = booking("GR-999")
    turns = tuple(wrong if turn.id == "t03" else turn for turn in garage_turns())
    failing = call("t03", "book_service", {"garage_id": "GR-999"})
    error = output("t03.1", failing, "no date", is_error=True)
    corrected = wrong.model_copy(update={"id": "t03.2"})
    injected = edit(
        1,
        operation="complexity_injection",
        injection=InjectionType.ERROR_SIMULATION,
        replacements=(Replacement(before=wrong, after=(failing, error, corrected)),),
    )
    found = cause(replay(dialogue(turns), [injected]), "rule.grounding", "t03.2")
    assert (found.how, found.round) == ("initial", 0)


def test_a_tool_that_was_taken_from_the_offer_is_named() -> None:
    opening = garage_turns()[0]
    injected = edit(
        2,
        operation="complexity_injection",
        injection=InjectionType.TOOL_AWARENESS,
        withheld_tools=("rate_garage",),
        replacements=(
            Replacement(
                before=opening, after=(opening, reply("t00.1", "I can't."), user("t00.2", "Try what you can."))
            ),
        ),
    )
    found = cause(replay(dialogue(), [edit(1, FINE), injected]), "rule.tool_offered")
    assert (found.how, found.round) == ("exposed", 2)
    assert "when the tool awareness injection took rate_garage from the initial offer." in found.sentence


def test_a_value_that_only_the_task_knows_is_remarked_on() -> None:
    turns = (user("t00", "Find me a garage and book it for GR-5512."), *garage_turns()[1:])
    unsaid = tuple(booking("ORD-4410") if turn.id == "t03" else turn for turn in turns)
    task = spec()
    detail = task.sub_tasks[0].details[0].model_copy(update={"name": "order", "value": "ORD-4410"})
    sub_task = task.sub_tasks[0].model_copy(update={"details": (detail,)})
    task = task.model_copy(update={"sub_tasks": (sub_task, task.sub_tasks[1])})
    steps = replay(dialogue(unsaid), [])
    finding = next(f for f in hard(dialogue(unsaid)) if f.evidence == "ORD-4410")
    found = told(first_cause(steps, finding, None), finding, steps, task)
    assert "though the task gives it as order, no user turn of the skeleton says it" in found.sentence


def objection(turn_id: str | None, quote: str) -> Finding:
    return Finding(check="expert.reply_faithfulness", severity="hard", turn_id=turn_id, evidence=quote, message="No.")


def test_what_an_expert_quotes_is_followed_to_the_edit_that_wrote_it() -> None:
    edits = [
        edit(1, reply("t05", "Dok Noord takes your van at noon; the booking is BK-30918.")),
        edit(2, reply("t05", "It is booked, and Dok Noord takes your van at NOON.")),
    ]
    steps = replay(dialogue(), edits)
    found = first_cause(steps, objection("t05", "“takes your van at noon”"))
    assert (found.how, found.round, found.replayed) == ("rewritten", 1, False)
    assert first_cause(steps, objection("t05", "it is booked")).round == 2
    # A number is no part of a longer one.
    assert first_cause(steps, objection("t06", "4")).how == "initial"
    assert first_cause(steps, objection("t05", "")).round == 2
    assert first_cause(steps, objection(None, "")).how == "judged"


def test_a_rule_that_finds_nothing_any_more_falls_back_on_the_turn() -> None:
    steps = replay(dialogue(), [edit(1, FINE), edit(2, booking("GR-771", "2026-07-15"))])
    gone = Finding(check="rule.grounding", severity="hard", turn_id="t03", message="Gone.")
    found = first_cause(steps, gone, lambda _: [])
    assert (found.round, found.replayed) == (2, False)
