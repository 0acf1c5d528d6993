"""Whether a skeleton is written whole, in one call, or by sub-task, in a call each.

Whole is cheaper, and the sub-trajectories agree as parts of one text; by sub-task is
the paper's way, and asks less of a model at a time. ``auto`` looks at the length, and
at how the model did with whole skeletons before.

Belongs here: that choice and what it is based on. Does not belong here: writing
either (``trajectory_initialization``), or reading the record (``pipeline``).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from toolace_dagster.entities import TaskSpec
from toolace_dagster.settings import Settings

STEP_TOKENS = 200
"""Tokens of a reply that a step takes, with its share of query and reply: 130 on average with the shipped tools, and
more where results are long."""

_FEWEST = 5
_TOLERATED = 0.5


@dataclass(frozen=True)
class WholeRecord:
    """How a model did with whole skeletons in a domain of this home, up to the last run.

    What happens during a run is left out: rows end in an order of their own, and the same responses would not give
    the same data.

    Attributes:
        tried: Skeletons that it was asked to write whole.
        failed: Those that then had to be written by sub-task.
    """

    tried: int = 0
    failed: int = 0

    @property
    def is_bad(self) -> bool:
        """Whether trying once more is a waste: more than half of five or more failed."""
        return self.tried >= _FEWEST and self.failed > _TOLERATED * self.tried


def is_written_whole(spec: TaskSpec, settings: Settings, executable: Collection[str], record: WholeRecord) -> bool:
    """Choose how a skeleton is written first.

    Args:
        spec: The task.
        settings: ``trajectory`` and ``whole_limit``, and how long a reply of the generator may be.
        executable: Names of the tools that are run for real.
        record: How the model did so far.

    Returns:
        Whether it is asked for in one call. Never where one of its tools is run for real: later sub-tasks then follow
        from outputs that no model can know.
    """
    if settings.trajectory in ("by_sub_task", "by_turn") or any(
        name in executable for sub_task in spec.sub_tasks for name in sub_task.tools
    ):
        return False
    if settings.trajectory == "whole":
        return True
    steps = sum(sub_task.steps for sub_task in spec.sub_tasks)
    fits = steps * STEP_TOKENS <= settings.model_of("generator").max_tokens
    return fits and steps * len(spec.offered_tools) <= settings.whole_limit and not record.is_bad
