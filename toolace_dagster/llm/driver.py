"""Driving row programs: each row goes on as soon as its own results are in.

There is no barrier: a slow reply holds up its own row and nobody else's. A row
that goes wrong is an outcome with its error; it never takes others along.

Belongs here: running many programs over one gateway and one executor of tools. Does not belong here: what a
program does.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic

from toolace_dagster.execution.protocol import BackendUnusable, ExecutionFailed, ToolExecutor, ToolRun, ToolRunResult
from toolace_dagster.llm.gateway import Gateway
from toolace_dagster.llm.journal import JournalBroken
from toolace_dagster.llm.money.budget import BudgetReached
from toolace_dagster.llm.protocol import (
    CallFailed,
    EndpointBusy,
    EndpointUnusable,
    ModelRequest,
    ModelResult,
    Program,
    RowT,
    Work,
)
from toolace_dagster.llm.transport import redact

_ROWS_PER_SLOT = 4


@dataclass
class RowOutcome(Generic[RowT]):
    """How a row program ended.

    Attributes:
        row: What it returned; None when it failed.
        error: Why it failed; empty otherwise.
        error_kind: Kind of the failing call's error, or ``bug`` for an exception of the program.
        error_source: ``call``, or ``execution`` when a tool run failed.
        call_id: The failing call.
        call_ids: All calls it used, in order.
        stopped: Set when the budget was spent before the row was made: it has neither failed nor ended.
    """

    row: RowT | None = None
    error: str = ""
    error_kind: str = ""
    error_source: str = "call"
    call_id: str | None = None
    call_ids: list[str] = field(default_factory=list[str])
    stopped: BudgetReached | EndpointBusy | None = None


def run_programs(
    gateway: Gateway, programs: Mapping[str, Program[RowT]], executor: ToolExecutor | None = None
) -> dict[str, RowOutcome[RowT]]:
    """Run all programs to their ends, or until the budget is spent.

    Then no new call starts, but those in flight are waited for, and rows that need none any more, or only cached
    responses, are made.

    Args:
        gateway: Not yet entered; entered and left here.
        programs: By row id.
        executor: Runs tools, where the domain has backends; not yet entered either.

    Returns:
        One outcome per program, in the order given.

    Raises:
        EndpointUnusable: On a permanent fault of the endpoint. All rows stop; what was paid for is kept.
        JournalBroken: If responses can't be kept; none is paid for that could not be.
        JournalInUse: If another process makes calls for the same domain.
        BackendUnusable: If the executor can run nothing.
    """
    # What stands already outlives the run; a full collection would walk all of it in the middle of calls.
    gc.freeze()
    try:
        return asyncio.run(_run(gateway, programs, executor))
    finally:
        gc.unfreeze()


async def _run(
    gateway: Gateway, programs: Mapping[str, Program[RowT]], executor: ToolExecutor | None
) -> dict[str, RowOutcome[RowT]]:
    outcomes: dict[str, RowOutcome[RowT]] = {row_id: RowOutcome() for row_id in programs}
    waiting = iter(programs.items())

    async def worker() -> None:
        for row_id, program in waiting:
            await _drive(gateway, executor, program, outcomes[row_id])
            gateway.row_ended()

    async with gateway, executor or nullcontext():
        workers = min(len(programs), gateway.concurrency * _ROWS_PER_SLOT)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(workers):
                    group.create_task(worker())
        except BaseExceptionGroup as errors:
            # Several rows may have met the same fault at once; they say the same.
            raise errors.exceptions[0] from None
    return outcomes


async def _drive(
    gateway: Gateway, executor: ToolExecutor | None, program: Program[RowT], outcome: RowOutcome[RowT]
) -> None:
    work = advance(program, None, outcome)
    while work is not None:
        try:
            results = await answer_all(work, gateway.complete, executor)
        except (BudgetReached, EndpointBusy) as reached:
            outcome.stopped = reached
            return
        except (BackendUnusable, EndpointUnusable, JournalBroken):
            raise
        except Exception as bug:
            note_fault(outcome, bug)
            return
        work = advance(program, results, outcome)


def advance(program: Program[RowT], results: Sequence[Any] | None, outcome: RowOutcome[RowT]) -> Sequence[Work] | None:
    """Let a row program go on with the results of its work; live calls and batches both do it by this function.

    Args:
        program: The program.
        results: What it waits for, in order; None starts it.
        outcome: Filled in: calls used, and the end once it comes.

    Returns:
        The next work; None when the program has ended, well or not.
    """
    try:
        if results is None:
            return tuple(next(program))
        outcome.call_ids += [result.call_id for result in results if isinstance(result, ModelResult)]
        return tuple(program.send(results))
    except StopIteration as end:
        outcome.row = end.value
    except Exception as fault:
        # A fault in one row must not lose the others; it is reported with the row.
        note_fault(outcome, fault)
    return None


def note_fault(outcome: RowOutcome[Any], fault: Exception) -> None:
    """Record in a row's outcome why it failed."""
    if isinstance(fault, CallFailed):
        outcome.error = f"{fault.error.kind}: {fault.error.message}"
        outcome.error_kind = fault.error.kind
        outcome.call_id = fault.call_id
    elif isinstance(fault, ExecutionFailed):
        outcome.error = f"{fault.kind}: {fault.message}"
        outcome.error_kind = fault.kind
        outcome.error_source = "execution"
    else:
        outcome.error = redact(f"{type(fault).__name__}: {fault} ({_place(fault)})")
        outcome.error_kind = "bug"


async def answer_all(
    work: Sequence[Work],
    complete: Callable[[ModelRequest[Any]], Awaitable[ModelResult[Any]]],
    executor: ToolExecutor | None,
) -> list[ModelResult[Any] | ToolRunResult]:
    """Do work that may be done in parallel; when one part raises, the others have ended before it is told.

    Args:
        work: Requests and tool runs.
        complete: Answers a request.
        executor: Runs tools; None when no tool of the domain has a backend.

    Returns:
        The results, in order.
    """
    parts = [answer_run(part, executor) if isinstance(part, ToolRun) else complete(part) for part in work]
    if len(parts) == 1:
        return [await parts[0]]
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        return list(await asyncio.gather(*tasks))
    except (BudgetReached, EndpointBusy):
        # The others are paid for already.
        await asyncio.wait(tasks)
        raise
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def answer_run(tool_run: ToolRun, executor: ToolExecutor | None) -> ToolRunResult:
    """Run tools, and give a run that failed as a result, as with a model call."""
    if executor is None:
        return ToolRunResult(error=ExecutionFailed("unavailable", "no tool of the domain has a backend"))
    try:
        return ToolRunResult(outcomes=await executor.run(tool_run))
    except ExecutionFailed as failed:
        return ToolRunResult(error=failed)


def _place(bug: Exception) -> str:
    """Where an exception was raised: file and line, without the folders of this machine."""
    trace = bug.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "nowhere"
