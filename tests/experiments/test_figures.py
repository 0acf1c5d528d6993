"""Figures of arms: counts that add up, intervals, comparisons, pages."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import dialogue
from tests.metrics.homes import Attempt, Call, write_home
from toolace_dagster.experiments.catalogue import FIGURES, cell
from toolace_dagster.experiments.convergence import convergence_point, could_tell, is_better
from toolace_dagster.experiments.declared import Arm, find_experiment
from toolace_dagster.experiments.homes import arm_home
from toolace_dagster.experiments.making import Undertaking
from toolace_dagster.experiments.measures import ArmResult, read_results
from toolace_dagster.experiments.pages import OFFLINE_NOTE, page, plot, points, tables
from toolace_dagster.experiments.tallies import Tally, tally
from toolace_dagster.intervals import sign_test, wilson
from toolace_dagster.reporting.plots import Bar, Curve, Group, Point, curves, grouped_bars
from toolace_dagster.reporting.report import report_facts, report_html, report_markdown
from toolace_dagster.settings import ModelSettings, Settings
from toolace_dagster.warehouse import Warehouse


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
    for each, part in zip(whole, by_domain, strict=True):
        assert {name: each.figures[name] for name in part.figures} == part.figures
    assert sum(each.figures["handed_over"] > 0 for each in whole) > 1
    assert all(("user_turns.handed_over" in each.figures) == (each.figures["handed_over"] > 0) for each in whole)
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
    text = page(ablation.experiment, results, ["toolace", "experiment", "ablation"], "images/a.svg")
    for arm in ablation.arms:
        assert arm.label in texts
        assert text.count(f"| {arm.label} |") == 3
    assert "Made with model `offline`, 3 dialogues an arm, seed 0, error rate 6." in text
    assert OFFLINE_NOTE in text
    others = [replace(each, models=[("another", "api.example.com")]) for each in results]
    text = page(ablation.experiment, others, ["toolace"], None)
    assert OFFLINE_NOTE not in text
    assert "Made with model `another` at api.example.com, 3 dialogues an arm, seed 0." in text


def test_every_figure_that_is_measured_has_a_name_and_a_unit(ablation: Undertaking) -> None:
    measured = {name for each in read_results(ablation.home, "ablation") for name in each.figures}
    assert measured
    assert measured <= FIGURES.keys()


def test_the_report_shows_the_figures_under_their_names(ablation: Undertaking) -> None:
    facts = report_facts(ablation.home)
    html = report_html(facts)
    full = next(each for each in read_results(ablation.home, "ablation") if each.name == "full")
    assert "<h3>Stage ablation</h3>" in html
    assert "Made with model offline, 3 dialogues an arm, seed 0, error rate 6." in html
    drawn = plot(ablation.experiment, read_results(ablation.home, "ablation"))
    assert drawn is not None
    assert drawn.replace(' xmlns="http://www.w3.org/2000/svg"', "") in html
    for name in (
        "calls_per_dialogue",
        "tokens_per_dialogue",
        "coherence_lexical.handed_over",
    ):
        assert f'aria-label="{FIGURES[name].title}"' in html
        assert f"full: {cell(name, full.figures[name])}" in html
    for form in (html, report_markdown(facts)):
        assert not [name for name in full.figures if "." in name and name in form.replace("\\", "")]
        assert "3.00 dialogues" not in form


def test_tables_hold_cost_and_what_the_data_is_like(ablation: Undertaking) -> None:
    results = read_results(ablation.home, "ablation")
    quality, cost, data = (each.rows for each in tables(results))
    assert [row["arm"] for row in quality] == [row["arm"] for row in cost] == [arm.label for arm in ablation.arms]
    # An arm that hands over no dialogue has no costs of one.
    made = [each.figures["handed_over"] > 0 for each in results]
    assert [row["cost each"] for row in cost] == ["free" if some else "-" for some in made]
    assert [row["replies each"] != "-" and int(row["replies each"].replace(",", "")) > 0 for row in cost] == made
    assert [row["metric"] for row in data][:2] == ["User turns a dialogue", "Tool calls a user turn"]
    assert data[0]["full"] == f"{results[3].figures['user_turns.handed_over']:.2f}"


def test_an_arm_without_figures_has_a_row_and_no_bar() -> None:
    empty = ArmResult("full", "full", Tally(attempted=3).figures(Arm(name="full", label="full")))
    assert tables([empty])[0].rows[0]["defective"] == "-"
    drawn = plot(find_experiment("ablation"), [empty])
    assert drawn is not None
    assert "full" in drawn


def test_arms_of_one_label_have_a_column_each() -> None:
    arms = [ArmResult(name, "same", {"user_turns.handed_over": turns}) for name, turns in (("a", 1.0), ("b", 2.0))]
    assert tables(arms)[2].rows == [{"metric": "User turns a dialogue", "same (a)": "1.00", "same (b)": "2.00"}]


def test_a_cost_is_left_out_where_the_price_of_a_call_is_not_known(tmp_path: Path) -> None:
    experiment = find_experiment("methods")
    arm, bare = experiment.arms[0], experiment.arms[0].model_copy(update={"verified": False})
    calls = [
        Call("task_specs", prompt_tokens=100, cached_tokens=40, completion_tokens=10, cost=0.5),
        # Nothing came back, so nothing was paid.
        Call("task_specs", prompt_tokens=0, completion_tokens=0, cost=None, more={"error_kind": "timeout"}),
        Call("verification", prompt_tokens=1000, cached_tokens=900, completion_tokens=1, cost=None),
        Call("verification", prompt_tokens=7, cost=9.0),
    ]
    home = write_home(arm_home(Warehouse(tmp_path), experiment, arm).home, [Attempt(dialogue())], calls=calls)
    with home.domain("garages").write() as connection:
        connection.execute("UPDATE stage_rows SET call_ids = ['c0', 'c1'] WHERE stage = 'task_specs'")
        connection.execute("UPDATE stage_rows SET call_ids = ['c0', 'c2'] WHERE stage = 'verification'")
    counted = tally(Warehouse(tmp_path), experiment, arm, "garages")
    counted.refined = counted.accepted = 2
    whole, without = counted.figures(arm), counted.figures(bare)
    assert (whole["calls_per_dialogue"], without["calls_per_dialogue"]) == (3 / 2, 2 / 2)
    assert (whole["tokens_per_dialogue"], without["tokens_per_dialogue"]) == (1111 / 2, 110 / 2)
    assert (whole["cached_per_dialogue"], without["cached_per_dialogue"]) == (940 / 2, 40 / 2)
    assert (whole["replies_per_dialogue"], without["replies_per_dialogue"]) == (11 / 2, 10 / 2)
    assert without["cost_per_dialogue"] == 0.25
    assert "cost_per_dialogue" not in whole
    assert "cost_made" not in whole
    with home.domain("garages").write() as connection:
        connection.execute("UPDATE model_calls SET cost = 0.25 WHERE call_id = 'c2'")
    priced = tally(Warehouse(tmp_path), experiment, arm, "garages")
    priced.accepted = 2
    assert priced.figures(arm)["cost_per_dialogue"] == 0.375
    assert priced.figures(arm)["cost_made"] == 0.75


@pytest.mark.parametrize(
    ("defective", "of", "told"),
    [(2, 2, False), (0, 2, False), (0, 5, False), (0, 6, True), (5, 60, False), (6, 60, True), (6, 6, True)],
)
def test_too_few_dialogues_tell_nothing(defective: int, of: int, told: bool) -> None:
    """Six pairs that all speak for one side are the fewest that a two-sided sign test tells from chance at 5 %."""
    one = {str(number): number < defective for number in range(of)}
    assert could_tell([one, one], 0) is told
    assert could_tell([one], 0)


def test_a_curve_of_two_dialogues_is_not_said_to_converge() -> None:
    def arm(name: str, **figures: float) -> ArmResult:
        counts = {"refined": 2.0, "accepted": 2.0, "defective.attempted": 0.5, "defective.accepted": 0.0}
        points_ = {"convergence_point.refined": 0.0, "convergence_point.accepted": 0.0}
        return ArmResult(name, name, counts | points_ | figures)

    few = points([arm("1", **{"undecided_from.refined": 1.0}), arm("3")])
    assert few[0].startswith(
        "Without verification, too few dialogues to tell whether more than 1 brings a gain: 1 of 2"
    )
    whole = points([arm("1"), arm("3", **{"convergence_point.refined": 1.0})])
    assert whole == ["Without verification, 3 still has fewer defective dialogues than less: it did not converge."]
    early = points([arm("1", **{"convergence_point.accepted": 1.0}), arm("3")])
    assert early[0].startswith("With verification, from 1 on more brings no measurable gain")


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
