"""`toolace run` and what can be looked at afterwards."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.cli.command import toolace
from tests.cli.made import OPTIONS, Made
from tests.pipeline.homes import DOMAIN, TWO_DOMAINS
from toolace_dagster.cli.app import app


def export_files(home: Path) -> dict[str, bytes]:
    exports = home / "exports"
    return {str(path.relative_to(exports)): path.read_bytes() for path in exports.rglob("*") if path.is_file()}


def test_a_run_says_what_was_made_and_where_it_lies(made: Made) -> None:
    out = made.ended.out
    assert made.ended.code == 0, made.ended.err
    assert "embedded rehearsal model" in out
    for domain in TWO_DOMAINS:
        assert re.search(rf"^{domain} +4 +\d +\d +0 +\d+% +[\d,]+ +0 +[\d,]+ *$", out, re.MULTILINE), out
    assert re.search(r"^all +8 ", out, re.MULTILINE)
    for path in export_files(made.home):
        assert str(made.home / "exports" / path) in out
    (example,) = re.findall(rf"^  toolace why (\S+) --home {made.home}$", out, re.MULTILINE)
    assert example in made.ids("rejected")
    assert f"toolace ui --home {made.home}" in out


def test_the_printed_figures_are_those_of_the_tables(made: Made) -> None:
    accepted, rejected = len(made.ids("accepted")), len(made.ids("rejected"))
    assert accepted + rejected == 8
    assert re.search(rf"^all +8 +{accepted} +{rejected} +0 ", made.ended.out, re.MULTILINE)
    assert re.search(rf"README\.md +{accepted} *$", made.ended.out, re.MULTILINE)


def test_a_second_run_has_nothing_to_do(made: Made) -> None:
    files, runs = export_files(made.home), sorted((made.home / "dagster" / "history" / "runs").iterdir())
    ended = toolace(*made.words, "--home", made.home)
    assert ended.code == 0
    assert "Nothing was stale: no model call was made." in ended.out
    assert export_files(made.home) == files
    assert sorted((made.home / "dagster" / "history" / "runs").iterdir()) == runs


def test_the_same_seed_gives_the_same_files_byte_by_byte(made: Made, tmp_path: Path) -> None:
    shutil.copytree(made.pool, tmp_path / "elsewhere")
    ended = toolace("run", "--home", tmp_path / "home", "--pool", tmp_path / "elsewhere", *OPTIONS, "--parallel", "1")
    assert ended.code == 0, ended.err
    first, second = export_files(made.home), export_files(tmp_path / "home")
    assert sorted(first) == sorted(second)
    assert len(first) == 10
    assert [name for name in first if first[name] != second[name]] == []


def test_a_lost_export_is_written_again_without_a_call(made: Made, tmp_path: Path) -> None:
    home = shutil.copytree(made.home, tmp_path / "home")
    before = export_files(home)
    (home / "exports" / "openai" / "train.jsonl").unlink()
    ended = toolace(*made.words, "--home", home)
    assert ended.code == 0, ended.err
    assert export_files(home) == before
    assert "stale from" not in ended.out


def test_an_unknown_domain_is_named_with_close_ones_and_the_others_go_on(made: Made, tmp_path: Path) -> None:
    home = shutil.copytree(made.home, tmp_path / "home")
    domains = ("--domain", "museum_visit", "--domain", DOMAIN, "--domain", DOMAIN)
    ended = toolace(*made.words, "--home", home, *domains)
    assert ended.code == 1
    assert "no domain 'museum_visit'. Did you mean museum_visits?" in ended.err
    assert re.search(rf"^{DOMAIN} +4 ", ended.out, re.MULTILINE)
    assert ended.out.count(f"\n{DOMAIN} ") == 1


def test_only_unknown_domains_end_the_run(made: Made, tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, ["run", "--home", str(tmp_path / "h"), "--pool", str(made.pool), "--domain", "zoo"]
    )
    assert result.exit_code == 1
    assert f"Its domains: {', '.join(TWO_DOMAINS)}" in result.stderr
    assert not (tmp_path / "h").exists()


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["--dialogues", "0"], "dialogues"),
        (["--rounds", "31"], "rounds"),
        (["--temperature", "3"], "llm.temperature"),
        (["--concurrency", "0"], "llm.concurrency"),
        (["--timeout", "0"], "llm.timeout"),
        (["--error-rate", "-1"], "llm.error_rate"),
        (["--questions-per-call", "0"], "questions_per_call"),
        (["--parallel", "-1"], "--parallel"),
        (["--seed", "x"], "--seed"),
    ],
)
def test_a_setting_out_of_bounds_is_named(tmp_path: Path, words: list[str], name: str) -> None:
    result = CliRunner().invoke(app, ["run", "--home", str(tmp_path / "h"), *words])
    assert result.exit_code == 2
    assert name in result.stderr
    assert "Traceback" not in result.output
    assert not (tmp_path / "h").exists()


def test_version_and_help() -> None:
    version = CliRunner().invoke(app, ["--version"])
    assert version.exit_code == 0
    assert re.fullmatch(r"toolace-dagster \d+\.\d+\.\d+\n", version.stdout)
    listed = CliRunner().invoke(app, ["--help"])
    assert listed.exit_code == 0
    for command in ("run", "status", "why", "pool", "ui"):
        assert re.search(rf"^ *{command} ", listed.stdout, re.MULTILINE), listed.stdout
