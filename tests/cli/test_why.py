"""`toolace why`: as JSON, as a page, and over groups of failures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from typer.testing import CliRunner, Result

from tests.cli.made import Made
from toolace_dagster.cli.app import app
from toolace_dagster.warehouse import Row


def why(*words: object) -> Result:
    return CliRunner().invoke(app, ["why", *(str(word) for word in words)])


def failures(made: Made) -> list[Row]:
    return [
        row for name in made.warehouse.domains() for row in made.warehouse.domain(name).read("SELECT * FROM failures")
    ]


def test_the_first_line_holds_the_first_cause(made: Made) -> None:
    for row in failures(made):
        first = why(row["dialogue_id"], "--home", made.home).stdout.splitlines()[0]
        assert " ".join(row["cause"].split()) in first
        assert f"[{row['check_id']}]" in first


def test_the_story_as_json(made: Made) -> None:
    row = failures(made)[0]
    told = json.loads(why(row["dialogue_id"], "--home", made.home, "--json").stdout)
    assert told["dialogue_id"] == row["dialogue_id"]
    assert told["first_cause"]["sentence"] == row["cause"]
    assert told["first_cause"]["edit_id"] == row["edit_id"]
    assert told["outcome"]["check_id"] == row["check_id"]
    assert [stage["stage"] for stage in told["stages"]][:2] == ["task_specs", "skeletons"]
    assert all(finding["first_cause"] for finding in told["findings"] if finding["severity"] == "hard")
    assert told["turns"]
    assert told["tools"] == told["spec"]["tool_versions"]


def test_the_story_as_a_page(made: Made, tmp_path: Path) -> None:
    row = failures(made)[0]
    page = tmp_path / "story.html"
    result = why(row["dialogue_id"], "--home", made.home, "--html", page)
    assert result.exit_code == 0, result.output
    assert len(result.stdout.splitlines()) == 2
    text = page.read_text()
    assert text.startswith("<!doctype html>")
    assert 'id="finding-0"' in text
    bad = why(row["dialogue_id"], "--home", made.home, "--html", tmp_path / "no" / "such" / "folder.html")
    assert bad.exit_code == 1
    assert "can't be written" in bad.stderr


def test_groups_hold_every_failure_once(made: Made) -> None:
    told = json.loads(why("--home", made.home, "--json").stdout)
    assert sum(group["size"] for group in told["groups"]) == told["failures"] == len(failures(made))
    sizes = [group["size"] for group in told["groups"]]
    assert sizes == sorted(sizes, reverse=True)
    for group in told["groups"]:
        for example in group["examples"]:
            (row,) = [row for row in failures(made) if row["dialogue_id"] == example["dialogue_id"]]
            assert (row["check_id"], row["cause_stage"], row["how"]) == (
                group["check"],
                group["cause_stage"],
                group["how"],
            )


def test_groups_of_one_domain_and_of_one_check(made: Made) -> None:
    row = failures(made)[0]
    told = why("--home", made.home, "--domain", row["domain"], "--check", row["check_id"].partition(".")[2])
    assert told.exit_code == 0, told.output
    assert f" by {row['check_id']}, " in told.stdout
    same = [r for r in failures(made) if (r["domain"], r["check_id"]) == (row["domain"], row["check_id"])]
    assert told.stdout.startswith(f"{len(same)} of ")
    assert f"Last run of {row['domain']}, " in told.stdout


def test_what_does_not_exist_is_named_with_what_comes_close(made: Made) -> None:
    assert "Did you mean museum_visits?" in why("--home", made.home, "--domain", "museum_visit").stderr
    wrong = why("--home", made.home, "--check", "rule.groundng")
    assert wrong.exit_code == 1
    assert "No dialogue ended by a check 'rule.groundng'." in wrong.stderr
    assert why("x", "--domain", "y", "--home", made.home).exit_code == 2
    assert why("--html", "x.html", "--home", made.home).exit_code == 2


def test_what_the_last_run_changed_is_told(made: Made, tmp_path: Path) -> None:
    home = shutil.copytree(made.home, tmp_path / "home")
    row = failures(made)[0]
    mended, broken = row["dialogue_id"], made.ids("accepted")[0]
    for dialogue_id, now in ((mended, ("accepted", None)), (broken, ("rejected", "rule.grounding"))):
        domain = dialogue_id.rsplit("-", 2)[0]
        with Made(home, made.pool, made.ended).warehouse.domain(domain).write() as connection:
            connection.execute(
                "INSERT INTO outcome_log SELECT 'second', stage, stage_index, dialogue_id, $state, $check, NULL, 'x', "
                "finished_at + INTERVAL 1 DAY FROM outcome_log WHERE dialogue_id = $id AND stage = 'verification'",
                {"id": dialogue_id, "state": now[0], "check": now[1]},
            )
            connection.execute(
                "INSERT INTO stage_runs BY NAME SELECT * REPLACE ('second' AS run_id, "
                "finished_at + INTERVAL 1 DAY AS finished_at) FROM stage_runs WHERE stage = 'verification'"
            )
    told = why("--home", home).stdout
    assert f"mended: {mended}, rejected by {row['check_id']} before, accepted now" in told
    assert f"broken: {broken}, accepted before, rejected by rule.grounding now" in told


def test_a_dialogue_that_a_run_dropped_is_told_with_its_end(made: Made, tmp_path: Path) -> None:
    home = shutil.copytree(made.home, tmp_path / "home")
    row = next(row for row in failures(made) if row["stage"] == "verification")
    gone = row["dialogue_id"]
    with Made(home, made.pool, made.ended).warehouse.domain(row["domain"]).write() as connection:
        connection.execute(
            "INSERT INTO past_rows BY NAME SELECT *, 'later-run' AS replaced_by, TIMESTAMP '2026-03-01 10:00' "
            "AS replaced_at FROM stage_rows WHERE dialogue_id = $id",
            {"id": gone},
        )
        connection.execute("DELETE FROM stage_rows WHERE dialogue_id = $id", {"id": gone})
    for word in (gone, gone[:-2]):
        told = why(word, "--home", home)
        assert told.exit_code == 1
        said = " ".join(told.stderr.split())
        assert f"{gone} is no part of this home any more. It was rejected at verification by {row['check_id']}:" in said
        assert "Run later-ru dropped it, 2026-03-01 10:00 UTC" in said


def test_earlier_ends_and_other_attempts_are_told(made: Made, tmp_path: Path) -> None:
    home = shutil.copytree(made.home, tmp_path / "home")
    row = next(row for row in failures(made) if row["stage"] == "verification")
    dialogue_id, other = row["dialogue_id"], f"{row['dialogue_id'][:-6]}000000"
    assert "ends, run by run" not in why(dialogue_id, "--home", home).stdout
    with Made(home, made.pool, made.ended).warehouse.domain(row["domain"]).write() as connection:
        connection.execute(
            "INSERT INTO outcome_log BY NAME SELECT * REPLACE ('earlier' AS run_id, 'accepted' AS state, NULL AS "
            "check_id, finished_at - INTERVAL 1 DAY AS finished_at) FROM outcome_log "
            "WHERE dialogue_id = $id AND stage = 'verification'",
            {"id": dialogue_id},
        )
        connection.execute(
            "INSERT INTO stage_rows BY NAME SELECT * REPLACE ($other AS dialogue_id, 1 AS attempt, 'failed' AS state) "
            "FROM stage_rows WHERE dialogue_id = $id AND stage = 'task_specs'",
            {"id": dialogue_id, "other": other},
        )
    told = why(dialogue_id, "--home", home).stdout
    assert "(earlier): accepted at verification\n" in told
    assert f"rejected by {row['check_id']} at verification\n" in told
    assert f"    {other} (attempt 1): failed\n" in told
    document = json.loads(why(dialogue_id, "--home", home, "--json").stdout)
    assert [end["state"] for end in document["ends"]] == ["accepted", "rejected"]
    assert [each["dialogue_id"] for each in document["attempts"]] == [dialogue_id, other]
    assert {each["path"] for each in document["sources"]}
