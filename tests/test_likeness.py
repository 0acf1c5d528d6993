"""MinHash: estimates against true Jaccard similarity, and the index against comparing all pairs."""

from __future__ import annotations

import hashlib
import math
import random
import subprocess
import sys
import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolace_dagster.likeness import (
    LikenessIndex,
    Signature,
    alike_pairs,
    groups_of,
    leads_of,
    likeness,
    normal_words,
    signature,
    signatures,
)
from toolace_dagster.likeness.clusters import clusters
from toolace_dagster.likeness.index import rows_of_band
from toolace_dagster.likeness.signatures import PLACES


def signed(words: list[str], width: int = 1) -> Signature:
    made = signature(words, width)
    assert made is not None
    return made


def runs(words: list[str], width: int) -> set[tuple[str, ...]]:
    return {tuple(words[at : at + width]) for at in range(len(words) - width + 1)}


@pytest.mark.parametrize("width", [1, 3])
def test_estimate_is_near_the_true_similarity(width: int):
    draw = random.Random(5)
    faults: list[float] = []
    for _ in range(60):
        words = [f"w{draw.randrange(400)}" for _ in range(draw.randint(20, 300))]
        other = [word if draw.random() < 0.9 else f"v{draw.randrange(400)}" for word in words]
        mine, theirs = runs(words, width), runs(other, width)
        faults.append(likeness(signed(words, width), signed(other, width)) - len(mine & theirs) / len(mine | theirs))
    assert max(map(abs, faults)) < 0.18
    assert abs(sum(faults) / len(faults)) < 0.02


@settings(max_examples=50)
@given(st.lists(st.text(), min_size=1, max_size=12))
def test_order_counts_only_within_a_run(words: list[str]):
    assert likeness(signed(words), signed(words[::-1] * 2)) == 1.0
    assert likeness(signed(words, 3), signed(list(words), 3)) == 1.0
    if len(words) >= 3 and runs(words, 3).isdisjoint(runs(words[::-1], 3)):
        assert likeness(signed(words, 3), signed(words[::-1], 3)) < 0.2


def by_definition(items: list[str], width: int) -> list[int]:
    """A signature in plain whole numbers: the least of each place over the hashes of all runs."""
    drawn = [hashlib.blake2b(f"place {at}".encode(), digest_size=16).digest() for at in range(PLACES)]
    factors = [int.from_bytes(each[:8], "little") | 1 for each in drawn]
    addends = [int.from_bytes(each[8:], "little") for each in drawn]
    hashes: list[int] = []
    for run in runs(items, min(width, len(items))):
        made = 0
        for factor, item in zip(factors, run, strict=False):
            digest = hashlib.blake2b(item.encode(errors="surrogatepass"), digest_size=8).digest()
            made = ((made ^ made >> 31) * factor + int.from_bytes(digest, "little")) % 2**64
        hashes.append(made ^ made >> 29)
    return [
        min((each * factor + addend) % 2**64 for each in hashes) >> 32
        for factor, addend in zip(factors, addends, strict=True)
    ]


@settings(max_examples=50)
@given(st.lists(st.lists(st.sampled_from(["a", "b", "ab", "\ud800", "é"]), max_size=9), max_size=5), st.integers(1, 4))
def test_signatures_made_together_are_those_of_the_definition(sequences: list[list[str]], width: int):
    made = signatures(sequences, width)
    wanted = [by_definition(each, width) if each else None for each in sequences]
    assert [None if each is None else each.tolist() for each in made] == wanted


def test_signatures_of_long_and_short_sequences_made_together_are_those_made_alone():
    draw = random.Random(3)
    sequences = [[f"w{draw.randrange(90)}" for _ in range(length)] for length in (1, 40_000, 0, 2, 3, 700, 33_000)]
    for each, made in zip(sequences, signatures(sequences), strict=True):
        alone = signature(each)
        assert (made is None) == (alone is None) == (not each)
        assert made is None or alone is None or np.array_equal(made, alone)


def test_the_empty_sequence_is_like_nothing():
    assert signature([]) is None


def test_words_are_compared_without_case_width_and_punctuation():
    assert normal_words("Book it, ﬁne!  \uff22ook\tit.") == ["book", "it", "fine", "book", "it"]
    assert normal_words("नमस्ते 東京へ") == ["नमस्ते", "東京へ"]
    assert normal_words("l’été – à 5 h_30 … “fin”") == ["l", "été", "à", "5", "h", "30", "fin"]


@settings(max_examples=100)
@given(st.text())
def test_words_are_runs_of_letters_marks_and_digits(text: str):
    folded = unicodedata.normalize("NFKC", text).casefold()
    kept = "".join(c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in folded)
    assert normal_words(text) == kept.split()


def test_signatures_are_the_same_in_every_process():
    script = "from toolace_dagster.likeness import signature; print(signature(['a', 'b', 'c', 'd']).tolist())"
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert eval(shown) == signed(["a", "b", "c", "d"], 3).tolist()


@pytest.mark.parametrize("threshold", [0.6, 0.8, 0.9])
def test_index_finds_what_comparing_all_pairs_finds(threshold: float):
    draw = random.Random(7)
    signatures: list[Signature] = []
    for _ in range(40):
        words = [f"w{draw.randrange(3000)}" for _ in range(80)]
        signatures += [
            signed([w if draw.random() > noise else f"x{draw.randrange(3000)}" for w in words])
            for noise in (0, 0.02, 0.05, 0.1, 0.2)
        ]
    index = LikenessIndex[int](threshold)
    found, wanted = 0, 0
    for number, mine in enumerate(signatures):
        near = {at for at, other in enumerate(signatures[:number]) if likeness(mine, other) >= threshold}
        got = index.find(mine)
        assert {at for at, _ in got} <= near
        assert [at for at, _ in got] == sorted(at for at, _ in got)
        assert all(share == likeness(mine, signatures[at]) for at, share in got)
        found, wanted = found + len(got), wanted + len(near)
        index.add(number, mine)
    assert len(index) == len(signatures)
    assert wanted > 50
    assert found / wanted > 0.98


def one_by_one(signatures: Sequence[Signature], threshold: float) -> list[tuple[int, int]]:
    """Alike pairs as an index finds them, the earlier first, sorted."""
    index = LikenessIndex[int](threshold)
    found: list[tuple[int, int]] = []
    for place, mine in enumerate(signatures):
        found += [(earlier, place) for earlier, _ in index.find(mine)]
        index.add(place, mine)
    return sorted(found)


@pytest.mark.parametrize(("at_once", "long_run"), [(1, 32), (60, 2), (60, 4), (10**6, 3)])
@pytest.mark.parametrize("threshold", [0.3, 0.7, 0.8, 0.9, 1.0])
def test_all_pairs_at_once_are_those_of_the_index(
    threshold: float, at_once: int, long_run: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("toolace_dagster.likeness.pairs._AT_ONCE", at_once)
    monkeypatch.setattr("toolace_dagster.likeness.pairs._LONG_RUN", long_run)
    draw = random.Random(3)
    signatures: list[Signature] = []
    for _ in range(30):
        words = [f"w{draw.randrange(300)}" for _ in range(40)]
        signatures += [
            signed([w if draw.random() > noise else f"x{draw.randrange(300)}" for w in words])
            for noise in (0, 0, 0.05, 0.2)
        ]
    wanted = one_by_one(signatures, threshold)
    assert [tuple(pair) for pair in alike_pairs(signatures, threshold).tolist()] == wanted
    assert len(wanted) >= 30
    assert len(alike_pairs(signatures[:1], threshold)) == len(alike_pairs([], threshold)) == 0


def test_clusters_that_are_chains_are_not_compared_as_a_whole():
    words = [f"w{at}" for at in range(3100)]
    # Each is like the ones beside it alone, so all hang together and few are alike.
    signatures = [signed(words[at : at + 100]) for at in range(0, 3000, 8)]
    threshold = 0.8
    table, rows = np.stack(signatures), rows_of_band(threshold)
    with ThreadPoolExecutor(1) as pool:
        within, runs, rest = clusters(table, rows, PLACES - math.ceil(threshold * PLACES), pool)
    assert len(rest) > len(within)
    assert sorted([*within.tolist(), *rest.tolist()]) == sorted(set(within.tolist()) | set(rest.tolist()))
    assert runs.tolist() == sorted(runs.tolist())
    wanted = one_by_one(signatures, threshold)
    assert [tuple(pair) for pair in alike_pairs(signatures, threshold).tolist()] == wanted
    assert wanted


@pytest.mark.parametrize("threshold", [0.0, 1.1, float("nan")])
def test_a_threshold_that_is_none_is_refused(threshold: float):
    with pytest.raises(ValueError, match="threshold"):
        LikenessIndex[str](threshold)
    with pytest.raises(ValueError, match="threshold"):
        alike_pairs([], threshold)


def test_exact_copies_are_found_at_threshold_one():
    index = LikenessIndex[str](1.0)
    index.add("a", signed(["one", "two"]))
    index.add("b", signed(["one", "three"]))
    assert index.find(signed(["two", "one"])) == [("a", 1.0)]
    assert index.find(np.zeros(128, dtype=np.uint32)) == []


@settings(max_examples=80)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12), st.permutations(range(10)))
def test_groups_are_named_by_their_first_member(pairs: list[tuple[int, int]], order: list[int]):
    group = groups_of(order, pairs)
    reach = {key: {key} for key in order}
    for _ in order:
        for one, other in pairs:
            together = reach[one] | reach[other]
            for key in together:
                reach[key] = together
    assert [group(key) for key in order] == [min(reach[key], key=order.index) for key in order]


@given(st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=60), st.integers(30, 40))
def test_leads_of_many_links_are_those_of_groups(pairs: list[tuple[int, int]], count: int):
    group = groups_of(range(count), pairs)
    links = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    assert leads_of(count, links).tolist() == [group(place) for place in range(count)]
