"""A conversation while it is played: its turns, and what each agent sees of it.

What an agent sees only ever grows at its end, so that an endpoint's prompt cache serves
everything before.

Belongs here: adding turns, views. Does not belong here: asking agents (``agents``), when
it ends (``program``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from toolace_dagster.entities import (
    Complication,
    InjectionSubType,
    Origin,
    TaskSpec,
    Tool,
    ToolOutput,
    Turn,
    canonical_json,
)
from toolace_dagster.initialization.turns import tool_calls
from toolace_dagster.prompts.views import turn_view
from toolace_dagster.simulation.replies import AssistantReply, UserReply

_ORIGIN = Origin(operation="simulation")
View = dict[str, Any]


@dataclass
class Conversation:
    """The turns so far.

    Attributes:
        spec: The task.
        tools: Tools of the domain by name.
        complications: Those planned.
        turns: In order.
        marks: By turn id, the complication that the agent says its turn plays.
    """

    spec: TaskSpec
    tools: Mapping[str, Tool]
    complications: tuple[Complication, ...]
    turns: list[Turn] = field(default_factory=list[Turn])
    marks: dict[str, InjectionSubType] = field(default_factory=dict[str, InjectionSubType])
    _stated: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    @property
    def sub_task(self) -> int:
        """Index of the sub-task the user is at; -1 before the first message."""
        return self.turns[-1].sub_task if self.turns else -1

    @property
    def said(self) -> str:
        """All that the user said."""
        return "\n".join(turn.content for turn in self.turns if turn.role == "user")

    @property
    def withheld(self) -> Complication | None:
        """The complication whose tool is not there yet."""
        added = {name for turn in self.turns for name in turn.tools_added}
        arriving = (c for c in self.complications if c.sub_type is InjectionSubType.TOOL_ARRIVES_LATER)
        return next((c for c in arriving if c.tool not in added), None)

    @property
    def initial_tools(self) -> tuple[str, ...]:
        """Names of the tools offered from the start."""
        late = {c.tool for c in self.complications if c.sub_type is InjectionSubType.TOOL_ARRIVES_LATER}
        return tuple(name for name in self.spec.offered_tools if name not in late)

    @property
    def offered(self) -> tuple[str, ...]:
        """Names of the tools offered now."""
        waiting = self.withheld
        return tuple(name for name in self.spec.offered_tools if waiting is None or name != waiting.tool)

    def planned(self, sub_type: InjectionSubType | None, sub_task: int | None = None) -> Complication | None:
        """The planned complication of a sub-type in a sub-task, by default the current one; None without one."""
        at = self.sub_task if sub_task is None else sub_task
        return next((c for c in self.complications if c.sub_type is sub_type and c.sub_task == at), None)

    def hear(self, reply: UserReply) -> None:
        """Add the user's message; a tool that was missing is there with the message after the one that missed it."""
        turn_id = self._next_id()
        added = self._arriving(reply)
        content = reply.content.strip()
        self._add(
            Turn(id=turn_id, role="user", sub_task=reply.sub_task, content=content, tools_added=added, origin=_ORIGIN),
            reply.complication,
        )
        self._stated[turn_id] = {detail.name: detail.value for detail in reply.stated}

    def act(self, reply: AssistantReply) -> Turn:
        """Add the assistant's turn.

        Returns:
            The turn.
        """
        turn_id = self._next_id()
        turn = Turn(
            id=turn_id,
            role="assistant",
            sub_task=self.sub_task,
            content=reply.content.strip(),
            tool_calls=tool_calls(reply.tool_calls, turn_id),
            origin=_ORIGIN,
        )
        self._add(turn, reply.complication)
        return turn

    def answer(self, outputs: Sequence[ToolOutput], mark: InjectionSubType | None) -> None:
        """Add what the tools answered."""
        turn_id = self._next_id()
        self._add(Turn(id=turn_id, role="tool", sub_task=self.sub_task, outputs=tuple(outputs), origin=_ORIGIN), mark)

    def goes_in_circles(self, times: int) -> bool:
        """Whether an agent has just said or done the same as in its last turns, so many times in all."""
        last = self.turns[-1]
        if last.role == "tool":
            # Tools have no choice: whoever asks the same gets the same.
            return False
        own = [turn for turn in self.turns if turn.role == last.role][-times:]
        same = [
            canonical_json([turn.content, [(call.name, call.arguments) for call in turn.tool_calls]]) for turn in own
        ]
        return len(own) == times and len(set(same)) == 1

    def user_view(self) -> list[View]:
        """What was said, without calls and outputs; with the user's own marks."""
        return [
            self._marked(turn, {"role": turn.role, "sub_task": turn.sub_task, "content": turn.content})
            for turn in self.turns
            if turn.role == "user" or (turn.role == "assistant" and not turn.is_call)
        ]

    def assistant_view(self) -> list[View]:
        """All turns, with what the user stated and, where a tool arrives, its definition and what it is for."""
        return [self._as_assistant_sees(turn) for turn in self.turns]

    def tool_view(self) -> list[View]:
        """Calls and outputs alone, with the marks of those that did not go well on purpose."""
        return [self._marked(turn, turn_view(turn)) for turn in self.turns if turn.is_call or turn.role == "tool"]

    def plan_view(self) -> View:
        """What the assistant is told of the task: the tools and steps of each sub-task, no goal and no value.

        A sub-task that waits for a tool has none and no steps until that tool is there.
        """
        late = {c.sub_task for c in self.complications if c.sub_type is InjectionSubType.TOOL_ARRIVES_LATER}
        return {
            "sub_tasks": [
                {"sub_task": part.index, "tools": [], "steps": 0} if part.index in late else self._plan_of(part.index)
                for part in self.spec.sub_tasks
            ]
        }

    def _plan_of(self, index: int) -> View:
        part = self.spec.sub_tasks[index]
        shown: View = {"sub_task": index, "tools": list(part.tools), "steps": part.steps}
        return shown | ({"time_passes": True} if part.time_passes else {})

    def _as_assistant_sees(self, turn: Turn) -> View:
        shown = turn_view(turn)
        if turn.role == "user":
            shown |= {"stated": self._stated[turn.id]}
        if turn.tools_added:
            late = next(c for c in self.complications if c.tool in turn.tools_added)
            shown["tools_added"] = [self.tools[name].for_prompt() for name in turn.tools_added]
            shown["plan"] = self._plan_of(late.sub_task)
        return self._marked(turn, shown) if turn.role == "assistant" else shown

    def _marked(self, turn: Turn, shown: View) -> View:
        mark = self.marks.get(turn.id)
        return shown | {"complication": mark.value} if mark is not None else shown

    def _arriving(self, reply: UserReply) -> tuple[str, ...]:
        waiting = self.withheld
        if waiting is None or waiting.tool is None or reply.sub_task < waiting.sub_task:
            return ()
        missed = InjectionSubType.TOOL_ARRIVES_LATER in self.marks.values()
        # A user who does not play it needs the tool at once.
        return (waiting.tool,) if missed or reply.complication is not InjectionSubType.TOOL_ARRIVES_LATER else ()

    def _next_id(self) -> str:
        return f"t{len(self.turns):02d}"

    def _add(self, turn: Turn, mark: InjectionSubType | None) -> None:
        self.turns.append(turn)
        if mark is not None and self.planned(mark, turn.sub_task) is not None:
            self.marks[turn.id] = mark
