"""`toolace status` and `toolace why` over a finished home."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.cli.made import Made
from tests.pipeline.homes import TWO_DOMAINS
from toolace_dagster.cli.app import app


def invoke(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_status_shows_domains_stages_and_reasons(made: Made) -> None:
    result = invoke("status", "--home", made.home)
    assert result.exit_code == 0
    for domain in TWO_DOMAINS:
        for stage in ("task_specs", "skeletons", "refinement_round_01", "verification"):
            assert re.search(rf"^{domain} +{stage} +\d +\d +\d +\d *$", result.stdout, re.MULTILINE), result.stdout
    reasons = result.stdout.partition("Rejected or failed, by reason")[2].partition("By stage")[0]
    counts = [int(row.split()[2]) for row in reasons.splitlines() if row.startswith("rejected")]
    assert sum(counts) == len(made.ids("rejected")) > 0


def test_status_reads_the_home_from_the_environment(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOLACE_HOME", str(made.home))
    assert invoke("status").exit_code == 0


def test_status_of_an_empty_home(tmp_path: Path) -> None:
    result = invoke("status", "--home", tmp_path / "nothing")
    assert result.exit_code == 1
    assert "holds nothing yet" in result.stderr
    assert not (tmp_path / "nothing").exists()


def test_status_ends_with_1_when_sums_do_not_add_up(made: Made, tmp_path: Path) -> None:
    home = shutil.copytree(made.home, tmp_path / "home")
    with Made(home, made.pool, made.ended).warehouse.domain("museum_visits").write() as connection:
        connection.execute(
            "UPDATE stage_rows SET state = 'lost' WHERE stage = 'verification' AND slot = "
            "(SELECT min(slot) FROM stage_rows WHERE stage = 'verification')"
        )
    result = invoke("status", "--home", home)
    assert result.exit_code == 1
    assert "the counts of museum_visits do not add up" in result.stderr


@pytest.mark.parametrize(
    ("text", "told"), [('{"seed": 5, "ll', "can't be read"), ('{"gone_for_good": 1}', "gone_for_good")]
)
def test_settings_of_the_last_run_that_are_cut_off_or_older_are_told_and_left_aside(
    made: Made, tmp_path: Path, text: str, told: str
) -> None:
    home = shutil.copytree(made.home, tmp_path / "home")
    (home / "settings.json").write_text(text)
    result = invoke("status", "--home", home)
    assert result.exit_code == 0, result.output
    assert told in result.stderr
    assert "settings.json" in result.stderr
    assert "Sub-tasks by shape" in result.stdout
    # What goes by the settings must not guess them.
    went = invoke("gc", "--home", home, "--dry-run")
    assert went.exit_code == (2 if "read" in told else 0)
    assert "settings.json" in went.stderr


@pytest.mark.parametrize("port", [0, 65_536, 99_999_999])
def test_a_port_that_is_none_is_refused_before_anything_starts(tmp_path: Path, port: int) -> None:
    result = invoke("ui", "--home", tmp_path / "home", "--port", port)
    assert result.exit_code == 2
    assert "Invalid value for '--port'" in result.stderr
    assert not (tmp_path / "home").exists()


def test_why_tells_the_end_first_then_the_way_to_it(made: Made) -> None:
    rejected = made.ids("rejected", "verification")[-1]
    result = invoke("why", rejected, "--home", made.home)
    assert result.exit_code == 0, result.output
    domain = rejected.rsplit("-", 2)[0]
    (outcome,) = made.warehouse.domain(domain).read("SELECT * FROM outcomes WHERE dialogue_id = $id", {"id": rejected})
    first = result.stdout.splitlines()[0]
    assert first.startswith(f"{rejected} was rejected at {outcome['stage']}")
    assert f"[{outcome['check_id']}]" in first
    places = [result.stdout.index(f"\n{stage}: ") for stage in ("task_specs", "skeletons", "refinement_round_01")]
    assert places == sorted(places)
    assert f"edit {rejected}/r1/0 " in result.stdout
    assert re.search(r"^\d+ model calls, [\d,]+ tokens, free:$", result.stdout, re.MULTILINE)


def test_why_of_an_accepted_dialogue(made: Made) -> None:
    accepted = made.ids("accepted")[0]
    result = invoke("why", accepted, "--home", made.home)
    assert result.stdout.startswith(f"{accepted} was accepted: every rule and expert passed it.")
    assert result.stdout.count("expert ") >= 5


def test_why_takes_the_beginning_of_an_id(made: Made) -> None:
    whole = made.ids("accepted")[0]
    short = whole.rsplit("-", 1)[0]
    assert invoke("why", short, "--home", made.home).stdout == invoke("why", whole, "--home", made.home).stdout


def test_why_names_what_an_ambiguous_beginning_could_be(made: Made) -> None:
    result = invoke("why", "museum_visits-", "--home", made.home)
    assert result.exit_code == 1
    assert "begins several ids: museum_visits-0000-" in result.stderr


def test_why_suggests_ids_close_to_an_unknown_one(made: Made) -> None:
    known = made.ids("accepted")[0]
    result = invoke("why", known[:-1] + "z", "--home", made.home)
    assert result.exit_code == 1
    assert "No dialogue has the id" in result.stderr
    assert known in result.stderr
    assert "toolace status" in invoke("why", "§", "--home", made.home).stderr


def test_reading_leaves_a_home_as_it_was(made: Made) -> None:
    def state() -> dict[str, tuple[int, int]]:
        files = [path for path in made.home.rglob("*") if path.is_file()]
        return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}

    before = state()
    invoke("status", "--home", made.home)
    invoke("why", made.ids("rejected")[0], "--home", made.home)
    assert state() == before
    assert os.access(made.home, os.W_OK)
