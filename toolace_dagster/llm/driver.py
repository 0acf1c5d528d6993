"""Driving row programs: each row goes on as soon as its own results are in.

There is no barrier: a slow reply holds up its own row and nobody else's. A row
that goes wrong is an outcome with its error; it never takes others along.

Belongs here: running many programs over one gateway. Does not belong here: what a
program does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic

from toolace_dagster.llm.gateway import Gateway
from toolace_dagster.llm.journal import JournalBroken
from toolace_dagster.llm.protocol import CallFailed, EndpointUnusable, ModelRequest, ModelResult, Program, RowT
from toolace_dagster.llm.transport import redact

_ROWS_PER_SLOT = 4


@dataclass
class RowOutcome(Generic[RowT]):
    """How a row program ended.

    Attributes:
        row: What it returned; None when it failed.
        error: Why it failed; empty otherwise.
        error_kind: Kind of the failing call's error, or ``bug`` for an exception of the program.
        call_id: The failing call.
        call_ids: All calls it used, in order.
    """

    row: RowT | None = None
    error: str = ""
    error_kind: str = ""
    call_id: str | None = None
    call_ids: list[str] = field(default_factory=list[str])


def run_programs(gateway: Gateway, programs: Mapping[str, Program[RowT]]) -> dict[str, RowOutcome[RowT]]:
    """Run all programs to their ends.

    Args:
        gateway: Not yet entered; entered and left here.
        programs: By row id.

    Returns:
        One outcome per program, in the order given.

    Raises:
        EndpointUnusable: On a permanent fault of the endpoint. All rows stop; what was paid for is kept.
        JournalBroken: If responses can't be kept; none is paid for that could not be.
        JournalInUse: If another process makes calls for the same domain.
    """
    return asyncio.run(_run(gateway, programs))


async def _run(gateway: Gateway, programs: Mapping[str, Program[RowT]]) -> dict[str, RowOutcome[RowT]]:
    outcomes: dict[str, RowOutcome[RowT]] = {row_id: RowOutcome() for row_id in programs}
    waiting = iter(programs.items())

    async def worker() -> None:
        for row_id, program in waiting:
            await _drive(gateway, program, outcomes[row_id])

    async with gateway:
        workers = min(len(programs), gateway.concurrency * _ROWS_PER_SLOT)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(workers):
                    group.create_task(worker())
        except BaseExceptionGroup as errors:
            # Several rows may have met the same fault at once; they say the same.
            raise errors.exceptions[0] from None
    return outcomes


async def _drive(gateway: Gateway, program: Program[RowT], outcome: RowOutcome[RowT]) -> None:
    try:
        requests = next(program)
        while True:
            results = await _complete(gateway, requests)
            outcome.call_ids += [result.call_id for result in results]
            requests = program.send(results)
    except StopIteration as end:
        outcome.row = end.value
    except CallFailed as failed:
        outcome.error = f"{failed.error.kind}: {failed.error.message}"
        outcome.error_kind = failed.error.kind
        outcome.call_id = failed.call_id
    except (EndpointUnusable, JournalBroken):
        raise
    except Exception as bug:
        # A fault in one row must not lose the others; it is reported with the row.
        outcome.error = redact(f"{type(bug).__name__}: {bug} ({_place(bug)})")
        outcome.error_kind = "bug"


async def _complete(gateway: Gateway, requests: list[ModelRequest[Any]]) -> list[ModelResult[Any]]:
    """Answer requests that may run in parallel; when one raises, the others have ended before it is told."""
    if len(requests) == 1:
        return [await gateway.complete(requests[0])]
    calls = [asyncio.ensure_future(gateway.complete(request)) for request in requests]
    try:
        return list(await asyncio.gather(*calls))
    finally:
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


def _place(bug: Exception) -> str:
    """Where an exception was raised: file and line, without the folders of this machine."""
    trace = bug.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "nowhere"
