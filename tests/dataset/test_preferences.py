"""Preference pairs: what the judge preferred, with its reason; ties and equal versions are counted and left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.builders import TOOLS, call, dialogue, output, reply
from toolace_dagster.dataset import PairCounts, PreferencePair, preference_pairs, write_preferences
from toolace_dagster.entities import Dialogue, Edit, InjectionType, Origin, Replacement, Turn, apply_edit

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


def pairs_of(given: Dialogue, made: Edit) -> tuple[list[PreferencePair], dict[str, dict[str, int]]]:
    counts = PairCounts()
    return list(preference_pairs([(given, made)], TOOLS, "train", counts)), counts.table()


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
    assert counts["refinement"] == {"pairs": 1, "same_text": 0, "no_preference": 0, "reversed": 0}


def test_a_tie_and_an_unknown_verdict_are_no_preference():
    given = dialogue()
    for verdict in ("equal", None):
        pairs, counts = pairs_of(given, edit(given, {"t05": (FRIENDLY,)}, outcome="kept", verdict=verdict))
        assert pairs == []
        assert counts["refinement"]["no_preference"] == 1


def test_versions_that_say_the_same_are_left_out():
    given = dialogue()
    again = call("t01", "find_garage", {"city": "Ghent"}, origin=NEW)
    spaced = reply("t09", "I  rated them\n4 stars.", 1, origin=NEW)
    pairs, counts = pairs_of(given, edit(given, {"t01": (again,), "t09": (spaced,)}))
    assert pairs == []
    assert counts["refinement"] == {"pairs": 0, "same_text": 2, "no_preference": 0, "reversed": 0}


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
    assert counts.table()["refinement"] == {"pairs": 1, "same_text": 0, "no_preference": 0, "reversed": 1}
    assert counts.same_context == {"refinement": 1}


def test_verdicts_that_contradict_each_other_give_no_pair() -> None:
    original = dialogue().turn("t09").content
    pairs, counts = chain("Four  stars it is.", original)
    assert pairs == []
    assert counts.table()["refinement"]["reversed"] == 2
    assert not counts.same_context


@pytest.mark.parametrize("more", [{"outcome": "discarded"}, {"order_shown": None, "verdict": None}])
def test_what_no_judge_saw_is_no_candidate(more: dict[str, Any]):
    given = dialogue()
    pairs, counts = pairs_of(given, edit(given, {"t05": (FRIENDLY,)}, **more))
    assert pairs == []
    assert sum(counts["refinement"].values()) == 0


def mistake(arguments: dict[str, Any]) -> tuple[Dialogue, Edit]:
    given = dialogue()
    wrong = call("t01", "find_garage", arguments, origin=ERROR)
    right = call("t01.1", "find_garage", {"city": "Ghent"}, origin=ERROR)
    after = (wrong, output("t01.e", wrong, {"error": "unknown city"}, is_error=True, origin=ERROR), right)
    fields = {"operation": "complexity_injection", "injection": InjectionType.ERROR_SIMULATION}
    return given, edit(given, {"t01": after}, order_shown=None, verdict=None, reason="", **fields)


def test_a_sound_call_is_chosen_over_the_mistake_made_of_it():
    (pair,), counts = pairs_of(*mistake({"town": "Gent"}))
    assert pair.source == "repair"
    assert pair.chosen[0]["tool_calls"][0]["function"]["arguments"] == {"city": "Ghent"}
    assert pair.rejected[0]["tool_calls"][0]["function"]["arguments"] == {"town": "Gent"}
    assert pair.reason == '{"error":"unknown city"}'
    assert [message["role"] for message in pair.prompt] == ["user"]
    assert counts["repair"] == {"pairs": 1, "same_text": 0, "no_preference": 0, "reversed": 0}


def test_a_service_that_failed_on_a_sound_call_prefers_nothing():
    pairs, counts = pairs_of(*mistake({"city": "Ghent"}))
    assert pairs == []
    assert counts["repair"]["same_text"] == 1


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
