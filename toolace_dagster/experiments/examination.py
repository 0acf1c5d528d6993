"""A second look at dialogues, the same for every arm: how many defects are left in what an arm hands over.

Verification can't measure itself: what it accepts passes its own rules. So dialogues
are verified once more, by a panel: with a model of three judges a question, with the
offline model by experts that overlook nothing it counts as a defect. What this costs
is kept apart from the arm.

Belongs here: examining the dialogues of an arm, and keeping what was found. Does not
belong here: what the figures come to (``measures``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from toolace_dagster.entities import Dialogue, TaskSpec, Verdict, content_hash
from toolace_dagster.execution.executor import domain_executor
from toolace_dagster.experiments.declared import Arm, Experiment
from toolace_dagster.experiments.homes import examination_journal, examined_store
from toolace_dagster.llm.driver import RowOutcome, run_programs
from toolace_dagster.llm.gateway import Gateway
from toolace_dagster.llm.journal import CallJournal
from toolace_dagster.llm.memory import EndpointMemory
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.progress import StageProgress, tell
from toolace_dagster.pipeline.stages import Verification, last_writing_stage
from toolace_dagster.pipeline.stages.dialogues import dialogues_after
from toolace_dagster.pipeline.stages.verification import calls_lost
from toolace_dagster.settings import Settings
from toolace_dagster.verification import verdict
from toolace_dagster.verification.checks import Checks, calls_taken_away
from toolace_dagster.verification.rules import Facts
from toolace_dagster.verification.verdict import verdict_program
from toolace_dagster.warehouse import Row, Warehouse, insert, sql

JUDGES = 3
STAGE = "examination"


class ExaminationFailed(RuntimeError):
    """Some dialogues could not be examined; the message says how many and why."""


def examining(basis: Settings) -> Settings:
    """The settings of the examination: those of the experiment, and a panel in place of its experts."""
    if basis.model_of("expert").endpoint_kind == "offline":
        expert = basis.roles.get("expert", {}) | {"error_rate": 0.0}
        panel: dict[str, Any] = {"expert_votes": 1, "roles": basis.roles | {"expert": expert}}
    else:
        panel = {"expert_votes": JUDGES}
    fixed = {"repair": False, "keep_prefix": False, "expert_roles": ("expert",), "expert_threshold": 1.0}
    fixed |= {"expert_weights": {}}
    return Settings.model_validate(basis.model_dump() | fixed | panel)


@dataclass(frozen=True)
class _Case:
    """A dialogue to be examined, as it stood at one of two points."""

    dialogue: Dialogue
    spec: TaskSpec
    facts: Facts
    key: str


def examine(home: Warehouse, experiment: Experiment, arm: Arm, context: StageContext, basis: Settings) -> None:
    """Examine an arm's dialogues of one domain: as refinement left them, and as they were accepted.

    A dialogue that was examined before, in whichever arm, is not examined again.

    Args:
        home: The home that the experiments belong to.
        experiment: The experiment.
        arm: The arm.
        context: Domain, settings and home of the arm, whose stages are up to date.
        basis: Settings of the experiment.

    Raises:
        ExaminationFailed: If calls failed; the same command goes on from there.
        BudgetReached: When the budget was spent before all were examined.
        EndpointUnusable: On a permanent fault of the endpoint.
    """
    settings = examining(basis)
    store = examined_store(home, context.domain)
    place = {"experiment": experiment.name, "arm": arm.name}
    version = Verification(settings.rounds).version(
        StageContext(context.domain, settings, context.warehouse, context.run_id)
    )
    with context.store.reading():
        content = [list(row.values()) for row in context.store.read(sql("experiments/arm_content"))]
        stood = content_hash(content, version)
        if store.read(
            "SELECT 1 FROM examined_arms WHERE experiment = $experiment AND arm = $arm AND basis = $basis",
            place | {"basis": stood},
        ):
            return
        before, after = _cases(context, version)
    known = {row["key"]: row["check_ids"] for row in store.read("SELECT key, check_ids FROM examined")}
    wanted = {case.key: case for case in (*before.values(), *after.values()) if case.key not in known}
    found = _found(home, context, settings, wanted) if wanted else {}
    known |= found
    states = {row["dialogue_id"]: row["state"] for row in context.store.read("SELECT dialogue_id, state FROM outcomes")}
    rows: list[Row] = [
        place
        | {
            "dialogue_id": dialogue_id,
            "domain": context.domain,
            "state": state,
            "defects_before": known[before[dialogue_id].key] if dialogue_id in before else None,
            "defects_after": known[after[dialogue_id].key] if dialogue_id in after else None,
        }
        for dialogue_id, state in states.items()
    ]
    ids = {key: case.dialogue.id for key, case in wanted.items()}
    with store.write() as connection:
        insert(
            connection,
            "examined",
            [{"key": key, "dialogue_id": ids[key], "check_ids": checks} for key, checks in found.items()],
        )
        for table in ("arm_dialogues", "examined_arms"):
            connection.execute(
                f"DELETE FROM {table} WHERE experiment = $experiment AND arm = $arm",  # noqa: S608 - our own table names
                place,
            )
        insert(connection, "arm_dialogues", rows)
        insert(connection, "examined_arms", [place | {"basis": stood}])


def _cases(context: StageContext, version: Mapping[str, Any]) -> tuple[dict[str, _Case], dict[str, _Case]]:
    specs = context.payloads("task_specs", TaskSpec)
    refined = dialogues_after(context, last_writing_stage(context.settings.rounds, context.settings.method))
    verdicts = context.payloads(verdict.STAGE, Verdict)
    accepted = context.payloads("verified_dialogues", Dialogue)
    lost = calls_lost(context, refined, specs)
    tools = {name: tool.fingerprint for name, tool in context.tools.items()}

    def case(dialogue: Dialogue, taken: Mapping[tuple[int, str], str]) -> _Case:
        spec = specs[dialogue.id]
        facts = Facts(changes=taken)
        offered = [tools.get(name) for name in spec.offered_tools]
        changes = sorted([*place, edit] for place, edit in taken.items())
        return _Case(dialogue, spec, facts, content_hash(STAGE, dialogue, spec, offered, changes, version))

    before = {key: case(dialogue, lost.get(key, {})) for key, dialogue in refined.items() if key in specs}
    after: dict[str, _Case] = {}
    for key, dialogue in accepted.items():
        edits = {edit.id: edit.replacements for edit in verdicts[key].edits if edit.outcome == "accepted"}
        after[key] = case(dialogue, {**lost.get(key, {}), **calls_taken_away(edits)})
    return before, after


def _found(
    home: Warehouse, context: StageContext, settings: Settings, wanted: Mapping[str, _Case]
) -> dict[str, list[str]]:
    checks = Checks.of(settings)
    programs = {
        key: verdict_program(case.dialogue, case.spec, context.tools, settings, checks, case.facts, context.executable)
        for key, case in wanted.items()
    }
    begun = StageProgress(domain=context.domain, stage=STAGE, rows=len(wanted))
    tell(begun)
    journal = CallJournal(
        examined_store(home, context.domain), examination_journal(home, context.domain), context.run_id
    )
    gateway = Gateway(
        settings.models,
        journal,
        budget=context.budget,
        on_progress=lambda calls: tell(StageProgress(context.domain, STAGE, len(wanted), calls)),
        limits=home.limits,
        memory=EndpointMemory(
            home.endpoints_file, lambda text: tell(StageProgress(context.domain, STAGE, 0, warning=text))
        ),
    )
    outcomes = run_programs(gateway, programs, domain_executor(context.domain, context.backends, context.own_tools))
    _all_made(outcomes)
    return {key: _rejecting(outcome.row) for key, outcome in outcomes.items() if outcome.row is not None}


def _rejecting(found: Verdict) -> list[str]:
    return sorted({finding.check for finding in found.findings if finding.severity == "hard"})


def _all_made(outcomes: Mapping[str, RowOutcome[Verdict]]) -> None:
    for outcome in outcomes.values():
        if outcome.stopped is not None:
            raise outcome.stopped
    failed = [outcome for outcome in outcomes.values() if outcome.row is None]
    if failed:
        raise ExaminationFailed(f"{len(failed)} of {len(outcomes)} dialogues could not be examined: {failed[0].error}")
