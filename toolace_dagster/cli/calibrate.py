"""``toolace calibrate``: how rules and experts do on labelled dialogues.

Belongs here: running them and printing the table. Does not belong here: what counts as
right (``verification.calibration``).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from toolace_dagster.cli.console import complain, say, show_table, warn
from toolace_dagster.cli.rules import load_checks
from toolace_dagster.llm.driver import RowOutcome, run_programs
from toolace_dagster.llm.gateway import Gateway
from toolace_dagster.llm.journal import CallJournal
from toolace_dagster.llm.memory import EndpointMemory
from toolace_dagster.llm.money.budget import BudgetReached
from toolace_dagster.llm.protocol import EndpointUnusable
from toolace_dagster.pipeline.spending import budget_of
from toolace_dagster.settings import Settings
from toolace_dagster.verification.calibration import Checked, Score, checked_program, scores
from toolace_dagster.verification.checks import Checks
from toolace_dagster.verification.labelled import Labelled, LabelledFault, read_labelled
from toolace_dagster.warehouse import Warehouse

_FOLDER = "calibration"
"""Below the home: responses are kept there, apart from those of the dialogues that are made."""


def calibrate(path: Path, home: Path, settings: Settings, *, experts: bool, as_json: bool) -> int:
    """Check labelled dialogues and print how each check does.

    Args:
        path: JSON lines with ``messages``, ``tools`` and ``label``.
        home: The home, below which responses of experts are kept.
        settings: Rules, experts, models.
        experts: Whether experts are asked.
        as_json: As JSON instead of a table.

    Returns:
        Exit code: 1 when a line or an answer could not be used, 2 when nothing could be checked.
    """
    checks = load_checks(settings)
    if checks is None:
        return 2
    labelled: list[Labelled] = []
    faults = 0
    try:
        for each in read_labelled(path):
            if isinstance(each, Labelled):
                labelled.append(each)
            else:
                faults += 1
                complain(str(each))
    except LabelledFault as fault:
        complain(str(fault))
        return 2
    if not labelled:
        complain(f"{path} holds no labelled dialogue. Write one JSON object a line with messages, tools and label.")
        return 2
    try:
        outcomes = _run(labelled, checks, home, settings, experts=experts)
    except (EndpointUnusable, BudgetReached) as fault:
        complain(str(fault))
        return 2
    checked: list[Checked] = []
    for name, outcome in outcomes.items():
        if outcome.row is not None:
            checked.append(outcome.row)
        else:
            faults += 1
            complain(f"{name}: {outcome.error or 'the budget was spent before it'}; it is not counted.")
    table = scores(checked, checks, experts=experts)
    left_out = [each.id for each in checks.rules.rules.values() if each.needs_plan]
    if as_json:
        rows = [vars(score) | {"precision": score.precision, "recall": score.recall} for score in table]
        say(json.dumps({"dialogues": len(checked), "left_out": left_out, "scores": rows}, indent=1))
    else:
        good = sum(each.labelled.good for each in checked)
        columns = ("check", "found", "right", "due", "precision", "recall", "agreement")
        title = f"{len(checked)} dialogues, {good} good and {len(checked) - good} bad"
        show_table(title, columns, [_row(score) for score in table])
        if left_out:
            warn(f"left out, since they need a task: {', '.join(left_out)}")
    return 1 if faults else 0


def _row(score: Score) -> tuple[object, ...]:
    return (
        score.check,
        score.fired,
        score.right,
        score.due,
        *("" if share is None else f"{share:.1%}" for share in (score.precision, score.recall, score.agreement)),
    )


def _run(
    labelled: list[Labelled], checks: Checks, home: Path, settings: Settings, *, experts: bool
) -> dict[str, RowOutcome[Any]]:
    warehouse = Warehouse(home / _FOLDER)
    journal = CallJournal(warehouse.domain(_FOLDER), warehouse.journal(_FOLDER), _FOLDER)
    gateway = Gateway(
        settings.models,
        journal,
        budget=budget_of(settings, warehouse, _FOLDER),
        on_warning=warn,
        limits=warehouse.limits,
        memory=EndpointMemory(warehouse.endpoints_file, warn),
    )
    programs = {
        # Ids may repeat in a file that was put together from others.
        f"{number} ({each.dialogue.id})": checked_program(each, checks, settings, experts=experts)
        for number, each in enumerate(labelled, 1)
    }
    return run_programs(gateway, programs)
