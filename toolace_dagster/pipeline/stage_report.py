"""What a stage did in one run.

Belongs here: the report, and its figures read back from the warehouse. Does not belong here:
showing it (``orchestration``, ``toolace_dagster.reporting``).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from toolace_dagster.entities import content_hash
from toolace_dagster.llm.money import Bill
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.warehouse import Row, sql


@dataclass
class StageReport:
    """What a stage did in one run.

    The counts are of all its rows, old and new; the notes are of this run's calls, the causes of what it made.
    """

    stage: str
    domain: str
    attempted: int = 0
    accepted: int = 0
    rejected: int = 0
    failed: int = 0
    made: int = 0
    reused: int = 0
    seconds: float = 0.0
    reasons: list[Row] = field(default_factory=list[Row])
    usage: Row = field(default_factory=dict[str, Any])
    bill: Bill = field(default_factory=Bill)
    content: str = ""
    notes: tuple[str, ...] = ()
    causes: Counter[str] = field(default_factory=Counter[str])


def read_report(stage: str, context: StageContext, *, made: int, reused: int, seconds: float) -> StageReport:
    """Read a stage's counts back from the warehouse, so that they say what is stored."""
    where = {"stage": stage}
    with context.store.reading():
        counts = context.store.read(sql("queries/counts_of_stage"), where)
        usage = context.store.read(sql("queries/usage_of_stage"), where | {"run_id": context.run_id})
        bills = context.store.read(sql("costs/of_stage_in_run"), where | {"run_id": context.run_id})
        hashes = context.store.read(sql("queries/content_of_stage"), where)
        reasons = context.store.read(sql("queries/reasons_of_stage"), where)
    numbers: dict[str, Any] = counts[0] if counts else {"attempted": 0, "accepted": 0, "rejected": 0, "failed": 0}
    return StageReport(
        stage=stage,
        domain=context.domain,
        made=made,
        reused=reused,
        seconds=seconds,
        reasons=reasons,
        usage=usage[0] if usage else {},
        bill=Bill(**bills[0]) if bills else Bill(),
        content=content_hash([list(row.values()) for row in hashes]),
        **numbers,
    )
