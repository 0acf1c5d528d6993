"""How many model calls a dialogue took, step by step, and what convergence saved.

Belongs here: counting calls. Does not belong here: what they cost (``costs``), or
rendering.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from toolace_dagster.warehouse import Warehouse, sql

STEPS = (
    "task specs",
    "skeletons",
    "grounding correction",
    "user agent",
    "assistant agent",
    "tool agent",
    "complexity injection",
    "mask-and-fill",
    "judge",
    "experts",
    "repair",
)
"""The steps of the method, in order."""

_BY_STAGE = {("skeletons", "mask_fill"): "skeletons", ("verification", "mask_fill"): "repair"}
"""Tasks that another stage than refinement asks for: a skeleton in parts, and turns that verification objects to."""
_BY_TASK = {
    "task_spec": "task specs",
    "trajectory": "skeletons",
    "sub_trajectory": "skeletons",
    "correction": "skeletons",
    "grounding_correction": "grounding correction",
    "simulated_user": "user agent",
    "simulated_assistant": "assistant agent",
    "simulated_tool": "tool agent",
    "injection": "complexity injection",
    "mask_fill": "mask-and-fill",
    "judge": "judge",
    "expert": "experts",
}


def step_of(stage: str, task: str) -> str:
    """The step of the method that a model call belongs to; a task that is not known is a step of its own."""
    return _BY_STAGE.get((stage, task)) or _BY_TASK.get(task, task)


@dataclass(frozen=True)
class CallCounts:
    """Calls of some domains.

    Attributes:
        calls: Calls by step, all attempts of them, in the order of the method.
        attempted: Dialogues attempted.
        rounds: Rows of refinement rounds.
        converged: Those of them whose dialogue had converged, so that the round made no call.
        turns: Turns of the dialogues as refinement left them, but for what tools really answered.
        refined: Those of them that a pass wrote a sound fill for, whichever version stayed.
    """

    calls: dict[str, int]
    attempted: int
    rounds: int
    converged: int
    turns: int = 0
    refined: int = 0

    @property
    def per_dialogue(self) -> float:
        """Calls per attempted dialogue."""
        return sum(self.calls.values()) / self.attempted if self.attempted else 0.0

    @property
    def saved(self) -> float:
        """Calls of refinement passes that converged rounds would have made, had they been like the others."""
        made = self.calls.get("mask-and-fill", 0) + self.calls.get("judge", 0)
        going_on = self.rounds - self.converged
        return self.converged * made / going_on if going_on else 0.0


def count_calls(warehouse: Warehouse, domains: Iterable[str]) -> CallCounts:
    """Count the calls of domains over all their runs.

    Args:
        warehouse: The home's files.
        domains: Tool domains.
    """
    found = Counter[str]()
    sums = Counter[str]()
    for domain in domains:
        store = warehouse.domain(domain)
        with store.reading():
            for row in store.read(sql("queries/calls_by_task")):
                found[step_of(str(row["stage"]), str(row["task"]))] += row["calls"]
            for query in ("queries/converged_rounds", "queries/refined_turns"):
                for row in store.read(sql(query)):
                    sums.update({key: int(row[key]) for key in row})
    ordered = {step: found[step] for step in [*STEPS, *sorted(found.keys() - set(STEPS))] if step in found}
    return CallCounts(ordered, sums["attempted"], sums["rounds"], sums["converged"], sums["turns"], sums["refined"])
