"""Experts and the verdict."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.builders import TOOLS, call, dialogue, drive, garage_turns, output, spec, tool
from toolace_dagster.entities import ExpertAnswer, InjectionRecord, InjectionType
from toolace_dagster.prompts.render import prompt_text
from toolace_dagster.settings import Settings
from toolace_dagster.verification.checks import Checks
from toolace_dagster.verification.experts import QUESTIONS, UnknownQuestion, experts_program
from toolace_dagster.verification.verdict import decide, verdict_program


def answers(request: Any, objection: str = "") -> dict[str, Any]:
    asked = [name for name in QUESTIONS if f'"{name}"' in request.messages[1].content]
    return {
        "answers": [
            {"question": name, "reason": "seen", "passes": name != objection, "turn": "t03", "quote": "GR-771"}
            for name in asked
        ]
    }


def judge(objection: str = "", **settings: Any) -> Any:
    return drive(
        verdict_program(dialogue(), spec(), TOOLS, Settings(repair=False, **settings)),
        lambda request: answers(request, objection),
    )


def test_a_dialogue_that_every_rule_and_expert_passes_is_accepted():
    verdict = judge()
    assert verdict.terminal.state == "accepted"
    assert [answer.question for answer in verdict.answers] == list(QUESTIONS)


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("per_call", [1, 3, 9])
def test_each_objection_rejects_and_is_named(question: str, per_call: int):
    verdict = judge(question, questions_per_call=per_call)
    assert verdict.terminal.state == "rejected"
    assert verdict.terminal.check == f"expert.{question}"
    assert (verdict.terminal.turn_id, verdict.terminal.evidence) == ("t03", "GR-771")


def test_an_unanswered_question_does_not_pass():
    verdict = drive(
        verdict_program(dialogue(), spec(), TOOLS, Settings(questions_per_call=9, repair=False)),
        lambda _: {"answers": [{"question": "tool_choice", "reason": "fine", "passes": True}]},
    )
    assert verdict.terminal.state == "rejected"
    assert "unanswered" in verdict.terminal.reason


def test_experts_are_not_asked_when_a_hard_rule_rejects():
    bad = call("t03", "book_service", {"garage_id": "GR-999", "date": "2026-07-14"})
    turns = tuple(bad if turn.id == "t03" else turn for turn in garage_turns())
    verdict = drive(
        verdict_program(dialogue(turns), spec(), TOOLS, Settings(repair=False)),
        lambda _: pytest.fail("an expert was asked"),
    )
    assert (verdict.terminal.state, verdict.terminal.check) == ("rejected", "rule.grounding")
    assert verdict.terminal.evidence == "GR-999"
    assert verdict.answers == ()


def judged(passing: dict[str, bool], **settings: Any) -> Any:
    """A verdict over answers given by question."""
    given = [
        ExpertAnswer(question=name, passes=passing.get(name, True), reason="seen", call_id="c-0") for name in QUESTIONS
    ]
    return decide("d", [], given, Settings(**settings))


def test_the_weight_that_passes_has_to_reach_the_threshold():
    objecting = {"user_realism": False, "coherence": False}
    assert judged(objecting).terminal.state == "rejected"
    assert judged(objecting, expert_threshold=0.75).terminal.state == "accepted"
    assert judged(objecting, expert_threshold=0.76).terminal.state == "rejected"
    heavy = judged(objecting, expert_threshold=0.75, expert_weights={"coherence": 3})
    assert heavy.terminal.state == "rejected"
    light = judged(objecting, expert_weights={"coherence": 0, "user_realism": 0})
    assert light.terminal.state == "accepted"
    assert {(finding.check, finding.severity) for finding in light.findings} == {
        ("expert.user_realism", "soft"),
        ("expert.coherence", "soft"),
    }


def test_a_weight_for_no_question_is_refused():
    with pytest.raises(UnknownQuestion, match=r"coherance.*coherence"):
        Checks.of(Settings(expert_weights={"coherance": 2}))


@pytest.mark.parametrize(("objecting", "state"), [(0, "accepted"), (1, "accepted"), (2, "rejected"), (3, "rejected")])
def test_of_several_judges_the_majority_decides(objecting: int, state: str):
    asked: list[Any] = []

    def reply(request: Any) -> dict[str, Any]:
        asked.append(request)
        return answers(request, "coherence" if len(asked) <= objecting else "")

    settings = Settings(repair=False, questions_per_call=8, expert_votes=3, expert_roles=("expert", "judge"))
    verdict = drive(verdict_program(dialogue(), spec(), TOOLS, settings), reply)
    assert verdict.terminal.state == state
    assert [request.purpose.role for request in asked] == ["expert", "judge", "expert"]
    assert len({request.key(settings.model_of("expert")) for request in asked}) == 3
    assert asked[2].sampling.temperature == 0.7
    assert [answer.vote for answer in verdict.answers if answer.question == "coherence"] == [0, 1, 2]
    remarks = [finding for finding in verdict.findings if finding.check == "expert.coherence"]
    assert bool(remarks) == (objecting > 0)
    assert all(f"{objecting} of 3 judges" in finding.message for finding in remarks)


@pytest.mark.parametrize(
    ("turn", "quote", "fault"),
    [
        ("t05", "the booking is BK-30918", None),
        ("t05", "The BOOKING is\nBK-30918.", None),
        ("t02", '"garage_id": "GR-771"', None),
        ("t05", "the booking is BK-99999", "does not stand"),
        ("t06", "the booking is BK-30918", "does not stand"),
        ("t55", "BK-30918", "no turn"),
        ("t05", "", "quotes it"),
        (None, "", None),
    ],
)
def test_an_objection_has_to_quote_what_is_there(turn: str | None, quote: str, fault: str | None):
    def reply(request: Any) -> dict[str, Any]:
        given = answers(request)
        for answer in given["answers"]:
            if answer["question"] == "coherence":
                answer |= {"passes": False, "turn": turn, "quote": quote}
        told = request.check(request.reply_type.model_validate(given))
        assert told is None if fault is None or "coherence" not in str(given) else fault in told
        return given

    verdict = drive(verdict_program(dialogue(), spec(), TOOLS, Settings(repair=False)), reply)
    answer = next(answer for answer in verdict.answers if answer.question == "coherence")
    assert answer.quote_stands == (fault is None)
    assert ("does not stand there" in verdict.terminal.reason) == (fault is not None)


def test_experts_see_complications_and_need_no_task():
    record = InjectionRecord(type=InjectionType.CLARIFICATION, round=1, anchor="t00", turn_ids=("t00", "t01", "t02"))
    seen: list[str] = []

    def reply(request: Any) -> dict[str, Any]:
        seen.append(request.messages[1].content)
        return answers(request)

    given = drive(experts_program(dialogue(injections=(record,)), None, TOOLS, Settings(questions_per_call=4)), reply)
    assert [answer.question for answer in given] == list(QUESTIONS)
    assert len(seen) == 2
    assert all('"kind": "clarification", "turns": ["t00", "t01", "t02"]' in text for text in seen)


def questions_asked(asked: Any) -> dict[str, dict[str, Any]]:
    """The sub-questions of a request by name."""
    found = re.search(r"<questions>\n(.*)\n</questions>", asked.messages[1].content, re.DOTALL)
    assert found is not None
    return {each["name"]: each for each in json.loads(found[1])}


def asked_about(values: dict[str, Any], **settings: Any) -> list[Any]:
    """The requests to experts on a dialogue whose booking holds more values."""
    book = tool(
        "book_service",
        {**TOOLS["book_service"].properties, "note": {"type": "string"}, "wait": {"type": "boolean"}},
        ["garage_id", "date"],
    )
    booked = call("t03", "book_service", {"garage_id": "GR-771", "date": "2026-07-14", **values})
    turns = list(garage_turns())
    turns[3:5] = [booked, output("t04", booked, {"booking_id": "BK-30918", "time": "09:30"})]
    asked: list[Any] = []

    def answer(request: Any) -> dict[str, Any]:
        asked.append(request)
        return answers(request)

    chosen = Settings(repair=False, **settings)
    drive(verdict_program(dialogue(tuple(turns)), spec(), {**TOOLS, "book_service": book}, chosen), answer)
    return asked


def test_values_that_no_rule_can_decide_are_put_to_the_expert_on_arguments():
    long = "please check the noise behind the left wheel " * 9
    (request,) = asked_about({"note": long, "wait": True})
    questions = questions_asked(request)
    assert [name for name, each in questions.items() if "values" in each] == ["argument_extraction"]
    note, wait = questions["argument_extraction"]["values"]
    assert (note["turn"], note["path"]) == ("t03", "$.tool_calls[0].arguments.note")
    assert long.startswith(note["value"].removesuffix("…"))
    assert len(note["value"]) == 200
    assert wait == {"turn": "t03", "path": "$.tool_calls[0].arguments.wait", "value": "true"}
    assert "Decide each of them" in questions["argument_extraction"]["question"]
    alone = [questions_asked(each) for each in asked_about({"wait": True}, questions_per_call=1)]
    assert [name for each in alone for name, one in each.items() if "values" in one] == ["argument_extraction"]


@pytest.mark.parametrize(
    ("values", "settings"),
    [({}, {}), ({"wait": True}, {"rule_severity": {"rule.grounding_undecided": "off"}})],
)
def test_without_such_values_or_without_the_rule_the_question_is_as_it_stands_in_its_file(
    values: dict[str, Any], settings: dict[str, Any]
):
    (request,) = asked_about(values, **settings)
    asked = questions_asked(request)
    assert asked["argument_extraction"] == {
        "name": "argument_extraction",
        "question": prompt_text("questions/argument_extraction.md").strip(),
    }
