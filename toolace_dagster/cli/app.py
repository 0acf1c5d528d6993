"""The commands of ``toolace``.

Belongs here: options and their help. Does not belong here: what the commands do
(one module each, beside this one).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from pydantic import ValidationError

from toolace_dagster import __version__
from toolace_dagster.cli.console import complain, say
from toolace_dagster.cli.stopping import stop_in_order_on_sigterm, stopped_code
from toolace_dagster.settings import OFFLINE_MODEL, SHIPPED_POOL, Settings

app = typer.Typer(
    help="Turn a pool of tools into verified multi-turn tool-calling dialogues to fine-tune language models on.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
pool_app = typer.Typer(help="Look into a tool pool.", no_args_is_help=True, rich_markup_mode=None)
offline_app = typer.Typer(help="The embedded offline model.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(pool_app, name="pool")
cache_app = typer.Typer(
    help="What responses a home keeps, or with --cache a folder that homes share.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(cache_app, name="cache")
app.add_typer(offline_app, name="offline-model")

HomeOption = Annotated[
    Path,
    typer.Option("--home", envvar="TOOLACE_HOME", help="Folder for tables, journals, exports and Dagster's instance."),
]
PoolOption = Annotated[
    str,
    typer.Option(
        "--pool",
        envvar="TOOLACE_POOL",
        metavar="SOURCE",
        help="Where the tools are: a folder or file of tool definitions, the http(s) address of one,"
        " Python code, or a live MCP server.",
        show_default="shipped pool",
    ),
]
CacheOption = Annotated[
    Path | None,
    typer.Option("--cache", envvar="TOOLACE_CACHE", help="Folder of a cache of responses that homes share."),
]
DomainLimitOption = Annotated[
    int, typer.Option("--domain-limit", min=2, help="Tools a domain may have; a larger one is split by their texts.")
]
SkipDeprecatedOption = Annotated[
    bool, typer.Option("--skip-deprecated", help="Leave out operations that OpenAPI marks as deprecated.")
]
OUR_POOL = str(SHIPPED_POOL)
DEFAULT_LIMIT = 120
AssignmentsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Any setting by its name, such as roles.judge.model=gpt-4o-mini; can be repeated.",
    ),
]
SharedOption = Annotated[
    Path | None, typer.Option("--cache", help="Folder of a shared cache, which is then meant instead of a home.")
]
DEFAULT_HOME = Path("toolace_data")


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
        "pool": _anywhere(pool),
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
    settings = _settings(values | {"llm": llm | {"error_rate": error_rate}}, assignments)
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


@app.command()
@_with_run_options
def run(options: Any) -> None:
    """Make what is stale: all stages of all (or chosen) domains, then splits, exports and the dataset card."""
    from toolace_dagster.cli.run import run_pipeline

    raise typer.Exit(run_pipeline(options))


@app.command()
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


@pool_app.command("list")
def pool_list(
    pool: PoolOption = OUR_POOL,
    domain_limit: DomainLimitOption = DEFAULT_LIMIT,
    skip_deprecated: SkipDeprecatedOption = False,
) -> None:
    """List domains and their tools."""
    from toolace_dagster.cli.pool import list_pool

    raise typer.Exit(list_pool(_pool_settings(pool, domain_limit, skip_deprecated)))


@pool_app.command("check")
def pool_check(
    pool: PoolOption = OUR_POOL,
    domain_limit: DomainLimitOption = DEFAULT_LIMIT,
    skip_deprecated: SkipDeprecatedOption = False,
) -> None:
    """Say of each entry whether it was accepted, repaired or rejected, and why; exits with 1 when one was rejected."""
    from toolace_dagster.cli.pool import check_pool

    raise typer.Exit(check_pool(_pool_settings(pool, domain_limit, skip_deprecated)))


@pool_app.command("import")
def pool_import(
    source: Annotated[
        str,
        typer.Argument(
            help="Where the tools are: a folder, a file, an http(s) address, Python code, or a live MCP server."
        ),
    ],
    into: Annotated[Path, typer.Option("--into", help="Folder that gets a file per domain; a pool of its own.")],
    domains: Annotated[
        Path | None,
        typer.Option("--domains", exists=True, dir_okay=False, help="A domains.toml: what you say about domains."),
    ] = None,
    domain_limit: DomainLimitOption = DEFAULT_LIMIT,
    skip_deprecated: SkipDeprecatedOption = False,
) -> None:
    """Write the tools of a source into a folder in the normal form; exits with 1 when an entry was rejected."""
    from toolace_dagster.cli.pool_import import import_pool
    from toolace_dagster.tool_pool import PoolOptions

    options = PoolOptions(
        domain_limit=domain_limit, skip_deprecated=skip_deprecated, domains_file=str(domains) if domains else ""
    )
    raise typer.Exit(import_pool(source, into, options))


@pool_app.command("graph")
def pool_graph(
    domain: Annotated[str, typer.Argument(help="The tool domain to draw.")],
    pool: PoolOption = OUR_POOL,
    form: Annotated[str, typer.Option("--format", help="mermaid, dot or table.")] = "mermaid",
    domain_limit: DomainLimitOption = DEFAULT_LIMIT,
    skip_deprecated: SkipDeprecatedOption = False,
) -> None:
    """Draw which tool's result feeds which tool's parameter: Mermaid for Markdown, DOT for Graphviz, or a table."""
    from toolace_dagster.cli.pool import print_graph

    raise typer.Exit(print_graph(_pool_settings(pool, domain_limit, skip_deprecated), domain, form))


@app.command()
def status(home: HomeOption = DEFAULT_HOME) -> None:
    """Show what a home holds: dialogues by domain and end, by stage, and why they were rejected."""
    from toolace_dagster.cli.status import show_status

    raise typer.Exit(show_status(home))


@app.command()
def why(
    dialogue_id: Annotated[str, typer.Argument(help="A dialogue's id, or the beginning of it.")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Tell the story of one dialogue: spec, skeleton, each edit, findings, verdict."""
    from toolace_dagster.reporting.why import UnknownDialogue, read_story, tell
    from toolace_dagster.warehouse import Warehouse

    try:
        say(tell(read_story(Warehouse(home), dialogue_id)))
    except UnknownDialogue as error:
        complain(str(error))
        raise typer.Exit(1) from None


@app.command()
def sample(
    home: HomeOption = DEFAULT_HOME,
    count: Annotated[int, typer.Option(help="Dialogues to draw.", min=1)] = 1,
    seed: Annotated[int, typer.Option(help="Seed of the draw.")] = 0,
) -> None:
    """Print verified dialogues drawn at random, as Markdown, to be read."""
    from toolace_dagster.cli.sample import print_sample

    raise typer.Exit(print_sample(home, count, seed))


@app.command()
def ui(
    home: HomeOption = DEFAULT_HOME,
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 3000,
) -> None:
    """Open the Dagster UI over a home."""
    from toolace_dagster.cli.ui import serve_ui

    raise typer.Exit(serve_ui(home, port))


@cache_app.command("list")
def cache_list(
    home: HomeOption = DEFAULT_HOME,
    cache: SharedOption = None,
    by: Annotated[Literal["model", "stage", "domain", "age"], typer.Option(help="What to group calls by.")] = "model",
) -> None:
    """List the calls whose prompts and replies are kept: how many, how large, how old."""
    from toolace_dagster.cli.cache import list_cache

    raise typer.Exit(list_cache(home, cache, by))


@cache_app.command("size")
def cache_size(home: HomeOption = DEFAULT_HOME, cache: SharedOption = None) -> None:
    """Say how many calls are kept and how much room they take."""
    from toolace_dagster.cli.cache import size_cache

    raise typer.Exit(size_cache(home, cache))


@cache_app.command("prune")
def cache_prune(
    home: HomeOption = DEFAULT_HOME,
    cache: SharedOption = None,
    older_than: Annotated[str | None, typer.Option(help="Paid for longer ago than this, such as 30d or 12h.")] = None,
    unused_since: Annotated[str | None, typer.Option(help="Not used for this long, such as 8w.")] = None,
    model: Annotated[str | None, typer.Option(help="Of this model.")] = None,
    down_to: Annotated[
        str | None, typer.Option(help="Least recently used first, until so much text is left, such as 500MB.")
    ] = None,
    used_too: Annotated[bool, typer.Option("--used-too", help="Of a home: also what current rows use.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
) -> None:
    """Remove prompts and replies that meet all conditions given; what was paid for them stays on the books.

    In a home the calls behind its current dialogues are spared. A removed reply is paid for again if it is asked for.
    """
    from toolace_dagster.cli.cache import byte_count, duration, prune_cache
    from toolace_dagster.llm.cache.upkeep import Selection

    if not any((older_than, unused_since, model, down_to)):
        complain("say what to remove: --older-than, --unused-since, --model or --down-to")
        raise typer.Exit(2)
    try:
        selection = Selection(
            older_than=duration(older_than) if older_than else None,
            unused_since=duration(unused_since) if unused_since else None,
            model=model,
            down_to=byte_count(down_to) if down_to else None,
            used_too=used_too,
        )
    except ValueError as error:
        complain(str(error))
        raise typer.Exit(2) from None
    raise typer.Exit(prune_cache(home, cache, selection, dry_run=dry_run))


@offline_app.command("serve")
def offline_serve(
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 8808,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    error_rate: Annotated[float, typer.Option(help="Factor on the documented error rates.")] = 1.0,
    latency: Annotated[float, typer.Option(help="Seconds each answer is held back.")] = 0.0,
    batch_seconds: Annotated[float, typer.Option(min=0, help="Seconds a batch takes.")] = 0.0,
    batch_failing: Annotated[float, typer.Option(min=0, max=1, help="Share of a batch's lines that fail.")] = 0.0,
) -> None:
    """Serve the offline model over HTTP as an OpenAI-compatible endpoint, for load tests."""
    from toolace_dagster.llm.offline import serve

    url = f"http://{host}:{port}/v1"
    say(f"The offline model answers at {url} (Ctrl-C stops it). To use it, with any text as OPENAI_API_KEY:")
    say(f"  toolace run --model offline-served --base-url {url}")
    serve(
        host=host,
        port=port,
        error_rate=error_rate,
        latency=latency,
        batch_seconds=batch_seconds,
        batch_failing=batch_failing,
    )


def _version(wanted: bool) -> None:
    if wanted:
        say(f"toolace-dagster {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Turn a pool of tools into verified multi-turn tool-calling dialogues to fine-tune language models on."""


def main() -> None:
    """Entry point of the console script."""
    stop_in_order_on_sigterm()
    try:
        app()
    except KeyboardInterrupt:
        complain("stopped")
        sys.exit(stopped_code())


def _anywhere(pool: str) -> str:
    """The pool as any process finds it: the UI starts from the settings of the last run, wherever it is started."""
    from toolace_dagster.tool_pool import absolute_source

    return pool if pool == OUR_POOL else absolute_source(pool)


def _pool_settings(pool: str, domain_limit: int, skip_deprecated: bool) -> Settings:
    return _settings({"pool": pool, "domain_limit": domain_limit, "skip_deprecated": skip_deprecated})


def _settings(values: dict[str, object], assignments: list[str] | None = None) -> Settings:
    from toolace_dagster.cli.assignments import BadAssignment, assign

    try:
        return Settings.model_validate(assign(values, assignments or []))
    except BadAssignment as error:
        complain(str(error))
        raise typer.Exit(2) from None
    except ValidationError as error:
        for fault in error.errors():
            name = ".".join(str(part) for part in fault["loc"])
            # Our own messages say enough, and what they refuse may hold a credential.
            shown = f", not {fault['input']!r}" if name and fault["type"] != "value_error" else ""
            complain(f"setting {name or 'combination'}: {fault['msg']}{shown}")
        raise typer.Exit(2) from None
