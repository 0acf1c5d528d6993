"""``toolace run``, and what takes its options: ``estimate``, ``plan``, ``experiment``.

Belongs here: these two commands' options and their help. Does not belong here: what
a run does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from toolace_dagster.cli.commands.options import (
    DEFAULT_HOME,
    AssignmentsOption,
    ConfigOption,
    DomainLimitOption,
    HomeOption,
    PoolOption,
    SkipDeprecatedOption,
    group,
    read_configuration,
    setting,
)

if TYPE_CHECKING:
    from toolace_dagster.cli.preset import RunOptions
    from toolace_dagster.configuration import Configuration

making = group()


def _run_options(
    home: HomeOption = DEFAULT_HOME,
    config: ConfigOption = None,
    pool: PoolOption = None,
    domain: Annotated[
        list[str] | None, typer.Option("--domain", help="Only this tool domain; can be repeated.")
    ] = None,
    dialogues: Annotated[int | None, setting("dialogues", "Dialogues to attempt per domain.")] = None,
    attempts: Annotated[int | None, setting("attempts", "Tries at each dialogue until one is accepted.")] = None,
    target: Annotated[
        int | None, setting("target", "Accepted dialogues per domain from which on nothing is tried again.")
    ] = None,
    seed: Annotated[int | None, setting("seed", "Seed of all sampling.")] = None,
    preset: Annotated[
        str | None,
        setting("preset", "Named set of values under the others: default, lean, small, or auto, which chooses."),
    ] = None,
    method: Annotated[
        str | None,
        setting("method", "non_autoregressive, or simulation: the baseline that plays dialogues turn by turn."),
    ] = None,
    rounds: Annotated[int | None, setting("rounds", "Refinement rounds.")] = None,
    model: Annotated[
        str | None, setting("llm.model", "Model name at the endpoint; 'offline' is the embedded one.")
    ] = None,
    base_url: Annotated[str | None, setting("llm.base_url", "OpenAI-compatible endpoint.")] = None,
    temperature: Annotated[
        float | None, setting("llm.temperature", "Sampling temperature of generation and refinement.")
    ] = None,
    concurrency: Annotated[int | None, setting("llm.concurrency", "Model calls in flight, over all domains.")] = None,
    timeout: Annotated[float | None, setting("llm.timeout", "Seconds a model call may take.")] = None,
    questions_per_call: Annotated[
        int | None, setting("questions_per_call", "Expert questions per call; 1 is one expert each.")
    ] = None,
    error_rate: Annotated[
        float | None, setting("llm.error_rate", "Offline model: factor on its documented error rates.")
    ] = None,
    mode: Annotated[
        str | None,
        setting("llm.mode", "live, or batch: through the endpoint's Batch API, at half price and within a day."),
    ] = None,
    cache: Annotated[Path | None, setting("cache", "Folder of a cache of responses that homes share.")] = None,
    prices: Annotated[
        Path | None, setting("prices", "File with prices of your own, which come before the shipped ones.")
    ] = None,
    max_cost: Annotated[float | None, setting("max_cost", "Dollars this run may spend.")] = None,
    max_tokens_total: Annotated[
        int | None, setting("max_tokens_total", "Tokens of prompts and replies this run may pay for.")
    ] = None,
    max_calls: Annotated[int | None, setting("max_calls", "Model calls this run may pay for.")] = None,
    parallel: Annotated[int, typer.Option(min=0, help="Domains at once; 0 chooses.")] = 0,
    domain_limit: DomainLimitOption = None,
    skip_deprecated: SkipDeprecatedOption = None,
    assignments: AssignmentsOption = None,
    allow_writes: Annotated[
        bool | None,
        setting("allow_writes", "Call tools of a live MCP server that are not annotated as read-only."),
    ] = None,
) -> Any:
    """What the options of a run ask for, as ``RunOptions``; each parameter is an option."""
    given: dict[str, object] = {
        "pool": pool,
        "domain_limit": domain_limit,
        "skip_deprecated": skip_deprecated,
        "allow_writes": allow_writes,
        "seed": seed,
        "dialogues": dialogues,
        "attempts": attempts,
        "target": target,
        "preset": preset,
        "method": method,
        "rounds": rounds,
        "questions_per_call": questions_per_call,
        "cache": cache,
        "prices": prices,
        "max_cost": max_cost,
        "max_tokens_total": max_tokens_total,
        "max_calls": max_calls,
        "llm.model": model,
        "llm.base_url": base_url,
        "llm.temperature": temperature,
        "llm.concurrency": concurrency,
        "llm.timeout": timeout,
        "llm.mode": mode,
        "llm.error_rate": error_rate,
    }
    return _options(given, home=home, config=config, assignments=assignments, domains=domain, parallel=parallel)


def _options(
    given: dict[str, object],
    *,
    home: Path,
    config: Path | None,
    assignments: list[str] | None,
    domains: list[str] | None = None,
    parallel: int = 0,
    goes_on: bool = False,
) -> RunOptions:
    """Options of a run, with the settings that count where ``preset=auto`` comes to ``small``."""
    from toolace_dagster.cli.preset import RunOptions

    def read(values: dict[str, object]) -> Configuration:
        return read_configuration(values, home=home, config=config, assignments=assignments or (), goes_on=goes_on)

    made = read(given)
    small = read(given | {"preset": "small"}).settings if made.settings.preset == "auto" else None
    names = frozenset(made.origins)
    return RunOptions(home, made.settings, domains or [], parallel=parallel, given=names, small=small)


def _with_run_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a run, beside those of its own; it gets them as its first argument."""
    own = _options_of(command)[1:]

    @wraps(command)
    def wrapped(**given: Any) -> None:
        mine = {parameter.name: given.pop(parameter.name) for parameter in own}
        command(_run_options(**given), **mine)

    parameters = [*_options_of(_run_options), *own]
    # What Typer reads a command's options from.
    wrapped.__signature__ = Signature(sorted(parameters, key=lambda each: each.default is not Parameter.empty))  # pyright: ignore[reportAttributeAccessIssue]
    wrapped.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return wrapped


def _options_of(command: Callable[..., Any]) -> list[Parameter]:
    return list(signature(command, eval_str=True).parameters.values())


@making.command()
@_with_run_options
def run(options: Any) -> None:
    """Make what is stale: all stages of all (or chosen) domains, then splits, exports and the dataset card."""
    from toolace_dagster.cli.run import run_pipeline

    raise typer.Exit(run_pipeline(options))


@making.command()
@_with_run_options
def estimate(
    options: Any,
    sample: Annotated[
        int,
        typer.Option(min=1, help="Dialogues per domain to rehearse where past runs tell nothing."),
    ] = 3,
) -> None:
    """Price a run before it starts, by stage and with its uncertainty; takes the options of `toolace run`."""
    from toolace_dagster.cli.estimate import show_estimate

    raise typer.Exit(show_estimate(options, sample))


@making.command()
@_with_run_options
def plan(
    options: Any,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, a line a dialogue.")] = False,
) -> None:
    """Say what `toolace run` would make, why, and what it would cost; takes its options and makes no model call."""
    from toolace_dagster.cli.plan import show_plan

    raise typer.Exit(show_plan(options, as_json=as_json))


@making.command()
@_with_run_options
def experiment(
    options: Any,
    name: Annotated[str, typer.Argument(help="Its name, `list` for what there is, or a TOML file of your own.")],
    into: Annotated[
        Path | None, typer.Option(help="Folder to write the plots and the table into, as SVG and Markdown.")
    ] = None,
) -> None:
    """Compare settings on your tools: each arm a home of its own, over the same tasks; takes the options of a run."""
    from toolace_dagster.cli.experiment import list_experiments, run_experiment

    raise typer.Exit(list_experiments() if name == "list" else run_experiment(options, name, into))


@making.command()
def gc(
    home: HomeOption = DEFAULT_HOME,
    keep: Annotated[int, typer.Option(min=0, help="Earlier versions of each row to keep.")] = 0,
    older_than: Annotated[str | None, typer.Option(help="Only versions replaced longer ago, such as 30d.")] = None,
    retired: Annotated[
        bool, typer.Option("--retired", help="Also the whole data of domains that are gone from the pool.")
    ] = False,
    runs_older_than: Annotated[
        str | None, typer.Option(help="Also Dagster's runs that ended longer ago, with their event logs, such as 90d.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    config: ConfigOption = None,
    pool: PoolOption = None,
    assignments: AssignmentsOption = None,
) -> None:
    """Remove earlier versions of rows, tools that no row was made with, and on request the data of retired domains."""
    from toolace_dagster.cli.gc import collect_garbage

    made = read_configuration({"pool": pool}, home=home, config=config, assignments=assignments or (), goes_on=True)
    raise typer.Exit(
        collect_garbage(
            home,
            made.settings,
            keep=keep,
            older_than=older_than,
            retired=retired,
            dry_run=dry_run,
            runs_older_than=runs_older_than,
        )
    )


@making.command()
def sync(
    home: HomeOption = DEFAULT_HOME,
    config: ConfigOption = None,
    pool: PoolOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    run: Annotated[
        bool,
        typer.Option(
            "--run",
            help="Then make what is stale, with the settings of the home's last run where there is no toolace.toml. "
            "With --dry-run: say what that would be, and what it would cost.",
        ),
    ] = False,
    assignments: AssignmentsOption = None,
) -> None:
    """Bring Dagster's partitions in line with the pool: add domains that appeared, retire those that went."""
    from toolace_dagster.cli.sync import sync_pool

    options = _options({"pool": pool}, home=home, config=config, assignments=assignments, goes_on=True)
    raise typer.Exit(sync_pool(options, dry_run=dry_run, run=run))
