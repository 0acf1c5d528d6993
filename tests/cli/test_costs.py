"""What a run may cost and what it did: refused, stopped, gone on with, shown."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from typer.testing import CliRunner

from tests.cli.command import Ended, toolace
from tests.cli.made import Made
from tests.pipeline.homes import DOMAIN, TWO_DOMAINS
from tests.pipeline.servers import offline_app, served
from toolace_dagster.cli.app import app
from toolace_dagster.orchestration.instance import open_instance
from toolace_dagster.warehouse import Warehouse

FEW = ("--dialogues", "2", "--rounds", "1")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served(offline_app()) as url:
        yield url


@pytest.fixture
def prices(tmp_path: Path, url: str) -> Path:
    host = url.removeprefix("http://").removesuffix("/v1")
    path = tmp_path / "prices.toml"
    price = '"offline-served" = { prompt = 1.0, completion = 4.0 }'
    path.write_text(f'[t]\nendpoints = ["{host}"]\n[t.models]\n{price}\n')
    return path


def run(home: Path, url: str, *words: object) -> Ended:
    endpoint = ("--model", "offline-served", "--base-url", url)
    return toolace("run", "--home", home, *FEW, *endpoint, *words, OPENAI_API_KEY="test")


def amount(text: str, pattern: str) -> float:
    found = re.search(pattern, text, re.MULTILINE)
    assert found, text
    return float(found[1])


def stored(home: Path, query: str) -> list[dict[str, object]]:
    warehouse = Warehouse(home)
    return [row for domain in warehouse.domains() for row in warehouse.domain(domain).read(query)]


def test_the_offline_model_is_free(made: Made) -> None:
    assert "\nCost: free, the offline model answered.\n" in made.ended.out
    assert {row["cost"] for row in stored(made.home, "SELECT cost FROM call_costs")} == {0.0}
    assert "Cost by stage" not in CliRunner().invoke(app, ["status", "--home", str(made.home)]).stdout


def test_a_limit_in_dollars_needs_a_price(tmp_path: Path, url: str) -> None:
    ended = run(tmp_path / "home", url, "--max-cost", "1")
    assert ended.code == 2
    assert "error: max_cost is set, but no price is known for offline-served at 127.0.0.1:" in ended.err
    assert '"offline-served" = { prompt = 0.50, completion = 1.50 }' in ended.err
    assert not (tmp_path / "home").exists()


def test_a_limit_in_dollars_needs_a_price_of_batches_for_batches(tmp_path: Path, url: str) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text('[mine.models]\n"offline-served" = { prompt = 1.0, completion = 1.0 }\n')
    ended = run(tmp_path / "home", url, "--max-cost", "1", "--mode", "batch", "--prices", str(prices))
    assert ended.code == 2
    assert f"{prices} does not say what batches of mine offline-served cost" in ended.err
    assert not (tmp_path / "home").exists()


def test_a_bad_price_file_is_told_before_anything_is_done(tmp_path: Path, url: str) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("[t.models]\nm = { prompt = 1 }\n")
    ended = run(tmp_path / "home", url, "--prices", bad)
    assert ended.code == 2
    assert f"error: {bad}: t.models.m: completion: Field required" in ended.err
    assert "Traceback" not in ended.err


def test_without_a_price_tokens_are_counted_and_the_mend_is_shown(tmp_path: Path, url: str) -> None:
    ended = run(tmp_path / "home", url, "--domain", DOMAIN)
    assert re.search(rf"^{DOMAIN} +2 .* unknown *$", ended.out, re.MULTILINE), ended.out
    assert "Cost: unknown over all runs of these domains." in ended.out
    assert re.search(r"^\d+ calls of offline-served at 127\.0\.0\.1:\d+ have no cost\.$", ended.out, re.MULTILINE)
    assert '"offline-served" = { prompt = 0.50, completion = 1.50 }' in ended.out


def test_a_run_stops_at_its_limit_loses_nothing_and_goes_on(tmp_path: Path, url: str, prices: Path) -> None:
    home = tmp_path / "home"
    words = ("--domain", TWO_DOMAINS[0], "--domain", TWO_DOMAINS[1], "--prices", prices)
    ended = run(home, url, *words, "--max-cost", "0.15")
    assert ended.code == 3, ended.err
    assert "error: stopped: the limit --max-cost 0.15 is reached." in ended.err
    assert "4 dialogues are unfinished. Nothing is lost: the same command goes on" in ended.err
    assert "Traceback" not in ended.err + ended.out
    spent = amount(ended.err, r"tokens, \$([\d.]+)\.")
    # Two processes share the budget; the last call may be dearer than the average.
    assert 0.15 <= spent < 0.19
    (row,) = stored_sum(home)
    assert row == pytest.approx(spent, abs=1e-4)
    assert stored(home, "SELECT * FROM stage_rows WHERE state = 'failed'") == []
    assert not list((home / "spending").iterdir())

    with open_instance(Warehouse(home)) as instance:
        runs = instance.get_runs()
        assert {run.status for run in runs if run.job_name == "generate"} == {dg.DagsterRunStatus.FAILURE}
        failures = [
            record.event_log_entry.dagster_event.step_failure_data.user_failure_data
            for run in runs
            for record in instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records
            if record.event_log_entry.dagster_event
        ]
    assert failures
    for failure in failures:
        assert failure is not None
        assert "the limit max_cost of $0.1500 is reached" in (failure.description or "")

    again = run(home, url, *words, "--max-cost", "100")
    assert again.code == 0, again.err
    assert re.search(r"^Cost: \$[\d.]+ in this run, \$[\d.]+ over all runs of", again.out, re.MULTILINE)
    repeated = stored(home, "SELECT key FROM model_calls WHERE usable GROUP BY key HAVING count(*) > 1")
    assert repeated == []

    shown = CliRunner().invoke(app, ["status", "--home", str(home)])
    assert shown.exit_code == 0
    stages = shown.stdout.partition("Cost by stage")[2].partition("Cost by model")[0]
    assert [line.split()[0] for line in stages.splitlines()[2:] if line] == [
        "task_specs",
        "skeletons",
        "refinement_round_01",
        "verification",
    ]
    (whole,) = stored_sum(home)
    costs = [float(line.split("$")[1]) for line in stages.splitlines() if "$" in line]
    assert sum(costs) == pytest.approx(whole, abs=1e-3)
    assert re.search(r"^offline-served +127\.0\.0\.1:\d+ +live +t offline-served ", shown.stdout, re.MULTILINE)
    card = (home / "exports" / "README.md").read_text()
    assert re.search(r"^\| all \| \d+ \| [\d,]+ \| [\d,]+ \| \\\$0\.\d{4} \|$", card, re.MULTILINE)

    dialogue = stored(home, "SELECT dialogue_id, sum(cost) AS cost FROM call_costs GROUP BY ALL ORDER BY ALL")[0]
    story = CliRunner().invoke(app, ["why", str(dialogue["dialogue_id"]), "--home", str(home)]).stdout
    told = amount(story, r"^\d+ model calls, [\d,]+ tokens, \$([\d.]+):$")
    assert told == pytest.approx(dialogue["cost"], abs=1e-4)


def stored_sum(home: Path) -> list[float]:
    rows = stored(home, "SELECT sum(cost) AS cost FROM model_calls")
    return [sum(float(str(row["cost"] or 0)) for row in rows)]


def test_a_limit_changes_nothing_of_what_is_made(made: Made, tmp_path: Path) -> None:
    home = shutil.copytree(made.home, tmp_path / "home")
    ended = toolace(*made.words, "--home", home, "--max-cost", "1", "--max-calls", "3", "--max-tokens-total", "9")
    assert ended.code == 0, ended.err
    assert "Nothing was stale: no model call was made." in ended.out


@pytest.mark.parametrize("words", [("--max-cost", "0"), ("--max-cost", "nan"), ("--max-calls", "0")])
def test_a_limit_of_nothing_is_refused(tmp_path: Path, words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, ["run", "--home", str(tmp_path / "h"), *words])
    assert result.exit_code == 2
    assert words[0][2:].replace("-", "_") in result.stderr
