"""Complexity injection and reasonability refinement, driven without a model."""

from __future__ import annotations

import random
from typing import Any

import jsonschema_rs
import pytest

from tests.builders import TOOLS, call, dialogue, drive, output, reply, spec, tool, user
from toolace_dagster.entities import Dialogue, Edit, InjectionSubType, InjectionType, Turn, apply_edit, structure_faults
from toolace_dagster.llm.protocol import ModelRequest
from toolace_dagster.refinement.anchors import PER_SUB_TASK, in_order_of_choice
from toolace_dagster.refinement.injection import injection_program
from toolace_dagster.refinement.reasonability import reasonability_program
from toolace_dagster.refinement.replies import InjectionReply, MaskFillReply
from toolace_dagster.refinement.rounds import convergence, planned_injections, round_program
from toolace_dagster.refinement.screen import faults_of
from toolace_dagster.settings import Settings
from toolace_dagster.verification.rules import Subject, run_rules

SETTINGS = Settings()


def prompt_json(request: ModelRequest[Any], tag: str) -> Any:
    import json

    text = request.messages[1].content
    return json.loads(text.split(f"<{tag}>")[1].split(f"</{tag}>")[0])


FOUND = {"garages": [{"garage_id": "GR-771", "name": "Dok Noord"}, {"garage_id": "GR-102", "name": "Bikkel"}]}
TOW = tool("tow_vehicle", {"address": {"type": "string"}}, ["address"])
ALL_TOOLS = {**TOOLS, TOW.name: TOW}


TOLD = "Dok Noord takes your van at 09:30, Bikkel only at noon; the booking is BK-30918."


def listed_dialogue(**more: Any) -> Dialogue:
    """The garage dialogue with a search that lists two garages, of which the user is told."""
    turns = {turn.id: turn for turn in dialogue().turns}
    found = turns["t02"].outputs[0].model_copy(update={"content": FOUND})
    turns["t02"] = turns["t02"].model_copy(update={"outputs": (found,)})
    turns["t05"] = turns["t05"].model_copy(update={"content": TOLD})
    return dialogue(tuple(turns.values()), **more)


def play_injection(request: ModelRequest[Any]) -> dict[str, Any]:
    """Fill an injection as a good model would."""
    masked = prompt_json(request, "masked")
    asked = prompt_json(request, "injection")
    if asked["type"] == "error_simulation":
        return {"turns": retried(asked["sub_type"], masked["tool_calls"])}
    text = masked["content"]
    middle, last = "I can't do that.", f"Never mind. {text}"
    if asked["type"] == "clarification":
        value = str(asked["values"][0]["value"])
        spoken = {"2026-07-14": "14 July 2026"}.get(value, value)
        first, middle, last = text.replace(spoken, "somewhere"), "Which one?", f"{value}, please."
    elif asked["sub_type"] == "tool_arrives_later":
        first, last = "Could you take care of my van?", f"There is a tool now, go on. {text}"
        if not asked.get("leave_for_later"):
            first, last = text, "There is a tool now, go on."
    elif asked["sub_type"] in ("question_about_results", "summary_request"):
        first, middle, last = "Which garage was that?", "It was Dok Noord, booked at 09:30.", text
    else:
        first = "Lovely weather."
    contents = [("user", first), ("assistant", middle), ("user", last)]
    return {"turns": [{"role": role, "content": content} for role, content in contents]}


def retried(sub_type: str, calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    first, content, fails = calls, {"error": "service unavailable"}, True
    match sub_type:
        case "invalid_argument":
            first = [{**call, "arguments": dict.fromkeys(call["arguments"], "?")} for call in calls]
        case "empty_result":
            first = [{**call, "arguments": {**call["arguments"], "city": "Ghent, the old town"}} for call in calls]
            content, fails = {"garages": []}, False
        case "partial_result":
            content, fails = {"garages": FOUND["garages"][:1], "truncated": True}, False
        case _:
            pass
    return [
        {"role": "assistant", "tool_calls": first},
        {"role": "tool", "outputs": [{"content": content, "is_error": fails} for _ in calls]},
        {"role": "assistant", "content": "That fell short; trying again.", "tool_calls": calls},
    ]


def inject(wanted: InjectionSubType, answer: Any = play_injection, subject: Dialogue | None = None) -> Edit:
    program = injection_program(
        subject or listed_dialogue(), spec(), ALL_TOOLS, Settings(injection_mix={wanted: 1}), wanted, 1, 0
    )
    edit = drive(program, answer)
    assert edit is not None, f"{wanted} fits nowhere"
    return edit


@pytest.mark.parametrize("wanted", list(InjectionSubType))
def test_each_sub_type_is_injected_and_keeps_the_dialogue_sound(wanted: InjectionSubType):
    edit = inject(wanted)
    assert edit.sub_type is wanted
    assert edit.injection is wanted.type
    assert edit.outcome == "accepted", edit.reason
    after = apply_edit(listed_dialogue(), edit)
    assert structure_faults(after.turns) == []
    assert len(after.turns) == len(dialogue().turns) + 2
    assert (after.injections[0].type, after.injections[0].sub_type) == (wanted.type, wanted)
    assert {turn.origin.sub_type for turn in after.turns if turn.id in after.injections[0].turn_ids} == {wanted}
    hard = [f for f in run_rules(Subject(after, spec(), ALL_TOOLS)) if f.severity == "hard"]
    # A value that moved to the answer must still be grounded; the withheld tool must be offered when called.
    assert hard == []


def test_tool_awareness_takes_the_tool_from_the_offer_until_it_is_added():
    edit = inject(InjectionSubType.TOOL_ARRIVES_LATER)
    after = apply_edit(listed_dialogue(), edit)
    (name,) = edit.withheld_tools
    assert name not in after.initial_tools
    position = after.position(edit.masked[0])
    assert name not in after.offered_at(position + 1)
    assert name in after.offered_at(position + 2)


def talk(*contents: str) -> Any:
    roles = ("user", "assistant", "user")
    turns = [{"role": role, "content": content} for role, content in zip(roles, contents, strict=True)]
    return lambda _: {"turns": turns}


QUERY = "Find me a garage in Ghent and book it for 14 July 2026."
ONE_SUB_TASK = dialogue(dialogue().turns[:6])


CHANGES: dict[str, tuple[int, dict[str, Any]]] = {
    "no error": (1, {"outputs": [{"content": "timed out", "is_error": False}]}),
    "an unreadable error": (1, {"outputs": [{"content": {"garages": "closed"}, "is_error": True}]}),
    "an error": (1, {"outputs": [{"content": {"garages": []}, "is_error": True}]}),
    "something found": (1, {"outputs": [{"content": FOUND}]}),
    "all of it": (1, {"outputs": [{"content": {**FOUND, "truncated": True}}]}),
    "another call at the end": (2, {"tool_calls": [{"name": "find_garage", "arguments": {"city": "Bruges"}}]}),
    "no sentence": (2, {"content": ""}),
    "the same call": (0, {}),
    "a filter too many": (0, {"tool_calls": [{"name": "find_garage", "arguments": {"city": "Ghent", "limit": 1}}]}),
    "an invalid search": (0, {"tool_calls": [{"name": "find_garage", "arguments": {"town": "Ghent"}}]}),
    "a call": (1, {"tool_calls": [{"name": "find_garage", "arguments": {"city": "Ghent"}}]}),
    "nothing found before": (1, {"content": "It was the one near the station."}),
    "an invention": (1, {"content": "It was Dok Noord, contract KX-9912."}),
}


def one_with(fault: str) -> Any:
    """A fill that is good but for one thing."""

    def answer(request: ModelRequest[Any]) -> dict[str, Any]:
        turns = play_injection(request)["turns"]
        place, change = CHANGES[fault]
        turns[place] |= change or {"tool_calls": turns[2]["tool_calls"]}
        return {"turns": turns}

    return answer


@pytest.mark.parametrize(
    ("wanted", "answer", "words"),
    [
        ("missing_value", talk(QUERY, "Which?", QUERY), "still in the first message"),
        ("missing_value", talk("Find me a garage.", "Where?", "Bruges, on 14 July 2026."), "not given in the last"),
        ("missing_value", talk("Find me a garage.", "Where?", "Ghent."), "not said any more"),
        ("user_correction", talk("One in Ghent.", "Ghent?", "Ghent, 14 July 2026."), "still in the first message"),
        ("tool_arrives_later", talk(QUERY, "I can't.", "You can now."), "still in the first message"),
        ("tool_never_arrives", talk("Tow me.", "I can't.", "Find me a garage in Ghent."), "not said any more"),
        ("irrelevant_request", talk("A pizza.", "I can't.", "Find me a garage."), "not said any more"),
        ("chit_chat", talk("Hello.", "Hello.", "Find me a garage in Ghent."), "not said any more"),
        ("chit_chat", one_with("a call"), "calls a tool where it should answer in words"),
        ("invalid_argument", one_with("no error"), "not an error"),
        ("invalid_argument", one_with("an unreadable error"), "does not read as an error"),
        ("service_error", one_with("an unreadable error"), "does not read as an error"),
        ("invalid_argument", one_with("the same call"), "same arguments"),
        ("service_error", one_with("another call at the end"), "not the masked one"),
        ("service_error", one_with("no sentence"), "no sentence"),
        ("empty_result", one_with("something found"), "not empty"),
        ("empty_result", one_with("the same call"), "the same as the one that finds"),
        ("empty_result", one_with("an error"), "it is to be a result"),
        ("empty_result", one_with("an invalid search"), "not valid"),
        ("empty_result", one_with("a filter too many"), "differs in limit; it may differ in city only"),
        ("partial_result", one_with("all of it"), "not a part"),
        ("question_about_results", one_with("nothing found before"), "names nothing"),
        ("summary_request", one_with("an invention"), "KX-9912"),
    ],
)
def test_a_fill_that_does_not_do_its_job_is_discarded_with_the_reason(wanted: str, answer: Any, words: str):
    sub_type = InjectionSubType(wanted)
    about = sub_type in (InjectionSubType.QUESTION_ABOUT_RESULTS, InjectionSubType.SUMMARY_REQUEST)
    # With one sub-task there is one user turn, so that it is known which one is masked.
    subject = listed_dialogue() if about else dialogue(listed_dialogue().turns[:6])
    edit = inject(sub_type, answer, subject)
    assert edit.outcome == "discarded"
    assert words in edit.reason
    assert edit.replacements[0].after, "the fill is kept"
    assert apply_edit(subject, edit).turns == subject.turns


def test_a_reference_is_ambiguous_only_among_things_the_user_was_told_of():
    edit = inject(InjectionSubType.AMBIGUOUS_REFERENCE)
    assert edit.masked == ("t06",), "the choice is made there; the first message has nothing to choose from"
    settings = Settings(injection_mix={InjectionSubType.AMBIGUOUS_REFERENCE: 1})
    untold = tuple(t.model_copy(update={"content": "Done."}) if t.id == "t05" else t for t in listed_dialogue().turns)
    for subject in (dialogue(), dialogue(untold)):
        program = injection_program(subject, spec(), TOOLS, settings, InjectionSubType.AMBIGUOUS_REFERENCE, 1, 0)
        assert drive(program, play_injection) is None


def test_a_fill_is_shown_what_is_wrong_with_it():
    program = injection_program(ONE_SUB_TASK, spec(), TOOLS, SETTINGS, InjectionSubType.MISSING_VALUE, 1, 0)
    request = requests_of(program, play_injection)["injection"]
    assert request.check is not None
    assert request.check(InjectionReply.model_validate(play_injection(request))) is None
    fault = request.check(InjectionReply.model_validate(talk(QUERY, "Which?", QUERY)(request)))
    assert "still in the first message" in str(fault)


def test_an_injection_of_wrong_roles_is_discarded():
    edit = inject(InjectionSubType.CHIT_CHAT, lambda _: {"turns": [{"role": "user", "content": "Hi."}]})
    assert edit.outcome == "discarded"
    assert "roles" in edit.reason


def test_the_injection_log_keeps_injections_apart():
    subject = listed_dialogue()
    for sequence, wanted in enumerate([*InjectionSubType, *InjectionSubType]):
        before = subject
        edit = drive(injection_program(subject, spec(), ALL_TOOLS, SETTINGS, wanted, 1, sequence), play_injection)
        if edit is None:
            continue
        written = [before.position(i) for record in before.injections for i in record.turn_ids]
        at = before.position(edit.masked[0])
        assert not {at - 1, at, at + 1} & set(written), (
            "nothing is injected into a turn that an injection wrote, or next to it"
        )
        subject = apply_edit(subject, edit)
    assert len(subject.injections) >= 2
    by_sub_task: dict[int, list[InjectionType]] = {}
    for record in subject.injections:
        by_sub_task.setdefault(subject.turn(record.anchor).sub_task, []).append(record.type)
    for kinds in by_sub_task.values():
        assert len(kinds) <= PER_SUB_TASK
        assert len(set(kinds)) == len(kinds), "no type twice in a sub-task"
        assert not {InjectionType.TOOL_AWARENESS, InjectionType.ERROR_SIMULATION} <= set(kinds)


def test_what_fits_nowhere_gives_way_to_its_own_type_first_and_to_nothing_without_weight():
    bare = dialogue((user("t00", "Hello."), reply("t01", "Hello.")))
    for wanted in InjectionSubType:
        order = in_order_of_choice(wanted, Settings().injection_mix, random.Random(1))
        same = len([each for each in InjectionSubType if each.type is wanted.type])
        assert order[0] is wanted
        assert {each.type for each in order[:same]} == {wanted.type}
        assert sorted(order) == sorted(InjectionSubType)
    for wanted in InjectionSubType:
        order = in_order_of_choice(wanted, Settings().injection_mix, random.Random(1), clarify=False)
        others = {each.type for each in order[1:] if each.type is not wanted.type}
        assert InjectionType.CLARIFICATION not in others
        assert len(others) >= 2
    program = injection_program(
        bare,
        spec(),
        TOOLS,
        Settings(injection_mix={InjectionSubType.EMPTY_RESULT: 1}),
        InjectionSubType.EMPTY_RESULT,
        1,
        0,
    )
    assert drive(program, play_injection) is None


@pytest.mark.parametrize(("share", "injected"), [(None, True), (0.0, False), (0.3, False)])
def test_a_set_share_of_clarifications_is_not_raised_by_what_fits_nowhere(share: float | None, *, injected: bool):
    """A question about results needs results; before the first there are none."""
    settings = Settings(
        injection_mix={InjectionSubType.MISSING_VALUE: 1, InjectionSubType.QUESTION_ABOUT_RESULTS: 1},
        clarification_share=share,
    )
    wanted = InjectionSubType.QUESTION_ABOUT_RESULTS
    program = injection_program(ONE_SUB_TASK, spec(), TOOLS, settings, wanted, 1, 0)
    edit = drive(program, play_injection)
    assert (edit is not None) is injected
    if edit is not None:
        assert edit.sub_type is InjectionSubType.MISSING_VALUE


def as_dict(content: Any) -> dict[str, Any]:
    return content if isinstance(content, dict) else {"text": content}


def rewrite(request: ModelRequest[Any], subject: Dialogue | None = None) -> dict[str, Any]:
    """Fill every mask with something new that takes nothing away."""
    fills: list[dict[str, Any]] = []
    for hole in prompt_json(request, "masked"):
        fill: dict[str, Any] = {"turn": hole["turn"]}
        turns = (subject or dialogue()).turns
        at = next(index for index, turn in enumerate(turns) if turn.id == hole["turn"])
        if hole["kind"] == "call":
            fill["tool_calls"] = [{"name": c.name, "arguments": c.arguments} for c in turns[at].tool_calls]
        if hole["kind"] in ("call", "outputs"):
            answering = turns[at + 1] if hole["kind"] == "call" else turns[at]
            fill["outputs"] = [
                {
                    "content": {**o.content, "new": 0} if isinstance(o.content, dict) else o.content,
                    "is_error": o.is_error,
                }
                for o in answering.outputs
            ]
        elif hole["kind"] == "user":
            fill["content"] = f"Quite other words. {turns[at].content}"
        else:
            fill["content"] = f"Quite other words? {turns[at].content}"
        fills.append(fill)
    return {"fills": fills}


def lose(request: ModelRequest[Any]) -> dict[str, Any]:
    """Fill every mask with something that takes away what later calls need."""
    fills = rewrite(request)["fills"]
    for fill in fills:
        fill |= {"content": "Quite other words."} if "content" in fill else {}
        if "outputs" in fill:
            fill["outputs"] = [{"content": {"nothing": "left"}} for _ in fill["outputs"]]
    return {"fills": fills}


def run_pass(better: str, fill: Any = rewrite, subject: Dialogue | None = None) -> tuple[tuple[Edit, ...], list[str]]:
    asked: list[str] = []

    def answer(request: ModelRequest[Any]) -> dict[str, Any]:
        asked.append(request.purpose.task)
        if request.purpose.task == "judge":
            shows_new = any(
                "Quite other" in str(turn) or "'new'" in str(turn) for turn in prompt_json(request, "version_a")
            )
            new, old = ("A", "B") if shows_new else ("B", "A")
            return {"reason": "because", "better": {"new": new, "old": old, "equal": "equal"}[better]}
        return fill(request)

    return drive(reasonability_program(subject or dialogue(), spec(), TOOLS, SETTINGS, 1, 0), answer), asked


def refine(better: str, fill: Any = rewrite) -> tuple[Edit, list[str]]:
    (edit,), asked = run_pass(better, fill)
    return edit, asked


def test_the_judge_decides_whether_the_new_version_replaces_the_old():
    edit, asked = refine("new")
    assert asked == ["mask_fill", "judge"]
    assert (edit.outcome, edit.verdict) == ("accepted", "new")
    after = apply_edit(dialogue(), edit)
    assert after.turns != dialogue().turns
    assert after.last_change == 1
    assert structure_faults(after.turns) == []
    assert all(after.mask_counts[turn_id] == 1 for turn_id in edit.masked)


@pytest.mark.parametrize("better", ["old", "equal"])
def test_a_judge_that_does_not_prefer_the_new_version_leaves_the_turns_alone(better: str):
    edit, _ = refine(better)
    assert (edit.outcome, edit.verdict) == ("kept", better)
    after = apply_edit(dialogue(), edit)
    assert [turn.model_dump_json() for turn in after.turns] == [turn.model_dump_json() for turn in dialogue().turns]
    assert (after.injections, after.initial_tools, after.last_change) == ((), dialogue().initial_tools, 0)
    assert any(replacement.after[0] != replacement.before for replacement in edit.replacements), "the fill is on record"


def test_a_fill_that_takes_away_what_a_later_call_needs_is_discarded_before_the_judge():
    discarded = kept = 0
    for number in range(20):
        subject = dialogue(id=f"garages-{number:04d}-x")
        edits, asked = run_pass("new", lose, subject)
        for edit in edits:
            subject = apply_edit(subject, edit)
            if edit.outcome == "discarded":
                discarded += 1
                assert "which nothing gives" in edit.reason or "nothing gives the" in edit.reason
                assert edit.verdict is None
                assert all(r.after[0] != r.before for r in edit.replacements), "the fill is kept"
            else:
                kept += 1
        assert ("judge" in asked) == any(edit.verdict for edit in edits)
        assert [edit.sequence for edit in edits] == list(range(len(edits)))
        assert faults_of(subject, TOOLS) == frozenset(), "what was whole stays whole, though the judge likes all of it"
    assert discarded >= 5
    assert kept >= 5


def test_a_turn_at_fault_is_masked_before_others():
    turns = tuple(
        call("t07", "rate_garage", {"garage_id": "GR-999", "stars": 4}, 1) if turn.id == "t07" else turn
        for turn in dialogue().turns
    )
    assert {fault.turn_id for fault in faults_of(dialogue(turns), TOOLS)} == {"t07"}
    chosen = 0
    for number in range(60):
        subject = dialogue(turns, id=f"garages-{number:04d}-x", mask_counts={turn.id: 1 for turn in turns})
        edits, _ = run_pass("old", lambda r: rewrite(r, dialogue(turns)), subject)
        chosen += any("t07" in edit.masked for edit in edits)
    assert chosen >= 55


def test_a_turn_that_can_not_be_mended_stays_with_the_reason_and_is_not_judged():
    def all_but_one(request: ModelRequest[Any]) -> dict[str, Any]:
        fills = rewrite(request)["fills"]
        return {"fills": [{"turn": fills[0]["turn"], "cannot": "t05 says otherwise"}, *fills[1:]]}

    edit, asked = refine("new", all_but_one)
    assert asked == ["mask_fill", "judge"]
    left = edit.replacements[0]
    assert left.after == (left.before,)
    assert f"turn {left.before.id} stays as it is: t05 says otherwise" in edit.reason
    assert any(r.after != (r.before,) for r in edit.replacements)
    edit, asked = refine("new", lambda r: {"fills": [{"turn": f["turn"], "cannot": "x"} for f in rewrite(r)["fills"]]})
    assert (asked, edit.outcome) == (["mask_fill"], "kept")


def test_the_judge_is_told_in_what_each_turn_differs():
    subject = listed_dialogue()

    def other_codes(request: ModelRequest[Any]) -> dict[str, Any]:
        fills = rewrite(request, subject)["fills"]
        for fill in fills:
            for place in fill.get("outputs", []):
                place["content"] = {k: v for k, v in place["content"].items() if k != "new"}
                if "garages" in place["content"]:
                    place["content"] = {"garages": [FOUND["garages"][0], {"garage_id": "GR-995", "name": "Bikkel"}]}
        return {"fills": fills}

    seen: list[Any] = []
    for number in range(12):

        def answer(request: ModelRequest[Any]) -> dict[str, Any]:
            if request.purpose.task == "judge":
                seen.extend(prompt_json(request, "differing"))
                return {"reason": "because", "better": "equal"}
            return other_codes(request)

        named = subject.model_copy(update={"id": f"garages-{number:04d}-x"})
        drive(reasonability_program(named, spec(), TOOLS, SETTINGS, 1, 0), answer)
    assert {"turn": "t00", "in": ["content"]} in seen
    codes = {"turn": "t02", "in": ["outputs[0].content.garages[1].garage_id"], "only_identifiers": True}
    assert codes in seen


def test_both_orders_are_shown():
    orders: set[str | None] = set()
    for number in range(12):
        edits, _ = run_pass("old", rewrite, dialogue(id=f"garages-{number:04d}-x"))
        orders |= {edit.order_shown for edit in edits}
    assert orders == {"old_first", "new_first"}


def test_a_fill_that_does_not_fit_is_discarded_without_asking_the_judge():
    edit, asked = refine("new", lambda _: {"fills": [{"turn": "nowhere"}]})
    assert asked == ["mask_fill"]
    assert edit.outcome == "discarded"
    assert "no fill" in edit.reason
    assert all(replacement.after == () for replacement in edit.replacements)


def test_a_fill_that_makes_no_turn_is_a_row_of_its_own_and_the_others_are_judged():
    def one_calls(request: ModelRequest[Any]) -> dict[str, Any]:
        fills = rewrite(request)["fills"]
        spoiled = next(fill for fill in fills if fill.get("content"))
        spoiled["tool_calls"] = [{"name": "find_garage", "arguments": {"city": "Ghent"}}]
        return {"fills": fills}

    (lost, judged), asked = run_pass("new", one_calls)
    assert asked == ["mask_fill", "judge"]
    assert (lost.outcome, judged.outcome) == ("discarded", "accepted")
    assert [replacement.after for replacement in lost.replacements] == [()]
    assert "does not fit a turn of its kind" in lost.reason
    assert not set(lost.masked) & set(judged.masked)
    after = apply_edit(apply_edit(dialogue(), lost), judged)
    assert len(after.turns) == len(dialogue().turns)
    assert after.turn(lost.masked[0]) == dialogue().turn(lost.masked[0])


def test_injections_are_spread_over_the_rounds_and_none_is_lost():
    planned = spec().model_copy(update={"sub_types": tuple(InjectionSubType)})
    for rounds in (1, 2, 3, 5):
        spread = [planned_injections(planned, number, rounds) for number in range(1, rounds + 1)]
        assert sorted(each for one in spread for each in one) == sorted(InjectionSubType)


def test_a_dialogue_has_converged_when_every_turn_was_refined_and_nothing_is_seen_to_be_wrong():
    covered = dialogue(mask_counts={turn.id: 1 for turn in dialogue().turns})
    result = drive(round_program(covered, spec(), TOOLS, SETTINGS, 4), lambda _: pytest.fail("a call was made"))
    assert (result.finished, result.converged) == (True, "covered")
    assert result.dialogue == covered
    planned = spec((InjectionType.NON_FUNCTION_CALLING,) * 4)
    assert convergence(covered, TOOLS, SETTINGS, 4) == "covered"
    refined = drive(round_program(covered, planned, TOOLS, SETTINGS, 4), all_liked(covered, 4))
    assert not refined.finished, "a planned injection is still made"
    invented = call("t07", "rate_garage", {"garage_id": "GR-999", "stars": 4}, 1)
    wrong = covered.model_copy(update={"turns": tuple(invented if t.id == "t07" else t for t in covered.turns)})
    assert convergence(wrong, TOOLS, SETTINGS, 4) is None


@pytest.mark.parametrize(
    ("last_change", "before_round", "quiet"), [(0, 3, True), (1, 3, False), (1, 4, True), (0, 2, False)]
)
def test_passes_that_change_nothing_can_end_refinement(last_change: int, before_round: int, *, quiet: bool):
    subject = dialogue(last_change=last_change)
    assert convergence(subject, TOOLS, Settings(quiet_passes=0), before_round) is None, "not unless it is set"
    expected = "quiet" if quiet else None
    assert convergence(subject, TOOLS, Settings(quiet_passes=2), before_round) == expected


def test_replaying_the_edits_gives_the_final_dialogue():
    """Injections, fills that are accepted, fills that are discarded: all of them, in order, from the skeleton."""
    subject = dialogue()
    edits: list[Edit] = []
    kinds = (InjectionType.CLARIFICATION, InjectionType.ERROR_SIMULATION, InjectionType.TOOL_AWARENESS)
    for number in range(1, 6):
        refined = drive(round_program(subject, spec(kinds), TOOLS, SETTINGS, number), all_liked(subject, number))
        subject = refined.dialogue
        edits += refined.edits
    replayed = dialogue()
    for edit in edits:
        replayed = apply_edit(replayed, edit)
    assert replayed.model_dump_json() == subject.model_dump_json()
    assert {edit.operation for edit in edits} == {"complexity_injection", "reasonability_refinement"}
    assert {edit.outcome for edit in edits} >= {"accepted", "discarded"}


def all_liked(subject: Dialogue, number: int) -> Any:
    """Answers of a round over a dialogue; in the third round, fills lose what is needed."""

    def answer(request: ModelRequest[Any]) -> dict[str, Any]:
        if request.purpose.task == "judge":
            return {"reason": "r", "better": "A"}
        if request.purpose.task == "injection":
            return play_injection(request)
        injected = {turn["turn"] for turn in prompt_json(request, "dialogue")} != {turn.id for turn in subject.turns}
        if injected or number == 3:
            return {"fills": [{"turn": hole["turn"]} for hole in prompt_json(request, "masked")]}
        return rewrite(request, subject)

    return answer


def requests_of(program: Any, answer: Any) -> dict[str, ModelRequest[Any]]:
    """The requests a program makes, by task."""
    asked: dict[str, ModelRequest[Any]] = {}

    def listen(request: ModelRequest[Any]) -> dict[str, Any]:
        asked[request.purpose.task] = request
        return answer(request)

    drive(program, listen)
    return asked


@pytest.mark.parametrize("wanted", list(InjectionSubType))
def test_injections_ask_for_known_tools_and_valid_arguments_but_where_invalid_ones_are_the_error(
    wanted: InjectionSubType,
):
    """Where the error is a call that is not valid, no schema may forbid it; the wide schema never does."""
    settings = Settings(injection_mix={wanted: 1})
    program = injection_program(listed_dialogue(), spec(), ALL_TOOLS, settings, wanted, 1, 0)
    request = requests_of(program, play_injection)["injection"]
    assert prompt_json(request, "injection")["sub_type"] == wanted.value
    odd = {"role": "assistant", "tool_calls": [{"name": "find_garage", "arguments": {"town": 5}}]}
    turn = {"role": "user", "content": "Hi."}
    invalid = wanted is InjectionSubType.INVALID_ARGUMENT
    assert jsonschema_rs.is_valid(request.schema, {"turns": [odd, turn, turn]}) is invalid
    assert request.wide_schema is not None
    assert jsonschema_rs.is_valid(request.wide_schema, {"turns": [odd, turn, turn]})
    right = {**odd, "tool_calls": [{"name": "find_garage", "arguments": {"city": "Ghent"}}]}
    assert jsonschema_rs.is_valid(request.schema, {"turns": [right, turn, turn]})
    assert not jsonschema_rs.is_valid(request.schema, {"turns": [odd, turn]})
    odd["tool_calls"] = [{"name": "find_nothing", "arguments": {}}]
    assert not jsonschema_rs.is_valid(request.schema, {"turns": [odd, turn, turn]})


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
