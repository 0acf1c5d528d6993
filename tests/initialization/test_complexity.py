"""Drawing complexities: types as the paper has them, sub-types by the mix, clarifications by their share."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from pydantic import ValidationError

from toolace_dagster.entities import SUB_TYPES, InjectionSubType, InjectionType
from toolace_dagster.initialization.complexity import draw_injections, draw_sub_types
from toolace_dagster.settings import Settings


def test_every_sub_type_belongs_to_one_type() -> None:
    assert sorted(each for kind in InjectionType for each in SUB_TYPES[kind]) == sorted(InjectionSubType)
    assert all(each.type is kind for kind in InjectionType for each in SUB_TYPES[kind])


def test_one_to_three_distinct_types_each_as_likely() -> None:
    rng, counts = random.Random(4), Counter[InjectionType]()
    for _ in range(4000):
        kinds = draw_injections(rng, Settings(), rng.randint(1, 3), 3)
        assert 1 <= len(kinds) <= 3
        assert len(set(kinds)) == len(kinds)
        counts.update(kinds)
    assert all(0.22 < counts[kind] / counts.total() < 0.28 for kind in InjectionType)


def test_sub_types_follow_the_mix_and_the_types() -> None:
    settings = Settings(injection_mix={InjectionSubType.CHIT_CHAT: 3.0, InjectionSubType.SUMMARY_REQUEST: 1.0})
    rng, counts = random.Random(5), Counter[InjectionSubType]()
    for _ in range(2000):
        kinds = draw_injections(rng, settings, 1, 3)
        assert set(kinds) == {InjectionType.NON_FUNCTION_CALLING}, "a type without a weight is not drawn"
        counts.update(draw_sub_types(rng, settings, kinds[:1]))
    assert 0.7 < counts[InjectionSubType.CHIT_CHAT] / counts.total() < 0.8
    assert set(counts) == {InjectionSubType.CHIT_CHAT, InjectionSubType.SUMMARY_REQUEST}


def test_no_sub_type_twice_while_another_is_left() -> None:
    kinds = (InjectionType.CLARIFICATION,) * 3
    assert set(draw_sub_types(random.Random(6), Settings(), kinds)) == set(SUB_TYPES[InjectionType.CLARIFICATION])


@pytest.mark.parametrize("share", [0.0, 0.25, 0.75, 1.0])
def test_the_share_of_under_specified_requests_is_as_set(share: float) -> None:
    rng, clarifications = random.Random(7), 0
    for _ in range(2000):
        kinds = draw_injections(rng, Settings(clarification_share=share), rng.randint(1, 3), 4)
        clarifications += kinds.count(InjectionType.CLARIFICATION)
        assert len(set(kinds)) <= 3
    assert abs(clarifications / (4 * 2000) - share) < 0.02


def test_no_injections_are_wanted_but_under_specified_requests_are() -> None:
    settings = Settings(clarification_share=1.0)
    assert draw_injections(random.Random(8), settings, 0, 2) == (InjectionType.CLARIFICATION,) * 2


def test_a_share_without_a_sub_type_is_refused() -> None:
    with pytest.raises(ValidationError, match="sub-type of clarification"):
        Settings(clarification_share=0.5, injection_mix={InjectionSubType.CHIT_CHAT: 1.0})
