"""Trajectory initialization: from a task spec to a skeleton (paper, stage 1.2).

Each sub-trajectory is generated with its calls and outputs together, so that they
agree: all of them in one call, or one call each from its sub-task and the earlier
ones. Structural integrity comes before semantic correctness: a row is rejected here for its
structure alone.

Belongs here: the row program of the skeleton. Does not belong here: choosing the
manner (``manner_of_writing``), checking replies (``skeleton_checks``), building turns from
replies (``turns``), running tools (``real_outputs``), any judgement of content.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from toolace_dagster.entities import Rejection, Skeleton, SubTask, SubTrajectory, TaskSpec, Tool, Turn
from toolace_dagster.entities.randomness import request_seed
from toolace_dagster.initialization.by_turn import TurnWriter
from toolace_dagster.initialization.grounding_correction import grounded_skeleton
from toolace_dagster.initialization.manner_of_writing import WholeRecord, is_written_whole
from toolace_dagster.initialization.real_outputs import grounded_in_execution
from toolace_dagster.initialization.replies import SubTrajectoryReply, TrajectoryReply
from toolace_dagster.initialization.skeleton_checks import (
    sub_trajectory_advice,
    sub_trajectory_fault,
    trajectory_advice,
    trajectory_fault,
)
from toolace_dagster.initialization.summaries import summaries
from toolace_dagster.initialization.tool_calling import CallSchemas, call_schemas
from toolace_dagster.initialization.turns import sub_trajectory_turns
from toolace_dagster.llm.protocol import CallFailed, ModelRequest, Program, Purpose, Sampling, ask
from toolace_dagster.prompts import render
from toolace_dagster.prompts.views import dialogue_view, sub_task_view, task_view, tools_view
from toolace_dagster.settings import Settings

STAGE = "skeletons"
_OF_THE_REPLY = frozenset({"truncated", "empty", "malformed", "schema", "check", "refused", "filtered"})
"""Kinds of failed calls that say something about the reply, and nothing about the endpoint."""


def skeleton_program(
    spec: TaskSpec,
    tools: Mapping[str, Tool],
    settings: Settings,
    executable: frozenset[str] = frozenset(),
    record: WholeRecord | None = None,
) -> Program[Skeleton | Rejection]:
    """Ask for all sub-trajectories at once or for one after the other, and concatenate them.

    Args:
        spec: The task.
        tools: Tools of the domain by name.
        settings: Sampling settings, and how skeletons are written.
        executable: Names of the tools that are run for real; their outputs are what they answered.
        record: How the model did with whole skeletons so far.

    Returns:
        The skeleton, or why none came out.

    Raises:
        CallFailed: If a call gave no usable reply.
        ExecutionFailed: If a tool's run gave no outcomes.
    """
    writer = _Writer(spec, tools, settings)
    fault: Rejection | None = None
    if is_written_whole(spec, settings, executable, record or WholeRecord()):
        written = yield from writer.whole()
        if not isinstance(written, Rejection):
            skeleton = writer.skeleton(written, whole_fault=None, whole=True)
            return (yield from grounded_skeleton(skeleton, spec, tools, settings))
        if settings.trajectory == "whole":
            return written
        fault = written
    parts: list[SubTrajectory] = []
    for sub_task in spec.sub_tasks:
        earlier = tuple(turn for part in parts for turn in part.turns)
        finer = settings.trajectory == "by_turn"
        reply = yield from (writer.by_turn if finer else writer.sub_trajectory)(sub_task, earlier)
        if isinstance(reply, Rejection):
            return reply
        turns = sub_trajectory_turns(reply, sub_task.index, first=len(earlier))
        turns = yield from grounded_in_execution(turns, earlier, spec, sub_task, tools, settings, executable)
        parts.append(SubTrajectory(sub_task=sub_task.index, turns=turns))
    skeleton = writer.skeleton(parts, whole_fault=fault, whole=False)
    return (yield from grounded_skeleton(skeleton, spec, tools, settings))


def _lenient(
    program: Program[SubTrajectoryReply | Rejection],
) -> Program[SubTrajectoryReply | Rejection]:
    """A program whose replies that can't be used are a rejection."""
    try:
        return (yield from program)
    except CallFailed as failed:
        if failed.error.permanent or failed.error.kind not in _OF_THE_REPLY:
            raise
        return Rejection(check="skeleton.reply", reason=failed.error.message, evidence=failed.error.kind)


@dataclass(frozen=True)
class _Writer:
    """Asks for the sub-trajectories of one task."""

    spec: TaskSpec
    tools: Mapping[str, Tool]
    settings: Settings

    def whole(self) -> Program[list[SubTrajectory] | Rejection]:
        """All sub-trajectories in one call; the fault where there are none, which ``auto`` makes good by sub-task."""
        spec, lenient = self.spec, self.settings.trajectory == "auto"
        fault: Rejection | None = None
        for attempt in range(1 if lenient else self.settings.rule_tries):
            try:
                answer = yield from ask(self._whole_request(attempt, fault))
            except CallFailed as failed:
                if not lenient or failed.error.permanent or failed.error.kind not in _OF_THE_REPLY:
                    raise
                return Rejection(check="skeleton.reply", reason=failed.error.message, evidence=failed.error.kind)
            fault = trajectory_fault(answer.reply, spec)
            if fault is None:
                parts: list[SubTrajectory] = []
                for sub_task, reply in zip(spec.sub_tasks, answer.reply.sub_trajectories, strict=True):
                    turns = sub_trajectory_turns(reply, sub_task.index, first=sum(len(part.turns) for part in parts))
                    parts.append(SubTrajectory(sub_task=sub_task.index, turns=turns))
                return parts
        assert fault is not None
        return fault

    def sub_trajectory(self, sub_task: SubTask, earlier: tuple[Turn, ...]) -> Program[SubTrajectoryReply | Rejection]:
        """One sub-trajectory from the earlier ones; again, with the reason, when its structure is broken."""
        fault: Rejection | None = None
        for attempt in range(self.settings.rule_tries):
            answer = yield from ask(self._request(sub_task, earlier, attempt, fault))
            fault = sub_trajectory_fault(answer.reply, sub_task)
            if fault is None:
                return answer.reply
        assert fault is not None
        return fault

    def by_turn(self, sub_task: SubTask, earlier: tuple[Turn, ...]) -> Program[SubTrajectoryReply | Rejection]:
        """One sub-trajectory; a turn at a time where the model can't write it at once, or makes faulty calls."""
        reply = yield from _lenient(self.sub_trajectory(sub_task, earlier))
        if not isinstance(reply, Rejection) and self._advice(reply, sub_task, earlier) is None:
            return reply
        said = "\n".join(turn.content for turn in earlier if turn.role == "user")
        shown = self._shown(earlier)
        turns = TurnWriter(self.spec, sub_task, self.tools, self.settings, shown, first=len(earlier), said=said)
        finer = yield from _lenient(turns.write())
        if isinstance(finer, Rejection):
            return reply
        better = isinstance(reply, Rejection) or self._advice(finer, sub_task, earlier) is None
        return finer if better else reply

    def _advice(self, reply: SubTrajectoryReply, sub_task: SubTask, earlier: tuple[Turn, ...]) -> str | None:
        said = "\n".join(turn.content for turn in earlier if turn.role == "user")
        return sub_trajectory_advice(reply, sub_task=sub_task, spec=self.spec, tools=self.tools, said=said)

    def skeleton(self, parts: list[SubTrajectory], *, whole_fault: Rejection | None, whole: bool) -> Skeleton:
        """The skeleton, and how it came about."""
        return Skeleton(
            dialogue_id=self.spec.dialogue_id,
            domain=self.spec.domain,
            offered_tools=self.spec.offered_tools,
            sub_trajectories=tuple(parts),
            today=self.spec.today,
            written="whole" if whole else "by_sub_task",
            whole_fault=whole_fault.reason if whole_fault else "",
            model=self.settings.model_of("generator").model,
        )

    def _whole_request(self, attempt: int, fault: Rejection | None) -> ModelRequest[TrajectoryReply]:
        schemas = self._schemas_of_all
        return ModelRequest(
            messages=render("trajectory", **self._shown(()), fault=fault.reason if fault else None),
            reply_type=TrajectoryReply,
            sampling=self._sampling("whole", attempt),
            purpose=self._purpose("trajectory"),
            narrowed_schema=schemas.full,
            wide_schema=schemas.names,
            check=partial(trajectory_advice, spec=self.spec, tools=self.tools),
        )

    def _request(
        self, sub_task: SubTask, earlier: tuple[Turn, ...], attempt: int, fault: Rejection | None
    ) -> ModelRequest[SubTrajectoryReply]:
        said = "\n".join(turn.content for turn in earlier if turn.role == "user")
        return ModelRequest(
            messages=render(
                "sub_trajectory",
                **self._shown(earlier),
                sub_task=sub_task_view(sub_task),
                fault=fault.reason if fault else None,
            ),
            reply_type=SubTrajectoryReply,
            sampling=self._sampling(sub_task.index, attempt),
            purpose=self._purpose("sub_trajectory"),
            narrowed_schema=self._schemas.full,
            wide_schema=self._schemas.names,
            check=partial(sub_trajectory_advice, sub_task=sub_task, spec=self.spec, tools=self.tools, said=said),
        )

    def _shown(self, earlier: tuple[Turn, ...]) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "tools": tools_view(self.spec.offered_tools, self.tools),
            "task": task_view(self.spec),
        }
        if self.settings.skeleton_context == "summary" and earlier:
            return shown | {"dialogue": [], "earlier": summaries(self.spec, earlier)}
        return shown | {"dialogue": dialogue_view(earlier)}

    def _sampling(self, part: str | int, attempt: int) -> Sampling:
        seed = request_seed(STAGE, self.spec.dialogue_id, part, attempt)
        return Sampling.of(self.settings.model_of("generator"), seed)

    def _purpose(self, task: str) -> Purpose:
        return Purpose(
            stage=STAGE, task=task, role="generator", domain=self.spec.domain, dialogue_id=self.spec.dialogue_id
        )

    @cached_property
    def _schemas(self) -> CallSchemas:
        return call_schemas(SubTrajectoryReply, self._offered)

    @cached_property
    def _schemas_of_all(self) -> CallSchemas:
        return call_schemas(TrajectoryReply, self._offered)

    @property
    def _offered(self) -> list[Tool]:
        return [self.tools[name] for name in self.spec.offered_tools]
