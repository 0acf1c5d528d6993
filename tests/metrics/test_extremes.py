"""What repeats itself wholly, and what never does, gives the extremes; the order of things changes nothing."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import call, dialogue, output, reply, user
from tests.metrics.homes import Attempt, text_of, write_home
from toolace_dagster.entities import Dialogue
from toolace_dagster.metrics import figure, measure_home
from toolace_dagster.metrics.self_bleu import self_bleu
from toolace_dagster.warehouse import Warehouse

WORDS = st.sampled_from(["find", "a", "garage", "in", "ghent", "today"])
TEXTS = st.lists(st.lists(WORDS, min_size=0, max_size=12), min_size=2, max_size=8)


def alike(number: int) -> Dialogue:
    return dialogue(id=f"garages-{number:04d}-abcdef")


def test_identical_dialogues(tmp_path: Path) -> None:
    found = measure_home(write_home(tmp_path, [Attempt(alike(number)) for number in range(8)]))
    one = measure_home(write_home(tmp_path / "one", [Attempt(alike(0))]))
    assert figure(found, "self_bleu") == pytest.approx(100)
    assert (figure(found, "shapes"), figure(found, "shape_repetition"), figure(found, "largest_shape")) == (1, 1, 1)
    assert (figure(found, "openings"), figure(found, "opening_repetition"), figure(found, "largest_opening")) == (
        1,
        1,
        1,
    )
    assert figure(found, "value_diversity") == pytest.approx(1 / 8)
    for n in (1, 2, 3):
        alone = figure(one, f"distinct_{n}")
        assert alone is not None
        assert figure(found, f"distinct_{n}") == pytest.approx(alone / 8)
    # Saying everything eight times as often changes no share.
    assert figure(found, "token_entropy") == pytest.approx(figure(one, "token_entropy"))


def test_dialogues_without_a_word_in_common(tmp_path: Path) -> None:
    talks = [
        dialogue((user("t00", " ".join(f"w{n}x{k}" for k in range(6))), reply("t01", "Yes.")), id=f"garages-{n:04d}-a")
        for n in range(5)
    ]
    found = measure_home(write_home(tmp_path, [Attempt(each) for each in talks]))
    assert figure(found, "self_bleu") == 0
    assert [figure(found, f"distinct_{n}") for n in (1, 2, 3)] == [1, 1, 1]
    assert figure(found, "opening_repetition") == 0
    # They differ in words alone.
    assert figure(found, "shapes") == 1


def test_one_word_said_over_and_over_has_no_entropy(tmp_path: Path) -> None:
    talk = dialogue((user("t00", "go go go go"), reply("t01", "Yes.")))
    assert figure(measure_home(write_home(tmp_path, [Attempt(talk)])), "token_entropy") == 0


@given(TEXTS)
def test_self_bleu_has_bounds_and_no_order(texts: list[list[str]]) -> None:
    score = self_bleu(texts)
    assert score is not None
    assert 0 <= score <= 100 + 1e-9
    assert self_bleu(texts[::-1]) == pytest.approx(score)


@given(TEXTS)
def test_a_text_that_is_there_twice_scores_in_full(texts: list[list[str]]) -> None:
    twice = [text for text in texts if text] * 2
    if twice:
        assert self_bleu(twice) == pytest.approx(100)


@settings(max_examples=5)
@given(st.lists(st.lists(WORDS, min_size=1, max_size=8), min_size=1, max_size=6), st.randoms())
def test_a_home_in_another_order_measures_the_same(texts: list[list[str]], rng: random.Random) -> None:
    talks = [
        Attempt(dialogue((user("t00", " ".join(text)), reply("t01", "Yes.")), id=f"garages-{n:04d}-a"))
        for n, text in enumerate(texts)
    ]
    mixed = list(talks)
    rng.shuffle(mixed)
    with tempfile.TemporaryDirectory() as folder:
        one = write_home(Path(folder) / "one", talks)
        other = write_home(Path(folder) / "other", mixed)
        found = measure_home(one)
        assert text_of(found) == text_of(measure_home(other))
        for row in found:
            assert row.count >= 0
            if row.metric.startswith(("distinct", "shape_", "largest", "opening_", "coherence")):
                assert 0 <= row.value <= 1


def test_chunks_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = write_home(tmp_path, [Attempt(alike(number)) for number in range(7)])
    whole = text_of(measure_home(warehouse))
    monkeypatch.setattr("toolace_dagster.metrics.measuring._CHUNK", 2)
    monkeypatch.setattr("toolace_dagster.metrics.measuring._GRAMS_AT_ONCE", 5)
    assert text_of(measure_home(warehouse)) == whole


def test_a_sample_is_the_same_in_whatever_home_its_dialogues_stand(tmp_path: Path) -> None:
    talks = [
        dialogue((user("t00", f"word{n} and word{n % 3}"), reply("t01", "Yes.")), id=f"garages-{n:04d}-a")
        for n in range(9)
    ]
    found = measure_home(write_home(tmp_path, [Attempt(each) for each in talks]), sample=4)
    again = measure_home(write_home(tmp_path / "b", [Attempt(each) for each in talks[::-1]]), sample=4)
    (row,) = [r for r in found if r.metric == "self_bleu" and r.domain is None and r.over == "accepted"]
    assert row.count == 4
    assert figure(again, "self_bleu") == row.value


def test_an_empty_home_measures_nothing(tmp_path: Path) -> None:
    assert measure_home(Warehouse(tmp_path / "nothing")) == []


def test_turns_without_a_word_are_measured(tmp_path: Path) -> None:
    asked = call("t03", "find_garage", {"city": "Ghent"})
    silent = dialogue(
        (
            user("t00", "…"),
            reply("t01", "!"),
            user("t02", "Find a garage."),
            asked,
            output("t04", asked, None),
            reply("t05", "There is none in the whole city."),
        )
    )
    rows = measure_home(write_home(tmp_path, [Attempt(silent)]))
    assert figure(rows, "user_turns") == 2
    assert 0 <= (figure(rows, "coherence_lexical") or 0) <= 1
