"""Making the arms of an experiment: each by the ordinary stages, going on from an arm before it.

A domain is worked on by one process, arm after arm, so that each arm finds the rows
and responses it has in common with those before it. What stands is not made again.

Belongs here: bringing arms up to date and having them examined. Does not belong here:
stages, or what the figures come to (``measures``).
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from toolace_dagster.dataset.files import write_text
from toolace_dagster.experiments.declared import Arm, Experiment, arm_settings, shipped
from toolace_dagster.experiments.examination import ExaminationFailed, examine
from toolace_dagster.experiments.homes import arm_home, basis_file, begin_from, experiment_file
from toolace_dagster.llm.journal import JournalBroken, JournalInUse
from toolace_dagster.llm.money import BudgetReached
from toolace_dagster.llm.protocol import EndpointUnusable
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.disk import refused_by_disk
from toolace_dagster.pipeline.ends import RunEnd
from toolace_dagster.pipeline.interrupts import orderly_interrupts
from toolace_dagster.pipeline.pool import configured_pool, is_current, write_pool
from toolace_dagster.pipeline.processes import import_for_all, in_processes
from toolace_dagster.pipeline.progress import Listener, StageProgress, listening
from toolace_dagster.pipeline.stage_run import run_stage
from toolace_dagster.pipeline.stages import domain_stages
from toolace_dagster.pipeline.staleness import first_stale
from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Warehouse, sql


@dataclass(frozen=True)
class Undertaking:
    """An experiment as it is to be made.

    Attributes:
        home: The home it belongs to.
        experiment: What is compared.
        basis: The settings that its arms have in common.
        domains: Tool domains it is about.
    """

    home: Warehouse
    experiment: Experiment
    basis: Settings
    domains: tuple[str, ...]

    @property
    def arms(self) -> tuple[Arm, ...]:
        """Its arms, in order."""
        return self.experiment.resolved(self.domains)

    def domains_of(self, arm: Arm) -> list[str]:
        """The domains an arm is about."""
        return [name for name in self.domains if not arm.domains or name in arm.domains]

    def chain(self, arm: Arm) -> list[Arm]:
        """The arms that an arm goes on from, the first one first, and itself."""
        before = self.experiment.before(arm)
        return [*(self.chain(before) if before else ()), arm]


def make_arms(undertaking: Undertaking, *, parallel: int, launch: str, listener: Listener) -> list[RunEnd]:
    """Bring all arms of an experiment up to date, several domains at once.

    Args:
        undertaking: What is to be made.
        parallel: Domains at once.
        launch: Id of this launch; all that it makes shares a budget.
        listener: Told of progress, in this process; stages are named after their arm.

    Returns:
        One end per domain.

    Raises:
        KeyboardInterrupt: After all processes were stopped; what was paid for is kept.
    """
    import_for_all(undertaking.basis)
    # Read once, before the fork.
    configured_pool(undertaking.basis)

    def work(domain: str, sender: Connection) -> None:
        with orderly_interrupts():
            sender.send(make_domain(undertaking, undertaking.arms, domain, launch, sender.send))

    with alone(undertaking):
        write_settings(undertaking)
        return in_processes(undertaking.domains, work, parallel, listener)


@contextmanager
def alone(undertaking: Undertaking) -> Generator[None]:
    """Wait until nobody else makes arms of the experiment: they have rows in common."""
    path = basis_file(undertaking.home, undertaking.experiment).with_name("lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write_settings(undertaking: Undertaking) -> None:
    """Write down what is made: what the arms have in common, and in each arm's home its settings."""
    common = {
        "settings": undertaking.basis.model_dump(mode="json"),
        "domains": undertaking.domains,
        "experiment": undertaking.experiment.model_dump(mode="json"),
    }
    texts: dict[Path, Any] = {basis_file(undertaking.home, undertaking.experiment): common}
    for arm in undertaking.arms:
        path = arm_home(undertaking.home, undertaking.experiment, arm).settings_file
        texts[path] = arm_settings(undertaking.basis, arm).model_dump(mode="json")
    for path, content in texts.items():
        write_text(path, json.dumps(content, indent=1))


def last_undertaking(home: Warehouse, experiment: Experiment) -> Undertaking | None:
    """The experiment as it was last made in a home; None where it never was.

    Raises:
        ValueError: If what was written down can't be read any more; delete ``experiment.json`` then.
    """
    path = basis_file(home, experiment)
    if not path.exists():
        return None
    stored = json.loads(path.read_text(encoding="utf-8"))
    return Undertaking(home, experiment, Settings.model_validate(stored["settings"]), tuple(stored["domains"]))


def made_experiment(home: Warehouse, name: str) -> Experiment | None:
    """What an experiment compared when it was last made in a home; None where nothing tells.

    Args:
        home: The home that the experiments belong to.
        name: Name of the experiment.
    """
    known = shipped().get(name)
    path = experiment_file(home, name)
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return Experiment.model_validate(stored["experiment"])
    except (OSError, ValueError, KeyError, TypeError):
        return known


def make_domain(
    undertaking: Undertaking, arms: Sequence[Arm], domain: str, launch: str, listener: Listener | None = None
) -> RunEnd:
    """Bring one domain of some arms up to date, in the order given.

    Args:
        undertaking: What they are arms of.
        arms: The arms; those that do not have the domain are left out.
        domain: Tool domain.
        launch: Id of this launch.
        listener: Told of progress.

    Returns:
        How it ended.
    """
    for arm in arms:
        if domain not in undertaking.domains_of(arm):
            continue
        try:
            with _named(arm, listener):
                _make(undertaking, arm, domain, launch)
        except BudgetReached as reached:
            return RunEnd(name=domain, run_id=launch, error=str(reached), limit=reached.limit)
        except (EndpointUnusable, ExaminationFailed, JournalBroken, JournalInUse, OSError) as error:
            return RunEnd(name=domain, run_id=launch, error=f"{arm.name}: {refused_by_disk(error) or error}")
    return RunEnd(name=domain, run_id=launch)


def _named(arm: Arm, listener: Listener | None) -> AbstractContextManager[None]:
    if listener is None:
        return nullcontext()

    def told(progress: StageProgress) -> None:
        listener(replace(progress, stage=f"{arm.name}: {progress.stage}"))

    return listening(told)


def _make(undertaking: Undertaking, arm: Arm, domain: str, launch: str) -> None:
    home, experiment = undertaking.home, undertaking.experiment
    settings = arm_settings(undertaking.basis, arm)
    tools = configured_pool(settings).domain(domain)
    mine = arm_home(home, experiment, arm)
    before = experiment.before(arm)
    if before is not None:
        begin_from(arm_home(home, experiment, before), mine, domain)
    # What is looked up is kept in the context, so each attempt has one of its own.
    for _ in range(settings.attempts):
        context = StageContext(domain, settings, mine, run_id=launch, launch_id=launch)
        if first_stale(context, tools) is None:
            break
        if not is_current(context.store, tools):
            write_pool(context.store, tools)
        context = StageContext(domain, settings, mine, run_id=launch, launch_id=launch)
        for stage in domain_stages(settings):
            run_stage(stage, context)
    context = StageContext(domain, settings, mine, run_id=launch, launch_id=launch)
    _drop_unused_calls(context)
    examine(home, experiment, arm, context, undertaking.basis)


def _drop_unused_calls(context: StageContext) -> None:
    """Take calls off the arm's books that only an arm before it needed."""
    unused = [row["call_id"] for row in context.store.read(sql("experiments/unused_calls"))]
    if not unused:
        return
    with context.store.write() as connection:
        for table in ("model_calls", "borrowed_calls", "call_uses"):
            connection.execute(
                f"DELETE FROM {table} WHERE call_id IN (SELECT unnest($ids::VARCHAR[]))",  # noqa: S608 - our own table names
                {"ids": unused},
            )
