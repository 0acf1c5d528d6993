"""Declarative automation, by Dagster's own evaluator: what is requested, for whom, and when nothing is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.asset_daemon_cursor import AssetDaemonCursor

from tests.pipeline.prompts import change_prompt
from toolace_dagster.orchestration.automation import AUTOMATION, WHOLE_DOMAIN_TAG, code_versions, upkeep
from toolace_dagster.orchestration.definitions import build_definitions
from toolace_dagster.orchestration.materialize import Materialized
from toolace_dagster.orchestration.partitions import TOOL_DOMAINS
from toolace_dagster.orchestration.resources import Toolace
from toolace_dagster.settings import Settings

SETTINGS = Settings(rounds=3)
ROUNDS = ["refinement_round_01", "refinement_round_02", "refinement_round_03"]
STAGES = ["task_specs", "skeletons", *ROUNDS, "verification", "verified_dialogues"]
BY_DOMAIN = ["tool_pool", *STAGES]
MADE, ALSO_MADE, NEVER_MADE = "travel", "cooking", "astronomy"

Requested = Mapping[str, set[str | None]]


@cache
def location(changed: str = "") -> dg.Definitions:
    """The stages as the code location has them, with another code version of one."""

    def another(spec: dg.AssetSpec) -> dg.AssetSpec:
        is_it = spec.key.to_user_string() == changed
        return spec.replace_attributes(code_version="another") if is_it else spec

    stages = [
        each for each in build_definitions(settings=SETTINGS).assets or () if isinstance(each, dg.AssetsDefinition)
    ]
    by_domain = [each for each in stages if each.partitions_def == TOOL_DOMAINS]
    resources = {"toolace": Toolace()}
    return dg.Definitions(assets=[each.map_asset_specs(another) for each in by_domain], resources=resources)


class Site:
    """An instance in which two of three domains were made, and the sensor's memory from tick to tick."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.cursor: AssetDaemonCursor | None = None
        assert TOOL_DOMAINS.name is not None
        instance.add_dynamic_partitions(TOOL_DOMAINS.name, [MADE, ALSO_MADE, NEVER_MADE])
        for domain in (MADE, ALSO_MADE):
            self.make(domain, BY_DOMAIN)

    def make(self, domain: str, assets: Iterable[str], content: str = "one") -> None:
        """Materialize assets of a domain with a content."""
        for asset in assets:
            self.instance.report_runless_asset_event(
                dg.AssetMaterialization(asset, partition=domain, tags={"dagster/data_version": content})
            )

    def tick(self, changed: str = "") -> Requested:
        """One evaluation by Dagster, with a change of one stage: which domains of which assets it requests."""
        result = dg.evaluate_automation_conditions(location(changed), self.instance, cursor=self.cursor)
        self.cursor = result.cursor
        asked = {name: set(result.get_requested_partitions(dg.AssetKey(name))) for name in BY_DOMAIN}
        return {name: domains for name, domains in asked.items() if domains}


@pytest.fixture
def site() -> Iterator[Site]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Site(instance)


def test_what_stands_when_it_is_switched_on_is_taken_as_it_is(site: Site) -> None:
    assert site.tick() == {}
    assert site.tick() == {}


@pytest.mark.parametrize("changed", ["task_specs", "refinement_round_02", "verified_dialogues"])
def test_a_change_of_a_stage_requests_it_and_what_follows_for_domains_that_were_made(site: Site, changed: str) -> None:
    site.tick()
    stages = STAGES[STAGES.index(changed) :]
    assert site.tick(changed) == {stage: {MADE, ALSO_MADE} for stage in stages}
    # Once: neither while nothing has come of it, nor for a run that failed.
    assert site.tick(changed) == {}


@pytest.mark.parametrize("by_job", [True, False])
def test_a_run_half_way_or_stopped_there_requests_nothing_of_what_it_was_to_make(by_job: bool) -> None:
    """Three assets under the condition; the second asks for a tick while it runs, and fails."""
    memory: list[AssetDaemonCursor | None] = [None]
    asked: list[int] = []
    content = ["one"]

    @dg.asset(partitions_def=TOOL_DOMAINS, automation_condition=upkeep())
    def first() -> Materialized:
        return dg.MaterializeResult(data_version=dg.DataVersion(content[0]))

    @dg.asset(partitions_def=TOOL_DOMAINS, automation_condition=upkeep(), deps=[first])
    def second() -> Materialized:
        asked.append(look())
        if content[0] == "two":
            raise dg.Failure("the budget is spent", allow_retries=False)
        return dg.MaterializeResult(data_version=dg.DataVersion(content[0]))

    @dg.asset(partitions_def=TOOL_DOMAINS, automation_condition=upkeep(), deps=[second])
    def third() -> Materialized:
        return dg.MaterializeResult(data_version=dg.DataVersion(content[0]))

    @dg.asset(partitions_def=TOOL_DOMAINS)
    def beside() -> None:
        """Makes the others a selection."""

    assets = [first, second, third]

    def look() -> int:
        result = dg.evaluate_automation_conditions(assets, instance, cursor=memory[0])
        memory[0] = result.cursor
        return result.total_requested

    with dg.DagsterInstance.ephemeral() as instance:
        assert TOOL_DOMAINS.name is not None
        instance.add_dynamic_partitions(TOOL_DOMAINS.name, [MADE])
        dg.materialize(assets, partition_key=MADE, instance=instance)
        assert look() == 0
        content[0] = "two"
        # By a job of ours, and by selecting assets in the graph.
        tags = {WHOLE_DOMAIN_TAG: "true"} if by_job else None
        selection = None if by_job else [asset.key for asset in assets]
        job = dg.Definitions(assets=[*assets, beside]).resolve_implicit_global_asset_job_def()
        ended = job.execute_in_process(
            partition_key=MADE, instance=instance, tags=tags, asset_selection=selection, raise_on_error=False
        )
        assert not ended.success
        assert [*asked, look(), look()] == [0, 0, 0, 0]
        # Made by itself, the same asset is a reason.
        content[0] = "three"
        assert dg.materialize([first], partition_key=MADE, instance=instance).success
        assert look() == 2


def test_the_same_content_made_again_requests_nothing(site: Site) -> None:
    site.tick()
    site.make(MADE, ["tool_pool", "skeletons", "refinement_round_01"], "one")
    assert site.tick() == {}


@pytest.mark.parametrize(
    ("made", "following"), [("tool_pool", "task_specs"), ("refinement_round_02", "refinement_round_03")]
)
def test_other_content_requests_what_follows_for_that_domain_alone(site: Site, made: str, following: str) -> None:
    site.tick()
    site.make(MADE, [made], "two")
    asked = site.tick()
    assert asked == {stage: {MADE} for stage in STAGES[STAGES.index(following) :]}


def test_switched_off_and_on_again_it_requests_nothing(site: Site) -> None:
    site.tick()
    # Dagster keeps the memory of a sensor that is off; a reset takes it away.
    assert site.tick() == {}
    site.cursor = None
    site.make(MADE, ["skeletons"], "two")
    assert site.tick() == {}
    assert site.tick() == {}


def test_a_change_while_it_was_off_is_requested_once_when_it_is_on_again(site: Site) -> None:
    site.tick()
    site.make(ALSO_MADE, ["verification"], "two")
    assert site.tick() == {"verified_dialogues": {ALSO_MADE}}
    assert site.tick() == {}


def test_nothing_is_requested_for_a_domain_whose_earlier_stage_is_missing(site: Site) -> None:
    site.tick()
    site.make(NEVER_MADE, ["tool_pool"], "two")
    assert site.tick() == {}


def test_it_is_one_sensor_and_off_by_default(tmp_path: Path) -> None:
    definitions = build_definitions(tmp_path, settings=SETTINGS)
    sensor = definitions.resolve_sensor_def(AUTOMATION)
    assert isinstance(sensor, dg.AutomationConditionSensorDefinition)
    assert sensor.default_status == dg.DefaultSensorStatus.STOPPED
    assets = definitions.resolve_asset_graph()
    looked_after = {key.to_user_string() for key in sensor.asset_selection.resolve(assets)}
    conditioned = {key.to_user_string() for key in assets.get_all_asset_keys() if assets.get(key).automation_condition}
    assert conditioned == set(STAGES) == looked_after - {"tool_pool"}


def differing(settings: Settings) -> set[str]:
    before, now = code_versions(SETTINGS), code_versions(settings)
    return {name for name in before if before[name] != now.get(name)}


def test_code_versions_tell_apart_what_settings_decide() -> None:
    assert differing(SETTINGS.model_copy(update={"expert_threshold": 0.9})) == {"verification"}
    assert differing(SETTINGS.model_copy(update={"mask_share": 0.11})) >= set(ROUNDS)
    assert differing(SETTINGS.model_copy(update={"dialogues": SETTINGS.dialogues + 1})) == {"task_specs"}
    assert differing(SETTINGS.model_copy(update={"rule_tries": 3})) == {"task_specs", "skeletons"}
    assert differing(SETTINGS.model_copy(update={"skeleton_context": "summary"})) == {"skeletons"}
    assert differing(SETTINGS.model_copy(update={"rules_in_refinement": True})) == set(ROUNDS)
    another = SETTINGS.llm.model_copy(update={"model": "another"})
    assert differing(SETTINGS.model_copy(update={"llm": another})) == set(STAGES) - {"verified_dialogues"}


def test_settings_that_decide_nothing_of_the_data_leave_code_versions_alone() -> None:
    for name, value in (
        ("explorer_url", "http://127.0.0.1:9"),
        ("nightly_cron", "* * * * *"),
        ("owners", ("team:data",)),
        ("max_calls", 7),
        ("formats", ["trl"]),
    ):
        assert differing(SETTINGS.model_copy(update={name: value})) == set(), name


@pytest.mark.parametrize(
    ("prompt", "stages"),
    [
        ("task_spec", {"task_specs"}),
        ("sub_trajectory", {"skeletons"}),
        ("judge", set(ROUNDS)),
        ("expert", {"verification"}),
    ],
)
def test_a_changed_prompt_changes_the_code_versions_of_its_stages(
    prompt: str, stages: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = code_versions(SETTINGS)
    change_prompt(monkeypatch, prompt)
    now = code_versions(SETTINGS)
    assert {name for name in now if now[name] != before[name]} == stages


def test_the_settings_of_a_home_decide_the_versions_of_its_assets(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text(SETTINGS.model_dump_json())
    assets = build_definitions(tmp_path).resolve_asset_graph()
    shown = {name: assets.get(dg.AssetKey(name)).code_version for name in STAGES}
    assert shown == code_versions(SETTINGS)
