"""Which settings a Dagster run goes by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
from dagster._core.definitions.scoped_resources_builder import ScopedResourcesBuilder

from tests.pipeline.homes import DOMAIN, small_pool
from toolace_dagster.configuration import ConfigurationError
from toolace_dagster.entities import Skeleton
from toolace_dagster.orchestration.definitions import CHECK_JOB, GENERATE_JOB, build_definitions
from toolace_dagster.orchestration.instance import open_instance, register_domains
from toolace_dagster.orchestration.launch import build_dataset
from toolace_dagster.orchestration.resources import LAUNCH_TAG, Toolace
from toolace_dagster.orchestration.run_settings import SETTINGS_KEY, log_settings
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.spending import budget_of
from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Warehouse


def stored(home: Path, **values: object) -> None:
    home.mkdir(exist_ok=True)
    (home / "settings.json").write_text(Settings.model_validate(values).model_dump_json())


def settings_of_run(home: Path, **given: object) -> Settings:
    return Toolace(home=str(home), settings=given).effective_settings()


def test_without_a_file_a_run_goes_on_from_the_last_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored(tmp_path, seed=3, rounds=2, llm={"max_tokens": 9})
    monkeypatch.setenv("TOOLACE_SEED", "4")
    made = settings_of_run(tmp_path, llm={"timeout": 7.0})
    assert (made.seed, made.rounds, made.llm.max_tokens, made.llm.timeout) == (4, 2, 9, 7.0)


def test_a_file_counts_in_place_of_the_last_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored(tmp_path, seed=3, rounds=2)
    (tmp_path / "toolace.toml").write_text("rounds = 4\n[llm]\nmax_tokens = 11\n")
    monkeypatch.setenv("TOOLACE_LLM__MAX_TOKENS", "12")
    made = settings_of_run(tmp_path, roles={"judge": {"model": "small"}})
    assert (made.seed, made.rounds, made.llm.max_tokens) == (0, 4, 12)
    assert made.model_of("judge").model == "small"
    rounds = [
        key for key in build_definitions(tmp_path).resolve_asset_graph().get_all_asset_keys() if "round" in str(key)
    ]
    assert len(rounds) == 4


def test_a_setting_that_a_version_before_had_is_left_aside(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"seed": 5, "gone": 1, "llm": {"vanished": true, "max_tokens": 3}}')
    made = settings_of_run(tmp_path)
    assert (made.seed, made.llm.max_tokens) == (5, 3)


def test_what_the_command_line_worked_out_is_not_laid_over_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(tmp_path, seed=3)
    (tmp_path / "toolace.toml").write_text("max_calls = 5\n")
    monkeypatch.setenv("TOOLACE_ROUNDS", "1")
    whole = Toolace(home=str(tmp_path), settings={"dialogues": 2}, settings_are_whole=True)
    assert whole.effective_settings() == Settings(dialogues=2)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"rouns": 3}, "Did you mean rounds"),
        ({"llm": {"temperature": 9}}, "setting llm.temperature (from the configuration of the run)"),
    ],
)
def test_a_bad_setting_fails_the_run_once_and_says_what_to_mend(
    tmp_path: Path, given: dict[str, object], words: str
) -> None:
    with pytest.raises(dg.Failure) as raised:
        settings_of_run(tmp_path, **given)
    assert words in (raised.value.description or "")
    assert not raised.value.allow_retries


def test_a_run_of_a_version_with_other_settings_ends_with_what_to_mend(tmp_path: Path) -> None:
    """Executing an old run again in the UI hands over its configuration as it was."""
    for wrong, name in (
        ({"gone_for_good": 1}, "gone_for_good"),
        ({"llm": {"vanished": 2}}, "llm.vanished"),
        ({"trajectory": "backwards"}, "trajectory"),
    ):
        with pytest.raises(dg.Failure) as raised:
            Toolace(home=str(tmp_path), settings={"seed": 2} | wrong, settings_are_whole=True).effective_settings()
        assert name in (raised.value.description or "")
        assert "written by another version" in (raised.value.description or "")
        assert not raised.value.allow_retries


def test_settings_of_the_last_run_that_are_cut_off_are_named_by_the_code_location_and_by_runs(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"max_cost": 3, "ro')
    with pytest.raises(ConfigurationError, match=r"settings\.json.*Delete"):
        build_definitions(tmp_path)
    with pytest.raises(dg.Failure) as raised:
        settings_of_run(tmp_path)
    assert str(tmp_path / "settings.json") in (raised.value.description or "")


def test_a_limit_that_is_misspelt_in_the_environment_stops_the_code_location_and_its_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOLACE_MAX_COSTS", "3")
    with pytest.raises(ConfigurationError, match=r"TOOLACE_MAX_COSTS sets nothing; did you mean TOOLACE_MAX_COST\?"):
        build_definitions(tmp_path)
    with pytest.raises(dg.Failure) as raised:
        settings_of_run(tmp_path)
    assert "TOOLACE_MAX_COST?" in (raised.value.description or "")
    assert not raised.value.allow_retries


class Loaded:
    """A home with the job of its code location as it was loaded."""

    def __init__(self, home: Path, **values: object) -> None:
        pool = small_pool(home.parent / f"{home.name}-pool")
        stored(home, **{"dialogues": 2, "rounds": 1, "pool": str(pool)} | values)
        self.home = home
        self.warehouse = Warehouse(home)
        self.job = build_definitions(home).resolve_job_def(GENERATE_JOB)

    def run(
        self,
        settings: dict[str, object] | None = None,
        tags: dict[str, str] | None = None,
        listener: Callable[[dg.EventLogEntry], None] | None = None,
        **config: object,
    ) -> tuple[dg.ExecuteInProcessResult, str]:
        """One run, and what it said when it failed."""
        run_id = str(uuid4())
        given = {"resources": {"toolace": {"config": {"settings": settings or {}, **config}}}}
        with open_instance(self.warehouse) as instance:
            register_domains(instance, [DOMAIN])
            if listener is not None:
                instance.add_event_listener(run_id, listener)
            result = self.job.execute_in_process(
                instance=instance,
                partition_key=DOMAIN,
                run_config=given,
                tags=tags,
                run_id=run_id,
                raise_on_error=False,
            )
            events = [entry.dagster_event for entry in instance.all_logs(result.run_id)]
        said = [f"{event.event_specific_data} {event.message}" for event in events if event and event.is_failure]
        return result, " ".join(said)

    def rows(self) -> int:
        store = self.warehouse.domain(DOMAIN)
        return store.read("SELECT count(*) AS n FROM stage_rows")[0]["n"] if store.exists() else 0


@pytest.mark.parametrize(("name", "value", "has"), [("rounds", 0, 1), ("rounds", 2, 1), ("method", "simulation", "")])
def test_a_run_for_another_graph_than_the_loaded_one_is_refused_before_it_makes_anything(
    tmp_path: Path, name: str, value: object, has: object
) -> None:
    loaded = Loaded(tmp_path / "home")
    result, said = loaded.run({name: value})
    assert not result.success
    assert f"asks for {name} = {value}, but the graph was loaded with {name} = {has}" in said
    assert "reload the code location" in said
    assert loaded.rows() == 0


def test_a_graph_without_rounds_works(tmp_path: Path) -> None:
    loaded = Loaded(tmp_path / "home", rounds=0)
    result, said = loaded.run()
    assert result.success, said
    assert all(check.passed for check in result.get_asset_check_evaluations())
    made = StageContext(DOMAIN, Settings(), loaded.warehouse, "").payloads("skeletons", Skeleton)
    assert len(made) == 2


def test_a_run_of_a_home_that_was_moved_is_refused_and_one_that_names_none_goes_on(tmp_path: Path) -> None:
    loaded = Loaded(tmp_path / "home")
    moved = loaded.home.rename(tmp_path / "moved")
    loaded.warehouse = Warehouse(moved)
    loaded.job = build_definitions(moved).resolve_job_def(GENERATE_JOB)
    result, said = loaded.run(home=str(loaded.home))
    assert not result.success
    assert f"names the home {loaded.home}, but this is Dagster's instance of {moved}" in said
    assert not loaded.home.exists()
    assert loaded.run(home=str(moved))[0].success


def test_what_is_executed_again_has_a_budget_of_its_own_unless_dagster_retries_by_itself(tmp_path: Path) -> None:
    loaded = Loaded(tmp_path / "home", max_calls=4)
    night = {LAUNCH_TAG: "one-night"}
    first, said = loaded.run(tags=night)
    assert "max_calls" in said
    spent = budget_of(loaded_settings(loaded), loaded.warehouse, "one-night").spent.calls
    assert spent == 4
    parent = {"dagster/parent_run_id": first.run_id, "dagster/root_run_id": first.run_id}
    by_itself, _ = loaded.run(tags=night | parent | {"dagster/retry_number": "1"})
    assert paid(loaded, by_itself.run_id) == 0
    again, _ = loaded.run(tags=night | parent)
    assert paid(loaded, again.run_id) == 4
    assert budget_of(loaded_settings(loaded), loaded.warehouse, "one-night").spent.calls == 4


def loaded_settings(loaded: Loaded) -> Settings:
    return Toolace(home=str(loaded.home)).effective_settings()


def paid(loaded: Loaded, run_id: str) -> int:
    rows = loaded.warehouse.domain(DOMAIN).read(
        "SELECT count(*) AS n FROM model_calls WHERE run_id = $run_id", {"run_id": run_id}
    )
    return rows[0]["n"]


def foretold(loaded: Loaded, run_id: str) -> list[dict[str, Any]]:
    """What a run's events say beforehand of what it will make."""
    with open_instance(loaded.warehouse) as instance:
        events = [entry.dagster_event for entry in instance.all_logs(run_id)]
    seen = [each.asset_observation_data.asset_observation for each in events if each and each.is_asset_observation]
    return [
        {"asset": each.asset_key.to_user_string()} | {name: value.value for name, value in each.metadata.items()}
        for each in seen
        if "to_be_made" in each.metadata
    ]


def test_a_run_says_first_what_is_stale_and_why_and_what_it_will_cost(tmp_path: Path) -> None:
    loaded = Loaded(tmp_path / "home", dialogues=4)
    first, _ = loaded.run()
    (told,) = foretold(loaded, first.run_id)
    assert (told["asset"], told["wanted"], told["stale"]) == ("tool_pool", 4, 4)
    assert "| task_specs | new | 4 |" in str(told["to_be_made"]).replace("\\", "")
    assert "not known from past runs" in str(told["forecast"])
    second, _ = loaded.run({"mask_share": 0.3})
    (told,) = foretold(loaded, second.run_id)
    assert told["stale"] == 4
    assert "| refinement_round_01 | a setting | 4 |" in str(told["to_be_made"]).replace("\\", "")
    assert isinstance(told["forecast_calls"], float)
    assert told["forecast_calls"] > 4
    assert told["forecast_cost_usd"] == 0
    third, _ = loaded.run({"mask_share": 0.3})
    (told,) = foretold(loaded, third.run_id)
    assert (told["stale"], told["forecast"]) == (0, "Nothing is stale: no model call.")


def kept(home: Path, domain: str | None, run_id: str) -> list[Settings]:
    store = Warehouse(home).domain(domain) if domain else Warehouse(home).shared
    rows = store.read("SELECT settings FROM run_settings WHERE run_id = $run", {"run": run_id})
    return [Settings.model_validate_json(row["settings"]) for row in rows]


def logged(instance: dg.DagsterInstance, run_id: str) -> list[Settings]:
    events = [entry.dagster_event for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)]
    found = [event.engine_event_data.metadata.get(SETTINGS_KEY) for event in events if event]
    return [Settings.model_validate(each.value) for each in found if each]


def test_a_run_that_fails_has_its_settings(tmp_path: Path) -> None:
    home = tmp_path / "home"
    stored(home, rounds=0, dialogues=2, pool=str(small_pool(tmp_path / "pool")))
    # Nobody listens there.
    llm = {"model": "refused", "base_url": "http://127.0.0.1:9/v1", "transport_retries": 0, "timeout": 1.0}
    config = {"resources": {"toolace": {"config": {"settings": {"llm": llm, "seed": 7}}}}}
    with open_instance(Warehouse(home)) as instance:
        register_domains(instance, [DOMAIN])
        job = build_definitions(home).resolve_job_def(GENERATE_JOB)
        result = job.execute_in_process(
            instance=instance, partition_key=DOMAIN, run_config=config, raise_on_error=False
        )
        assert not result.success
        (said,) = logged(instance, result.run_id)
    assert (said.seed, said.llm.model, said.dialogues) == (7, "refused", 2)
    assert kept(home, DOMAIN, result.run_id) == [said]


def test_runs_over_all_domains_have_their_settings(tmp_path: Path) -> None:
    stored(tmp_path, seed=5)
    with open_instance(Warehouse(tmp_path)) as instance:
        job = build_definitions(tmp_path).resolve_job_def(CHECK_JOB)
        config = {"resources": {"toolace": {"config": {"settings": {"dialogues": 3}}}}}
        run_id = job.execute_in_process(instance=instance, run_config=config, raise_on_error=False).run_id
        (said,) = logged(instance, run_id)
    assert (said.seed, said.dialogues) == (5, 3)
    assert kept(tmp_path, None, run_id) == [said]


def test_a_run_of_the_command_line_goes_by_settings_that_are_none_too(tmp_path: Path) -> None:
    settings = Settings.model_validate({"today": None, "llm": {"temperature": None}, "pool": str(tmp_path)})
    given = Toolace(home=str(tmp_path), nulls=["today", "max_calls"], settings={"max_calls": 5}).effective_settings()
    assert (given.today, given.max_calls) == (None, 5)
    end = build_dataset(settings, Warehouse(tmp_path))
    assert kept(tmp_path, None, end.run_id) == [settings]


MEANWHILE = {
    "settings.json": lambda pool: Settings(seed=99, dialogues=1, rounds=1, max_calls=1, pool=pool).model_dump_json(),
    "toolace.toml": lambda pool: f'seed = 99\ndialogues = 1\nrounds = 1\nmax_calls = 1\npool = "{pool}"\n',
}
"""What somebody writes while a run works, by file."""


@pytest.mark.parametrize("file", MEANWHILE)
def test_a_run_goes_by_the_settings_it_began_with_whatever_is_written_meanwhile(tmp_path: Path, file: str) -> None:
    loaded = Loaded(tmp_path / "home", max_calls=1000)
    began_with = loaded_settings(loaded)
    text = MEANWHILE[file](began_with.pool)

    def write(entry: dg.EventLogEntry) -> None:
        event = entry.dagster_event
        if event is not None and event.is_step_success and event.step_key == "tool_pool":
            (loaded.home / file).write_text(text)

    result, said = loaded.run(listener=write)
    assert loaded_settings(loaded).seed == 99
    assert result.success, said
    store = loaded.warehouse.domain(DOMAIN)
    stages = store.read("SELECT stage, settings FROM stage_runs WHERE run_id = $run", {"run": result.run_id})
    assert len(stages) == 5
    assert {row["stage"] for row in stages if Settings.model_validate_json(row["settings"]) != began_with} == set()
    assert kept(loaded.home, DOMAIN, result.run_id) == [began_with]
    (told,) = foretold(loaded, result.run_id)
    assert told["wanted"] == 2
    assert paid(loaded, result.run_id) > 1


def begun(instance: dg.DagsterInstance, run: dg.DagsterRun, home: Path, **given: object) -> Toolace:
    """The resource as each process of a run begins with it."""
    made = Toolace(home=str(home), settings=given)
    none = ScopedResourcesBuilder().build(required_resource_keys=None)
    made.setup_for_execution(dg.InitResourceContext({}, none, None, {}, instance=instance, dagster_run=run))
    return made


def test_each_process_of_a_run_goes_by_the_settings_in_the_runs_log(tmp_path: Path) -> None:
    languages = {"Polish": 1.0, "German": 1.0, "English": 2.0}
    stored(tmp_path, seed=1, llm={"temperature": None}, preset="lean", languages=languages)
    wanted = settings_of_run(tmp_path)
    with open_instance(Warehouse(tmp_path)) as instance:
        job = build_definitions(tmp_path).resolve_job_def(CHECK_JOB)
        run = instance.create_run_for_job(job)
        first = begun(instance, run, tmp_path)
        stored(tmp_path, seed=2)
        second = begun(instance, run, tmp_path)
        assert [each.effective_settings() for each in (first, second)] == [wanted, wanted]
        # What is drawn goes by their order.
        assert list(second.effective_settings().languages) == list(wanted.languages)
        (tmp_path / "settings.json").write_text("{")
        assert begun(instance, run, tmp_path).effective_settings() == wanted
        assert logged(instance, run.run_id) == kept(tmp_path, None, run.run_id) == [wanted]
        # Two that begin at the same moment both find none. Then the first that was written counts.
        log_settings(instance, run, Settings(seed=3))
        assert begun(instance, run, tmp_path).effective_settings() == wanted


def test_a_fault_of_the_settings_stays_a_fault_for_the_rest_of_the_run(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text("{")
    with open_instance(Warehouse(tmp_path)) as instance:
        job = build_definitions(tmp_path, settings=Settings()).resolve_job_def(CHECK_JOB)
        run = instance.create_run_for_job(job)
        toolace = begun(instance, run, tmp_path)
        stored(tmp_path, seed=2)
        with pytest.raises(dg.Failure, match="can't be read"):
            toolace.effective_settings()
        assert logged(instance, run.run_id) == []


def test_what_a_person_executes_again_resolves_its_settings_anew_and_what_dagster_retries_does_not(
    tmp_path: Path,
) -> None:
    stored(tmp_path, seed=1)
    with open_instance(Warehouse(tmp_path)) as instance:
        job = build_definitions(tmp_path).resolve_job_def(CHECK_JOB)
        failed = instance.create_run_for_job(job)
        begun(instance, failed, tmp_path)
        stored(tmp_path, seed=2)
        parent = {"dagster/parent_run_id": failed.run_id, "dagster/root_run_id": failed.run_id}
        by_a_person = instance.create_run_for_job(job, tags=parent)
        by_itself = instance.create_run_for_job(job, tags=parent | {"dagster/retry_number": "1"})
        assert begun(instance, by_a_person, tmp_path).effective_settings().seed == 2
        assert begun(instance, by_itself, tmp_path).effective_settings().seed == 1
        assert [each.seed for each in logged(instance, by_itself.run_id)] == [1]
