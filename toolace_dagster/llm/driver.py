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
from typing import Generic

from toolace_dagster.llm.gateway import Gateway
from toolace_dagster.llm.protocol import CallFailed, EndpointUnusable, ModelResult, Program, RowT

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
        except* EndpointUnusable as errors:
            raise errors.exceptions[0] from None
    return outcomes


async def _drive(gateway: Gateway, program: Program[RowT], outcome: RowOutcome[RowT]) -> None:
    try:
        requests = next(program)
        while True:
            calls = [asyncio.ensure_future(gateway.complete(request)) for request in requests]
            try:
                results: list[ModelResult[object]] = list(await asyncio.gather(*calls))
            finally:
                for call in calls:
                    call.cancel()
            outcome.call_ids += [result.call_id for result in results]
            requests = program.send(results)  # pyright: ignore[reportArgumentType]
    except StopIteration as end:
        outcome.row = end.value
    except CallFailed as failed:
        outcome.error = f"{failed.error.kind}: {failed.error.message}"
        outcome.error_kind = failed.error.kind
        outcome.call_id = failed.call_id
    except EndpointUnusable:
        raise
    except Exception as bug:  # noqa: BLE001 - a fault in one row must not lose the others; it is reported with the row
        outcome.error = f"{type(bug).__name__}: {bug}"
        outcome.error_kind = "bug"
