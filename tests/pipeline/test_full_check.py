"""Checks over a whole home, and checks that warn."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests import builders
from tests.cli.made import Made, made_once
from tests.pipeline.homes import DOMAIN
from toolace_dagster.entities import ToolDomain
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.full_check import (
    contamination_faults,
    export_faults,
    split_faults,
    stored_faults,
    table_faults,
)
from toolace_dagster.pipeline.health import pass_rate_faults, pool_faults, repetition_faults
from toolace_dagster.pipeline.verified import dataset_rows
from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Warehouse


class Copy:
    """A copy of a finished home, to be spoilt."""

    def __init__(self, made: Made, folder: Path) -> None:
        self.warehouse = Warehouse(shutil.copytree(made.home, folder / "home"))
        self.settings: Settings = made.settings

    def context(self, run_id: str = "") -> StageContext:
        return StageContext(DOMAIN, self.settings, self.warehouse, run_id)

    def run(self, statement: str, *values: object) -> None:
        with self.warehouse.domain(DOMAIN).write() as connection:
            connection.execute(statement, list(values))


@pytest.fixture
def copy(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Copy:
    return Copy(made_once(tmp_path_factory), tmp_path)


def test_a_finished_home_is_sound(copy: Copy) -> None:
    assert table_faults(copy.warehouse) == []
    assert stored_faults(copy.warehouse, copy.settings) == ([], [])
    assert contamination_faults(copy.warehouse, copy.settings) == []
    assert split_faults(copy.warehouse, copy.settings) == []
    assert export_faults(copy.warehouse) == []


def test_a_lost_row_and_a_broken_one_are_found_wherever_they_are(copy: Copy) -> None:
    copy.run("DELETE FROM stage_rows WHERE stage = 'skeletons' AND slot = 0")
    faults, stale = stored_faults(copy.warehouse, copy.settings)
    assert [each.split()[0] for each in stale] == [DOMAIN]
    assert any(fault.startswith(f"{DOMAIN}: skeletons: ") for fault in faults)
    copy.run("""UPDATE stage_rows SET payload = '{"a": 1}' WHERE stage = 'task_specs' AND state = 'passed'""")
    faults, _ = stored_faults(copy.warehouse, copy.settings)
    assert any(fault.startswith(f"{DOMAIN}: skeletons: ") for fault in faults)
    assert any("faults as TaskSpec" in fault for fault in faults)


def test_a_verified_dialogue_without_a_side_is_found(copy: Copy) -> None:
    with copy.warehouse.shared.write() as connection:
        (name,) = connection.execute("SELECT min(dialogue_id) FROM splits").fetchone() or ("",)
        connection.execute("DELETE FROM splits WHERE dialogue_id = ?", [name])
        connection.execute("INSERT INTO splits VALUES ('gone-0000-000000', 'gone', 'train', NULL)")
    assert [fault.split()[0] for fault in split_faults(copy.warehouse, copy.settings)] == [name, "gone-0000-000000"]


def test_an_export_that_was_touched_is_found(copy: Copy) -> None:
    with (copy.warehouse.exports / "openai" / "train.jsonl").open("a") as file:
        file.write("{}\n")
    (fault,) = export_faults(copy.warehouse)
    assert fault.startswith("openai/train.jsonl is not what was written")


def test_a_file_of_an_earlier_version_gets_what_it_lacks_and_keeps_what_it_holds(copy: Copy) -> None:
    copy.run("ALTER TABLE edits DROP COLUMN reason")
    copy.run("DROP TABLE outcome_log")
    assert [fault.partition(": ")[2] for fault in table_faults(copy.warehouse)] == [
        "edits.reason is missing, not VARCHAR",
        "there is no table outcome_log",
    ]
    copy.run("UPDATE schema_stamp SET stamp = 'an earlier one'")
    before = copy.warehouse.domain(DOMAIN).read("SELECT count(*) AS n FROM edits")
    # A process that has not met the file yet.
    from toolace_dagster.warehouse import store

    store._prepared.clear()  # pyright: ignore[reportPrivateUsage]
    assert copy.warehouse.domain(DOMAIN).read("SELECT count(*) AS n FROM edits") == before
    assert table_faults(copy.warehouse) == []


def log(copy: Copy, run: str, day: int, accepted: int, rejected: int) -> None:
    states = ["accepted"] * accepted + ["rejected"] * rejected
    with copy.warehouse.domain(DOMAIN).write() as connection:
        connection.executemany(
            "INSERT INTO outcome_log BY NAME SELECT ? AS run_id, 'verification' AS stage, 34 AS stage_index, ? AS "
            "dialogue_id, ? AS state, ?::TIMESTAMP AS finished_at",
            [(run, f"{run}-{number}", state, f"2030-01-{day:02d}") for number, state in enumerate(states)],
        )


def test_a_pass_rate_that_falls_by_more_than_chance_is_told(copy: Copy) -> None:
    log(copy, "first", 1, accepted=80, rejected=20)
    log(copy, "second", 2, accepted=75, rejected=25)
    assert pass_rate_faults(copy.context("second")) == []
    log(copy, "third", 3, accepted=40, rejected=60)
    (fault,) = pass_rate_faults(copy.context("third"))
    assert fault.startswith("40% of 100 dialogues passed, and 78% in the last 2 runs.")
    log(copy, "few", 4, accepted=3, rejected=4)
    assert pass_rate_faults(copy.context("few")) == []


def test_users_who_say_the_same_are_told(copy: Copy) -> None:
    assert repetition_faults(copy.context()) == []
    copy.run(
        "INSERT INTO stage_rows SELECT * REPLACE ('twin' AS dialogue_id, 99 AS slot) FROM stage_rows "
        "WHERE stage = 'verified_dialogues' AND state = 'accepted' ORDER BY slot LIMIT 1"
    )
    (fault,) = repetition_faults(copy.context())
    assert fault.startswith("the user of twin says the same as that of ")


def test_a_poor_pool_is_told() -> None:
    tools = (builders.tool("a", {}, []), builders.tool("b", {}, []).model_copy(update={"description": " "}))
    faults = pool_faults(ToolDomain(name="d", tools=tools))
    assert [fault.split(":")[0].split(";")[0] for fault in faults] == [
        "no description",
        "2 tools make few different tasks",
    ]


@pytest.mark.parametrize("changes", [{"dialogues": 9}, {"rounds": 3}, {"rounds": 0}, {"dialogues": 1, "seed": 4}])
def test_settings_that_no_run_has_followed_yet_make_a_home_stale_and_not_unsound(
    copy: Copy, changes: dict[str, object]
) -> None:
    faults, stale = stored_faults(copy.warehouse, copy.settings.model_copy(update=changes))
    assert faults == []
    assert [each.split()[0] for each in stale] == copy.warehouse.domains()


def test_a_run_that_was_stopped_half_way_is_stale_and_what_it_spoilt_is_a_fault(copy: Copy) -> None:
    copy.run("DELETE FROM stage_rows WHERE stage IN ('verification', 'verified_dialogues')")
    copy.run("DELETE FROM stage_runs WHERE stage IN ('verification', 'verified_dialogues')")
    faults, stale = stored_faults(copy.warehouse, copy.settings)
    assert faults == []
    assert stale == [f"{DOMAIN} is stale from verification on; `toolace plan --domain {DOMAIN}` says why"]
    copy.run("""UPDATE stage_rows SET payload = '{"a": 1}' WHERE stage = 'task_specs' AND state = 'passed'""")
    assert any("faults as TaskSpec" in fault for fault in stored_faults(copy.warehouse, copy.settings)[0])


def test_verified_dialogues_that_repeat_a_benchmark_named_since_are_told(copy: Copy, tmp_path: Path) -> None:
    row = next(dataset_rows(copy.warehouse, copy.settings))
    said = max((turn.content for turn in row.dialogue.turns if turn.role == "user"), key=len)
    benchmark = tmp_path / "bench.txt"
    benchmark.write_text(f"{said}\n", encoding="utf-8")
    named = copy.settings.model_copy(update={"benchmarks": (benchmark,)})
    faults = contamination_faults(copy.warehouse, named)
    assert any(fault.startswith(f"{row.dialogue.id}, turn ") and "bench.txt" in fault for fault in faults)
    gone = copy.settings.model_copy(update={"benchmarks": (tmp_path / "gone.txt",)})
    assert "gone.txt" in contamination_faults(copy.warehouse, gone)[0]
