"""Splits: groups stay together, sides are balanced, and data that is added moves nothing."""

from __future__ import annotations

import random
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import call, dialogue, output, reply, user
from tests.dataset.rows import row, rows, task
from toolace_dagster.dataset import DatasetRow, Dealt, ExportError, Split, deal, report_splits, task_group, traits_of
from toolace_dagster.entities import Detail, InjectionRecord, InjectionType

SHARES: dict[Split, float] = {"validation": 0.1, "test": 0.1}
WORDS = [f"word{number}" for number in range(500)]


def spoken(number: int, *, seed: str = "", domain: str = "garages", tool: str = "rate_garage", turns: int = 1) -> Any:
    """A dialogue whose words and call arguments are its own, or those of another with the same seed."""
    draw = random.Random(seed or f"own {number}")
    parts = []
    for part in range(turns):
        asked = user(f"u{part}", " ".join(draw.choices(WORDS, k=40)))
        made = call(f"a{part}", tool, {"garage_id": f"GR-{draw.random()}", "stars": draw.randrange(10**9)})
        parts += [asked, made, output(f"o{part}", made, {"ok": True}), reply(f"r{part}", "Done.")]
    return dialogue(tuple(parts), domain=domain)


def case(number: int, *, goals: tuple[str, ...] = (), kinds: tuple[InjectionType, ...] = (), **more: Any) -> DatasetRow:
    made = spoken(number, **more)
    log = tuple(InjectionRecord(type=kind, round=1, anchor="u0", turn_ids=()) for kind in kinds)
    return row(
        f"d-{number:05d}",
        None,
        dialogue=made.model_copy(update={"injections": log}),
        spec=task(*(goals or (f"Goal {number}",))),
    )


def dealt(cases: list[DatasetRow], **more: Any) -> Dealt:
    given: dict[str, Any] = {"shares": SHARES, "threshold": 0.8}
    return deal(traits_of(cases), **(given | more))


def with_sides(cases: list[DatasetRow], sides: dict[str, Split]) -> list[DatasetRow]:
    return [each.model_copy(update={"split": sides[each.dialogue.id]}) for each in cases if each.dialogue.id in sides]


goals = st.lists(
    st.sampled_from(["Book a van", "book  a VAN ", "Pay", "PAY", "Ask ﬁne", "ask fine", "Straße", "STRASSE"]),
    min_size=1,
    max_size=2,
)
seeds = st.sampled_from(["", "", "one", "two", "three"])
likely = st.lists(st.tuples(goals, seeds), max_size=14)


def cases_of(drawn: list[tuple[list[str], str]]) -> list[DatasetRow]:
    return [case(number, goals=tuple(wanted), seed=seed) for number, (wanted, seed) in enumerate(drawn)]


def same(one: DatasetRow, other: DatasetRow) -> bool:
    """Whether two cases must not be parted, by what they are made of."""
    texts = [" ".join(turn.content for turn in each.dialogue.turns) for each in (one, other)]
    return task_group(one.spec) == task_group(other.spec) or texts[0] == texts[1]


@settings(max_examples=60, deadline=None)
@given(likely, st.floats(0, 0.49), st.floats(0, 0.49))
def test_no_task_and_no_copy_is_on_two_sides(drawn: Any, validation: float, test: float):
    cases = cases_of(drawn)
    came = dealt(cases, shares={"validation": validation, "test": test})
    assert not came.withheld
    assert report_splits(with_sides(cases, came.sides)).leakage == 0
    for one, other in combinations(cases, 2):
        if same(one, other):
            assert came.sides[one.dialogue.id] == came.sides[other.dialogue.id]


@settings(max_examples=60, deadline=None)
@given(likely, st.lists(st.integers(0, 14), max_size=3))
def test_growth_moves_none_and_leaks_nothing(drawn: Any, cuts: list[int]):
    cases = cases_of(drawn)
    stored: dict[str, Split] = {}
    for cut in [*sorted(cuts), len(cases)]:
        came = dealt(cases[:cut], stored=stored)
        assert stored.items() <= came.sides.items()
        assert came.sides.keys() | came.withheld.keys() == {each.dialogue.id for each in cases[:cut]}
        stored |= came.sides
        for one, other in combinations(with_sides(cases[:cut], came.sides), 2):
            if same(one, other):
                assert one.split == other.split


@settings(max_examples=30, deadline=None)
@given(likely, st.randoms(use_true_random=False))
def test_the_order_of_new_rows_does_not_matter(drawn: Any, shuffle: random.Random):
    cases = cases_of(drawn)
    sides = dealt(cases).sides
    shuffle.shuffle(cases)
    assert dealt(cases).sides == sides


def test_a_row_between_two_sides_is_withheld_with_the_reason():
    ends = [case(0, goals=("Book a van",)), case(1, seed="copied")]
    between = case(2, goals=("Book a van",), seed="copied")
    came = dealt([*ends, between], stored={"d-00000": "train", "d-00001": "test"})
    assert came.sides == {"d-00000": "train", "d-00001": "test"}
    assert "two sides" in came.withheld["d-00002"]
    assert dealt([*ends, between]).withheld == {}


def test_new_rows_join_the_side_of_the_oldest_also_through_others():
    old = case(0, goals=("Book a van",))
    near, far = case(1, goals=("Book a van",), seed="copied"), case(2, seed="copied")
    for side in ("validation", "test"):
        came = dealt([far, near, old], stored={"d-00000": side})
        assert set(came.sides.values()) == {side}
        assert set(came.anchors.values()) == {"d-00000"}


def test_a_side_is_remembered_for_a_dialogue_that_was_gone():
    cases = [case(number) for number in range(30)]
    first = dealt(cases).sides
    kept = [each for each in cases if first[each.dialogue.id] == "train"][:5]
    again = dealt([*kept, case(99)], stored=first)
    assert all(again.sides[each.dialogue.id] == "train" for each in kept)


def test_what_nearly_repeats_is_found_by_words_and_by_calls():
    draw = random.Random(3)
    said = [draw.choice(WORDS) for _ in range(200)]
    found = call("a", "rate_garage", {"garage_id": "GR-1", "stars": 4})

    def talk(number: int, words: list[str], made: Any) -> DatasetRow:
        turns = (user("u", " ".join(words)), made, output("o", made, 1), reply("r", "Done."))
        return row(f"d-{number}", None, dialogue=dialogue(turns))

    others = [call(f"a{n}", "rate_garage", {"garage_id": f"GR-{n}", "stars": n}) for n in range(2, 5)]
    came = dealt(
        [
            talk(0, said, found),
            talk(1, [*said[:195], "changed", *said[196:]], others[0]),
            talk(2, draw.sample(said, len(said)), others[1]),
            talk(3, draw.choices(WORDS, k=200), found),
        ]
    )
    pairs = {frozenset(came.order[place] for place in pair) for pair in came.near.tolist()}
    assert pairs == {frozenset({"d-0", "d-1"}), frozenset({"d-0", "d-3"})}


@pytest.mark.parametrize("apart", ["tools", "domains"])
def test_tools_or_domains_are_kept_apart_by_setting(apart: str):
    cases = [case(n, domain=f"domain{n % 20}", tool=f"tool{n % 20}_{n % 3}") for n in range(200)]
    mixed = report_splits(with_sides(cases, dealt(cases).sides))
    assert mixed.tools_on_two_sides > 5
    assert mixed.domains_on_two_sides > 5
    report = report_splits(with_sides(cases, dealt(cases, apart=apart).sides))
    assert report.tools_on_two_sides == 0
    assert (report.domains_on_two_sides == 0) == (apart == "domains")
    assert min(report.sizes.values()) > 0


def test_sides_are_balanced_by_domain_injection_and_length():
    kinds = list(InjectionType)
    cases = [
        case(n, domain=f"domain{n % 4}", kinds=(kinds[n % 3],) if n % 5 else (), turns=(1, 3, 6)[n % 7 % 3])
        for n in range(800)
    ]
    report = report_splits(with_sides(cases, dealt(cases).sides))
    assert abs(report.sizes["validation"] - 80) <= 2
    assert abs(report.sizes["test"] - 80) <= 2
    for table in (report.domains, report.injections, report.lengths):
        assert len(table) >= 3
        for sizes in table.values():
            total = sum(sizes.values())
            assert abs(sizes["test"] - total / 10) <= 3
            assert abs(sizes["validation"] - total / 10) <= 3


def test_growth_keeps_the_balance():
    cases = [case(n, domain=f"domain{n % 3}") for n in range(300)]
    stored: dict[str, Split] = {}
    for cut in range(10, 301, 10):
        stored |= dealt(cases[:cut], stored=stored).sides
    report = report_splits(with_sides(cases, stored))
    assert report.sizes == {"train": 240, "validation": 30, "test": 30}
    assert all(abs(sizes["test"] - 10) <= 2 for sizes in report.domains.values())


@pytest.mark.parametrize(
    "other",
    [
        task("Book  a van", "pay."),
        task("Pay.", "Book a van"),
        task("Book a van", "Pay.", scenario="Elsewhere.", persona="loud", domain="other"),
        task("Book a van", "Pay.").model_copy(
            update={
                "sub_tasks": tuple(
                    sub_task.model_copy(update={"details": (Detail(name="day", value=3),)})
                    for sub_task in task("Book a van", "Pay.").sub_tasks
                )
            }
        ),
    ],
    ids=["case_and_spaces", "order", "scenario", "details"],
)
def test_tasks_with_the_same_goals_are_one_group(other: Any):
    assert task_group(other) == task_group(task("Book a van", "Pay."))
    assert task_group(other) != task_group(task("Book a van", "Pay.", "Leave."))


def test_a_tool_that_many_domains_share_stands_on_one_side() -> None:
    """A pool may lend one tool, say a search of the web, to all its domains."""
    cases = [case(n, domain=f"domain{n % 10}", tool="search_web") for n in range(60)]
    assert report_splits(with_sides(cases, dealt(cases).sides)).tools_on_two_sides == 1
    report = report_splits(with_sides(cases, dealt(cases, apart="tools").sides))
    assert report.tools_on_two_sides == 0
    assert sorted(report.sizes.values()) == [0, 0, 60]


def test_leakage_is_counted_from_the_rows_themselves():
    leaking = [row("a", "train", spec=task("Book a van")), row("b", "test", spec=task(" book a  VAN"))]
    assert report_splits(leaking).leakage == 1


def test_empty_splits_are_reported():
    report = report_splits([row("a", "train")])
    assert report.sizes == {"train": 1, "validation": 0, "test": 0}
    assert report.empty == ("validation", "test")
    assert report_splits([]).empty == ("train", "validation", "test")


def test_a_share_of_none_gives_nothing():
    sides = dealt([case(n) for n in range(40)], shares={"validation": 0, "test": 0.25}).sides
    assert sorted(sides.values()).count("test") == 10
    assert "validation" not in sides.values()


@pytest.mark.parametrize("shares", [{"validation": 0.5, "test": 0.5}, {"validation": -0.1, "test": 0.1}])
def test_shares_that_leave_nothing_are_refused(shares: dict[Split, float]):
    with pytest.raises(ValueError, match="train on"):
        deal([], shares=shares, threshold=0.8)


def test_a_row_without_a_split_cannot_be_reported():
    with pytest.raises(ExportError, match="no split"):
        report_splits([*rows(1), row("a", None)])
