"""Figures of arms: counts that add up, intervals, comparisons, pages."""

from __future__ import annotations

import math
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolace_dagster.experiments.convergence import convergence_point, is_better
from toolace_dagster.experiments.declared import Arm, find_experiment
from toolace_dagster.experiments.making import Undertaking
from toolace_dagster.experiments.measures import ArmResult, Tally, read_results
from toolace_dagster.experiments.pages import OFFLINE_NOTE, page, plot, table_rows
from toolace_dagster.intervals import sign_test, wilson
from toolace_dagster.reporting.plots import Bar, Curve, Group, Point, curves, grouped_bars
from toolace_dagster.settings import ModelSettings, Settings


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(0, 0, 0.0, 1.0), (0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)],
)
def test_wilson_intervals_are_the_published_ones(hits: int, of: int, low: float, high: float) -> None:
    """The last is Newcombe's (1998) example, 81 of 263."""
    assert wilson(hits, of) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


@given(of=st.integers(1, 400), data=st.data())
@settings(max_examples=60)
def test_an_interval_holds_its_share_and_stays_within_bounds(of: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, of))
    low, high = wilson(hits, of)
    assert 0 <= low <= hits / of <= high <= 1


def test_the_sign_test_is_the_exact_binomial() -> None:
    assert sign_test(0, 0) == 1
    assert sign_test(5, 0) == pytest.approx(2 / 32)
    assert sign_test(1, 9) == pytest.approx(2 * 11 / 1024)
    assert sign_test(4, 4) == 1
    assert 0 < sign_test(2000, 1000) < 1e-50


@given(one=st.integers(0, 60), other=st.integers(0, 60))
@settings(max_examples=60)
def test_the_sign_test_takes_no_side(one: int, other: int) -> None:
    assert sign_test(one, other) == sign_test(other, one)
    assert 0 < sign_test(one, other) <= 1


def test_curves_converge_where_nothing_later_is_better() -> None:
    bad = {str(n): True for n in range(20)}
    good = {str(n): n < 4 for n in range(20)}
    same = {str(n): n > 15 for n in range(20)}
    assert is_better(bad, good)
    assert not is_better(good, bad)
    assert not is_better(good, same)
    assert convergence_point([bad, good, same, good]) == 1
    assert convergence_point([bad]) == 0
    assert convergence_point([]) is None
    assert not is_better({"a": True}, {"b": False}), "arms without a dialogue in common say nothing"


def test_an_arm_is_charged_for_verification_only_where_it_verifies() -> None:
    counted = Tally(
        attempted=10, refined=8, accepted=5, defects=4, rule_failures=2, accepted_defects=1, passes=24,
        calls={"task_specs": 10, "verification": 20}, tokens={"task_specs": 100, "verification": 900},
    )  # fmt: skip
    with_it = counted.figures(Arm(name="a", label="a"))
    without = counted.figures(Arm(name="a", label="a", verified=False))
    assert (with_it["handed_over"], with_it["defective"], with_it["calls_per_dialogue"]) == (5, 1 / 5, 6)
    assert (without["handed_over"], without["defective"], without["calls_per_dialogue"]) == (8, 4 / 8, 10 / 8)
    assert (without["tokens_per_dialogue"], with_it["tokens_per_dialogue"]) == (100 / 8, 200)
    assert (with_it["pass_rate"], with_it["rule_failing.attempted"], with_it["passes"]) == (0.5, 0.25, 3)


def test_shares_of_nothing_are_left_out() -> None:
    figures = Tally(attempted=2).figures(Arm(name="a", label="a"))
    assert figures["pass_rate"] == 0
    assert not any(name.startswith(("defective", "calls_per", "calls_un", "passes")) for name in figures)
    assert all(math.isfinite(value) for value in figures.values())


def test_figures_add_up_over_domains_and_with_the_home(ablation: Undertaking) -> None:
    whole = read_results(ablation.home, "ablation")
    by_domain = read_results(ablation.home, "ablation", ablation.domains[0])
    shared = by_domain[0].figures.keys()
    assert [{name: each.figures[name] for name in shared} for each in whole] == [each.figures for each in by_domain]
    assert all(0 < each.figures["distinct_3.accepted"] <= 1 for each in whole)
    assert [each.name for each in whole] == [arm.name for arm in ablation.arms]
    for each in whole:
        figures = each.figures
        assert figures["attempted"] == ablation.basis.dialogues
        assert figures["pass_rate"] == figures["accepted"] / figures["attempted"]
        assert figures["calls_made"] > figures["calls_unverified"] * figures["refined"] > 0
    full, unverified = (each.figures for each in whole if each.name in ("full", "without_verification"))
    assert unverified["handed_over"] == unverified["refined"] == full["refined"]
    assert unverified["defective"] == full["defective.attempted"]


def test_pages_show_each_arm_and_say_what_the_offline_model_can_show(ablation: Undertaking) -> None:
    results = read_results(ablation.home, "ablation")
    drawn = plot(ablation.experiment, results)
    assert drawn is not None
    texts = [element.text for element in ET.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")]
    text = page(ablation.experiment, results, ablation.basis, ["toolace", "experiment", "ablation"], "images/a.svg")
    for arm in ablation.arms:
        assert arm.label in texts
        assert f"| {arm.label} |" in text
    assert OFFLINE_NOTE in text
    other = ablation.basis.model_copy(update={"llm": ModelSettings(model="another")})
    assert OFFLINE_NOTE not in page(ablation.experiment, results, other, ["toolace"], None)


def test_an_arm_without_figures_has_a_row_and_no_bar() -> None:
    empty = ArmResult("full", "full", Tally(attempted=3).figures(Arm(name="full", label="full")))
    assert table_rows([empty])[0]["defective"] == "-"
    drawn = plot(find_experiment("ablation"), [empty])
    assert drawn is not None
    assert "full" in drawn


def test_the_curve_rings_where_it_converges_and_marks_what_is_beside_it() -> None:
    figures = {"refined": 10.0, "accepted": 8.0, "defective.attempted": 0.2, "defective.accepted": 0.1}
    results = [
        ArmResult(arm.name, arm.label, figures | {"calls_unverified": float(n + 1), "calls_verified": float(n + 2)})
        for n, arm in enumerate(find_experiment("scaling").arms)
    ]
    converged = ArmResult(results[2].name, results[2].label, {**results[2].figures, "convergence_point.refined": 1.0})
    drawn = plot(find_experiment("scaling"), [*results[:2], converged, *results[3:]])
    assert drawn is not None
    root = ET.fromstring(drawn)
    rings = [each for each in root.iter("{http://www.w3.org/2000/svg}circle") if each.get("r") == "9"]
    assert len(rings) == 1
    assert len(list(root.iter("{http://www.w3.org/2000/svg}polygon"))) == 2


@given(label=st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=20))
@settings(max_examples=50)
def test_labels_are_shown_as_they_are_and_never_as_markup(label: str) -> None:
    bars = grouped_bars(label, [label], [Group(label, (Bar(0.5, 0.4, 0.6, label), None))], label)
    lines = curves(label, [Curve(label, (Point(1, 0.5, 0.4, 0.6, label),))], label, label)
    for drawn in (bars, lines):
        root = ET.fromstring(drawn)
        assert label in [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
        assert root.get("aria-label") is not None
        tags = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert tags <= {"svg", "text", "rect", "line", "circle", "polyline", "polygon"}


def test_settings_of_examination_overlook_nothing_offline_and_ask_a_panel_elsewhere() -> None:
    from toolace_dagster.experiments.examination import JUDGES, examining

    offline = examining(Settings(llm=ModelSettings(error_rate=5.0)))
    assert (offline.model_of("expert").error_rate, offline.model_of("refiner").error_rate) == (0, 5)
    other = examining(Settings(llm=ModelSettings(model="another"), repair=True))
    assert (other.expert_votes, other.repair) == (JUDGES, False)
