"""Experts and the verdict."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import TOOLS, call, dialogue, drive, garage_turns, spec
from toolace_dagster.settings import Settings
from toolace_dagster.verification.experts import QUESTIONS
from toolace_dagster.verification.verdict import verdict_program


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
        verdict_program(dialogue(), spec(), TOOLS, Settings(**settings)), lambda request: answers(request, objection)
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
        verdict_program(dialogue(), spec(), TOOLS, Settings(questions_per_call=9)),
        lambda _: {"answers": [{"question": "tool_choice", "reason": "fine", "passes": True}]},
    )
    assert verdict.terminal.state == "rejected"
    assert "unanswered" in verdict.terminal.reason


def test_experts_are_not_asked_when_a_hard_rule_rejects():
    bad = call("t03", "book_service", {"garage_id": "GR-999", "date": "2026-07-14"})
    turns = tuple(bad if turn.id == "t03" else turn for turn in garage_turns())
    verdict = drive(
        verdict_program(dialogue(turns), spec(), TOOLS, Settings()), lambda _: pytest.fail("an expert was asked")
    )
    assert (verdict.terminal.state, verdict.terminal.check) == ("rejected", "rule.grounding")
    assert verdict.terminal.evidence == "GR-999"
    assert verdict.answers == ()
