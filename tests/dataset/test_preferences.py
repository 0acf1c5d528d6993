"""Preference pairs: what was preferred, with its reason; what is no ground for a preference is counted and left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.builders import TOOLS, call, dialogue, output, reply, user
from toolace_dagster.dataset import PairCounts, PreferencePair, preference_pairs, write_preferences
from toolace_dagster.entities import (
    Dialogue,
    Edit,
    Finding,
    InjectionRecord,
    InjectionSubType,
    InjectionType,
    Origin,
    Replacement,
    Turn,
    apply_edit,
)

NEW = Origin(operation="reasonability_refinement", round=1)
ERROR = Origin(operation="complexity_injection", round=1, injection=InjectionType.ERROR_SIMULATION)


def edit(given: Dialogue, fills: dict[str, tuple[Turn, ...]], **more: Any) -> Edit:
    fields: dict[str, Any] = {
        "id": "e",
        "dialogue_id": given.id,
        "round": 1,
        "sequence": 0,
        "operation": "reasonability_refinement",
        "replacements": tuple(Replacement(before=given.turn(name), after=after) for name, after in fills.items()),
        "outcome": "accepted",
        "verdict": "new",
        "order_shown": "old_first",
        "reason": "The second is friendlier.",
    }
    return Edit(**(fields | more))


def pairs_of(
    given: Dialogue, made: Edit, findings: tuple[Finding, ...] = ()
) -> tuple[list[PreferencePair], dict[str, dict[str, int]]]:
    counts = PairCounts()
    return list(preference_pairs([(given, made)], TOOLS, "train", counts, findings)), ends(counts)


def ends(counts: PairCounts) -> dict[str, dict[str, int]]:
    """What became of candidates, without what became of none."""
    table = counts.table()
    assert set(table) == {"refinement", "repair", "injected_mistake"}
    return {source: {end: number for end, number in of.items() if number} for source, of in table.items()}


FRIENDLY = reply("t05", "Good news: Dok Noord takes your van at 09:30. The booking is BK-30918.", origin=NEW)


@pytest.mark.parametrize(("outcome", "verdict"), [("accepted", "new"), ("kept", "old")])
def test_the_judge_s_choice_is_chosen(outcome: str, verdict: str):
    given = dialogue()
    (pair,), counts = pairs_of(given, edit(given, {"t05": (FRIENDLY,)}, outcome=outcome, verdict=verdict))
    texts = [pair.chosen[0]["content"], pair.rejected[0]["content"]]
    wanted = [FRIENDLY.content, given.turn("t05").content]
    assert texts == (wanted if outcome == "accepted" else wanted[::-1])
    assert [message["role"] for message in pair.prompt] == ["user", "assistant", "tool", "assistant", "tool"]
    assert pair.reason == "The second is friendlier."
    assert pair.same_context
    assert [tool["function"]["name"] for tool in pair.tools] == list(TOOLS)
    assert counts["refinement"] == {"pairs": 1}


def test_a_tie_and_an_unknown_verdict_are_no_preference():
    given = dialogue()
    for verdict in ("equal", None):
        pairs, counts = pairs_of(given, edit(given, {"t05": (FRIENDLY,)}, outcome="kept", verdict=verdict))
        assert pairs == []
        assert counts["refinement"] == {"no_preference": 1}


def test_versions_that_say_the_same_are_left_out():
    given = dialogue()
    again = call("t01", "find_garage", {"city": "Ghent"}, origin=NEW)
    spaced = reply("t09", "I  rated them\n4 stars.", 1, origin=NEW)
    pairs, counts = pairs_of(given, edit(given, {"t01": (again,), "t09": (spaced,)}))
    assert pairs == []
    assert counts["refinement"] == {"same_text": 2}


def test_a_pair_behind_another_change_says_that_its_context_differs():
    given = dialogue()
    later = reply("t09", "Four stars it is.", 1, origin=NEW)
    first, second = pairs_of(given, edit(given, {"t05": (FRIENDLY,), "t09": (later,)}))[0]
    assert (first.same_context, second.same_context) == (True, False)
    assert FRIENDLY.content in [message["content"] for message in second.prompt]


def chain(*replies: str) -> tuple[list[PreferencePair], PairCounts]:
    """The pairs of edits each of which preferred the next version of the last reply."""
    history: list[tuple[Dialogue, Edit]] = []
    given = dialogue()
    for number, text in enumerate(replies):
        made = edit(given, {"t09": (reply("t09", text, 1, origin=NEW),)}, id=f"e{number}")
        history.append((given, made))
        given = apply_edit(given, made)
    counts = PairCounts()
    return list(preference_pairs(history, TOOLS, "train", counts)), counts


def test_what_a_later_verdict_overruled_is_not_chosen() -> None:
    pairs, counts = chain("Four stars it is.", "I gave them four stars.")
    assert [(pair.chosen[0]["content"], pair.rejected[0]["content"]) for pair in pairs] == [
        ("I gave them four stars.", "Four stars it is.")
    ]
    assert ends(counts)["refinement"] == {"pairs": 1, "reversed": 1}
    assert counts.same_context == {"refinement": 1}


def test_verdicts_that_contradict_each_other_give_no_pair() -> None:
    original = dialogue().turn("t09").content
    pairs, counts = chain("Four  stars it is.", original)
    assert pairs == []
    assert ends(counts)["refinement"] == {"reversed": 2}
    assert not counts.same_context


@pytest.mark.parametrize("more", [{"outcome": "discarded"}, {"order_shown": None, "verdict": None}])
def test_what_no_judge_saw_is_no_candidate(more: dict[str, Any]):
    given = dialogue()
    pairs, counts = pairs_of(given, edit(given, {"t05": (FRIENDLY,)}, **more))
    assert pairs == []
    assert counts["refinement"] == {}


LIMITED = call("t01", "find_garage", {"city": "Ghent", "limit": 20}, origin=NEW)
REFUSED = output("t02", LIMITED, {"error": "limit is at most 10"}, is_error=True, origin=NEW)


def story(sub_type: InjectionSubType | None) -> InjectionRecord:
    turns = ("t01", "t02")
    return InjectionRecord(
        type=InjectionType.ERROR_SIMULATION, sub_type=sub_type, round=1, anchor="t01", turn_ids=turns
    )


@pytest.mark.parametrize("verdict", ["new", "old"])
def test_a_call_that_its_tool_refuses_is_never_chosen(verdict: str) -> None:
    given = dialogue()
    reason = "Turn t01 of the other takes no account of the user's wish."
    if verdict == "new":
        made = edit(given, {"t01": (LIMITED,), "t02": (REFUSED,)}, reason=reason)
    else:
        old = {turn.id: turn for turn in given.turns}
        given = dialogue((old["t00"], LIMITED, REFUSED, *given.turns[3:]))
        fills = {"t01": (old["t01"],), "t02": (old["t02"],)}
        made = edit(given, fills, outcome="kept", verdict="old", reason=reason)
    assert pairs_of(given, made) == ([], {"refinement": {"failed_call": 1}, "repair": {}, "injected_mistake": {}})


@pytest.mark.parametrize(
    ("injections", "end"),
    [
        ((), "failed_call"),
        ((story(InjectionSubType.SERVICE_ERROR),), "pairs"),
        # A call made wrong on purpose, whichever is more like one that a model would make, is not to be learned.
        ((story(InjectionSubType.INVALID_ARGUMENT),), "failed_call"),
        ((story(None),), "failed_call"),
    ],
)
def test_of_two_calls_that_fail_one_is_chosen_only_where_the_service_is_at_fault(
    injections: tuple[InjectionRecord, ...], end: str
) -> None:
    sound = dialogue()
    worse = call("t01", "find_garage", {"city": "Ghent", "limit": 990}, origin=ERROR)
    refused = output("t02", worse, {"error": "limit is at most 10"}, is_error=True, origin=ERROR)
    given = dialogue((sound.turns[0], worse, refused, *sound.turns[3:]), injections=injections)
    made = edit(given, {"t01": (LIMITED,), "t02": (REFUSED,)}, reason="Nobody would ask for 990 garages.")
    _, counts = pairs_of(given, made)
    assert counts["refinement"] == {end: 1}


LATER = reply("t09", "Four stars it is.", 1, origin=NEW)
ONE = call("t01", "find_garage", {"city": "Ghent", "limit": 1}, origin=NEW)


@pytest.mark.parametrize(
    ("reason", "paired"),
    [
        ("The reply in t05 of version A names no booking.", ["t05"]),
        ("Turns t05 and t09 of B are shorter.", ["t05", "t09"]),
        # The reply t05 tells what the tool answered in t04, the same in both.
        ("In turn t04 of A the time has no minutes.", ["t05"]),
        # So does t09, but behind t05, which differs.
        ("In turn t08 of A nothing says what was rated.", []),
        # A fault of a call is none of the reply.
        ("In turn t03 the date is another than the user's.", []),
        ("In turn t07 of A the stars are not what the user asked for.", []),
        ("The user of A recites a list in turn t06.", []),
        # What refinement noted behind the judge's words names no fault.
        ("B is friendlier.; turn t07 stays as it is: nothing is wrong with it", ["t05", "t09"]),
        ("B is friendlier.; its calls, run for real, take away what turn t07 relies on", ["t05", "t09"]),
        # No turn of this dialogue.
        ("B is friendlier, as in t77.", ["t05", "t09"]),
    ],
)
def test_a_verdict_is_on_the_turns_that_its_reason_names(reason: str, paired: list[str]) -> None:
    given = dialogue()
    pairs, counts = pairs_of(given, edit(given, {"t05": (FRIENDLY,), "t09": (LATER,)}, reason=reason))
    fills = {"t05": FRIENDLY, "t09": LATER}
    assert [pair.chosen[0]["content"] for pair in pairs] == [fills[name].content for name in paired]
    left = 2 - len(paired)
    assert counts["refinement"] == {
        **({"pairs": len(paired)} if paired else {}),
        **({"not_named": left} if left else {}),
    }


@pytest.mark.parametrize(
    ("reason", "end"),
    [
        ("Version B reads better and follows more closely from what the user asked.", "wording"),
        ("The facts agree in both; version B is worded more naturally, beginning with turn t01.", "wording"),
        ("Version A asks for 1 garage more.", "wording"),
        ("In turn t01 of version A the limit comes from nowhere.", "pairs"),
        ("Version A would search in Antwerp.", "pairs"),
    ],
)
def test_wording_is_no_ground_to_prefer_a_value(reason: str, end: str) -> None:
    given = dialogue()
    antwerp = call("t01", "find_garage", {"city": "Antwerp", "limit": 1}, origin=NEW)
    _, counts = pairs_of(given, edit(given, {"t01": (antwerp,)}, reason=reason, outcome="kept", verdict="old"))
    assert counts["refinement"] == {end: 1}


def test_a_reply_true_to_its_own_outputs_is_no_worse_for_the_call_before_it() -> None:
    given = dialogue()
    booked = call("t03", "book_service", {"garage_id": "GR-771", "date": "2026-07-15"}, origin=NEW)
    other = output("t04", booked, {"booking_id": "BK-44120", "time": "10:15"}, origin=NEW)
    told = reply("t05", "Dok Noord takes your van at 10:15; the booking is BK-44120.", origin=NEW)
    reason = "Version B has a fault that the other lacks. In turn t03 the date 2026-07-15 comes from nowhere."
    fills = {"t03": (booked,), "t04": (other,), "t05": (told,)}
    (pair,), counts = pairs_of(given, edit(given, fills, outcome="kept", verdict="old", reason=reason))
    assert json.dumps(pair.rejected).count("2026-07-15") == 1
    assert counts["refinement"] == {"pairs": 1, "not_named": 1}


@pytest.mark.parametrize(
    ("text", "reason", "end"),
    [
        ("Dok Noord takes your van at 09:45; the booking is BK-30918.", "Version B reads better.", "wording"),
        ("Dok Noord takes your van at 09:30; the booking is BK-39018.", "Version B reads better.", "wording"),
        ("Garage Zuid takes your van at 09:30; the booking is BK-30918.", "Version B reads better.", "wording"),
        ("Dok Noord takes your van; the booking is BK-30918.", "B reads better, as turn t05 shows.", "wording"),
        ("Dok Noord takes your three vans at 09:30; the booking is BK-30918.", "B reads better.", "wording"),
        # The reason gives what differs, or what is wrong with the reply.
        ("Dok Noord takes your van at 09:45; the booking is BK-30918.", "A states 09:45.", "pairs"),
        ("Dok Noord takes your van; the booking is BK-30918.", "Turn t05 of A leaves the hour out.", "pairs"),
        # The same facts in other words.
        ("It is BK-30918 with Dok Noord, for your van, at 09:30.", "Version B reads better.", "pairs"),
        ("One thing first: Dok Noord takes your van at 09:30, as BK-30918.", "Version B reads better.", "pairs"),
    ],
)
def test_wording_is_no_ground_to_prefer_other_facts(text: str, reason: str, end: str) -> None:
    given = dialogue()
    worse = edit(given, {"t05": (reply("t05", text, origin=NEW),)}, reason=reason, outcome="kept", verdict="old")
    assert pairs_of(given, worse)[1]["refinement"] == {end: 1}


@pytest.mark.parametrize(
    ("one", "other", "end"),
    [
        ("It costs 1,200 euros on 2026-07-14.", "On 14 July 2026 it costs 1200 euros.", "pairs"),
        ("It weighs 30kg and came 4th of twelve.", "Of 12 it came 4th, with 30 kg.", "pairs"),
        ("It costs 120 euros.", "It costs 1,200 euros.", "wording"),
        ("You have two.", "You have three.", "wording"),
        ("It is on 2026-07-14.", "It is on 17 July 2026.", "wording"),
    ],
)
def test_a_figure_may_be_written_in_several_ways(one: str, other: str, end: str) -> None:
    given = dialogue()
    given = given.model_copy(update={"turns": (*given.turns[:-1], reply("t09", one, 1))})
    made = edit(given, {"t09": (reply("t09", other, 1, origin=NEW),)})
    assert pairs_of(given, made)[1]["refinement"] == {end: 1}


def test_behind_other_messages_a_reply_with_other_facts_needs_one_in_the_reason() -> None:
    given = dialogue()
    rated = call("t07", "rate_garage", {"garage_id": "GR-771", "stars": 5}, 1, origin=NEW)
    told = reply("t09", "I rated them 5 stars.", 1, origin=NEW)
    for reason, end in (("Turn t09 of A says too little.", "wording"), ("Turn t09 of A states 4.", "pairs")):
        made = edit(given, {"t07": (rated,), "t09": (told,)}, reason=reason)
        assert pairs_of(given, made)[1]["refinement"] == {end: 1, "not_named": 1}


def test_the_words_beside_a_call_may_be_preferred_for_wording() -> None:
    given = dialogue()
    told = given.turn("t01").model_copy(update={"content": "Let me look that up."})
    (pair,), _ = pairs_of(given, edit(given, {"t01": (told,)}))
    assert pair.chosen[0]["content"] == "Let me look that up."


def found(turn_id: str, message: str, edit_id: str = "e") -> Finding:
    found = Finding(check="expert.reply_faithfulness", severity="hard", turn_id=turn_id, message=message)
    return found.mended(edit_id)


def repair(given: Dialogue, fills: dict[str, tuple[Turn, ...]], **more: Any) -> Edit:
    fields = {"operation": "repair", "verdict": None, "order_shown": None, "reason": "Wrong; and wrong.", "round": 6}
    return edit(given, fills, **(fields | more))


def test_a_repaired_turn_is_chosen_over_the_faulty_one() -> None:
    given = dialogue()
    asked = user("t06", "Four stars for them.", 1, origin=NEW)
    made = repair(given, {"t05": (FRIENDLY,), "t06": (asked,), "t09": (LATER,)})
    findings = (
        found("t05", "The reply says nothing of the van."),
        found("t05", "It is curt."),
        found("t06", "The user repeats themselves."),
        found("t09", "Another edit's matter.", edit_id="other"),
    )
    (pair,), counts = pairs_of(given, made, findings)
    assert (pair.source, pair.edit_id) == ("repair", made.id)
    assert pair.reason == "The reply says nothing of the van. It is curt."
    assert [pair.chosen[0]["content"], pair.rejected[0]["content"]] == [FRIENDLY.content, given.turn("t05").content]
    assert [message["role"] for message in pair.prompt] == ["user", "assistant", "tool", "assistant", "tool"]
    # Nothing was found wrong with t09, which was brought in step.
    assert counts == {"refinement": {}, "repair": {"pairs": 1, "not_named": 1}, "injected_mistake": {}}


def test_a_repair_that_did_not_lead_to_acceptance_prefers_nothing() -> None:
    given = dialogue()
    made = repair(given, {"t05": (FRIENDLY,)}, outcome="kept")
    pairs, counts = pairs_of(given, made, (found("t05", "It is curt."),))
    assert (pairs, counts["repair"]) == ([], {"no_preference": 1})


def test_a_repaired_call_that_its_tool_refuses_is_not_chosen() -> None:
    given = dialogue()
    made = repair(given, {"t01": (LIMITED,), "t02": (REFUSED,)})
    pairs, counts = pairs_of(given, made, (found("t01", "The city alone finds too few."),))
    assert (pairs, counts["repair"]) == ([], {"failed_call": 1})


def test_what_verification_found_at_fault_is_not_chosen_whatever_came_before_it() -> None:
    given = dialogue()
    first = edit(given, {"t09": (LATER,)}, id="first")
    faulty = apply_edit(given, first)
    second = edit(faulty, {"t01": (ONE,)}, id="second", reason="In turn t01 the user wants one garage.")
    between = apply_edit(faulty, second)
    again = repair(between, {"t09": (reply("t09", "Gave them five.", 1, origin=NEW),)}, id="third")
    worse = apply_edit(between, again)
    last = repair(worse, {"t09": (reply("t09", "They have your 4 stars.", 1, origin=NEW),)}, id="fourth")
    findings = (found("t09", "It does not say whose stars.", "third"), found("t09", "Five is wrong.", "fourth"))
    counts = PairCounts()
    history = [(given, first), (faulty, second), (between, again), (worse, last)]
    pairs = list(preference_pairs(history, TOOLS, "train", counts, findings))
    assert [(pair.edit_id, pair.reason) for pair in pairs] == [
        ("second", "In turn t01 the user wants one garage."),
        ("fourth", "Five is wrong."),
    ]
    assert ends(counts) == {
        "refinement": {"pairs": 1, "reversed": 1},
        "repair": {"pairs": 1, "reversed": 1},
        "injected_mistake": {},
    }


def mistake(arguments: dict[str, Any], words: str = "") -> tuple[Dialogue, Edit]:
    given = dialogue()
    wrong = call("t01", "find_garage", arguments, origin=ERROR)
    right = call("t01.1", "find_garage", {"city": "Ghent"}, content=words, origin=ERROR)
    after = (wrong, output("t01.e", wrong, {"error": "unknown city"}, is_error=True, origin=ERROR), right)
    fields = {"operation": "complexity_injection", "injection": InjectionType.ERROR_SIMULATION}
    return given, edit(given, {"t01": after}, order_shown=None, verdict=None, reason="", **fields)


def test_a_sound_call_is_chosen_over_the_mistake_made_of_it():
    (pair,), counts = pairs_of(*mistake({"town": "Gent"}))
    assert pair.source == "injected_mistake"
    assert pair.chosen[0]["tool_calls"][0]["function"]["arguments"] == {"city": "Ghent"}
    assert pair.rejected[0]["tool_calls"][0]["function"]["arguments"] == {"town": "Gent"}
    assert pair.reason == '{"error":"unknown city"}'
    assert [message["role"] for message in pair.prompt] == ["user"]
    assert counts == {"refinement": {}, "repair": {}, "injected_mistake": {"pairs": 1}}


def test_a_call_that_verification_found_at_fault_is_not_chosen_over_the_mistake_made_of_it() -> None:
    """The injection gives the failing call the old turn's id, and the sound one another."""
    given, made = mistake({"town": "Gent"}, "I named the city wrongly, so once more.")
    broken = apply_edit(given, made)
    mended = repair(broken, {"t01.1": (call("t01.1", "find_garage", {"city": "Ghent", "limit": 3}, origin=NEW),)})
    counts = PairCounts()
    findings = (found("t01.1", "The user asked for three."),)
    (pair,) = preference_pairs([(given, made), (broken, mended)], TOOLS, "train", counts, findings)
    assert pair.source == "repair"
    assert pair.rejected[0]["tool_calls"][0]["function"]["arguments"] == {"city": "Ghent"}
    assert ends(counts) == {"refinement": {}, "repair": {"pairs": 1}, "injected_mistake": {"reversed": 1}}


def test_a_call_whose_words_alone_were_at_fault_may_still_be_chosen() -> None:
    given, made = mistake({"town": "Gent"}, "Hm.")
    broken = apply_edit(given, made)
    wordy = broken.turn("t01.1").model_copy(update={"content": "I named the city wrongly, so once more."})
    counts = PairCounts()
    history = [(given, made), (broken, repair(broken, {"t01.1": (wordy,)}))]
    pairs = list(preference_pairs(history, TOOLS, "train", counts, (found("t01.1", "It says nothing of the error."),)))
    assert [pair.source for pair in pairs] == ["injected_mistake", "repair"]


def test_what_was_cut_off_a_dialogue_gives_no_pair() -> None:
    given = dialogue()
    made = edit(given, {"t05": (FRIENDLY,), "t09": (LATER,)})
    whole = apply_edit(given, made)
    accepted = whole.model_copy(update={"turns": whole.turns[:6]})
    counts = PairCounts()
    (pair,) = preference_pairs([(given, made)], TOOLS, "train", counts, accepted=accepted)
    assert pair.chosen[0]["content"] == FRIENDLY.content
    assert ends(counts)["refinement"] == {"pairs": 1, "cut_off": 1}


def test_a_service_that_failed_on_a_sound_call_prefers_nothing():
    pairs, counts = pairs_of(*mistake({"city": "Ghent"}))
    assert pairs == []
    assert counts["injected_mistake"] == {"same_text": 1}


def test_pairs_are_written_for_both_loaders(tmp_path: Path):
    (pair,), _ = pairs_of(*mistake({"town": "Gent"}))
    reports = write_preferences([pair], tmp_path)
    assert [(report.path, report.rows) for report in reports if report.split == "train"] == [
        ("preferences/train.parquet", 1),
        ("preferences/train.jsonl", 1),
    ]
    line = json.loads((tmp_path / "preferences/train.jsonl").read_text())
    assert [json.loads(text) for text in line["chosen"]] == pair.chosen
    assert line["same_context"] is True
