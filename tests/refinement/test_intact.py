"""Injections that a later change undoes: seen by the screen of fills, and by the rule of verification."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import call, dialogue, reply, spec, user
from tests.refinement.test_operations import ALL_TOOLS, FOUND, inject, listed_dialogue
from toolace_dagster.entities import Dialogue, InjectionSubType, Turn, apply_edit
from toolace_dagster.refinement.intact import mistaken_words
from toolace_dagster.refinement.screen import faults_of
from toolace_dagster.verification.rules import Subject, run_rules

FIRST, LAST = "Find me a garage in {} and book it for 14 July 2026.", "Oh, I got that wrong: Ghent."


def injected(sub_type: InjectionSubType, answer: Any = None) -> Dialogue:
    """The garage dialogue after an injection into its search, or the message before it."""
    subject = dialogue(listed_dialogue().turns[:6])
    edit = inject(sub_type, *([answer] if answer else []), subject=subject)
    assert edit.outcome == "accepted", edit.reason
    return apply_edit(subject, edit)


def corrected(*contents: str) -> Any:
    roles = ("user", "assistant", "user")
    turns = [{"role": role, "content": content} for role, content in zip(roles, contents, strict=True)]
    return lambda _: {"turns": turns}


def changed(subject: Dialogue, place: int, **update: Any) -> Dialogue:
    """The dialogue with one of the injection's turns, or one after them, otherwise."""
    at = subject.position(subject.injections[0].turn_ids[0]) + place
    turns = list(subject.turns)
    turns[at] = Turn.model_validate({**{n: getattr(turns[at], n) for n in Turn.model_fields}, **update})
    return subject.model_copy(update={"turns": tuple(turns)})


def found(before: Dialogue, after: Dialogue) -> tuple[str, str]:
    """What the screen says of a change, and what the rule says; both say it, or neither."""
    new = {fault.what for fault in faults_of(after, ALL_TOOLS) - faults_of(before, ALL_TOOLS) if "undone" in fault.what}
    said = [
        each
        for each in run_rules(Subject(after, spec(), ALL_TOOLS))
        if each.check == "rule.injection_intact" and "undone" in each.message and each.severity == "hard"
    ]
    assert len(new) == len(said)
    return "; ".join(sorted(new)), "; ".join(sorted(each.message for each in said))


def seen(before: Dialogue, after: Dialogue, words: str) -> None:
    for message in found(before, after):
        assert words in message


def correction() -> Dialogue:
    answer = corrected(FIRST.format("Bruges"), "The city is Bruges, right?", LAST)
    return injected(InjectionSubType.USER_CORRECTION, answer)


def test_a_correction_logs_what_moved_and_what_was_wrong() -> None:
    (record,) = correction().injections
    assert (record.withheld, record.mistaken) == (("Ghent",), ("bruges",))


@pytest.mark.parametrize(
    ("place", "content", "words"),
    [
        (0, FIRST.format("Ghent"), "'Ghent' is still in the first message"),
        (0, "Find me a garage, for 14 July 2026.", "does not repeat what the user has wrong"),
        (1, "The city is Ghent, right?", "which is the right one"),
        (1, "The day is 14 July 2026, right?", "does not repeat what the user has wrong"),
        (2, "Oh, I got that wrong: 14 July 2026.", "'Ghent' is not given in the last message"),
    ],
)
def test_a_correction_that_a_fill_undoes_is_seen(place: int, content: str, words: str) -> None:
    seen(correction(), changed(correction(), place, content=content), words)


def test_a_correction_said_in_other_words_is_intact() -> None:
    subject = correction()
    for place, content in ((0, "Garage, Bruges, 14 July 2026."), (1, "Bruges it is?"), (2, "Sorry, no, Ghent!")):
        assert found(subject, changed(subject, place, content=content)) == ("", "")


def test_a_value_back_in_the_first_message_is_seen_but_not_one_that_no_call_takes_any_more() -> None:
    answer = corrected("Find me a garage for 14 July 2026.", "In which city?", "Ghent.")
    subject = injected(InjectionSubType.MISSING_VALUE, answer)
    back = changed(subject, 0, content=FIRST.format("Ghent"))
    seen(subject, back, "'Ghent' is still in the first message")
    elsewhere = changed(
        changed(back, 2, content="Bruges."), 3, tool_calls=call("x", "find_garage", {"city": "Bruges"}).tool_calls
    )
    assert found(subject, elsewhere) == ("", "")


def test_a_refused_call_that_is_the_corrected_one_is_seen() -> None:
    subject = injected(InjectionSubType.INVALID_ARGUMENT)
    meant = next(turn for turn in subject.turns if turn.id == subject.injections[0].turn_ids[2])
    calls = tuple(each.model_copy(update={"id": "x"}) for each in meant.tool_calls)
    seen(subject, changed(subject, 0, tool_calls=calls), "the same arguments as the corrected one")


def test_a_call_repeated_otherwise_is_seen_where_the_service_was_at_fault() -> None:
    subject = injected(InjectionSubType.SERVICE_ERROR)
    other = call("x", "find_garage", {"city": "Ghent", "limit": 1}).tool_calls
    if subject.turn(subject.injections[0].turn_ids[0]).tool_calls[0].name != "find_garage":
        other = call("x", "book_service", {"garage_id": "GR-102", "date": "2026-07-14"}).tool_calls
    seen(subject, changed(subject, 0, tool_calls=other), "differs from the repeated one")


@pytest.mark.parametrize(
    ("sub_type", "words"),
    [
        (InjectionSubType.PARTIAL_RESULT, "not a part of what the following turn holds"),
        (InjectionSubType.EMPTY_RESULT, "the first result is not empty"),
    ],
)
def test_a_poor_result_made_whole_is_seen(sub_type: InjectionSubType, words: str) -> None:
    subject = injected(sub_type)
    (poor,) = subject.turn(subject.injections[0].turn_ids[1]).outputs
    whole = poor.model_copy(update={"content": FOUND})
    seen(subject, changed(subject, 1, outputs=(whole,)), words)


def test_a_whole_result_cut_to_the_partial_one_is_seen() -> None:
    subject = injected(InjectionSubType.PARTIAL_RESULT)
    (full,) = subject.turns[subject.position(subject.injections[0].turn_ids[2]) + 1].outputs
    cut = full.model_copy(update={"content": {"garages": FOUND["garages"][:1]}})
    seen(subject, changed(subject, 3, outputs=(cut,)), "not a part of what the following turn holds")


def test_what_agents_played_is_not_held_to_the_words_of_an_injection() -> None:
    subject = injected(InjectionSubType.SERVICE_ERROR)
    record = subject.injections[0].model_copy(update={"round": 0})
    played = subject.model_copy(update={"injections": (record,)})
    other = call("x", "find_garage", {"city": "Bruges"}).tool_calls
    assert found(played, changed(played, 0, tool_calls=other)) == ("", "")


def test_words_that_only_belong_to_both_messages_are_nothing_the_user_has_wrong() -> None:
    turns = (
        user("t00", "Please book Bikkel for 14 July 2026 at 09:30."),
        reply("t01", "Please confirm: Bikkel on 14 July 2026, at 09:30?"),
        user("t02", "No, make it 11:15."),
    )
    assert mistaken_words("Please book Bikkel for 14 July 2026 at 11:15.", turns) == ("09:30",)
    assert mistaken_words(turns[0].content, turns) == ()
    asked = (user("t00", "What I want is a garage."), reply("t01", "The city: “Pune”. Is that correct?"), turns[2])
    assert mistaken_words("A garage.", asked) == ()
