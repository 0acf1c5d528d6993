"""Each further rule finds what was planted for it, at its turn, and spares what is legitimate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import TOOLS, call, dialogue, garage_turns, output, reply, spec, tool, user
from toolace_dagster.entities import Finding, InjectionRecord, InjectionType, Replacement, ToolOutput, Turn
from toolace_dagster.settings import Range
from toolace_dagster.verification.checks import calls_taken_away, lacks_planned_calls
from toolace_dagster.verification.rules import RULES, Bounds, Facts, Subject, run_rules
from toolace_dagster.verification.rules.facts import ReplayDifference
from toolace_dagster.verification.rules.figures import derived_from, stated_numbers
from toolace_dagster.verification.rules.languages import language_of
from toolace_dagster.verification.rules.private_data import private_values


def findings(
    turns: tuple[Turn, ...], check: str, *, plan: bool = True, facts: Facts | None = None, **more: Any
) -> list[Finding]:
    tools = more.pop("tools", TOOLS)
    subject = Subject(dialogue(turns, **more), spec() if plan else None, tools, facts or Facts())
    return run_rules(subject, {check: RULES[check]})


def only(found: list[Finding]) -> tuple[str | None, str]:
    assert len(found) == 1, found
    return found[0].turn_id, found[0].severity


def swapped(*turns: Turn) -> tuple[Turn, ...]:
    by_id = {turn.id: turn for turn in turns}
    return tuple(by_id.get(old.id, old) for old in garage_turns())


def test_a_call_without_an_answer_is_found_at_the_call():
    find, book = garage_turns()[1], garage_turns()[3]
    both = find.model_copy(update={"tool_calls": (*find.tool_calls, *book.tool_calls)})
    assert only(findings(swapped(both), "rule.call_ids")[:1]) == ("t01", "hard")


def test_an_answer_under_another_id_or_tool_is_found_at_the_answer():
    stray = garage_turns()[2]
    for update in ({"call_id": "call_zz"}, {"name": "rate_garage"}):
        wrong = stray.model_copy(update={"outputs": (stray.outputs[0].model_copy(update=update),)})
        assert ("t02", "hard") in {(f.turn_id, f.severity) for f in findings(swapped(wrong), "rule.call_ids")}


def test_two_calls_of_one_id_are_found():
    twice = call("t07", "rate_garage", {"garage_id": "GR-771", "stars": 4}, 1)
    twice = twice.model_copy(update={"tool_calls": (twice.tool_calls[0].model_copy(update={"id": "call_t01"}),)})
    answer = output("t08", twice, {"ok": True})
    assert "t07" in {finding.turn_id for finding in findings(swapped(twice, answer), "rule.call_ids")}


def test_a_dialogue_longer_than_the_settings_allow_is_found():
    bounds = Bounds(turns=Range(low=2, high=8), characters=50)
    found = findings(garage_turns(), "rule.length", facts=Facts(bounds=bounds))
    assert {finding.turn_id for finding in found} == {None, "t00", "t02", "t05"}


def test_a_call_repeated_for_nothing_is_remarked_on_and_one_after_a_change_is_not():
    again = call("t03", "find_garage", {"city": "Ghent"})
    same = output("t04", again, garage_turns()[2].outputs[0].content)
    assert only(findings(swapped(again, same), "rule.duplicate_call")) == ("t03", "soft")
    later = call("t07", "find_garage", {"city": "Ghent"}, 1)
    assert findings(swapped(later), "rule.duplicate_call") == []


def test_another_answer_to_the_same_question_is_remarked_on_unless_it_is_real():
    again = call("t03", "find_garage", {"city": "Ghent"})
    other = output("t04", again, {"garages": []})
    assert only(findings(swapped(again, other), "rule.contradictory_calls")) == ("t03", "soft")
    real = other.model_copy(update={"outputs": (other.outputs[0].model_copy(update={"source": "executed"}),)})
    assert findings(swapped(again, real), "rule.contradictory_calls") == []


def exchanged(first: str, second: str) -> tuple[Turn, ...]:
    """The dialogue with the contents of two tool turns exchanged."""
    turns = {turn.id: turn for turn in garage_turns()}
    contents = turns[second].outputs[0].content, turns[first].outputs[0].content
    for turn_id, content in zip((first, second), contents, strict=True):
        answer = turns[turn_id].outputs[0].model_copy(update={"content": content})
        turns[turn_id] = turns[turn_id].model_copy(update={"outputs": (answer,)})
    return tuple(turns.values())


def test_results_in_each_others_place_are_found_by_the_fields_tools_describe():
    described = {
        "find_garage": {"type": "object", "properties": {"garages": {"type": "array"}}},
        "book_service": {
            "type": "object",
            "properties": {"booking_id": {"type": "string"}, "time": {"type": "string"}},
        },
    }
    tools = {name: t.model_copy(update={"result": described.get(name)}) for name, t in TOOLS.items()}
    assert only(findings(exchanged("t02", "t04"), "rule.results_swapped", tools=tools)) == ("t02", "hard")
    assert findings(garage_turns(), "rule.results_swapped", tools=tools) == []


def test_results_of_one_tool_in_each_others_place_are_found_by_what_was_asked():
    ask = tool("get_price", {"part": {"type": "string"}}, ["part"])
    first, second = call("t01", "get_price", {"part": "brake pads"}), call("t03", "get_price", {"part": "rear disc"})
    answers = [{"part": "rear disc", "price": 80}, {"part": "brake pads", "price": 35}]

    def turns(contents: list[Any]) -> tuple[Turn, ...]:
        return (user("t00", "Prices of brake pads and a rear disc?"), first, output("t02", first, contents[0]), second,
                output("t04", second, contents[1]), reply("t05", "35 and 80."))  # fmt: skip

    tools = {"get_price": ask}
    assert only(findings(turns(answers), "rule.results_swapped", tools=tools, plan=False)) == ("t02", "hard")
    assert findings(turns(answers[::-1]), "rule.results_swapped", tools=tools, plan=False) == []


def test_a_call_that_answers_otherwise_when_run_again_is_found():
    facts = Facts(replayed=(ReplayDifference("call_t03", {"error": "taken"}, is_error=True),))
    found = findings(garage_turns(), "rule.replay", facts=facts)
    assert only(found) == ("t04", "hard")
    assert "with an error" in found[0].message


@pytest.mark.parametrize(
    ("said", "severity"),
    [
        ("The service costs 1,284.50 in all.", "hard"),
        ("The service costs 912.35 in all.", "soft"),
        ("The service costs 1,248.50 in all.", None),
        ("That is about 1,250 in all, for 2 services.", None),
        ("Parts are 1000 and labour is 248.5.", None),
        ("With your voucher of 48.50 you pay 1,200.", None),
        ("Parts are 80.1 percent of it.", None),
        ("It starts at 14:30, or 2:30 PM, on 14 July 2026.", None),
        ("Bay 3 is free from 7.", None),
    ],
)
def test_numbers_of_replies_may_follow_from_others_but_not_from_nothing(said: str, severity: str | None):
    book = garage_turns()[3]
    answer = output("t04", book, {"total": 1248.5, "parts": 1000, "labour": 248.5, "at": "2026-07-14T14:30:00"})
    opening = user("t00", "Book a garage in Ghent for 14 July 2026. I have a voucher of 48.50.")
    found = findings(swapped(opening, answer, reply("t05", said)), "rule.reply_faithfulness")
    assert [finding.severity for finding in found] == ([severity] if severity else [])


def test_a_user_who_knows_what_only_a_tool_hands_out_is_found_where_the_task_does_not_tell_it():
    knowing = swapped(user("t00", "Find me a garage in Ghent, GR-771 if you can."))
    assert only(findings(knowing, "rule.later_reference")) == ("t00", "hard")
    assert only(findings(knowing, "rule.later_reference", plan=False)) == ("t00", "soft")
    assert findings(garage_turns(), "rule.later_reference") == []


def test_speaking_of_turns_by_number_is_remarked_on():
    assert only(findings(swapped(reply("t05", "As in turn t02, it is Dok Noord.")), "rule.later_reference")) == (
        "t05",
        "soft",
    )


def test_a_turn_in_another_language_is_found_and_rejects_where_the_task_names_one():
    german = "Können Sie mir bitte auch noch sagen, wie lange die Werkstatt an dem Tag für den Wagen braucht?"
    english = "Could you please tell me as well how long the garage will need for the van on that day?"
    turns = swapped(user("t00", english), user("t06", german, 1), reply("t05", english))
    assert only(findings(turns, "rule.language")) == ("t06", "soft")
    assert only(findings(turns, "rule.language", facts=Facts(language="English"))) == ("t06", "hard")
    misled = findings(turns, "rule.language", facts=Facts(language="German"))
    assert {finding.turn_id for finding in misled} == {"t00", "t05"}


def test_a_secret_rejects_and_a_card_number_is_remarked_on_and_neither_is_repeated():
    secret, card = "sk-" + "a1B2" * 8, "4539 1488 0343 6467"
    found = findings(swapped(user("t06", f"My key is {secret}, my card {card}.", 1)), "rule.private_data")
    assert [(finding.turn_id, finding.severity) for finding in found] == [("t06", "hard"), ("t06", "soft")]
    assert all(secret not in text and card not in text for f in found for text in (f.evidence, f.message))
    assert list(private_values("card 4111 1111 1111 1111, order 4539 1488 0343 6468, member 12345678")) == []


def test_a_planned_call_that_an_edit_took_away_is_only_remarked_on():
    turns = swapped(call("t03", "rate_garage", {"garage_id": "GR-771", "stars": 4}))
    assert lacks_planned_calls(dialogue(turns), spec())
    assert not lacks_planned_calls(dialogue(), spec())
    assert ("t00", "hard") in {(f.turn_id, f.severity) for f in findings(turns, "rule.plan_coverage")}
    taken = calls_taken_away({"e1": [Replacement(before=garage_turns()[3], after=(turns[3],))]})
    found = findings(turns, "rule.plan_coverage", facts=Facts(changes=taken))
    assert [(f.severity, "e1" in f.message) for f in found] == [("soft", True)]


def test_rules_about_the_plan_are_left_out_where_there_is_none():
    half = garage_turns()[:6]
    assert findings(half, "rule.plan_coverage") != []
    assert findings(half, "rule.plan_coverage", plan=False) == []


def test_a_clarification_that_asks_nothing_any_more_is_remarked_on():
    turns = (
        user("t00", "Find me a garage."),
        reply("t00.1", "I will look for one."),
        user("t00.2", "In Ghent, for 14 July 2026."),
        *garage_turns()[1:],
    )
    record = InjectionRecord(
        type=InjectionType.CLARIFICATION, round=1, anchor="t00", turn_ids=("t00", "t00.1", "t00.2")
    )
    assert only(findings(turns, "rule.injection_intact", injections=(record,))) == ("t00.1", "soft")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("I would like to know when the next train to the coast leaves, please.", "English"),
        ("Ich möchte wissen, wann der nächste Zug an die Küste fährt, bitte.", "German"),
        ("Je voudrais savoir quand le prochain train pour la côte part, merci.", "French"),
        ("Quiero saber cuándo sale el próximo tren para la costa, por favor.", "Spanish"),
        ("Jaka jest cena biletu do Krakowa i czy to jest bilet na jutro?", "Polish"),
        ("次の電車はいつ出発しますか。海岸に行きたいです。", "Japanese"),
        ("Когда отходит следующий поезд к морю?", "Russian"),
        ("BK-30918, GR-771, 14:30", None),
        ("Ghent.", None),
    ],
)
def test_languages_are_told_apart_and_codes_are_none(text: str, language: str | None):
    assert language_of(text) == language


@given(st.text(max_size=300))
@settings(max_examples=100)
def test_no_text_breaks_the_rules_that_read_it(text: str):
    said = text if text.strip() else "…"
    turns = swapped(user("t00", said), reply("t05", said))
    found = run_rules(Subject(dialogue(turns), None, TOOLS))
    assert {finding.severity for finding in found} <= {"hard", "soft"}
    list(stated_numbers(text))
    language_of(text)


@given(st.lists(st.integers(10, 10_000), min_size=2, max_size=6))
@settings(max_examples=60)
def test_sums_counts_and_members_of_a_list_can_always_be_stated(prices: list[int]):
    book = garage_turns()[3]
    answer = output("t04", book, {"lines": [{"price": price} for price in prices]})
    said = f"{len(prices)} lines, {sum(prices):,} in all, the dearest at {max(prices)}."
    assert findings(swapped(answer, reply("t05", said)), "rule.reply_faithfulness") == []
    assert float(sum(prices)) in set(derived_from(answer.outputs[0].content))


def test_outputs_of_failed_calls_are_no_results_to_swap():
    failing = garage_turns()[2]
    error = ToolOutput(call_id="call_t01", name="find_garage", content={"booking_id": "no"}, is_error=True)
    assert findings(swapped(failing.model_copy(update={"outputs": (error,)})), "rule.results_swapped") == []
    assert replace(Facts(), language="German").language == "German"
