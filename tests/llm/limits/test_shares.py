"""Max-min fairness, whoever wants whatever."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from toolace_dagster.llm.limits.shares import fair_rate, fair_slots

WANTS = st.lists(st.one_of(st.floats(0, 1000), st.just(math.inf)), min_size=1, max_size=8)


def takes(total: float, wants: list[float], me: int) -> float:
    """What one takes: its share, or less if it wants less."""
    return min(wants[me], fair_rate(total, wants[:me] + wants[me + 1 :]))


@settings(max_examples=100)
@given(st.floats(1, 1000), WANTS)
def test_rates_are_max_min_fair(total: float, wants: list[float]) -> None:
    taken = [takes(total, wants, me) for me in range(len(wants))]
    assert sum(taken) <= total * (1 + 1e-9)
    hungry = [taken[me] for me, want in enumerate(wants) if taken[me] < want * (1 - 1e-9)]
    if hungry:
        assert math.isclose(sum(taken), total, rel_tol=1e-9), "nothing is left over while somebody wants more"
        assert min(hungry) >= max(taken) * (1 - 1e-9), "nobody has more than one who wants more"


@settings(max_examples=100)
@given(st.integers(1, 100), st.lists(st.integers(0, 120), min_size=1, max_size=8), st.integers(0, 10**6))
def test_slots_add_up_and_differ_by_one_at_most(total: int, wants: list[int], turn: int) -> None:
    shares = [
        fair_slots(total, {place: want for place, want in enumerate(wants) if place != me}, me, turn)
        for me in range(len(wants))
    ]
    taken = [min(want, share) for want, share in zip(wants, shares, strict=True)]
    assert sum(taken) <= total
    hungry = [share for want, share in zip(wants, shares, strict=True) if want > share]
    if hungry:
        assert min(hungry) >= max(taken) - 1


def test_with_fewer_slots_than_sharers_all_get_their_turn() -> None:
    turns = [
        [fair_slots(2, {place: 9 for place in range(5) if place != me}, me, turn) for me in range(5)]
        for turn in range(5)
    ]
    assert all(sum(shares) == 2 for shares in turns)
    assert [sum(shares[me] for shares in turns) for me in range(5)] == [2] * 5


def test_alone_gets_all() -> None:
    assert fair_slots(64, {}, -1, 3) == 64
    assert fair_rate(500.0, []) == 500.0
