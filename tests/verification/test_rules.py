"""Rules, each caught by a planted defect, and none on a sound dialogue."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import TOOLS, call, dialogue, garage_turns, output, reply, spec, user
from toolace_dagster.entities import InjectionRecord, InjectionType, ToolOutput, Turn
from toolace_dagster.entities.dialogue import OutputSource
from toolace_dagster.verification.rules import RULES, Subject, run_rules
from toolace_dagster.verification.rules.normalise import looks_like_identifier, normal


def found(turns: tuple[Turn, ...], severity: str = "hard", **more: Any) -> set[tuple[str, str | None]]:
    subject = Subject(dialogue(turns, **more), spec(), TOOLS)
    return {(f.check, f.turn_id) for f in run_rules(subject) if f.severity == severity}


def swapped(turn: Turn) -> tuple[Turn, ...]:
    return tuple(turn if old.id == turn.id else old for old in garage_turns())


def test_a_sound_dialogue_passes_every_rule():
    assert run_rules(Subject(dialogue(), spec(), TOOLS)) == []


@pytest.mark.parametrize(
    ("turn", "check"),
    [
        (call("t03", "book_service", {"garage_id": "GR-771"}), "rule.arguments_schema"),
        (call("t03", "book_service", {"garage_id": "GR-771", "date": 14}), "rule.arguments_schema"),
        (call("t03", "book_service", {"garage_id": "GR-771", "date": "soon"}), "rule.arguments_schema"),
        (call("t03", "book_service", {"garage_id": "GR-771", "date": "2026-07-14", "x": 1}), "rule.arguments_schema"),
        (call("t03", "book_service", {"garage_id": "GR-999", "date": "2026-07-14"}), "rule.grounding"),
        (call("t03", "book_service", {"garage_id": "nearest", "date": "2026-07-14"}), "rule.grounding"),
        (call("t03", "order_pizza", {"size": "large"}), "rule.tool_known"),
    ],
)
def test_a_planted_fault_in_a_call_is_caught_at_its_turn(turn: Turn, check: str):
    assert (check, "t03") in found(swapped(turn))


@pytest.mark.parametrize(
    ("content", "spared"),
    [({"error": "date is required"}, True), ({"detail": "date is required"}, True), ({"slots": []}, False), (7, False)],
)
def test_a_call_that_is_not_valid_is_spared_where_its_output_reads_as_an_error(content: Any, spared: bool):
    wrong = call("t03", "book_service", {"garage_id": "GR-771"})
    turns = tuple(output("t04", wrong, content, is_error=True) if t.id == "t04" else t for t in swapped(wrong))
    assert (("rule.arguments_schema", "t03") not in found(turns)) is spared


def test_what_a_real_tool_calls_an_error_is_believed_in_any_language():
    wrong = call("t03", "book_service", {"garage_id": "GR-771"})
    said = output("t04", wrong, "La date manque.", is_error=True)
    for source, spared in (("simulated", False), ("executed", True)):
        outputs = tuple(each.model_copy(update={"source": source}) for each in said.outputs)
        turns = tuple(t.model_copy(update={"outputs": outputs}) if t.id == "t04" else t for t in swapped(wrong))
        assert (("rule.arguments_schema", "t03") not in found(turns)) is spared


def test_a_tool_that_is_offered_later_is_caught():
    assert ("rule.tool_offered", "t03") in found(garage_turns(), initial_tools=("find_garage", "rate_garage"))


def test_a_reply_with_an_invented_identifier_is_caught():
    assert ("rule.reply_faithfulness", "t05") in found(swapped(reply("t05", "Your booking is BK-55555.")))


def test_a_reply_with_another_number_is_remarked_on():
    assert ("rule.reply_faithfulness", "t05") in found(swapped(reply("t05", "That costs 480 in all.")), "soft")


def test_a_sub_task_that_is_left_out_is_caught():
    assert ("rule.plan_coverage", None) in found(garage_turns()[:6])


def test_a_planned_tool_that_is_never_called_is_caught():
    turns = tuple(turn for turn in garage_turns() if turn.id not in ("t03", "t04"))
    assert ("rule.plan_coverage", "t00") in found(turns)


def refused(turn: Turn, answer: Turn, source: OutputSource) -> tuple[Turn, ...]:
    """The garage dialogue with a booking that fails."""
    outputs = (answer.outputs[0].model_copy(update={"content": "refused", "is_error": True, "source": source}),)
    failed = answer.model_copy(update={"outputs": outputs})
    return tuple({"t03": turn, "t04": failed}.get(old.id, old) for old in garage_turns())


@pytest.mark.parametrize(("source", "severity"), [("executed", "hard"), ("simulated", "hard"), ("injected", "soft")])
def test_an_invented_identifier_is_excused_only_in_an_error_simulated_on_purpose(
    source: OutputSource, severity: str
) -> None:
    made_up = call("t03", "book_service", {"garage_id": "GR-999", "date": "2026-07-14"})
    assert ("rule.grounding", "t03") in found(refused(made_up, output("t04", made_up, ""), source), severity)


def test_a_planned_tool_is_let_off_after_a_real_refusal_or_an_empty_result() -> None:
    start = garage_turns()[:2]
    cases: list[tuple[Any, bool, OutputSource, str]] = [
        ({"error": "no such city"}, True, "executed", "soft"),
        ({"garages": []}, False, "executed", "soft"),
        ({"garages": ["GR-771"]}, False, "executed", "hard"),
        ({"garages": []}, False, "simulated", "hard"),
    ]
    for content, is_error, source, severity in cases:
        outputs = ToolOutput(call_id="call_t01", name="find_garage", content=content, is_error=is_error, source=source)
        answer = output("t02", start[1], "").model_copy(update={"outputs": (outputs,)})
        turns = (*start, answer, reply("t05", "I found no garage there."), *garage_turns()[6:])
        assert ("rule.plan_coverage", "t00") in found(turns, severity)


def test_a_call_that_fails_may_be_invalid_since_that_is_its_story():
    wrong = call("t01", "find_garage", {"town": "Ghent"})
    turns = (
        garage_turns()[0],
        wrong,
        output("t01a", wrong, "missing city", is_error=True),
        call("t01b", "find_garage", {"city": "Ghent"}),
        *garage_turns()[2:],
    )
    right = turns[3]
    answered = output("t02", right, {"garages": [{"garage_id": "GR-771", "name": "Dok Noord"}]})
    assert found((*turns[:4], answered, *turns[5:])) == set()


def test_an_injected_error_that_is_no_error_any_more_is_caught():
    record = InjectionRecord(type=InjectionType.ERROR_SIMULATION, round=1, anchor="t01", turn_ids=("t01", "t02", "t03"))
    assert ("rule.injection_intact", "t02") in found(garage_turns(), injections=(record,))


def test_dates_people_say_and_values_of_the_schema_are_grounded():
    turns = (
        user("t00", "A garage in ghent for July 14th, 2026, at most 5."),
        call("t01", "find_garage", {"city": "Ghent", "limit": 5}),
        *garage_turns()[2:],
    )
    assert found(turns) == found(turns, "soft") == set()


def test_a_value_nobody_said_that_is_no_identifier_is_left_to_an_expert():
    turns = swapped(call("t01", "find_garage", {"city": "Bruges"}))
    assert ("rule.grounding", "t01") in found(turns, "soft")
    assert not any(check == "rule.grounding" for check, _ in found(turns))


def test_a_user_who_names_a_tool_is_remarked_on():
    assert ("rule.tool_name_leak", "t06") in found(swapped(user("t06", "Call rate_garage, 4 stars.", 1)), "soft")


def test_every_rule_says_what_it_is():
    assert len(RULES) >= 9
    assert all(rule.summary.endswith(".") and rule.id.startswith("rule.") for rule in RULES.values())


@pytest.mark.parametrize(
    "value",
    ["GR-771", "BK-30918", "LN_20418", "a81bc81b-dead", "REF7Q2", "PN-CZ34", "TX-n60ttj", "AF-6314-208", "order-30918"],
)
def test_identifiers_are_recognised(value: str):
    assert looks_like_identifier(value)


@pytest.mark.parametrize(
    "value",
    [
        "2026-07-14",
        "09:30",
        "480",
        "Ghent",
        "large_print",
        "3 stars",
        "60-minute",
        "18th-century",
        "COVID-19",
        "mid-2026",
        "10am-5pm",
        "100km",
        "1900s",
        "1080p",
        "a@b9.org",
        4,
        "x.org/12ab",
    ],
)
def test_other_values_are_not_taken_for_identifiers(value: Any):
    assert not looks_like_identifier(value)


@given(st.text())
def test_normal_form_is_stable(text: str):
    assert normal(normal(text)) == normal(text)
