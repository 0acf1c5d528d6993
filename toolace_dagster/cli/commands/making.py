"""``toolace run`` and ``toolace estimate``: the options of a run.

Belongs here: these two commands' options and their help. Does not belong here: what
a run does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from toolace_dagster.cli.commands.options import (
    DEFAULT_HOME,
    DEFAULT_LIMIT,
    OUR_POOL,
    DomainLimitOption,
    HomeOption,
    PoolOption,
    SkipDeprecatedOption,
    anywhere,
    group,
    read_settings,
)
from toolace_dagster.settings import OFFLINE_MODEL

making = group()

CacheOption = Annotated[
    Path | None,
    typer.Option("--cache", envvar="TOOLACE_CACHE", help="Folder of a cache of responses that homes share."),
]
AssignmentsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Any setting by its name, such as roles.judge.model=gpt-4o-mini; can be repeated.",
    ),
]


def _run_options(
    home: HomeOption = DEFAULT_HOME,
    pool: PoolOption = OUR_POOL,
    domain: Annotated[
        list[str] | None, typer.Option("--domain", help="Only this tool domain; can be repeated.")
    ] = None,
    dialogues: Annotated[int, typer.Option(help="Dialogues to attempt per domain.")] = 10,
    seed: Annotated[int, typer.Option(help="Seed of all sampling.")] = 0,
    rounds: Annotated[int, typer.Option(help="Refinement rounds.")] = 5,
    model: Annotated[
        str, typer.Option(envvar="TOOLACE_MODEL", help="Model name at the endpoint; 'offline' is the embedded one.")
    ] = OFFLINE_MODEL,
    base_url: Annotated[
        str | None, typer.Option("--base-url", envvar="OPENAI_BASE_URL", help="OpenAI-compatible endpoint.")
    ] = None,
    temperature: Annotated[float, typer.Option(help="Sampling temperature of generation and refinement.")] = 0.7,
    concurrency: Annotated[int, typer.Option(help="Model calls in flight, over all domains.")] = 64,
    timeout: Annotated[float, typer.Option(help="Seconds a model call may take.")] = 120.0,
    questions_per_call: Annotated[int, typer.Option(help="Expert questions per call; 1 is one expert each.")] = 1,
    error_rate: Annotated[float, typer.Option(help="Offline model: factor on its documented error rates.")] = 1.0,
    mode: Annotated[
        str, typer.Option(help="live, or batch: through the endpoint's Batch API, at half price and within a day.")
    ] = "live",
    cache: CacheOption = None,
    prices: Annotated[
        Path | None, typer.Option(help="File with prices of your own, which come before the shipped ones.")
    ] = None,
    max_cost: Annotated[float | None, typer.Option(help="Dollars this run may spend.")] = None,
    max_tokens_total: Annotated[
        int | None, typer.Option(help="Tokens of prompts and replies this run may pay for.")
    ] = None,
    max_calls: Annotated[int | None, typer.Option(help="Model calls this run may pay for.")] = None,
    parallel: Annotated[int, typer.Option(min=0, help="Domains at once; 0 chooses.")] = 0,
    domain_limit: DomainLimitOption = DEFAULT_LIMIT,
    skip_deprecated: SkipDeprecatedOption = False,
    assignments: AssignmentsOption = None,
    allow_writes: Annotated[
        bool,
        typer.Option("--allow-writes", help="Call tools of a live MCP server that are not annotated as read-only."),
    ] = False,
) -> Any:
    """What the options of a run ask for, as ``RunOptions``; each parameter is an option."""
    from toolace_dagster.cli.run import RunOptions

    values: dict[str, object] = {
        "pool": anywhere(pool),
        "domain_limit": domain_limit,
        "skip_deprecated": skip_deprecated,
        "allow_writes": allow_writes,
        "seed": seed,
        "dialogues": dialogues,
        "rounds": rounds,
        "questions_per_call": questions_per_call,
        "cache": cache.resolve() if cache else None,
        "prices": prices and prices.resolve(),
        "max_cost": max_cost,
        "max_tokens_total": max_tokens_total,
        "max_calls": max_calls,
    }
    llm: dict[str, object] = {
        "model": model,
        "base_url": base_url,
        "temperature": temperature,
        "concurrency": concurrency,
    }
    llm |= {"timeout": timeout, "mode": mode}
    settings = read_settings(values | {"llm": llm | {"error_rate": error_rate}}, assignments)
    return RunOptions(home=home, settings=settings, domains=domain or [], parallel=parallel)


def _with_run_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a run, beside those of its own; it gets them as its first argument."""
    own = _options_of(command)[1:]

    @wraps(command)
    def wrapped(**given: Any) -> None:
        mine = {parameter.name: given.pop(parameter.name) for parameter in own}
        command(_run_options(**given), **mine)

    parameters = [*_options_of(_run_options), *own]
    # What Typer reads a command's options from.
    wrapped.__signature__ = Signature(parameters)  # pyright: ignore[reportAttributeAccessIssue]
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
