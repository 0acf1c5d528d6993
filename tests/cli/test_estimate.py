"""`toolace estimate`: figures before anything is paid for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.cli.made import OPTIONS, Made
from tests.pipeline.homes import DOMAIN, small_pool
from toolace_dagster.cli.app import app

FEW = ("--domain", DOMAIN, "--dialogues", "5", "--rounds", "1", "--sample", "1")


def invoke(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def options(command: str) -> set[str]:
    return set(re.findall(r"^ *(--[a-z-]+)", invoke(command, "--help").stdout, re.MULTILINE))


def test_it_takes_the_options_of_a_run() -> None:
    assert options("run") > {"--home", "--max-cost", "--prices", "--set"}
    assert options("estimate") == options("run") | {"--sample"}


def test_a_home_without_a_past_is_rehearsed_and_not_made(tmp_path: Path) -> None:
    home = tmp_path / "home"
    result = invoke("estimate", "--home", home, *FEW, "--model", "gpt-4o-mini", "--max-cost", "0.0001")
    assert result.exit_code == 0, result.output
    assert not home.exists()
    out = result.stdout
    assert "1 domains, 5 dialogues: 0 are up to date, 5 have to be made." in out
    assert re.search(r"^Rehearsed 1 dialogues in \d+ s\.$", out, re.MULTILINE)
    rows = re.findall(
        r"^(\S+) +5 +\d+ +[\d,]+ +[\d,]+ +\$([\d.]+) +\$[\d.]+ to \$[\d.]+ +\$([\d.]+) *$", out, re.MULTILINE
    )
    assert [row[0] for row in rows][:2] == ["task_specs", "skeletons"]
    whole = {name: (float(live), float(batch)) for name, live, batch in rows}
    assert whole["all"][1] == pytest.approx(whole["all"][0] / 2, abs=1e-4)
    assert sum(live for name, (live, _) in whole.items() if name != "all") == pytest.approx(whole["all"][0], abs=1e-3)
    assert re.search(
        r"^Price: openai gpt-4o-mini \(\d{4}-\d\d-\d\d\), a million tokens: prompts \$0.1500", out, re.MULTILINE
    )
    assert "rehearsed with the offline model" in out
    assert "Were all replies twice as long" in out
    assert "--max-cost 0.0001 would stop the run." in out


def test_nothing_stale_costs_nothing(made: Made) -> None:
    result = invoke("estimate", "--home", made.home, "--pool", made.pool, *OPTIONS)
    assert result.exit_code == 0, result.output
    assert "8 dialogues: 8 are up to date, 0 have to be made." in result.stdout
    assert "Nothing is stale" in result.stdout


def test_a_past_run_tells_what_more_of_it_takes(made: Made) -> None:
    words = [word if word != "4" else "6" for word in OPTIONS]
    result = invoke("estimate", "--home", made.home, "--pool", made.pool, *words)
    assert result.exit_code == 0, result.output
    assert "12 dialogues: 8 are up to date, 4 have to be made." in result.stdout
    assert "It rests on 8 dialogues that offline made in this home with such settings." in result.stdout
    assert re.search(r"^all +4 .* free +free *$", result.stdout, re.MULTILINE)
    assert "Rehears" not in result.stdout


def test_a_model_without_a_price_is_estimated_in_tokens(tmp_path: Path) -> None:
    pool = small_pool(tmp_path / "pool")
    words = ("--pool", pool, *FEW, "--model", "mine", "--base-url", "http://localhost:8000/v1")
    result = invoke("estimate", "--home", tmp_path / "h", *words)
    assert result.exit_code == 0, result.output
    assert re.search(r"^all +5 +\d+ +[\d,]+ +[\d,]+ +unknown +unknown *$", result.stdout, re.MULTILINE)
    assert "no price is known for mine at localhost:8000" in result.stdout


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    assert invoke("estimate", "--pool", tmp_path / "none", "--home", tmp_path).exit_code == 1
    bad = invoke("estimate", "--prices", tmp_path / "none.toml", "--home", tmp_path)
    assert bad.exit_code == 2
    assert "none.toml" in bad.stderr
