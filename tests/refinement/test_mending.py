"""Mending: turns at fault are sent back one by one with the reasons, and the rules screen fills before the judge."""

from __future__ import annotations

from typing import Any

from tests.builders import TOOLS, call, dialogue, drive, spec
from toolace_dagster.entities import Dialogue, apply_edit
from toolace_dagster.llm.protocol import ModelRequest
from toolace_dagster.refinement.mending import MOST_MENDED, mending_program
from toolace_dagster.refinement.reasonability import Task, reasonability_program
from toolace_dagster.refinement.rounds import round_program
from toolace_dagster.refinement.screen import Fault, HardRules, faults_of
from toolace_dagster.settings import Settings

RATED = call("t07", "rate_garage", {"garage_id": "GR-771", "stars": 4}, 1)
INVENTED = call("t07", "rate_garage", {"garage_id": "GR-999", "stars": 4}, 1)


def with_turns(*turns: Any) -> Dialogue:
    new = {turn.id: turn for turn in turns}
    return dialogue(tuple(new.get(turn.id, turn) for turn in dialogue().turns))


def no_rules(_: Dialogue) -> frozenset[Fault]:
    return frozenset()


def no_shouting(subject: Dialogue) -> frozenset[Fault]:
    """A rule of the test's own."""
    return frozenset(Fault(turn.id, "It shouts.") for turn in subject.turns if "!" in turn.content)


def filled(request: ModelRequest[Any], **texts: Any) -> dict[str, Any]:
    """Fills for all masked turns: as told, else calm words."""
    kinds = {
        "t07": {"tool_calls": [{"name": "rate_garage", "arguments": {"garage_id": "GR-771", "stars": 4}}]}
        | {"outputs": [{"content": {"ok": True}}]},
    }
    names = request.purpose.turn_ids
    return {"fills": [{"turn": name, **texts.get(name, kinds.get(name, {"content": "Quite so."}))} for name in names]}


def mended(subject: Dialogue, rules: HardRules, **texts: Any) -> tuple[Any, list[ModelRequest[Any]]]:
    asked: list[ModelRequest[Any]] = []

    def answer(request: ModelRequest[Any]) -> dict[str, Any]:
        asked.append(request)
        return filled(request, **texts)

    task = Task(subject, spec(), TOOLS, Settings(), 2, rules=rules)
    return drive(mending_program(task, 3), answer), asked


def test_a_sound_dialogue_is_left_alone() -> None:
    assert mended(dialogue(), no_rules) == ((), [])


def test_a_turn_at_fault_is_sent_back_alone_with_the_reason_and_taken_when_it_is_mended() -> None:
    subject = with_turns(INVENTED)
    (edit,), (request,) = mended(subject, no_rules)
    assert request.purpose.turn_ids == ("t07",)
    assert "nothing gives the 'GR-999'" in request.messages[1].content
    assert (edit.operation, edit.outcome, edit.sequence) == ("repair", "accepted", 3)
    after = apply_edit(subject, edit)
    assert after.turn("t07").tool_calls == RATED.tool_calls
    assert after.turn("t07").origin.operation == "repair"
    assert not faults_of(after, TOOLS)


def test_a_turn_that_is_no_better_is_discarded_and_not_sent_back_twice() -> None:
    subject = with_turns(INVENTED)
    again = {"tool_calls": [{"name": "rate_garage", "arguments": {"garage_id": "GR-555", "stars": 4}}]}
    (edit,), asked = mended(subject, no_rules, t07=again | {"outputs": [{"content": {"ok": True}}]})
    assert len(asked) == 1
    assert edit.outcome == "discarded"
    assert apply_edit(subject, edit) == subject


def test_what_a_rule_finds_is_told_in_its_words_and_turns_go_one_by_one_up_to_a_limit() -> None:
    loud = [turn.model_copy(update={"content": f"{turn.content}!"}) for turn in dialogue().turns if turn.content]
    edits, asked = mended(with_turns(*loud), no_shouting, t00={"content": dialogue().turns[0].content})
    assert [request.purpose.turn_ids for request in asked[:2]] == [("t00",), ("t05",)]
    assert all("It shouts." in request.messages[1].content for request in asked)
    assert len(asked) == min(MOST_MENDED, len(loud))
    assert edits[0].outcome == "accepted"


def pass_over(rules: HardRules | None, *, told: bool = True) -> tuple[Any, list[ModelRequest[Any]]]:
    """One reasonability pass whose fills shout; with ``told`` the model is told what they break."""
    asked: list[ModelRequest[Any]] = []

    def answer(request: ModelRequest[Any]) -> dict[str, Any]:
        asked.append(request)
        if request.purpose.task == "judge":
            return {"reason": "r", "better": "equal"}
        loud = {turn.id: {"content": f"{turn.content}!"} for turn in dialogue().turns if turn.content}
        return filled(request, **loud)

    settings = Settings(mask_share=0.5, rules_in_refinement=told)
    program = reasonability_program(dialogue(), spec(), TOOLS, settings, 1, 0, rules=rules)
    return drive(program, answer), asked


def test_fills_that_break_a_rule_are_told_why_and_never_judged() -> None:
    edits, asked = pass_over(no_shouting)
    assert edits[0].outcome == "discarded"
    assert "It shouts." in edits[0].reason
    fill = asked[0]
    assert fill.check is not None
    told = fill.check(
        fill.reply_type.model_validate(
            {"fills": [{"turn": each.before.id, "content": "No!"} for each in edits[0].replacements]}
        )
    )
    assert "It shouts." in str(told)
    assert "It shouts." not in str(pass_over(None)[0])


def test_without_being_told_fills_that_break_a_rule_are_discarded_all_the_same() -> None:
    edits, asked = pass_over(no_shouting, told=False)
    assert edits[0].outcome == "discarded"
    assert "It shouts." in edits[0].reason
    assert asked[0].check is not None
    fills = {"fills": [{"turn": each.before.id, "content": "No!"} for each in edits[0].replacements]}
    assert "It shouts." not in str(asked[0].check(asked[0].reply_type.model_validate(fills)))


def test_a_pass_says_what_is_wrong_with_the_turns_it_masks() -> None:
    asked: list[tuple[bool, str]] = []

    def answer(request: ModelRequest[Any]) -> dict[str, Any]:
        if request.purpose.task == "judge":
            return {"reason": "r", "better": "equal"}
        asked.append(("t07" in request.purpose.turn_ids, request.messages[1].content))
        return filled(request)

    for subject in (with_turns(INVENTED), dialogue()):
        for number in range(8):
            named = subject.model_copy(update={"id": f"garages-{number:04d}-x"})
            drive(reasonability_program(named, spec(), TOOLS, Settings(), 1, 0), answer)
    wrong, sound = asked[:8], asked[8:]
    assert any(masks for masks, _ in wrong)
    assert all(("nothing gives" in prompt.partition("<faults>")[2]) is masks for masks, prompt in wrong)
    assert not any("<faults>" in prompt for _, prompt in sound)


def test_a_round_mends_first_and_the_last_one_mends_again() -> None:
    """Without the setting a round asks for no mending at all."""
    tasks: dict[bool, list[tuple[str, bool]]] = {}
    for given in (False, True):
        asked = tasks[given] = []

        def answer(request: ModelRequest[Any], asked: list[tuple[str, bool]] = asked) -> dict[str, Any]:
            asked.append((request.purpose.task, "<faults>" in request.messages[1].content))
            if request.purpose.task == "judge":
                return {"reason": "r", "better": "equal"}
            return filled(request, t07={"tool_calls": [], "outputs": []})

        settings = Settings(rounds=1, rules_in_refinement=given)
        drive(round_program(with_turns(INVENTED), spec(), TOOLS, settings, 1, rules=no_rules), answer)
    assert len(tasks[False]) <= 2, "the pass itself, and its judge"
    sent_back = [number for number, each in enumerate(tasks[True]) if each == ("mask_fill", True)]
    assert sent_back[0] == 0
    assert sent_back[-1] == len(tasks[True]) - 1
