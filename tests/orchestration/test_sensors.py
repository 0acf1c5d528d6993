"""Partitions that follow the pool, and what sensors and schedules request."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest
from dagster._utils.tags import TagConcurrencyLimitsCounter

from tests.cli.command import Ended, toolace
from tests.cli.made import OPTIONS, Made, made_once
from tests.pipeline.homes import TWO_DOMAINS
from toolace_dagster.llm.journal.calls import batches_beside
from toolace_dagster.llm.journal.file import JournalFile, line
from toolace_dagster.orchestration.definitions import GENERATE_JOB, build_definitions
from toolace_dagster.orchestration.instance import open_instance
from toolace_dagster.orchestration.resources import LAUNCH_TAG, Toolace
from toolace_dagster.orchestration.schedules import NIGHTLY
from toolace_dagster.orchestration.sensors import DATASET_SENSOR, POOL_SENSOR
from toolace_dagster.orchestration.sync import registered_domains, sync_home
from toolace_dagster.pipeline.pool import configured_pool
from toolace_dagster.pipeline.sync import PoolDrift, mark_domains, pool_drift, retired_domains
from toolace_dagster.settings import SHIPPED_POOL, Settings
from toolace_dagster.warehouse import Warehouse

KEPT, GOING = TWO_DOMAINS
NEW = "lab_samples"


class Site:
    """A home with a pool of its own, both to be changed."""

    def __init__(self, made: Made, folder: Path) -> None:
        self.home = shutil.copytree(made.home, folder / "home")
        self.pool = shutil.copytree(made.pool, folder / "pool")
        self.settings = made.settings.model_copy(update={"pool": str(self.pool)})
        self.warehouse = Warehouse(self.home)
        self.warehouse.settings_file.write_text(self.settings.model_dump_json())
        self.toolace = Toolace(home=str(self.home))

    def describe(self, domain: str, text: str) -> None:
        """Change the description of a domain's first tool that no other domain's dialogues offer."""
        path = self.pool / f"{domain}.json"
        document = json.loads(path.read_text())
        others = [self.warehouse.domain(other) for other in self.warehouse.domains() if other != domain]
        borrowed = {row["tool"] for other in others for row in other.read("SELECT tool FROM plan_distractors")}
        next(tool for tool in document["tools"] if tool["name"] not in borrowed)["description"] = text
        path.write_text(json.dumps(document))

    def add(self, domain: str) -> None:
        shutil.copy(SHIPPED_POOL / f"{domain}.json", self.pool)

    def drift(self) -> PoolDrift:
        return pool_drift(configured_pool(self.settings), self.warehouse)


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Site:
    return Site(made_once(tmp_path_factory), tmp_path)


def tick(site: Site, instance: dg.DagsterInstance, cursor: str | None) -> dg.SensorResult:
    """One evaluation of the sensor over the pool, with its partition requests carried out."""
    sensor = build_definitions(site.home).resolve_sensor_def(POOL_SENSOR)
    context = dg.build_sensor_context(instance=instance, cursor=cursor, resources={"toolace": site.toolace})
    result = sensor(context)
    assert isinstance(result, dg.SensorResult)
    for request in result.dynamic_partitions_requests or ():
        if isinstance(request, dg.AddDynamicPartitionsRequest):
            instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
        else:
            for key in request.partition_keys:
                instance.delete_dynamic_partition(request.partitions_def_name, key)
    return result


def requested(result: dg.SensorResult) -> set[str]:
    return {str(request.partition_key) for request in result.run_requests or ()}


def test_a_home_tells_what_became_of_the_pool(site: Site) -> None:
    assert site.drift() == PoolDrift(current=(KEPT, GOING))
    site.add(NEW)
    site.describe(KEPT, "Something else.")
    (site.pool / f"{GOING}.json").unlink()
    drift = site.drift()
    assert drift == PoolDrift(current=tuple(sorted((NEW, KEPT))), added=(NEW,), changed=(KEPT,), gone=(GOING,))
    mark_domains(drift, site.warehouse)
    assert retired_domains(site.warehouse).keys() == {GOING}
    assert site.drift().gone == ()
    site.add(GOING)
    again = site.drift()
    assert again.back == (GOING,)
    mark_domains(again, site.warehouse)
    assert retired_domains(site.warehouse) == {}


def test_a_retired_domain_loses_its_partition_and_keeps_its_data(site: Site) -> None:
    before = site.warehouse.domain(GOING).read("SELECT count(*) AS n FROM stage_rows")
    (site.pool / f"{GOING}.json").unlink()
    site.add(NEW)
    sync_home(configured_pool(site.settings), site.warehouse)
    with open_instance(site.warehouse) as instance:
        assert registered_domains(instance) == {KEPT, NEW}
    assert site.warehouse.domain(GOING).read("SELECT count(*) AS n FROM stage_rows") == before


def test_sync_goes_by_the_pool_of_the_homes_last_run(site: Site) -> None:
    ended = toolace("sync", "--home", site.home)
    assert ended.code == 0, ended.err
    assert "The home holds these domains as they are." in ended.out
    assert retired_domains(site.warehouse) == {}
    with open_instance(site.warehouse) as instance:
        assert registered_domains(instance) == {KEPT, GOING}


def collect(site: Site) -> Ended:
    return toolace("gc", "--retired", "--home", site.home)


def test_a_domain_that_is_back_in_the_pool_keeps_its_data(site: Site) -> None:
    file, journal = site.warehouse.domain(GOING).path, site.warehouse.journal(GOING)
    text = (site.pool / f"{GOING}.json").read_text()
    (site.pool / f"{GOING}.json").unlink()
    sync_home(configured_pool(site.settings), site.warehouse)
    said = toolace("status", "--home", site.home).out
    assert f"{GOING} was gone from the pool on" in said
    (site.pool / f"{GOING}.json").write_text(text)
    ended = collect(site)
    assert f"{GOING} was marked as gone, but is in the pool" in ended.out
    assert file.exists()
    assert journal.exists()


def test_a_run_takes_the_mark_of_a_domain_that_is_back(site: Site) -> None:
    for materialize in (False, True):
        text = (site.pool / f"{GOING}.json").read_text()
        (site.pool / f"{GOING}.json").unlink()
        sync_home(configured_pool(site.settings), site.warehouse)
        assert retired_domains(site.warehouse).keys() == {GOING}
        (site.pool / f"{GOING}.json").write_text(text)
        if materialize:
            definitions = build_definitions(site.home)
            with open_instance(site.warehouse) as instance:
                instance.add_dynamic_partitions("tool_domain", [GOING])
                job = definitions.resolve_job_def(GENERATE_JOB)
                keys = [dg.AssetKey("tool_pool")]
                assert job.execute_in_process(instance=instance, partition_key=GOING, asset_selection=keys).success
        else:
            ended = toolace("run", "--pool", site.pool, *OPTIONS, "--domain", KEPT, "--home", site.home)
            assert ended.code == 0, ended.err
        assert retired_domains(site.warehouse) == {}
        assert f"All data of {GOING}" not in collect(site).out


def test_data_of_a_domain_that_is_gone_is_removed_on_request_and_never_without_a_pool_to_tell_by(site: Site) -> None:
    (site.pool / f"{GOING}.json").unlink()
    sync_home(configured_pool(site.settings), site.warehouse)
    away = site.pool.rename(site.pool.with_name("away"))
    ended = collect(site)
    assert ended.code == 1
    assert "nothing was removed" in ended.err
    assert site.warehouse.domain(GOING).path.exists()
    away.rename(site.pool)
    assert collect(site).code == 0
    assert not site.warehouse.domain(GOING).path.exists()
    assert site.warehouse.domain(KEPT).path.exists()


def test_gc_leaves_a_domain_alone_that_a_run_is_making_calls_for(site: Site) -> None:
    (site.pool / f"{GOING}.json").unlink()
    sync_home(configured_pool(site.settings), site.warehouse)
    journal = site.warehouse.journal(GOING)
    batches = batches_beside(journal)
    batches.mkdir()
    (batches / "batch.json").write_text("{}")
    held = [JournalFile(site.warehouse.journal(domain)) for domain in TWO_DOMAINS]
    held[1].append([line("call", {})])
    ended = collect(site)
    assert ended.code == 1
    assert f"left alone, since a run is making calls for them: {KEPT}, {GOING}" in ended.err
    assert f"All data of {GOING}" not in ended.out
    assert site.warehouse.domain(GOING).path.exists()
    assert len(list(held[1].records())) == 2
    for each in held:
        each.close()
    ended = collect(site)
    assert (ended.code, ended.err) == (0, "")
    assert f"All data of {GOING}, which is gone from the pool: removed." in ended.out
    assert not any(path.exists() for path in (site.warehouse.domain(GOING).path, journal, batches))
    assert retired_domains(site.warehouse) == {}


def test_the_sensor_takes_the_pool_as_it_is_when_it_is_switched_on(site: Site) -> None:
    site.add(NEW)
    with open_instance(site.warehouse) as instance:
        first = tick(site, instance, None)
        assert requested(first) == set()
        assert registered_domains(instance) == {KEPT, GOING, NEW}
        again = tick(site, instance, first.cursor)
        assert requested(again) == set()
        assert again.dynamic_partitions_requests == []


def test_the_sensor_requests_what_changed_once_and_with_one_budget(site: Site) -> None:
    with open_instance(site.warehouse) as instance:
        cursor = tick(site, instance, None).cursor
        site.describe(KEPT, "Something else.")
        site.add(NEW)
        result = tick(site, instance, cursor)
        assert requested(result) == {KEPT, NEW}
        assert len({request.tags[LAUNCH_TAG] for request in result.run_requests or ()}) == 1
        assert requested(tick(site, instance, result.cursor)) == set()


def under_way(instance: dg.DagsterInstance, domain: str) -> dg.DagsterRun:
    return instance.create_run_for_job(
        build_definitions().resolve_job_def(GENERATE_JOB),
        status=dg.DagsterRunStatus.STARTED,
        tags={"dagster/partition": domain},
    )


@pytest.mark.parametrize("first", [True, False])
def test_a_change_seen_while_the_domain_is_made_is_requested_when_that_has_ended(site: Site, first: bool) -> None:
    with open_instance(site.warehouse) as instance:
        cursor = None if first else tick(site, instance, None).cursor
        run = under_way(instance, KEPT)
        site.describe(KEPT, "Something else.")
        site.describe(GOING, "Something else, too.")
        result = tick(site, instance, cursor)
        assert requested(result) == {GOING}
        waiting = tick(site, instance, result.cursor)
        assert requested(waiting) == set()
        assert waiting.skip_reason is not None
        assert KEPT in str(waiting.skip_reason)
        instance.report_run_failed(run)
        after = tick(site, instance, waiting.cursor)
        assert requested(after) == {KEPT}
        assert requested(tick(site, instance, after.cursor)) == set()


def test_of_two_runs_of_a_domain_one_waits(site: Site) -> None:
    with open_instance(Warehouse(site.home.parent / "new")) as instance:
        first = under_way(instance, KEPT)
        second, other = (
            instance.create_run_for_job(
                build_definitions().resolve_job_def(GENERATE_JOB), tags={"dagster/partition": domain}
            )
            for domain in (KEPT, GOING)
        )
        limits = instance.get_concurrency_config().run_queue_config
        assert limits is not None
        counter = TagConcurrencyLimitsCounter(limits.tag_concurrency_limits, [first])
        assert counter.is_blocked(second)
        assert not counter.is_blocked(other)


def test_a_domain_that_goes_back_to_what_it_was_is_requested_again(site: Site) -> None:
    def requests(cursor: str | None) -> tuple[dict[str | None, str | None], str | None]:
        result = tick(site, instance, cursor)
        return {each.partition_key: each.run_key for each in result.run_requests or ()}, result.cursor

    path = site.pool / f"{KEPT}.json"
    before = path.read_text()
    keys: list[str | None] = []
    with open_instance(site.warehouse) as instance:
        _, cursor = requests(None)
        for text in ("Something else.", None, "Something else."):
            path.write_text(before)
            if text:
                site.describe(KEPT, text)
            found, cursor = requests(cursor)
            assert found.keys() == {KEPT}
            keys.append(found[KEPT])
    # Dagster starts no run whose key an earlier one of the sensor had.
    assert len(set(keys)) == 3


def test_a_change_made_while_the_sensor_was_off_is_requested_when_it_is_on_again(site: Site) -> None:
    site.describe(KEPT, "Something else.")
    with open_instance(site.warehouse) as instance:
        assert requested(tick(site, instance, None)) == {KEPT}


def test_a_domain_that_went_is_retired_by_the_sensor_and_one_that_came_back_is_current(site: Site) -> None:
    with open_instance(site.warehouse) as instance:
        cursor = tick(site, instance, None).cursor
        (site.pool / f"{GOING}.json").unlink()
        cursor = tick(site, instance, cursor).cursor
        assert registered_domains(instance) == {KEPT}
        assert retired_domains(site.warehouse).keys() == {GOING}
        site.add(GOING)
        assert requested(tick(site, instance, cursor)) == {GOING}
        assert retired_domains(site.warehouse) == {}


def test_a_domain_that_went_is_retired_though_backends_still_name_it(site: Site) -> None:
    entry = '[[backend]]\ndomain = "{}"\nkind = "simulated"\n'
    (site.pool / "backends.toml").write_text(entry.format(GOING) + entry.format(KEPT))
    (site.pool / f"{GOING}.json").unlink()
    assert sync_home(configured_pool(site.settings), site.warehouse).gone == (GOING,)
    assert retired_domains(site.warehouse).keys() == {GOING}


def half_saved(site: Site, domain: str) -> str:
    """Leave half of a domain's file; returns what a message has to name."""
    path = site.pool / f"{domain}.json"
    path.write_text(path.read_text()[:900])
    return f"{domain}.json: (whole file): the file is not JSON"


def with_tools_that_are_none(site: Site, domain: str) -> str:
    """Leave a file that can be read, but none of whose tools can."""
    (site.pool / f"{domain}.json").write_text('{"tools": [{"name": ""}, 7]}')
    return f"{domain}.json: entry 1: the entry has no name Mend: give it a"


UNREAD = pytest.mark.parametrize("break_file", [half_saved, with_tools_that_are_none])


@UNREAD
def test_sync_retires_nothing_while_a_part_of_the_pool_cannot_be_read(
    site: Site, break_file: Callable[[Site, str], str]
) -> None:
    with open_instance(site.warehouse) as instance:
        instance.add_dynamic_partitions("tool_domain", [KEPT, GOING])
    named = break_file(site, GOING)
    site.add(NEW)
    for words in (("--dry-run",), (), ("--run",)):
        ended = toolace("sync", "--pool", site.pool, "--home", site.home, *words)
        assert ended.code == 1
        assert "no domain is retired" in ended.err
        assert f"rejected: {named}" in ended.out
        assert "Mend: " in ended.out
        assert f"{GOING}: not in the pool as far as it can be read: kept" in ended.out
    with open_instance(site.warehouse) as instance:
        assert registered_domains(instance) == {KEPT, GOING, NEW}
    assert retired_domains(site.warehouse) == {}
    (site.pool / f"{GOING}.json").unlink()
    ended = toolace("sync", "--pool", site.pool, "--home", site.home)
    assert (ended.code, ended.err) == (0, "")
    assert retired_domains(site.warehouse).keys() == {GOING}


@UNREAD
def test_gc_removes_no_domain_while_a_part_of_the_pool_cannot_be_read(
    site: Site, break_file: Callable[[Site, str], str]
) -> None:
    text = (site.pool / f"{GOING}.json").read_text()
    (site.pool / f"{GOING}.json").unlink()
    sync_home(configured_pool(site.settings), site.warehouse)
    (site.pool / f"{GOING}.json").write_text(text)
    named = break_file(site, GOING)
    ended = collect(site)
    assert ended.code == 1
    assert f"rejected: {named}" in ended.out
    assert "nothing was removed" in ended.err
    assert site.warehouse.domain(GOING).path.exists()
    assert site.warehouse.journal(GOING).exists()


@UNREAD
def test_the_sensor_retires_nothing_while_a_part_of_the_pool_cannot_be_read(
    site: Site, break_file: Callable[[Site, str], str]
) -> None:
    whole = (site.pool / f"{GOING}.json").read_text()
    with open_instance(site.warehouse) as instance:
        cursor = tick(site, instance, None).cursor
        named = break_file(site, GOING)
        result = tick(site, instance, cursor)
        assert result.skip_reason is not None
        assert f"rejected: {named}" in (result.skip_reason.skip_message or "")
        assert registered_domains(instance) == {KEPT, GOING}
        assert retired_domains(site.warehouse) == {}
        site.add(NEW)
        site.describe(KEPT, "Something else.")
        for _ in range(2):
            result = tick(site, instance, result.cursor)
            assert requested(result) == set()
            assert f"Asked for then: {KEPT}, {NEW}" in str(result.skip_reason)
            assert registered_domains(instance) == {KEPT, GOING, NEW}
        # Saved as a whole at last, the file is as the sensor knows it.
        (site.pool / f"{GOING}.json").write_text(whole)
        result = tick(site, instance, result.cursor)
        assert requested(result) == {KEPT, NEW}
        assert result.skip_reason is None
        assert requested(tick(site, instance, result.cursor)) == set()
        assert registered_domains(instance) == {KEPT, GOING, NEW}


def test_a_first_look_at_a_pool_of_which_a_part_cannot_be_read_counts_for_nothing(site: Site) -> None:
    site.describe(KEPT, "Something else.")
    whole = (site.pool / f"{GOING}.json").read_text()
    half_saved(site, GOING)
    with open_instance(site.warehouse) as instance:
        result = tick(site, instance, None)
        assert (requested(result), result.cursor) == (set(), None)
        (site.pool / f"{GOING}.json").write_text(whole)
        assert requested(tick(site, instance, result.cursor)) == {KEPT}


def test_a_typo_in_domains_toml_brings_back_nothing_that_it_left_out(site: Site) -> None:
    """Domains that are left out: one that the home holds from before, and one that it never held."""
    file, exclude = site.pool / "domains.toml", f'exclude = ["{GOING}/*", "{NEW}/*"]\n'
    site.add(NEW)
    file.write_text(exclude)
    with open_instance(site.warehouse) as instance:
        cursor = tick(site, instance, None).cursor
        assert (registered_domains(instance), set(retired_domains(site.warehouse))) == ({KEPT}, {GOING})
        file.write_text(exclude + "[")
        for _ in range(2):
            result = tick(site, instance, cursor)
            assert requested(result) == set()
            assert "rejected: domains.toml: (whole file)" in str(result.skip_reason)
            cursor = result.cursor
        sync_home(configured_pool(site.settings), site.warehouse)
        assert (registered_domains(instance), set(retired_domains(site.warehouse))) == ({KEPT}, {GOING})
        file.write_text(exclude)
        result = tick(site, instance, cursor)
        assert (requested(result), result.skip_reason) == (set(), None)
        file.unlink()
        assert requested(tick(site, instance, result.cursor)) == {GOING, NEW}
        assert registered_domains(instance) == {KEPT, GOING, NEW}


def test_a_domain_that_the_user_leaves_out_is_retired(site: Site) -> None:
    (site.pool / "domains.toml").write_text(f'exclude = ["{GOING}/*"]')
    assert sync_home(configured_pool(site.settings), site.warehouse).gone == (GOING,)
    (site.pool / "domains.toml").write_text("exclude = [")
    assert site.drift().unread[0].source == "domains.toml"
    ended = toolace("sync", "--pool", site.pool, "--home", site.home, "--dry-run")
    assert f"{GOING}: may be left out by domains.toml, which can't be read: no partition yet." in ended.out
    assert "back in the pool" not in ended.out


def test_a_pool_that_cannot_be_read_retires_nothing(site: Site) -> None:
    shutil.rmtree(site.pool)
    sensor = build_definitions(site.home).resolve_sensor_def(POOL_SENSOR)
    with open_instance(site.warehouse) as instance:
        instance.add_dynamic_partitions("tool_domain", [KEPT])
        skipped = sensor(dg.build_sensor_context(instance=instance, resources={"toolace": site.toolace}))
        assert isinstance(skipped, dg.SkipReason)
        assert KEPT in registered_domains(instance)
    assert retired_domains(site.warehouse) == {}


def night(site: Site, instance: dg.DagsterInstance) -> list[dg.RunRequest] | dg.SkipReason:
    definitions = build_definitions(site.home)
    context = dg.build_schedule_context(
        instance=instance, resources={"toolace": site.toolace}, repository_def=definitions.get_repository_def()
    )
    data = definitions.resolve_schedule_def(NIGHTLY).evaluate_tick(context)
    return list(data.run_requests or ()) or dg.SkipReason(data.skip_message)


def test_the_nightly_schedule_requests_just_what_is_stale(site: Site) -> None:
    with open_instance(site.warehouse) as instance:
        assert isinstance(night(site, instance), dg.SkipReason)
        site.describe(KEPT, "Something else.")
        requests = night(site, instance)
        assert isinstance(requests, list)
        found = {request.partition_key: request.tags["toolace/stale_from"] for request in requests}
        assert found == {KEPT: "tool_pool"}
        run = under_way(instance, KEPT)
        assert isinstance(night(site, instance), dg.SkipReason)
        instance.report_run_failed(run)
        assert isinstance(night(site, instance), list)


def test_the_nightly_schedule_makes_no_domain_for_the_first_time(site: Site) -> None:
    site.add(NEW)
    with open_instance(site.warehouse) as instance:
        skipped = night(site, instance)
        assert isinstance(skipped, dg.SkipReason)
        assert "1 domain never made before" in str(skipped.skip_message)
        assert NEW in registered_domains(instance)


def test_sync_makes_what_is_stale_when_asked_to(site: Site) -> None:
    runs = "SELECT DISTINCT run_id FROM stage_rows ORDER BY ALL"
    before = site.warehouse.domain(KEPT).read(runs)
    site.add(NEW)
    planned = toolace("sync", "--home", site.home, "--run", "--dry-run")
    assert planned.code == 0, planned.err
    assert f"{site.settings.dialogues} are to be made" in " ".join(planned.out.split())
    assert not site.warehouse.domain(NEW).exists()
    with open_instance(site.warehouse) as instance:
        run = under_way(instance, NEW)
        left_out = toolace("sync", "--home", site.home, "--run")
        instance.report_run_failed(run)
    assert left_out.code == 0, left_out.err
    assert f"{NEW}: left out, a run works on it." in left_out.out
    assert not site.warehouse.domain(NEW).exists()
    ended = toolace("sync", "--home", site.home, "--run")
    assert ended.code == 0, ended.err
    assert f"{NEW}: new" in ended.out
    tasks = "SELECT count(*) AS n FROM stage_rows WHERE stage = 'task_specs'"
    assert site.warehouse.domain(NEW).read(tasks) == [{"n": site.settings.dialogues}]
    assert site.warehouse.domain(KEPT).read(runs) == before
    again = toolace("sync", "--home", site.home, "--run")
    assert again.code == 0, again.err
    assert "Nothing was stale: no model call was made." in again.out


@UNREAD
def test_the_nightly_schedule_requests_nothing_while_a_part_of_the_pool_cannot_be_read(
    site: Site, break_file: Callable[[Site, str], str]
) -> None:
    site.describe(KEPT, "Something else.")
    named = break_file(site, GOING)
    with open_instance(site.warehouse) as instance:
        skipped = night(site, instance)
        assert isinstance(skipped, dg.SkipReason)
        assert f"rejected: {named}" in str(skipped.skip_message)
        (site.pool / f"{GOING}.json").unlink()
        requests = night(site, instance)
        assert isinstance(requests, list)
        assert [request.partition_key for request in requests] == [KEPT]


def test_all_that_starts_by_itself_is_off_until_it_is_switched_on(tmp_path: Path) -> None:
    definitions = build_definitions(tmp_path)
    assert {sensor.default_status for sensor in definitions.sensors or ()} == {dg.DefaultSensorStatus.STOPPED}
    schedules = list(definitions.schedules or ())
    assert len(schedules) == 2
    assert {getattr(schedule, "default_status", None) for schedule in schedules} == {dg.DefaultScheduleStatus.STOPPED}


def test_settings_of_a_home_name_its_pool(site: Site) -> None:
    assert site.toolace.effective_settings() == Settings.model_validate(site.settings.model_dump())


def dataset_tick(
    site: Site, instance: dg.DagsterInstance, cursor: str | None
) -> tuple[list[dg.RunRequest], str | None]:
    """One evaluation of the sensor that follows runs: what it requests, and its cursor afterwards."""
    sensor = build_definitions(site.home).resolve_sensor_def(DATASET_SENSOR)
    result = sensor(dg.build_sensor_context(instance=instance, cursor=cursor, resources={"toolace": site.toolace}))
    if isinstance(result, dg.SkipReason):
        return [], cursor
    assert isinstance(result, dg.SensorResult)
    return list(result.run_requests or ()), result.cursor


def verified(instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> dg.DagsterRun:
    """A run that made a domain's verified dialogues, whatever became of it then."""
    key = dg.AssetKey("verified_dialogues")
    run = instance.create_run_for_job(
        build_definitions().resolve_job_def(GENERATE_JOB), status=status, asset_selection=frozenset({key})
    )
    instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=KEPT))
    return run


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE])
def test_the_dataset_is_built_once_whatever_made_the_dialogues_and_however_the_last_run_ended(
    site: Site, status: dg.DagsterRunStatus
) -> None:
    (site.warehouse.exports / "README.md").unlink()
    with open_instance(site.warehouse) as instance:
        verified(instance, status)
        requests, cursor = dataset_tick(site, instance, None)
        assert len(requests) == 1
        assert dataset_tick(site, instance, cursor) == ([], cursor)
        verified(instance, dg.DagsterRunStatus.SUCCESS)
        again, _ = dataset_tick(site, instance, cursor)
        assert len(again) == 1
        assert again[0].run_key != requests[0].run_key


def test_the_dataset_waits_for_domains_that_are_being_made_and_is_not_built_where_it_stands(site: Site) -> None:
    with open_instance(site.warehouse) as instance:
        requests, cursor = dataset_tick(site, instance, None)
        assert requests == []
        assert cursor is not None
        (site.warehouse.exports / "README.md").unlink()
        assert dataset_tick(site, instance, cursor) == ([], cursor)
        run = verified(instance, dg.DagsterRunStatus.STARTED)
        assert dataset_tick(site, instance, cursor) == ([], cursor)
        instance.report_run_failed(run)
        assert len(dataset_tick(site, instance, cursor)[0]) == 1
