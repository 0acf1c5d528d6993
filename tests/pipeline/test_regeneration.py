"""What is made again when something changes, what is left alone, and what a plan says of it beforehand."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests import builders
from tests.pipeline.homes import FAULTY, paid_calls
from toolace_dagster.entities import DistractorKind, Slot, Tool, ToolDomain
from toolace_dagster.initialization.sampling import PlanSampler
from toolace_dagster.llm.journal import JournalInUse
from toolace_dagster.llm.journal.file import JournalFile
from toolace_dagster.llm.money import load_prices
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.estimate import make_estimate, past_evidence
from toolace_dagster.pipeline.estimate.work import work_of
from toolace_dagster.pipeline.garbage import collect
from toolace_dagster.pipeline.plans import DRAWN_BY
from toolace_dagster.pipeline.pool import write_pool
from toolace_dagster.pipeline.progress import StageProgress, listening
from toolace_dagster.pipeline.regeneration import plan_domain
from toolace_dagster.pipeline.stage_run import run_stage
from toolace_dagster.pipeline.stages import domain_stages
from toolace_dagster.pipeline.staleness import Staleness, first_stale
from toolace_dagster.settings import ModelSettings, Range, Settings
from toolace_dagster.tool_pool import find_links
from toolace_dagster.warehouse import Store, Warehouse

DOMAIN = "garages"
TEXT = {"type": "string"}


def many_tools(count: int) -> tuple[Tool, ...]:
    """Tools that look things up and change them, by fours: two that list, one that reads, one that books."""
    tools: list[Tool] = []
    for number in range(count // 4):
        thing = f"part{number:02d}"
        one = {"type": "object", "properties": {f"{thing}_id": TEXT, "name": TEXT, "price": {"type": "number"}}}
        listed = {"type": "object", "properties": {"items": {"type": "array", "items": one}}}
        tools += [
            builders.tool(f"search_{thing}", {"city": TEXT, "query": TEXT}, ["city"], listed),
            builders.tool(f"list_{thing}_offers", {"category": TEXT}, ["category"], listed),
            builders.tool(f"get_{thing}", {f"{thing}_id": TEXT}, [f"{thing}_id"], one),
            builders.tool(f"order_{thing}", {f"{thing}_id": TEXT, "amount": {"type": "integer"}}, [f"{thing}_id"]),
        ]
    return tuple(sorted(tools, key=lambda tool: tool.name))


class Site:
    """A home with one domain whose tools can be changed."""

    def __init__(self, home: Path, tools: tuple[Tool, ...], settings: Settings) -> None:
        self.home = Warehouse(home)
        self.domain = ToolDomain(name=DOMAIN, tools=tools)
        self.settings = settings

    def make(self, run_id: str) -> StageContext:
        context = StageContext(DOMAIN, self.settings, self.home, run_id)
        write_pool(context.store, self.domain)
        for stage in domain_stages(self.settings):
            run_stage(stage, context)
        return context

    def describe(self, name: str, text: str) -> None:
        tools = [builders.redescribed(tool, text) if tool.name == name else tool for tool in self.domain.tools]
        self.domain = ToolDomain(name=DOMAIN, tools=tuple(tools))

    def offering(self, name: str) -> set[str]:
        """Dialogues that offer a tool, as they stand."""
        rows = self.home.domain(DOMAIN).read("SELECT dialogue_id, plan FROM drawn_plans")
        return {row["dialogue_id"] for row in rows if f'"{name}"' in row["plan"]}

    def versions(self) -> dict[str, str]:
        """The run that made each dialogue's task spec."""
        rows = self.home.domain(DOMAIN).read("SELECT dialogue_id, run_id FROM stage_rows WHERE stage = 'task_specs'")
        return {row["dialogue_id"]: row["run_id"] for row in rows}


def test_a_changed_tool_remakes_just_the_dialogues_that_offer_it_and_costs_what_was_planned(tmp_path: Path) -> None:
    site = Site(tmp_path, many_tools(60), Settings(dialogues=40, rounds=0, llm=FAULTY))
    site.make("first")
    name = "get_part07"
    offering = site.offering(name)
    assert 0 < len(offering) < 20
    site.describe(name, "Something quite different.")
    plan = plan_domain(site.domain, site.settings, site.home)
    assert {stale.dialogue_id for stale in plan.stale} == offering
    assert {(stale.from_stage, stale.causes) for stale in plan.stale} == {("task_specs", ("a tool it offers",))}
    assert plan.dropped == ()
    evidence = past_evidence(site.home, [DOMAIN], site.settings)
    assert evidence is not None
    planned = make_estimate([work_of(plan)], evidence, site.settings, load_prices(None)).whole.calls
    context = site.make("second")
    assert {name for name, run in site.versions().items() if run == "second"} == offering
    assert planned.low <= paid_calls(context) <= planned.high
    assert plan_domain(site.domain, site.settings, site.home).stale == ()


def test_a_new_tool_and_one_that_nothing_offers_leave_everything_as_it_is(tmp_path: Path) -> None:
    tools = many_tools(24)
    site = Site(tmp_path, tools[:-1], Settings(dialogues=5, rounds=0))
    site.make("first")
    site.domain = ToolDomain(name=DOMAIN, tools=tools)
    assert plan_domain(site.domain, site.settings, site.home).stale == ()
    site.make("second")
    assert set(site.versions().values()) == {"first"}


def copy_of(site: Site, folder: Path) -> Site:
    """A site of its own with all that another holds."""
    copy = Site(shutil.copytree(site.home.home, folder / "copy"), site.domain.tools, site.settings)
    copy.domain = site.domain
    return copy


@pytest.fixture(scope="module")
def drifted(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A home whose plans were drawn before a tool came along that would have changed the draws; not to be changed."""
    tools = many_tools(24)
    folder = tmp_path_factory.mktemp("drifted")
    site = Site(folder, tools[:-1], Settings(dialogues=3, rounds=1, llm=ModelSettings(error_rate=0)))
    site.make("first")
    site.domain = ToolDomain(name=DOMAIN, tools=tools)
    site.make("second")
    return site


@pytest.mark.parametrize(
    ("changes", "stages"),
    [
        ({"formats": ("trl",), "validation_share": 0.2, "attempts": 3, "target": 2}, set[str]()),
        ({"questions_per_call": 5, "expert_threshold": 0.5}, {"verification"}),
        ({"mask_share": 0.3}, {"refinement_round_01"}),
        ({"rounds": 0}, {"verification"}),
    ],
)
def test_plans_that_were_kept_when_a_tool_came_are_kept_when_other_settings_change(
    drifted: Site, changes: dict[str, object], stages: set[str]
) -> None:
    changed = Settings.model_validate(drifted.settings.model_dump() | changes)
    plan = plan_domain(drifted.domain, changed, drifted.home)
    assert {stale.from_stage for stale in plan.stale} == stages
    assert len(plan.stale) == (3 if stages else 0)
    assert plan.dropped == ()


def test_a_plan_is_drawn_by_just_the_settings_that_are_said_to_decide_it() -> None:
    read: set[str] = set()

    class Watched(Settings):
        def __getattribute__(self, name: str) -> Any:
            if name in Settings.model_fields:
                read.add(name)
            return super().__getattribute__(name)

    tools = many_tools(24)
    watched = Watched(clarification_share=0.5)
    read.clear()
    sampler = PlanSampler(tools, find_links(tools), watched)
    for number in range(5):
        sampler.plan(Slot(domain=DOMAIN, number=number, seed=0))
    # The seed comes with the slot.
    assert read | {"seed"} == set(DRAWN_BY)


def test_plans_of_an_earlier_version_are_in_force_by_the_settings_of_their_run(drifted: Site, tmp_path: Path) -> None:
    site = copy_of(drifted, tmp_path)
    with site.home.domain(DOMAIN).write() as connection:
        connection.execute("UPDATE drawn_plans SET basis = 'hashed otherwise'")
    formats = site.settings.model_copy(update={"formats": ("openai",)})
    assert plan_domain(site.domain, formats, site.home).stale == ()
    longer = site.settings.model_copy(update={"sub_tasks": Range(low=4, high=4)})
    assert {stale.from_stage for stale in plan_domain(site.domain, longer, site.home).stale} == {"task_specs"}


def test_a_borrowed_tool_that_changed_is_a_reason_only_where_it_is_offered(tmp_path: Path) -> None:
    mixed = {DistractorKind.OTHER_DOMAIN: 1.0}
    settings = Settings(dialogues=6, rounds=0, distractor_mix=mixed, distractors=Range(low=1, high=1))
    own = many_tools(12)
    lent = tuple(tool for tool in many_tools(40) if tool not in own)
    site = Site(tmp_path, own, settings)
    site.domain = ToolDomain(name=DOMAIN, tools=own, borrowed=lent)
    site.make("first")
    offered = {name: site.offering(name) for name in (tool.name for tool in lent) if site.offering(name)}
    assert offered

    def stale_after(name: str) -> Staleness | None:
        changed = tuple(builders.redescribed(tool, "Another text.") if tool.name == name else tool for tool in lent)
        now = ToolDomain(name=DOMAIN, tools=own, borrowed=changed)
        return first_stale(StageContext(DOMAIN, settings, site.home, ""), now)

    idle = next(tool.name for tool in lent if tool.name not in offered)
    assert stale_after(idle) is None
    busy, dialogues = next(iter(offered.items()))
    assert stale_after(busy) == Staleness("task_specs", len(dialogues))


def test_a_tool_that_went_takes_the_plans_along_that_named_it(tmp_path: Path) -> None:
    site = Site(tmp_path, many_tools(24), Settings(dialogues=8, rounds=0))
    site.make("first")
    gone = site.domain.tools[3].name
    offering = site.offering(gone)
    site.domain = ToolDomain(name=DOMAIN, tools=tuple(tool for tool in site.domain.tools if tool.name != gone))
    plan = plan_domain(site.domain, site.settings, site.home)
    assert {stale.dialogue_id for stale in plan.stale} == offering
    assert all("its plan" in stale.causes for stale in plan.stale)


@pytest.fixture(scope="module")
def faultless(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A home with one round; not to be changed."""
    folder = tmp_path_factory.mktemp("faultless")
    site = Site(folder, many_tools(12), Settings(dialogues=3, rounds=1, llm=ModelSettings(error_rate=0)))
    site.make("first")
    return site


@pytest.mark.parametrize(
    ("changes", "stage", "cause"),
    [
        ({"mask_share": 0.3}, "refinement_round_01", "a setting"),
        ({"roles": {"expert": {"temperature": 0.9}}}, "verification", "a model or how it is called"),
        ({"llm": ModelSettings(temperature=0.1)}, "task_specs", "a model or how it is called"),
    ],
)
def test_a_change_is_stale_from_its_own_stage_on_and_says_why(
    faultless: Site, changes: dict[str, object], stage: str, cause: str
) -> None:
    changed = faultless.settings.model_copy(update=changes)
    plan = plan_domain(faultless.domain, Settings.model_validate(changed.model_dump()), faultless.home)
    assert {(each.from_stage, each.causes) for each in plan.stale} == {(stage, (cause,))}


def test_a_rejected_dialogue_is_tried_again_until_the_attempts_or_the_target_are_reached(tmp_path: Path) -> None:
    settings = Settings(dialogues=12, rounds=0, llm=ModelSettings(error_rate=7))
    site = Site(tmp_path, many_tools(24), settings)
    context = site.make("first")
    states = "SELECT slot, attempt, state FROM outcomes ORDER BY slot, attempt"
    first = context.store.read(states)
    rejected = {row["slot"] for row in first if row["state"] == "rejected"}
    assert 0 < len(rejected) < 12
    site.settings = settings.model_copy(update={"attempts": 2})
    second = site.make("second").store.read(states)
    assert [row for row in second if row["attempt"] == 0] == first
    assert {row["slot"] for row in second if row["attempt"] == 1} == rejected
    accepted = sum(row["state"] == "accepted" for row in second)
    site.settings = settings.model_copy(update={"attempts": 9, "target": accepted})
    assert site.make("third").store.read(states) == second
    site.settings = settings
    assert plan_domain(site.domain, settings, site.home).dropped == tuple(
        sorted(set(site.versions()) - {key for key, run in site.versions().items() if run == "first"})
    )


def passes(site: Site, name: str) -> list[StageContext]:
    """As many runs as `toolace run` launches at most: one for each attempt."""
    made: list[StageContext] = []
    for number in range(site.settings.attempts):
        if made and first_stale(made[-1], site.domain) is None:
            break
        made.append(site.make(f"{name}-{number}"))
    return made


@pytest.mark.parametrize("changes", [{"llm": ModelSettings(error_rate=1)}, {"questions_per_call": 5}])
def test_a_retry_is_made_anew_only_once_the_attempt_before_it_ended_in_vain_again(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    settings = Settings(dialogues=6, rounds=0, attempts=3, llm=ModelSettings(error_rate=6))
    site = Site(tmp_path / "home", many_tools(24), settings)
    states = "SELECT slot, attempt, state FROM outcomes ORDER BY slot, attempt"
    before = passes(site, "first")[-1].store.read(states)
    assert max(row["attempt"] for row in before) > 0
    site.settings = settings.model_copy(update=changes)
    runs = passes(site, "second")
    store = runs[-1].store
    beside_each_other = store.read(
        "SELECT slot FROM (SELECT run_id, slot, attempt FROM stage_rows UNION ALL BY NAME "
        "SELECT run_id, slot, attempt FROM past_rows) WHERE run_id LIKE 'second-%' "
        "GROUP BY slot, run_id HAVING count(DISTINCT attempt) > 1"
    )
    assert beside_each_other == []
    dropped = store.read("SELECT * FROM past_rows WHERE run_id LIKE 'second-%' AND replaced_by LIKE 'second-%'")
    assert dropped == []
    fresh = Site(tmp_path / "fresh", many_tools(24), site.settings)
    assert passes(fresh, "fresh")[-1].store.read(states) == store.read(states)
    assert plan_domain(site.domain, site.settings, site.home).stale == ()


def test_earlier_versions_stay_until_they_are_collected(tmp_path: Path) -> None:
    site = Site(tmp_path, many_tools(12), Settings(dialogues=3, rounds=0))
    site.make("first")
    past = "SELECT DISTINCT dialogue_id, run_id, replaced_by FROM past_rows WHERE stage = 'task_specs'"
    made = site.versions()
    site.settings = site.settings.model_copy(update={"llm": ModelSettings(temperature=0.1)})
    site.make("second")
    assert {tuple(row.values()) for row in site.home.domain(DOMAIN).read(past)} == {
        (name, "first", "second") for name in made
    }
    site.describe("get_part00", "Another text.")
    site.make("third")
    later = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=1)
    kept = collect(site.home, DOMAIN, keep=1, before=later, dry_run=True)
    found = collect(site.home, DOMAIN, keep=0, before=later, dry_run=False)
    assert 0 <= kept.rows < found.rows
    assert found.tools == 1
    assert site.home.domain(DOMAIN).read(past) == []
    assert collect(site.home, DOMAIN, keep=0, before=later, dry_run=True).rows == 0


@pytest.fixture(scope="module")
def made_thrice(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A home whose rows have two earlier versions each; not to be changed."""
    site = Site(tmp_path_factory.mktemp("thrice"), many_tools(12), Settings(dialogues=2, rounds=0))
    for run, temperature in (("first", 0.1), ("second", 0.2), ("third", 0.3)):
        site.settings = site.settings.model_copy(update={"llm": ModelSettings(temperature=temperature)})
        site.make(run)
    return site


@pytest.fixture
def thrice_made(made_thrice: Site, tmp_path: Path) -> Site:
    """A copy of that home."""
    return copy_of(made_thrice, tmp_path)


def test_nothing_is_collected_from_a_domain_that_makes_calls(thrice_made: Site) -> None:
    site = thrice_made
    later = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=1)
    past = site.home.domain(DOMAIN).read("SELECT * FROM past_rows ORDER BY ALL")
    with closing(JournalFile(site.home.journal(DOMAIN))):
        assert collect(site.home, DOMAIN, keep=0, before=later, dry_run=True).rows == len(past)
        with pytest.raises(JournalInUse):
            collect(site.home, DOMAIN, keep=0, before=later, dry_run=False)
    assert site.home.domain(DOMAIN).read("SELECT * FROM past_rows ORDER BY ALL") == past
    assert collect(site.home, DOMAIN, keep=0, before=later, dry_run=False).rows == len(past)


def test_a_run_that_begins_while_a_domain_is_collected_from_is_made_when_that_has_ended(
    thrice_made: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = thrice_made
    later = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=1)
    site.settings = site.settings.model_copy(update={"llm": ModelSettings(temperature=0.4)})
    begun, met = threading.Event(), threading.Event()
    compact = Store.compact

    def slow(store: Store) -> None:
        begun.set()
        assert met.wait(30)
        compact(store)

    def hear(progress: StageProgress) -> None:
        if "`toolace gc` is at work" in progress.warning:
            met.set()

    monkeypatch.setattr(Store, "compact", slow)
    with ThreadPoolExecutor(1) as thread:
        collecting = thread.submit(collect, site.home, DOMAIN, keep=0, before=later, dry_run=False)
        assert begun.wait(30)
        with listening(hear):
            site.make("fourth")
        assert collecting.result().rows > 0
    made = site.home.domain(DOMAIN).read("SELECT run_id FROM stage_rows WHERE stage = 'task_specs'")
    assert {row["run_id"] for row in made} == {"fourth"}


def test_what_is_collected_is_what_was_found_though_the_file_was_written_anew_in_between(
    thrice_made: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = thrice_made
    store = site.home.domain(DOMAIN)
    later = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=1)
    newest = "SELECT stage, dialogue_id, replaced_by FROM past_rows WHERE replaced_by = 'third' ORDER BY ALL"
    kept = store.read(newest)
    write = Store.write

    def written_before(self: Store) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        # Somebody else's write: rows move to other places in the file.
        monkeypatch.undo()
        with write(self) as connection:
            connection.execute("CREATE TABLE moved AS SELECT * FROM past_rows ORDER BY replaced_at DESC")
            connection.execute("DELETE FROM past_rows")
            connection.execute("INSERT INTO past_rows FROM moved")
            connection.execute("DROP TABLE moved")
        self.compact()
        return write(self)

    monkeypatch.setattr(Store, "write", written_before)
    assert collect(site.home, DOMAIN, keep=1, before=later, dry_run=False).rows == len(kept)
    assert kept
    assert store.read("SELECT stage, dialogue_id, replaced_by FROM past_rows ORDER BY ALL") == kept
