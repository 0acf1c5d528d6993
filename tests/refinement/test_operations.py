"""Complexity injection and reasonability refinement, driven without a model."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from tests.builders import TOOLS, dialogue, drive, output, spec
from toolace_dagster.entities import Edit, InjectionType, Turn, apply_edit, structure_faults
from toolace_dagster.llm.protocol import ModelRequest
from toolace_dagster.refinement.injection import injection_program
from toolace_dagster.refinement.reasonability import reasonability_program
from toolace_dagster.refinement.replies import MaskFillReply
from toolace_dagster.refinement.rounds import planned_injections, round_program
from toolace_dagster.settings import Settings
from toolace_dagster.verification.rules import Subject, run_rules

SETTINGS = Settings()


def prompt_json(request: ModelRequest[Any], tag: str) -> Any:
    import json

    text = request.messages[1].content
    return json.loads(text.split(f"<{tag}>")[1].split(f"</{tag}>")[0])


def play_injection(request: ModelRequest[Any]) -> dict[str, Any]:
    """Fill an injection as a good model would."""
    masked = prompt_json(request, "masked")
    instruction = prompt_json(request, "injection")
    kind = instruction["type"]
    if kind == "error_simulation":
        calls = masked["tool_calls"]
        failed = [{"content": "service unavailable", "is_error": True} for _ in calls]
        return {
            "turns": [
                {"role": "assistant", "tool_calls": calls},
                {"role": "tool", "outputs": failed},
                {"role": "assistant", "content": "That failed; trying again.", "tool_calls": calls},
            ]
        }
    text = masked["content"]
    if kind == "clarification":
        value = instruction["withhold"][0]["value"]
        first, middle, last = text.replace(str(value), "somewhere"), "Which one?", f"{value}, please."
    elif kind == "tool_awareness":
        first, middle, last = text, "I have no tool for that.", "There is one now, go on."
    else:
        first, middle, last = "Lovely weather.", "It is.", text
    return {
        "turns": [
            {"role": "user", "content": first},
            {"role": "assistant", "content": middle},
            {"role": "user", "content": last},
        ]
    }


def inject(kind: InjectionType, answer: Any = play_injection) -> Edit:
    return drive(injection_program(dialogue(), spec(), TOOLS, SETTINGS, kind, 1, 0), answer)


@pytest.mark.parametrize("kind", list(InjectionType))
def test_each_kind_is_injected_and_keeps_the_dialogue_sound(kind: InjectionType):
    edit = inject(kind)
    assert edit.injection is kind
    assert edit.outcome == "accepted", edit.reason
    after = apply_edit(dialogue(), edit)
    assert structure_faults(after.turns) == []
    assert len(after.turns) == len(dialogue().turns) + 2
    assert after.injections[0].type is kind
    hard = [f for f in run_rules(Subject(after, spec(), TOOLS)) if f.severity == "hard"]
    # A value that moved to the answer must still be grounded; the withheld tool must be offered when called.
    assert hard == []


def test_tool_awareness_takes_the_tool_from_the_offer_until_it_is_added():
    edit = inject(InjectionType.TOOL_AWARENESS)
    after = apply_edit(dialogue(), edit)
    (name,) = edit.withheld_tools
    assert name not in after.initial_tools
    position = after.position(edit.masked[0])
    assert name not in after.offered_at(position + 1)
    assert name in after.offered_at(position + 2)


def test_a_clarification_that_keeps_the_value_is_discarded_with_the_reason():
    def keep(request: ModelRequest[Any]) -> dict[str, Any]:
        text = prompt_json(request, "masked")["content"]
        turns = [("user", text), ("assistant", "Which?"), ("user", text)]
        return {"turns": [{"role": role, "content": content} for role, content in turns]}

    edit = inject(InjectionType.CLARIFICATION, keep)
    assert edit.outcome == "discarded"
    assert "still in the first message" in edit.reason
    assert apply_edit(dialogue(), edit).turns == dialogue().turns


def test_an_injection_of_wrong_roles_is_discarded():
    edit = inject(InjectionType.NON_FUNCTION_CALLING, lambda _: {"turns": [{"role": "user", "content": "Hi."}]})
    assert edit.outcome == "discarded"
    assert "roles" in edit.reason


def test_no_turn_is_injected_into_twice():
    subject = dialogue()
    touched: list[str] = []
    for sequence, kind in enumerate([*InjectionType, *InjectionType]):
        edit = drive(injection_program(subject, spec(), TOOLS, SETTINGS, kind, 1, sequence), play_injection)
        if edit is None:
            break
        assert edit.masked[0] not in touched
        subject = apply_edit(subject, edit)
        touched += subject.injections[-1].turn_ids if edit.outcome == "accepted" else []
    assert len(subject.injections) >= 4


def rewrite(request: ModelRequest[Any]) -> dict[str, Any]:
    """Fill every mask with something new but fitting."""
    fills: list[dict[str, Any]] = []
    for hole in prompt_json(request, "masked"):
        fill: dict[str, Any] = {"turn": hole["turn"]}
        if hole["kind"] == "call":
            fill["tool_calls"] = [{"name": "find_garage", "arguments": {"city": "Bruges"}}] * hole["calls"]
        if hole["kind"] in ("call", "outputs"):
            fill["outputs"] = [{"content": {"new": True}}] * hole["calls"]
        else:
            fill["content"] = "Quite other words."
        fills.append(fill)
    return {"fills": fills}


def refine(better: str, fill: Any = rewrite) -> tuple[Edit, list[str]]:
    asked: list[str] = []

    def answer(request: ModelRequest[Any]) -> dict[str, Any]:
        asked.append(request.purpose.task)
        if request.purpose.task == "judge":
            first = prompt_json(request, "version_a")
            shows_new = any("Quite other" in str(turn) or "Bruges" in str(turn) or "new" in str(turn) for turn in first)
            new, old = ("A", "B") if shows_new else ("B", "A")
            return {"reason": "because", "better": {"new": new, "old": old, "equal": "equal"}[better]}
        return fill(request)

    return drive(reasonability_program(dialogue(), spec(), TOOLS, SETTINGS, 1, 0), answer), asked


def test_the_judge_decides_whether_the_new_version_replaces_the_old():
    edit, asked = refine("new")
    assert asked == ["mask_fill", "judge"]
    assert edit.outcome == "accepted"
    after = apply_edit(dialogue(), edit)
    assert after.turns != dialogue().turns
    assert structure_faults(after.turns) == []
    assert all(after.mask_counts[turn_id] == 1 for turn_id in edit.masked)


@pytest.mark.parametrize("better", ["old", "equal"])
def test_a_judge_that_does_not_prefer_the_new_version_leaves_the_turns_alone(better: str):
    edit, _ = refine(better)
    assert edit.outcome == "kept"
    assert apply_edit(dialogue(), edit).turns == dialogue().turns
    assert edit.replacements[0].after  # the rejected fill is on record


def test_both_orders_are_shown():
    orders = {
        drive(
            reasonability_program(dialogue(id=f"garages-{n:04d}-x"), spec(), TOOLS, SETTINGS, 1, 0),
            lambda r: {"reason": "r", "better": "A"} if r.purpose.task == "judge" else rewrite(r),
        ).order_shown
        for n in range(12)
    }
    assert orders == {"old_first", "new_first"}


def test_a_fill_that_does_not_fit_is_discarded_without_asking_the_judge():
    edit, asked = refine("new", lambda _: {"fills": [{"turn": "nowhere"}]})
    assert asked == ["mask_fill"]
    assert edit.outcome == "discarded"
    assert "no fill" in edit.reason


def test_injections_are_spread_over_the_rounds_and_none_is_lost():
    kinds = tuple(InjectionType)
    for rounds in (1, 2, 3, 5):
        spread = [planned_injections(spec(kinds), number, rounds) for number in range(1, rounds + 1)]
        assert sorted(kind for each in spread for kind in each) == sorted(kinds)


def test_a_dialogue_is_finished_when_every_turn_was_refined():
    covered = dialogue(mask_counts={turn.id: 1 for turn in dialogue().turns})
    result = drive(round_program(covered, spec(), TOOLS, SETTINGS, 4), lambda _: pytest.fail("a call was made"))
    assert result.finished
    assert result.dialogue == covered


def test_replaying_the_edits_gives_the_final_dialogue():
    subject = dialogue()
    edits: list[Edit] = []
    for number in range(1, 6):
        kinds = (InjectionType.CLARIFICATION, InjectionType.ERROR_SIMULATION, InjectionType.TOOL_AWARENESS)

        def answer(request: ModelRequest[Any]) -> dict[str, Any]:
            if request.purpose.task == "judge":
                return {"reason": "r", "better": "A"}
            return play_injection(request) if request.purpose.task == "injection" else rewrite(request)

        refined = drive(round_program(subject, spec(kinds), TOOLS, SETTINGS, number), answer)
        subject = refined.dialogue
        edits += refined.edits
    replayed = dialogue()
    for edit in edits:
        replayed = apply_edit(replayed, edit)
    assert replayed == subject
    assert {edit.operation for edit in edits} == {"complexity_injection", "reasonability_refinement"}


def requests_of(program: Any, answer: Any) -> dict[str, ModelRequest[Any]]:
    """The requests a program makes, by task."""
    asked: dict[str, ModelRequest[Any]] = {}

    def listen(request: ModelRequest[Any]) -> dict[str, Any]:
        asked[request.purpose.task] = request
        return answer(request)

    drive(program, listen)
    return asked


@pytest.mark.parametrize("kind", list(InjectionType))
def test_injections_ask_for_known_tools_and_any_arguments(kind: InjectionType):
    """An error is simulated by a call that is not valid, so no schema may forbid it."""
    request = requests_of(injection_program(dialogue(), spec(), TOOLS, SETTINGS, kind, 1, 0), play_injection)[
        "injection"
    ]
    odd = {"role": "assistant", "tool_calls": [{"name": "find_garage", "arguments": {"town": 5}}]}
    turn = {"role": "user", "content": "Hi."}
    assert jsonschema_rs.is_valid(request.schema, {"turns": [odd, turn, turn]})
    assert not jsonschema_rs.is_valid(request.schema, {"turns": [odd, turn]})
    odd["tool_calls"] = [{"name": "find_nothing", "arguments": {}}]
    assert not jsonschema_rs.is_valid(request.schema, {"turns": [odd, turn, turn]})
    assert request.check is None


def fill_request(turns: tuple[Turn, ...] | None = None) -> ModelRequest[Any]:
    """The request of a pass that masks a call turn, among others."""
    for number in range(50):
        subject = dialogue(turns, id=f"garages-{number:04d}-x")
        program = reasonability_program(subject, spec(), TOOLS, SETTINGS, 1, 0)
        request = requests_of(program, fills_or_equal)["mask_fill"]
        if any(hole["kind"] == "call" for hole in prompt_json(request, "masked")):
            return request
    raise AssertionError("no call is ever masked")


def fills_or_equal(request: ModelRequest[Any]) -> dict[str, Any]:
    return {"reason": "as good", "better": "equal"} if request.purpose.task == "judge" else rewrite(request)


def test_fills_are_asked_for_with_valid_calls():
    request = fill_request()
    masked = [hole["turn"] for hole in prompt_json(request, "masked")]
    call_turn = next(hole["turn"] for hole in prompt_json(request, "masked") if hole["kind"] == "call")
    good = {"name": "find_garage", "arguments": {"city": "Bruges"}}

    def fills(call: dict[str, Any], *, is_error: bool = False) -> dict[str, Any]:
        outputs = [{"content": {"ok": True}, "is_error": is_error}]
        plain = [{"turn": turn, "content": "So."} for turn in masked if turn != call_turn]
        return {"fills": [{"turn": call_turn, "tool_calls": [call], "outputs": outputs}, *plain]}

    bad = {"name": "find_garage", "arguments": {"city": 5}}
    assert jsonschema_rs.is_valid(request.schema, fills(good))
    assert not jsonschema_rs.is_valid(request.schema, fills(bad))
    assert jsonschema_rs.is_valid(request.wide_schema or {}, fills(bad))
    assert request.check is not None
    assert request.check(MaskFillReply.model_validate(fills(good))) is None
    assert "not valid" in str(request.check(MaskFillReply.model_validate(fills(bad))))
    assert request.check(MaskFillReply.model_validate(fills(bad, is_error=True))) is None
    twice = fills(good)
    twice["fills"][-1] = twice["fills"][0]
    assert jsonschema_rs.is_valid(request.schema, twice), "that each turn has one fill no schema can say"
    unknown = fills(good)
    unknown["fills"][0] = {**unknown["fills"][0], "turn": "t99"}
    assert not jsonschema_rs.is_valid(request.schema, unknown)
    assert request.check(MaskFillReply.model_validate(unknown)) is None, "a fill of no masked turn is nobody's"


def test_a_masked_call_that_fails_may_be_filled_with_any_arguments():
    turns = list(dialogue().turns)
    failing = [
        output(turn.id, turns[index - 1], "no", is_error=True) if turn.role == "tool" else turn
        for index, turn in enumerate(turns)
    ]
    request = fill_request(tuple(failing))
    assert request.schema == request.wide_schema
