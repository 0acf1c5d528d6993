"""Counts of domains: what `toolace run`, `toolace status` and the dataset card show.

Belongs here: reading counts, reasons and usage. Does not belong here: rendering
them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from toolace_dagster.llm.money import Bill
from toolace_dagster.reporting.costs import domain_bill
from toolace_dagster.warehouse import Row, Store, Warehouse, sql


@dataclass(frozen=True)
class DomainSummary:
    """How the attempted dialogues of one domain ended, and what they cost.

    Attributes:
        domain: Tool domain.
        attempted: Dialogues with a row in any stage.
        accepted: Ended as accepted.
        rejected: Ended as rejected.
        failed: Ended as failed.
        unfinished: Not yet at an end: a run was stopped.
        reasons: Rows of state, check_id, dialogues and an example.
        stages: Rows of stage, attempted, accepted, rejected, failed.
        calls: Model calls paid.
        cached_calls: Results that came from the cache.
        prompt_tokens: Of the paid calls.
        completion_tokens: Of the paid calls.
        bill: What the paid calls cost.
    """

    domain: str
    attempted: int = 0
    accepted: int = 0
    rejected: int = 0
    failed: int = 0
    unfinished: int = 0
    reasons: list[Row] = field(default_factory=list[Row])
    stages: list[Row] = field(default_factory=list[Row])
    calls: int = 0
    cached_calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    bill: Bill = field(default_factory=Bill)

    @property
    def adds_up(self) -> bool:
        """Whether every attempted dialogue has exactly one end, in the whole and in each stage."""
        whole = self.attempted == self.accepted + self.rejected + self.failed + self.unfinished
        return whole and all(s["attempted"] == s["accepted"] + s["rejected"] + s["failed"] for s in self.stages)


def summarize(warehouse: Warehouse, domain: str) -> DomainSummary:
    """Read one domain's summary.

    Args:
        warehouse: The home's files.
        domain: Tool domain.

    Returns:
        The summary; all zeros when nothing was run.
    """
    store = warehouse.domain(domain)
    with store.reading():
        return _summary(store, domain)


def _summary(store: Store, domain: str) -> DomainSummary:
    return DomainSummary(
        domain=domain,
        **_first(store, "queries/domain_outcomes"),
        **_first(store, "queries/domain_usage"),
        reasons=store.read(sql("queries/domain_reasons")),
        stages=store.read(sql("queries/domain_stage_counts")),
        bill=domain_bill(store),
    )


def reasons_over(summaries: Iterable[DomainSummary]) -> list[tuple[str, str, int, str]]:
    """State, check, number of dialogues and an example over several domains, most frequent first."""
    counts: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], str] = {}
    for summary in summaries:
        for row in summary.reasons:
            key = (row["state"], row["check_id"])
            counts[key] += row["dialogues"]
            examples.setdefault(key, row["example"])
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(state, check, number, examples[state, check]) for (state, check), number in ordered]


def _first(store: Store, query: str) -> Row:
    rows = store.read(sql(query))
    return rows[0] if rows else {}
