"""Splits: by task, stable, without leakage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dataset.rows import row, task
from toolace_dagster.dataset import DatasetRow, ExportError, assign_splits, report_splits
from toolace_dagster.entities import Detail

SHARES = {"validation_share": 0.1, "test_share": 0.1}

goals = st.lists(
    st.sampled_from(["Book a van", "book  a VAN ", "Pay", "PAY", "Ask ﬁne", "ask fine", "Straße", "STRASSE"]),
    min_size=1,
    max_size=3,
)


def with_goals(number: int, wanted: list[str]) -> DatasetRow:
    return row(f"d-{number}", None, spec=task(*wanted))


def assigned(rows: list[DatasetRow], **shares: float) -> list[DatasetRow]:
    sides = assign_splits(rows, **(SHARES | shares))
    return [each.model_copy(update={"split": sides[each.dialogue.id]}) for each in rows]


@given(st.lists(goals, max_size=20), st.floats(0, 0.49), st.floats(0, 0.49))
def test_no_task_is_on_two_sides(tasks: list[list[str]], validation: float, test: float):
    rows = [with_goals(number, wanted) for number, wanted in enumerate(tasks)]
    assert report_splits(assigned(rows, validation_share=validation, test_share=test)).leakage == 0


@given(st.lists(goals, min_size=1, max_size=12), st.integers(0, 11))
def test_adding_rows_moves_none(tasks: list[list[str]], cut: int):
    rows = [with_goals(number, wanted) for number, wanted in enumerate(tasks)]
    all_sides = assign_splits(rows, **SHARES)
    assert assign_splits(rows[:cut], **SHARES).items() <= all_sides.items()
    assert assign_splits(rows[::-1], **SHARES) == all_sides


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
def test_tasks_with_the_same_goals_stay_together(other: object):
    for extra in range(40):
        mine = task("Book a van", "Pay.", f"Number {extra}")
        theirs = other.model_copy(update={"sub_tasks": (*other.sub_tasks, mine.sub_tasks[2])})  # type: ignore[attr-defined]
        sides = assign_splits([row("a", None, spec=mine), row("b", None, spec=theirs)], **SHARES)
        assert sides["a"] == sides["b"]


def test_shares_are_met_over_many_tasks():
    report = report_splits(assigned([with_goals(n, [f"Goal {n}"]) for n in range(2000)]))
    assert report.groups == 2000
    assert report.largest_group == 1
    assert 150 < report.sizes["validation"] < 250
    assert 150 < report.sizes["test"] < 250
    assert report.domains == {"garages": report.sizes}


def test_a_larger_test_share_leaves_validation_alone():
    rows = [with_goals(n, [f"Goal {n}"]) for n in range(300)]
    small, large = assign_splits(rows, **SHARES), assign_splits(rows, validation_share=0.1, test_share=0.4)
    assert {i for i in small if small[i] == "validation"} == {i for i in large if large[i] == "validation"}
    assert {i for i in small if small[i] == "test"} <= {i for i in large if large[i] == "test"}


def test_leakage_is_counted_from_the_rows_themselves():
    rows = [row("a", "train", spec=task("Book a van")), row("b", "test", spec=task(" book a  VAN"))]
    assert report_splits(rows).leakage == 1


def test_empty_splits_are_reported():
    report = report_splits([row("a", "train")])
    assert report.sizes == {"train": 1, "validation": 0, "test": 0}
    assert report.empty == ("validation", "test")
    assert report_splits([]).empty == ("train", "validation", "test")


def test_shares_that_leave_nothing_are_refused():
    with pytest.raises(ValueError, match="train on"):
        assign_splits([], validation_share=0.5, test_share=0.5)


def test_a_row_without_a_split_cannot_be_reported():
    with pytest.raises(ExportError, match="no split"):
        report_splits([row("a", None)])
