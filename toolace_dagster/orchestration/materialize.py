"""From a stage's report to what Dagster shows of a materialization.

Belongs here: metadata, check results and data versions of stage assets. Does not
belong here: running the stage (``pipeline.stage_run``).
"""

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg
import duckdb

from toolace_dagster.entities import Dialogue, SimulatedDialogue, Skeleton
from toolace_dagster.orchestration.foresight import note_plan
from toolace_dagster.orchestration.partitions import TOOL_DOMAINS
from toolace_dagster.orchestration.resources import Toolace
from toolace_dagster.pipeline.checks import payload_type, schema_faults, sum_faults
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.disk import refused_by_disk
from toolace_dagster.pipeline.interrupts import orderly_interrupts
from toolace_dagster.pipeline.progress import Listener, StageProgress, listening
from toolace_dagster.pipeline.stage import Stage
from toolace_dagster.pipeline.stage_report import StageReport
from toolace_dagster.pipeline.stage_run import run_stage
from toolace_dagster.refinement.rounds import RefinedDialogue
from toolace_dagster.reporting.links import ExplorerLinks
from toolace_dagster.reporting.markdown import dialogue_markdown, table
from toolace_dagster.warehouse import sql

if TYPE_CHECKING:
    Materialized = dg.MaterializeResult[Any]
else:
    # Dagster compares the annotation with the class itself and takes a parametrized one for something else.
    Materialized = dg.MaterializeResult

SUMS_CHECK = "counts_add_up"
SCHEMA_CHECK = "rows_fit_schema"
LIMIT_KEY = "limit_reached"
"""Metadata of a failure that a budget caused: the setting that is the limit."""
RETRIES = 2
"""Times a step is tried again after a fault of the machine; the gateway has its own for calls."""
RETRY_SECONDS = 20
EVENT_EVERY = 30.0
"""Seconds between two progress events of a stage in Dagster's log."""

_TOLD = ("rows", "done", "in_flight", "retried", "failed", "cached", "prompt_tokens", "completion_tokens")


@dataclass(frozen=True)
class Remark:
    """A check that warns: nothing is wrong with the data, but someone should look.

    Attributes:
        name: Of the check.
        text: What it looks for.
        faults: Looks, and says what it found.
        look: The command or query that shows more, with ``{domain}`` in it.
        state: State of the dialogues it is about; None means those that failed or were rejected.
    """

    name: str
    text: str
    faults: Callable[[StageContext], list[str]]
    look: str
    state: str | None = None


def stage_checks(asset: str, remarks: Sequence[Remark] = ()) -> list[dg.AssetCheckSpec]:
    """The checks every stage asset reports with its materialization, and those of one asset alone."""
    return [
        domain_check(
            SUMS_CHECK,
            asset,
            "attempted = accepted + rejected + failed, and nothing was lost since the stage before.",
            blocking=True,
        ),
        domain_check(
            SCHEMA_CHECK,
            asset,
            "Every stored row is a valid entity; every rejected or failed row says why.",
            blocking=True,
        ),
        *(domain_check(each.name, asset, each.text) for each in remarks),
    ]


def domain_check(name: str, asset: str, text: str, *, blocking: bool = False) -> dg.AssetCheckSpec:
    """A check that has a result of its own for each domain: without, one that passes would hide another's fault.

    Args:
        name: Of the check.
        asset: Of a domain.
        text: What it looks for.
        blocking: Whether nothing that follows is made where it fails.
    """
    with warnings.catch_warnings():
        # That partitions of checks may yet change in Dagster is no news to users of the command line.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return dg.AssetCheckSpec(
            name=name, asset=asset, description=text, blocking=blocking, partitions_def=TOOL_DOMAINS
        )


def materialize_stage(
    context: dg.AssetExecutionContext,
    toolace: Toolace,
    stage: Stage,
    tables: Callable[[StageContext], dict[str, str]] = lambda _: {},
    remarks: Sequence[Remark] = (),
    where: StageContext | None = None,
) -> Materialized:
    """Run one stage for the run's partition and report it.

    Args:
        context: Of the asset.
        toolace: Home and settings.
        stage: The stage.
        tables: Further metadata by name, as Markdown, read back once the stage has run.
        remarks: Checks of this asset alone.
        where: A home below the run's own, to which the explorer's pages do not lead; the run's own when None.

    Returns:
        Metadata a person wants to see, check results, and the content hash as data version.

    Raises:
        dagster.Failure: On a fault that another try would meet again: of the endpoint or of the disk, because another
            run works on the domain, or because the budget is spent. With the mend.
    """
    from toolace_dagster.llm.journal import JournalBroken, JournalInUse
    from toolace_dagster.llm.money import BudgetReached, PriceError
    from toolace_dagster.llm.protocol import EndpointUnusable
    from toolace_dagster.pipeline.spending import PriceMissing

    stage_context = where or toolace.stage_context(context)
    try:
        if where is None:
            note_plan(context, stage_context)
        with orderly_interrupts(), listening(progress_events(context)):
            report = run_stage(stage, stage_context)
    except BudgetReached as reached:
        metadata = {LIMIT_KEY: dg.MetadataValue.text(reached.limit)}
        raise dg.Failure(description=str(reached), metadata=metadata, allow_retries=False) from reached
    except (EndpointUnusable, JournalBroken, JournalInUse, PriceError, PriceMissing) as error:
        # Nothing a retry could change; what was paid for is in the journal.
        raise dg.Failure(description=str(error), allow_retries=False) from error
    except (OSError, duckdb.Error) as error:
        refused = refused_by_disk(error)
        if isinstance(error, duckdb.Error) and not refused:
            raise
        # A full disk or a file that someone holds may be a matter of moments. Nothing that was paid for is asked again.
        if context.retry_number < RETRIES:
            context.log.warning(f"{stage.name}: {refused or error}; trying again")
            raise dg.RetryRequested(max_retries=RETRIES, seconds_to_wait=RETRY_SECONDS) from error
        raise dg.Failure(description=refused or str(error), allow_retries=False) from error
    for note in report.notes:
        context.log.warning(note)
    context.log.info(f"{stage.name}: made {report.made} rows, {report.reused} were current")
    links = ExplorerLinks(stage_context.settings.explorer_url) if where is None else None
    file = f"{stage_context.store.path.relative_to(toolace.warehouse().home)}"
    with stage_context.store.reading():
        return dg.MaterializeResult(
            metadata=stage_metadata(report, sample_dialogue(stage_context, stage.name))
            | (explorer_metadata(links, report) if links else {})
            | {name: dg.MetadataValue.md(text) for name, text in tables(stage_context).items()},
            data_version=dg.DataVersion(report.content),
            check_results=[
                check_result(
                    SUMS_CHECK,
                    sum_faults(stage_context, stage.name),
                    look=f"the view stage_counts in {file}",
                    link=links.failures("stages", domain=report.domain) if links else None,
                ),
                check_result(
                    SCHEMA_CHECK,
                    schema_faults(stage_context, stage.name),
                    look=f"the table stage_rows, stage {stage.name}, in {file}",
                    link=links.dialogues(domain=report.domain, stage=stage.name) if links else None,
                ),
                *(
                    check_result(
                        each.name,
                        each.faults(stage_context),
                        look=each.look.format(domain=report.domain),
                        warns=True,
                        link=None
                        if links is None
                        else links.dialogues(domain=report.domain, state=each.state)
                        if each.state
                        else links.failures(domain=report.domain),
                    )
                    for each in remarks
                ),
            ],
        )


def progress_events(context: dg.AssetExecutionContext) -> Listener:
    """A listener that puts the progress of a long stage into Dagster's log, as observations with metadata."""
    told = time.monotonic()

    def tell(progress: StageProgress) -> None:
        nonlocal told
        calls = progress.calls
        if calls is None or time.monotonic() - told < EVENT_EVERY:
            return
        told = time.monotonic()
        figures = {name: getattr(calls, name) for name in _TOLD} | {"rows_of_stage": progress.rows}
        metadata = {name: dg.MetadataValue.int(figure) for name, figure in figures.items()}
        rate = calls.tokens / calls.seconds if calls.seconds else 0.0
        metadata_of_rate = {
            "tokens_per_second": dg.MetadataValue.float(round(rate, 1)),
            "cost_usd": dg.MetadataValue.float(round(calls.cost, 6)),
        }
        context.log_event(
            dg.AssetObservation(
                asset_key=context.asset_key,
                partition=context.partition_key,
                description=f"{progress.stage}: {calls.rows} of {progress.rows} rows",
                metadata=metadata | metadata_of_rate,
            )
        )

    return tell


def explorer_metadata(links: ExplorerLinks, report: StageReport) -> dict[str, Any]:
    """Links from a materialization to the explorer: its dialogues, and those that ended at this stage."""
    pages = {"explorer": links.dialogues(domain=report.domain)}
    if report.rejected or report.failed:
        pages["explorer_ended_here"] = links.failures(domain=report.domain, stage=report.stage)
    return {name: dg.MetadataValue.url(address) for name, address in pages.items()}


def check_result(
    name: str,
    faults: list[str],
    *,
    look: str,
    warns: bool = False,
    link: str | None = None,
    remarks: Sequence[str] = (),
) -> dg.AssetCheckResult:
    """A check result that names its faults and how to look into them.

    Args:
        name: Of the check.
        faults: What it found, a sentence each, with the mend.
        look: The command or query that shows more.
        warns: It is not about wrong data.
        link: The page of the explorer that shows more.
        remarks: What is no fault, and worth knowing.
    """
    pages = {"explorer": dg.MetadataValue.url(link)} if link else {}
    told = faults[0] + (f"; {len(faults) - 1} more" if len(faults) > 1 else "") if faults else "nothing found"
    if remarks:
        told += f". {remarks[0]}" + (f"; {len(remarks) - 1} more" if len(remarks) > 1 else "")
    return dg.AssetCheckResult(
        check_name=name,
        passed=not faults,
        severity=dg.AssetCheckSeverity.WARN if warns else dg.AssetCheckSeverity.ERROR,
        description=told,
        metadata={
            "faults_found": len(faults),
            "faults": dg.MetadataValue.md("\n".join(f"- {fault}" for fault in faults[:50]) or "none"),
            **({"remarks": dg.MetadataValue.md("\n".join(f"- {each}" for each in remarks[:50]))} if remarks else {}),
            "look_into_it": dg.MetadataValue.text(look),
            **pages,
        },
    )


def stage_metadata(report: StageReport, sample: str) -> dict[str, Any]:
    """Counts, usage, pass rate, why rows were made, why some went no further, and a sample dialogue."""
    usage = report.usage
    metadata: dict[str, Any] = {
        "dagster/row_count": report.attempted,
        "attempted": report.attempted,
        "accepted": report.accepted,
        "rejected": report.rejected,
        "failed": report.failed,
        "pass_rate": round(report.accepted / report.attempted, 4) if report.attempted else 0.0,
        "rows_made": report.made,
        "rows_current": report.reused,
        "calls": int(usage.get("calls", 0)),
        "cached_calls": int(usage.get("cached_calls", 0)),
        "prompt_tokens": int(usage.get("prompt_tokens", 0)),
        "completion_tokens": int(usage.get("completion_tokens", 0)),
        "cost": report.bill.words,
        "cost_usd": round(report.bill.cost, 6),
        "calls_of_unknown_price": report.bill.unpriced,
        "seconds": round(report.seconds, 3),
        "reasons": dg.MetadataValue.md(table(report.reasons)),
    }
    if report.causes:
        causes = [{"because": words, "rows": rows} for words, rows in report.causes.most_common()]
        metadata["made_because"] = dg.MetadataValue.md(table(causes))
    return metadata | ({"sample_dialogue": dg.MetadataValue.md(sample)} if sample else {})


def sample_dialogue(context: StageContext, stage: str) -> str:
    """One dialogue of a stage as Markdown, the same one at each stage; empty when the stage holds none."""
    rows = context.store.read(sql("queries/sample_dialogue"), {"stage": stage})
    if not rows:
        return ""
    entity = payload_type(stage).model_validate_json(rows[0]["payload"])
    if isinstance(entity, Skeleton):
        dialogue = entity.to_dialogue()
    elif isinstance(entity, (RefinedDialogue, SimulatedDialogue)):
        dialogue = entity.dialogue
    elif isinstance(entity, Dialogue):
        dialogue = entity
    else:
        return f"```json\n{entity.model_dump_json(indent=1).replace('`', chr(0x2019))}\n```"
    return f"Dialogue `{dialogue.id}`\n\n{dialogue_markdown(dialogue)}"
