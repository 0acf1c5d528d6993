"""``toolace experiment``: make the arms of an experiment, measure them, show the figures.

Belongs here: the order of a run and what is printed. Does not belong here: arms or
figures (``experiments``).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

from pydantic import ValidationError

from toolace_dagster.cli.console import complain, say, show_table
from toolace_dagster.cli.domains import choose_domains
from toolace_dagster.cli.forecast import stage_weights
from toolace_dagster.cli.pool import open_pool
from toolace_dagster.cli.preset import RunOptions
from toolace_dagster.cli.progress import ProgressDisplay, duration
from toolace_dagster.cli.run import default_parallel, say_what_model
from toolace_dagster.cli.stopping import stopped_code
from toolace_dagster.experiments.declared import Experiment, ExperimentFault, arm_settings, find_experiment, shipped
from toolace_dagster.experiments.examination import STAGE
from toolace_dagster.experiments.homes import FOLDER
from toolace_dagster.experiments.making import Undertaking, make_arms
from toolace_dagster.experiments.measures import ArmResult, measure, read_results
from toolace_dagster.experiments.pages import made_with, page, plot, points, tables
from toolace_dagster.llm.money import PriceError
from toolace_dagster.pipeline.ends import RunEnd
from toolace_dagster.pipeline.spending import PriceMissing, budget_of
from toolace_dagster.verification.benchmarks import BenchmarkUnreadable
from toolace_dagster.verification.checks import Checks
from toolace_dagster.verification.experts import UnknownQuestion
from toolace_dagster.verification.rules import RuleFileError
from toolace_dagster.warehouse import Warehouse


def list_experiments() -> int:
    """Print the shipped experiments and their arms."""
    rows = [
        (each.name, each.question, ", ".join(arm.name for arm in each.arms) or "one for each domain")
        for each in shipped().values()
    ]
    show_table("Experiments", ("name", "question", "arms"), rows)
    return 0


def run_experiment(options: RunOptions, name: str, into: Path | None) -> int:
    """Make what is missing of an experiment, measure all arms, print the figures.

    Args:
        options: Those of a run.
        name: Name of a shipped experiment, or a TOML file.
        into: Folder for plot and page; None writes none.

    Returns:
        Exit code: 0 when all arms were measured, 1 when a domain failed or an arm is not finished, 2 when the
        experiment, prices or rules can't be used, 3 when a limit of the budget stopped it, 130 or 143 when stopped.
    """
    from toolace_dagster.orchestration.experiments import report_arms

    started = time.monotonic()
    home, launch = Warehouse(options.home), uuid4().hex
    try:
        experiment = find_experiment(name)
        basis = experiment.basis(options.settings, options.given)
        budget = budget_of(basis, home, launch)
        Checks.of(basis)
        every = [arm_settings(basis, arm) for arm in experiment.arms] or [basis]
    except (ExperimentFault, PriceError, PriceMissing) as error:
        complain(str(error))
        return 2
    except (RuleFileError, BenchmarkUnreadable, UnknownQuestion, ValidationError) as error:
        complain(str(error))
        return 2
    pool = open_pool(basis)
    if pool is None:
        return 1
    chosen, unknown = choose_domains(pool, options.domains, home)
    if not chosen:
        return 1
    undertaking = Undertaking(home, experiment, basis, tuple(chosen))
    say_what_model(basis)
    arms = undertaking.arms
    say(f"{experiment.title}: {len(arms)} arms, {len(chosen)} domains, {basis.dialogues} dialogues each.")
    weights: dict[str, float] = {}
    for arm, settings in zip(arms, every * (len(arms) if experiment.arm_by_domain else 1), strict=True):
        weights |= {f"{arm.name}: {stage}": weight for stage, weight in stage_weights(settings).items()}
        weights[f"{arm.name}: {STAGE}"] = 1.0
    parallel = options.parallel or min(len(chosen), default_parallel(basis))
    try:
        with ProgressDisplay(weights, chosen) as display:
            ends = make_arms(undertaking, parallel=parallel, launch=launch, listener=display.update)
    except KeyboardInterrupt:
        complain(f"stopped. Everything paid for is kept in {options.home}; the same command goes on from there.")
        return stopped_code()
    if any(end.error for end in ends):
        return _say_faults(ends)
    budget.forget()
    unfinished = measure(undertaking, arms)
    for each in unfinished:
        complain(str(each))
    report_arms(undertaking)
    results = read_results(home, experiment.name)
    say("")
    _show(experiment, results)
    say(f"Wall time {duration(time.monotonic() - started)}. Figures are in experiment_results in {_shown(home)}.")
    say(f"Each arm is a home: toolace explore --home {options.home / FOLDER / experiment.name / arms[-1].name}")
    if into is not None:
        for path in _write(undertaking, into):
            say(f"Written: {path}")
    return 1 if unknown or unfinished else 0


def _show(experiment: Experiment, results: Sequence[ArmResult]) -> None:
    say(f"{experiment.title}, made with {made_with(results)}")
    for title, rows, note in tables(results):
        say("")
        show_table(title, tuple(rows[0]), [tuple(row.values()) for row in rows])
        if note:
            say(note)
    say("")
    for sentence in points(results):
        say(sentence)


def _say_faults(ends: list[RunEnd]) -> int:
    stopped = next((end for end in ends if end.limit), None)
    errors: dict[str, list[str]] = {}
    for end in ends:
        if end.error:
            errors.setdefault(end.error, []).append(end.name)
    for error, names in errors.items():
        complain(f"{', '.join(names)}: {error}")
    say("Not measured: arms are compared when all are made. What was paid for is kept; the same command goes on.")
    return 3 if stopped else 1


def _write(undertaking: Undertaking, into: Path) -> list[Path]:
    experiment = undertaking.experiment
    results = read_results(undertaking.home, experiment.name)
    drawn = plot(experiment, results)
    into.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    picture: str | None = None
    if drawn is not None:
        path = into / "images" / f"experiment-{experiment.name}.svg"
        path.parent.mkdir(exist_ok=True)
        path.write_text(drawn, encoding="utf-8")
        written.append(path)
        picture = f"images/{path.name}"
    command = ["toolace", *sys.argv[1:]]
    path = into / f"experiment_{experiment.name}.md"
    path.write_text(page(experiment, results, command, picture), encoding="utf-8")
    return [*written, path]


def _shown(home: Warehouse) -> Path:
    return home.shared.path
