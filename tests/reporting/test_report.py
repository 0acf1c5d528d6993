"""The report: what stands on the page, that it stands alone, and that nothing in it runs."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from tests.builders import dialogue
from tests.explorer.browsing import Shown
from tests.metrics.homes import Attempt, Call, write_home
from toolace_dagster.cli.app import app
from toolace_dagster.experiments.declared import Arm
from toolace_dagster.experiments.tallies import Tally
from toolace_dagster.metrics import figure, measure_home, read_metrics
from toolace_dagster.rating import Pair, record_rating
from toolace_dagster.reporting.report import NothingMade, report_facts, report_html, report_markdown
from toolace_dagster.reporting.report.facts import MethodFigures
from toolace_dagster.warehouse import Warehouse, insert

SCRIPT = "<script>alert(1)</script>"
OFFLINE = {"model": "offline", "endpoint": "offline", "cost": 0.0}


def shown(page: str) -> Shown:
    return Shown(200, {}, page)


def words(page: str) -> str:
    """What a reader reads, with a space wherever an element begins or ends."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page.partition("</style>")[2])).split())


def made(folder: Path, name: str = "home", **more: Any) -> Warehouse:
    """A home of two accepted dialogues and a rejected one."""
    attempts = [
        Attempt(dialogue()),
        Attempt(dialogue(id="garages-0001-a")),
        Attempt(dialogue(id="garages-0002-a"), "rejected", check="rule.grounding"),
    ]
    calls = [Call("task_specs"), Call("skeletons", prompt_tokens=500), Call("verification")]
    return write_home(folder / name, attempts, **({"calls": calls, "questions": ("coherence",)} | more))


def own(warehouse: Warehouse) -> MethodFigures:
    found = report_facts(warehouse).own
    assert found is not None
    return found


def experiment_rows(warehouse: Warehouse, labels: dict[str, str], endpoint: str = "offline") -> None:
    """The figures of an experiment as it writes them, of ten dialogues an arm."""
    rows: list[dict[str, Any]] = []
    for position, (name, label) in enumerate(labels.items()):
        counted = Tally(attempted=10, refined=10, accepted=8, defects=4, accepted_defects=2, passes=30)
        counted.calls, counted.costs = {"skeletons": 58 + 8 * position}, {"skeletons": 0.0}
        variety = {"drawn": 8.0, "self_bleu.handed_over": 40.0 + position}
        figures = counted.figures(Arm(name=name, label=label)) | variety
        points = {"convergence_point.refined": 0.0, "undecided_from.refined": float(position == 0)}
        place = {"experiment": "trial", "arm": name, "position": position, "label": label, "settings": {}}
        made_with = {"models": [["m", endpoint]], "seed": 7, "error_rate": 3.0, "measured_at": "2026-01-01 10:00:00"}
        rows += [place | made_with | {"metric": metric, "value": value} for metric, value in (figures | points).items()]
    with warehouse.shared.write() as connection:
        insert(connection, "experiment_results", rows)


def test_it_shows_the_papers_figures_beside_ours(tmp_path: Path) -> None:
    text = words(report_html(report_facts(made(tmp_path))))
    # 1.5 calls an accepted dialogue; the paper's totals are for 8,000.
    assert "Model calls for 8,000 kept dialogues 275,000 188,000 394,000 12,000" in text
    assert "Verification pass rate 61.1% 72.3% 48.7% 66.7%" in text
    assert "User turns a dialogue 5.80 3.40 – 2.00" in text
    assert "Overall 64.17 65.41 60.13 –" in text


def test_it_says_what_people_preferred(tmp_path: Path) -> None:
    warehouse = made(tmp_path)
    assert "Human rating" not in words(report_html(report_facts(warehouse)))
    for number, choice in enumerate(("left", "right", "right", "tie")):
        pair = Pair(f"p{number}", "garages", f"garages-{number}", "home", "<b>other</b>", ("a", "b"), "home")
        record_rating(warehouse, pair, choice, "")
    facts = report_facts(warehouse)
    page = words(report_html(facts))
    assert "<b>other</b> / home 2 / 1 1 67% (21% to 94%) 1 1 of 3" in page
    assert "<b>other</b>" not in report_html(facts)
    assert "Preferred by people – 33.3%" in page
    assert "Ties – 25.0%" in page
    assert "What people preferred" in report_markdown(facts)


def test_plots_are_to_scale(tmp_path: Path) -> None:
    page = report_html(report_facts(made(tmp_path)))
    plots = re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)
    (plot,) = [each for each in plots if 'aria-label="User turns a dialogue"' in each]
    widths = [float(rect.get("width", "")) for rect in ElementTree.fromstring(plot).iter("rect")]
    assert widths == pytest.approx([widths[0], widths[0] * 3.4 / 5.8, widths[0] * 2 / 5.8], rel=0.01)


def test_costs_are_parted_by_stage(tmp_path: Path) -> None:
    page = report_html(report_facts(made(tmp_path)))
    told = re.findall(r"<title>(task specs|skeletons|verification): ([$\d.,]+) \((\d+)%\)</title>", page)
    # For each of two accepted dialogues: a call of each stage; 110, 510 and 110 tokens; half a dollar a call.
    assert told[:3] == [("task specs", "0.50", "33"), ("skeletons", "0.50", "33"), ("verification", "0.50", "33")]
    assert told[3:6] == [("task specs", "55.00", "15"), ("skeletons", "255.0", "70"), ("verification", "55.00", "15")]
    assert [cost for _, cost, _ in told[6:]] == ["$0.2500"] * 3


def test_it_stands_alone(tmp_path: Path) -> None:
    page = shown(report_html(report_facts(made(tmp_path))))
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
    for _, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href", "action", "data"):
            assert attributes.get(name, "#").startswith("#")
    assert "http" not in page.body.replace("http-equiv", "")
    (policy,) = [a["content"] for t, a in page.elements if t == "meta" and "http-equiv" in a]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "prefers-color-scheme: dark" in page.body


def test_hostile_text_does_nothing(tmp_path: Path) -> None:
    warehouse = made(tmp_path, name='home"><script>alert(2)</script>')
    with warehouse.domain("garages").write() as connection:
        connection.execute("UPDATE findings SET check_id = check_id || $s", {"s": SCRIPT})
        connection.execute("UPDATE model_calls SET model = $s, stage = stage || $s", {"s": SCRIPT})
        connection.execute("UPDATE expert_answers SET question = $s", {"s": SCRIPT})
        tool = "replace(payload::VARCHAR, 'find_garage', $s)::JSON"
        connection.execute(f"UPDATE stage_rows SET payload = {tool}", {"s": SCRIPT})
        defined = "replace(definition::VARCHAR, 'find_garage', $s)::JSON"
        connection.execute(f"UPDATE domain_tools SET definition = {defined}, name = $s", {"s": SCRIPT})
    experiment_rows(warehouse, {"one": SCRIPT, "two": "| **b** |"})
    facts = report_facts(warehouse)
    page = shown(report_html(facts))
    assert not [tag for tag, _ in page.elements if tag == "script"]
    assert page.text.count("alert(1)") > 5
    assert SCRIPT not in page.body
    text = report_markdown(facts)
    assert "<script" not in text
    assert "alert(1)" in text
    assert not [line for line in text.splitlines() if line.startswith("| ") and "**b**" in line]


def test_the_offline_model_is_named_with_what_its_figures_can_not_show(tmp_path: Path) -> None:
    offline = report_facts(made(tmp_path, calls=[Call("task_specs", more=OFFLINE)]))
    real = report_facts(made(tmp_path, "real"))
    mixed = report_facts(made(tmp_path, "mixed", calls=[Call("task_specs", more=OFFLINE), Call("skeletons")]))
    for form in (report_html, report_markdown):
        told = html.unescape(form(offline))
        assert "Every call was answered by the offline model" in told
        assert "Don't train on it." in told
        assert "offline model" not in form(real)
        assert "Some calls were answered by the offline model" in form(mixed)
    assert "free" in shown(report_html(offline)).text


def test_simulation_inside_the_home_stands_beside_it(tmp_path: Path) -> None:
    warehouse = made(tmp_path)
    calls = [Call("simulated_dialogues") for _ in range(6)]
    made(warehouse.home, "simulation", calls=calls, method="simulation")
    facts = report_facts(warehouse)
    text = words(report_html(facts))
    assert "0.50 × the calls of Simulation (the paper: 0.68 ×). Both are over the same 3 tasks." in text
    assert "simulated dialogues: 3.00 (100%)" in text
    assert "0.50 × the calls of Simulation" in report_markdown(facts)


def test_methods_over_other_tasks_are_not_set_against_each_other(tmp_path: Path) -> None:
    warehouse = made(tmp_path)
    calls = [Call("simulated_dialogues")]
    few = [Attempt(dialogue(id="garages-0001-a")), Attempt(dialogue(id="garages-0009-a"))]
    inside = write_home(warehouse.home / "simulation", few, calls=calls, method="simulation")
    text = words(report_html(report_facts(warehouse)))
    assert "Only 1 task is the same: Non-autoregressive has 3, Simulation 2." in text
    with inside.domain("garages").write() as connection:
        connection.execute("UPDATE stage_rows SET content_hash = 'other' WHERE stage = 'task_specs'")
    for form in (report_html, report_markdown):
        text = form(report_facts(warehouse)).replace("\\", "")
        assert "have no task in common, so they can" in text
        assert "× the calls of" not in text


def test_two_homes_of_one_method_have_two_names(tmp_path: Path) -> None:
    warehouse = made(tmp_path, method="simulation")
    made(warehouse.home, "simulation", method="simulation")
    facts = report_facts(warehouse)
    assert [method.name for method in facts.methods] == ["Simulation", "Simulation (folder simulation)"]
    text = words(report_html(facts))
    assert "makes 1.00 × the calls of Simulation (folder simulation). Both are over the same 3 tasks." in text


def test_a_switch_of_method_is_no_course_of_time(tmp_path: Path) -> None:
    warehouse = made(tmp_path)
    report_facts(warehouse)
    with warehouse.domain("garages").write() as connection:
        connection.execute("DELETE FROM stage_rows")
    write_home(warehouse.home, [Attempt(dialogue())], run="run-2", method="simulation")
    assert report_facts(warehouse).history == {}
    write_home(
        warehouse.home, [Attempt(dialogue(id="vans-0-a", domain="vans"))], "vans", run="run-3", method="simulation"
    )
    assert [row["run_id"] for row in report_facts(warehouse).history["user_turns"]] == ["run-2", "run-3"]


def test_what_a_former_method_cost_is_said_to_be_left_out(tmp_path: Path) -> None:
    calls = [Call("task_specs"), Call("skeletons"), Call("simulated_dialogues")]
    warehouse = made(tmp_path, calls=calls, method="simulation")
    for form in (report_html, report_markdown):
        assert "Left out: 1 call of Non-autoregressive, which the home was switched from." in form(
            report_facts(warehouse)
        ).replace("\\", "")
    ended = CliRunner().invoke(app, ["metrics", "--home", str(warehouse.home)])
    assert "Left out: 1 call of the method non autoregressive" in " ".join(ended.output.split())


def test_a_home_of_experiments_alone_has_a_report(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "home")
    experiment_rows(warehouse, {"z": "1 pass", "a": "3 passes"})
    facts = report_facts(warehouse)
    text = words(report_html(facts))
    assert "1 pass: 7.25" in text
    assert "Beside the paper" not in text
    assert "Trial" in report_markdown(facts)
    # Tools that nobody made a dialogue with change nothing.
    write_home(warehouse.home, [])
    assert "1 pass: 7.25" in words(report_html(report_facts(warehouse)))
    file = tmp_path / "report.html"
    ended = CliRunner().invoke(app, ["report", "--home", str(warehouse.home), "--into", str(file)])
    assert ended.exit_code == 0, ended.output


def test_experiments_are_shown_in_the_order_of_their_arms(tmp_path: Path) -> None:
    warehouse = made(tmp_path)
    experiment_rows(warehouse, {"z": "1 pass", "a": "3 passes"})
    text = words(report_html(report_facts(warehouse)))
    assert text.index("1 pass: 7.25") < text.index("3 passes: 8.25")
    assert "Self-BLEU 40.0 41.0" in text
    assert "Over 8 dialogues of each arm." in text
    assert (
        "arm dialogues defective before by a rule pass rate handed over defective rounds each 1 pass 10 40.0%" in text
    )
    assert "too few dialogues to tell whether more than 1 pass brings a gain: 4 of 10 are defective there" in text
    assert "Cost a dialogue" not in text, "what is free in all arms is no plot"


def test_experiments_of_the_offline_model_are_named_beside_a_real_home(tmp_path: Path) -> None:
    warehouse = made(tmp_path)
    experiment_rows(warehouse, {"z": "1 pass"}, endpoint="api.example.com")
    assert report_facts(warehouse).offline == "none"
    with warehouse.shared.write() as connection:
        connection.execute("DELETE FROM experiment_results")
    experiment_rows(warehouse, {"z": "1 pass"})
    facts = report_facts(warehouse)
    assert facts.offline == "some"
    for form in (report_html, report_markdown):
        told = html.unescape(form(facts))
        assert "Some calls were answered by the offline model" in told
        assert "Made with model m at offline, 10 dialogues an arm, seed 7, error rate 3." in told
        assert "The offline model made these figures." in told


def test_a_home_is_measured_once_and_again_after_a_run(tmp_path: Path) -> None:
    warehouse = made(tmp_path)
    report_facts(warehouse)
    rows = read_metrics(warehouse)
    assert figure(rows, "user_turns") == 2
    with warehouse.shared.write() as connection:
        connection.execute("UPDATE metrics SET value = 9 WHERE metric = 'user_turns'")
    assert own(warehouse).value("user_turns") == 9
    short = dialogue(dialogue().turns[:6], id="vans-0000-a", domain="vans")
    write_home(warehouse.home, [Attempt(short)], "vans", run="run-2")
    facts = report_facts(warehouse)
    assert own(warehouse).value("user_turns") == pytest.approx(5 / 3)
    assert [row["value"] for row in facts.history["user_turns"]] == [9, pytest.approx(5 / 3)]
    assert "From run to run" in report_html(facts)


def test_a_home_in_which_nothing_was_accepted_has_a_report(tmp_path: Path) -> None:
    warehouse = write_home(tmp_path, [Attempt(dialogue(), "rejected", check="rule.x")])
    for form in (report_html, report_markdown):
        assert "rule.x" in form(report_facts(warehouse)).replace("\\", "")


def test_nothing_to_report_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(NothingMade, match="holds nothing yet"):
        report_facts(Warehouse(tmp_path / "nothing"))
    with pytest.raises(NothingMade, match="tools and no dialogue"):
        report_facts(write_home(tmp_path / "tools", []))


@pytest.mark.parametrize("ending", ["html", "md"])
def test_the_command_writes_either_form(tmp_path: Path, ending: str) -> None:
    warehouse = made(tmp_path)
    file = tmp_path / "deep" / f"report.{ending}"
    ended = CliRunner().invoke(app, ["report", "--home", str(warehouse.home), "--into", str(file)])
    assert ended.exit_code == 0, ended.output
    assert file.read_text().startswith("<!doctype html>" if ending == "html" else "# Report on home")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["report", "--into", "report.pdf"], 2, ".html or .md"),
        (["report", "--into", "report.md"], 1, "holds nothing yet"),
        (["metrics"], 1, "holds nothing yet"),
    ],
)
def test_the_commands_say_plainly_what_is_wrong(tmp_path: Path, words: list[str], code: int, told: str) -> None:
    ended = CliRunner().invoke(app, [*words, "--home", str(tmp_path / "empty")])
    assert ended.exit_code == code
    assert told in " ".join(ended.output.split())
    assert "Traceback" not in ended.output


def test_metrics_are_printed_and_kept(tmp_path: Path) -> None:
    warehouse = made(tmp_path)
    ended = CliRunner().invoke(app, ["metrics", "--home", str(warehouse.home)])
    assert ended.exit_code == 0, ended.output
    assert re.search(r"Pass rate\s+66\.7%\s+-", ended.output)
    assert re.search(r"rule\.grounding\s+3\s+66\.7%", ended.output)
    assert read_metrics(warehouse) == measure_home(warehouse)


def test_metrics_as_json_hold_every_row(tmp_path: Path) -> None:
    warehouse = made(tmp_path)
    ended = CliRunner().invoke(app, ["metrics", "--json", "--home", str(warehouse.home)])
    assert json.loads(ended.output)["metrics"] == [vars(row) for row in measure_home(warehouse)]
    unknown = CliRunner().invoke(app, ["metrics", "--domain", "boats", "--home", str(warehouse.home)])
    assert unknown.exit_code == 1
    assert "There are garages" in unknown.output
