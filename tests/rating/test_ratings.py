"""Pairs, what people say of them, and what that comes to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders import spec
from tests.rating.compared import DOMAIN, home, row, said, two_homes
from toolace_dagster.metrics import MetricRow
from toolace_dagster.rating import Pairs, RatingFault, read_ratings, record_rating, tally_ratings, with_ratings
from toolace_dagster.rating.records import LONGEST_REASON, ratings_file
from toolace_dagster.warehouse import insert


def test_a_pair_is_the_same_task_in_both_homes_and_its_sides_stay(tmp_path: Path) -> None:
    mine, other = two_homes(tmp_path, 40)
    pairs = Pairs(mine, other)
    found = pairs.all()
    assert len(found) == 40
    assert found == Pairs(mine, other).all()
    sides = {pair.left for pair in found}
    assert sides == {"mine", "simulation"} == set(pairs.labels), "both are on the left at times"
    for pair in found:
        left, right = pairs.dialogues(pair)
        assert left.turns[-1].content.startswith("ALPHA" if pair.left == "mine" else "BETA")
        assert right.turns[-1].content.startswith("ALPHA" if pair.right == "mine" else "BETA")
        assert pairs.task(pair).dialogue_id == left.id == right.id
        assert pair.dialogue_id not in pair.name
    assert [pair.dialogue_id for pair in found] != sorted(pair.dialogue_id for pair in found)


def test_other_tasks_other_ends_and_equal_dialogues_are_no_pairs(tmp_path: Path) -> None:
    mine = home(tmp_path / "a", {"one": "x", "two": "x", "three": "x", "four": "x"}, "trajectory_initialization")
    other = home(tmp_path / "b", {"one": "y", "two": "x", "three": "y"}, "simulation")
    with other.domain(DOMAIN).write() as connection:
        changed = "UPDATE stage_rows SET content_hash = 'another' WHERE stage = 'task_specs' AND dialogue_id = 'three'"
        connection.execute(changed)
    names = [pair.dialogue_id for pair in Pairs(mine, other).all()]
    # The dialogues of "two" were written by other operations, and say the same.
    assert set(names) == {"one"}


def test_two_homes_have_secrets_of_their_own(tmp_path: Path) -> None:
    mine, other = two_homes(tmp_path)
    third = home(tmp_path / "third", {"garages-0000-abcdef": "z"}, "simulation")
    assert Pairs(mine, other).token() != Pairs(third, other).token()
    assert (mine.home / "rating.key").stat().st_mode & 0o077 == 0


def test_a_rating_names_the_home_that_was_preferred_and_outlives_the_process(tmp_path: Path) -> None:
    mine, other = two_homes(tmp_path)
    pairs = Pairs(mine, other)
    for pair, choice in zip(pairs.all(), ("left", "right", "tie"), strict=False):
        record_rating(mine, pair, choice, "  because ")
    ratings = read_ratings(mine)
    assert [each.choice for each in ratings] == ["left", "right", "tie"]
    assert [each.preferred for each in ratings] == [ratings[0].left, ratings[1].right, None]
    assert {each.reason for each in ratings} == {"because"}
    shown, done, of = pairs.next(each.pair for each in ratings)
    assert (done, of) == (3, 6)
    assert shown is not None
    assert shown.name not in {each.pair for each in ratings}


def test_a_pair_is_rated_once_and_bad_ratings_are_refused(tmp_path: Path) -> None:
    mine, other = two_homes(tmp_path)
    pair, later, *_ = Pairs(mine, other).all()
    record_rating(mine, pair, "left", "")
    for bad, choice, reason in ((pair, "right", ""), (later, "both", ""), (later, "tie", "x" * (LONGEST_REASON + 1))):
        with pytest.raises(RatingFault):
            record_rating(mine, bad, choice, reason)
    assert [each.choice for each in read_ratings(mine)] == ["left"]


def test_a_line_that_a_crash_cut_off_loses_nothing_else(tmp_path: Path) -> None:
    mine, other = two_homes(tmp_path)
    one, two, three, *_ = Pairs(mine, other).all()
    record_rating(mine, one, "left", "é")
    record_rating(mine, two, "tie", "")
    path = ratings_file(mine)
    path.write_bytes(path.read_bytes()[:-20])
    record_rating(mine, three, "right", "")
    assert [each.pair for each in read_ratings(mine)] == [one.name, three.name]


def test_wins_ties_and_chance_are_counted(tmp_path: Path) -> None:
    mine, other = two_homes(tmp_path, 12)
    for number, pair in enumerate(Pairs(mine, other).all()):
        ours = "left" if pair.left == "mine" else "right"
        theirs = "right" if ours == "left" else "left"
        record_rating(mine, pair, ours if number < 8 else theirs if number < 10 else "tie", "")
    (counted,) = tally_ratings(read_ratings(mine))
    assert (counted.one, counted.other) == ("mine", "simulation")
    assert (counted.wins, counted.losses, counted.ties) == (8, 2, 2)
    assert counted.share == 0.8
    assert counted.interval == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    assert counted.p_value == pytest.approx(2 * (1 + 10 + 45) / 1024)


def test_ratings_become_metrics_of_the_home_they_are_kept_in(tmp_path: Path) -> None:
    mine, other = two_homes(tmp_path, 8)
    earlier = [MetricRow(None, "accepted", "user_turns", None, 3.0, 8)]
    assert with_ratings(mine, earlier) == earlier
    for number, pair in enumerate(Pairs(mine, other).all()):
        ours = "left" if pair.left == "mine" else "right"
        theirs = "right" if ours == "left" else "left"
        record_rating(mine, pair, ours if number < 3 else theirs if number < 4 else "tie", "")
    found = with_ratings(mine, with_ratings(mine, earlier))
    assert found[0] == earlier[0]
    assert {(row.domain, row.metric, row.part): (row.value, row.count) for row in found[1:]} == {
        (domain, metric, part): figure
        for domain in (None, DOMAIN)
        for part in (None, "simulation")
        for metric, figure in (("human_preference", (0.75, 4)), ("human_ties", (0.5, 8)))
    }
    assert len(found) == 9


def test_nothing_rated_comes_to_nothing(tmp_path: Path) -> None:
    mine, _ = two_homes(tmp_path)
    assert tally_ratings(read_ratings(mine)) == []


def test_a_home_that_gained_a_dialogue_keeps_the_pairs_it_had(tmp_path: Path) -> None:
    mine, other = two_homes(tmp_path)
    before = {pair.name: pair for pair in Pairs(mine, other).all()}
    name = "garages-9999-abcdef"
    for store, words in ((mine.domain(DOMAIN), "ALPHA"), (other.domain(DOMAIN), "BETA")):
        added = [
            row("task_specs", 1, spec().model_copy(update={"dialogue_id": name}), name),
            row("verified_dialogues", 34, said(name, words, "simulation"), name),
        ]
        with store.write() as connection:
            insert(connection, "stage_rows", added)
    after = {pair.name: pair for pair in Pairs(mine, other).all()}
    assert len(after) == len(before) + 1
    assert {name: after[name] for name in before} == before
