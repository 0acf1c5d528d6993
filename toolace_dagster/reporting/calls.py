"""How many model calls a dialogue took, step by step, and what convergence saved.

Belongs here: counting calls. Does not belong here: what they cost (``costs``), or
rendering.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from toolace_dagster.warehouse import Warehouse, sql

STEPS: dict[str, tuple[str, ...]] = {
    "task specs": ("task_spec",),
    "skeletons": ("trajectory", "sub_trajectory", "correction"),
    "user agent": ("simulated_user",),
    "assistant agent": ("simulated_assistant",),
    "tool agent": ("simulated_tool",),
    "complexity injection": ("injection",),
    "mask-and-fill": ("mask_fill",),
    "judge": ("judge",),
    "experts": ("expert",),
}
"""Tasks of model calls by the step of the method they belong to; any other task is a step of its own."""


@dataclass(frozen=True)
class CallCounts:
    """Calls of some domains.

    Attributes:
        calls: Calls by step, all attempts of them, in the order of the method.
        attempted: Dialogues attempted.
        rounds: Rows of refinement rounds.
        converged: Those of them whose dialogue had converged, so that the round made no call.
    """

    calls: dict[str, int]
    attempted: int
    rounds: int
    converged: int

    @property
    def per_dialogue(self) -> float:
        """Calls per attempted dialogue."""
        return sum(self.calls.values()) / self.attempted if self.attempted else 0.0

    @property
    def saved(self) -> float:
        """Calls that converged rounds would have made, had they been like the others."""
        made = self.calls.get("mask-and-fill", 0) + self.calls.get("judge", 0)
        going_on = self.rounds - self.converged
        return self.converged * made / going_on if going_on else 0.0


def count_calls(warehouse: Warehouse, domains: Iterable[str]) -> CallCounts:
    """Count the calls of domains over all their runs.

    Args:
        warehouse: The home's files.
        domains: Tool domains.
    """
    step_of = {task: step for step, tasks in STEPS.items() for task in tasks}
    found = Counter[str]()
    sums = Counter[str]()
    for domain in domains:
        store = warehouse.domain(domain)
        with store.reading():
            for row in store.read(sql("queries/calls_by_task")):
                task = str(row["task"])
                found[step_of.get(task, task)] += row["calls"]
            for row in store.read(sql("queries/converged_rounds")):
                sums.update({key: row[key] for key in ("attempted", "rounds", "converged")})
    ordered = {step: found[step] for step in [*STEPS, *sorted(found.keys() - STEPS.keys())] if step in found}
    return CallCounts(ordered, sums["attempted"], sums["rounds"], sums["converged"])
