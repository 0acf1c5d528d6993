"""A sub-trajectory a turn, or a call with its outputs, at a time: for models that fail with all of it at once.

Each part is a masked turn of a dialogue whose structure is fixed beforehand, so the
prompt is that of mask-and-fill. The calls come first, then the query, which says what
they take, and last the reply.

Belongs here: the requests and their checks. Does not belong here: when it is done
(``trajectory_initialization``), or which turns refinement masks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from toolace_dagster.entities import Rejection, SubTask, TaskSpec, Tool
from toolace_dagster.entities.randomness import request_seed
from toolace_dagster.initialization.replies import FillReply, MaskFillReply, StepReply, SubTrajectoryReply
from toolace_dagster.initialization.skeleton_checks import unsaid_values
from toolace_dagster.initialization.tool_calling import call_faults, call_schemas, told
from toolace_dagster.llm.protocol import ModelRequest, Program, Purpose, Sampling, ask
from toolace_dagster.prompts import render
from toolace_dagster.prompts.views import task_view, tools_view
from toolace_dagster.settings import Settings

STAGE = "skeletons"
View = dict[str, Any]


@dataclass(frozen=True)
class TurnWriter:
    """Asks for the turns of one sub-task.

    Attributes:
        spec: The task.
        sub_task: The sub-task.
        tools: Tools of the domain by name.
        settings: Sampling settings.
        shown: What a prompt shows of the earlier sub-tasks: their turns, or summaries of them.
        first: Number of turns before the sub-task.
        said: What the user said in earlier sub-tasks.
    """

    spec: TaskSpec
    sub_task: SubTask
    tools: Mapping[str, Tool]
    settings: Settings
    shown: Mapping[str, Any]
    first: int
    said: str

    def write(self) -> Program[SubTrajectoryReply | Rejection]:
        """Ask for each call with its outputs, then for the query, then for the reply.

        Returns:
            The sub-trajectory, or the first fault in its structure that asking again did not mend.

        Raises:
            CallFailed: If a call gave no usable reply.
        """
        turns = self._masks()
        places = [place for place, turn in enumerate(turns) if turn["kind"] == "call"]
        steps: list[StepReply] = []
        for place in places:
            fill = yield from self._filled(turns, place, tuple(steps))
            if not fill.tool_calls or len(fill.tool_calls) != len(fill.outputs):
                reason = f"Step {len(steps)} of sub-task {self.sub_task.index} has no call, or not one output a call."
                return Rejection(check="skeleton.outputs", reason=reason, evidence=str(len(fill.outputs)))
            step = StepReply(calls=fill.tool_calls, outputs=fill.outputs)
            steps.append(step)
            turns[place] = _seen(turns[place], tool_calls=[call.model_dump(mode="json") for call in step.calls])
            outputs = [
                {"name": call.name, "content": output.content, "is_error": output.is_error}
                for call, output in zip(step.calls, step.outputs, strict=True)
            ]
            turns[place + 1] = _seen(turns[place + 1], outputs=outputs)
        texts: list[str] = []
        for place in (0, len(turns) - 1):
            fill = yield from self._filled(turns, place, tuple(steps))
            if not fill.content.strip():
                reason = f"The {turns[place]['kind']} turn of sub-task {self.sub_task.index} is blank."
                return Rejection(check="skeleton.empty", reason=reason, evidence=repr(fill.content))
            texts.append(fill.content)
            turns[place] = _seen(turns[place], content=fill.content.strip())
        return SubTrajectoryReply(query=texts[0], steps=steps, reply=texts[1])

    def _masks(self) -> list[View]:
        """The sub-trajectory with all turns masked: as many calls as there are steps, and planned tools."""
        sub_task = self.sub_task
        calls, more = divmod(max(len(sub_task.tools), sub_task.steps), sub_task.steps)
        kinds: list[tuple[str, str, View]] = [("user", "user", {})]
        for step in range(sub_task.steps):
            number = calls + (step < more)
            call = f"t{self.first + len(kinds):02d}"
            kinds.append(("assistant", "call", {"calls": number}))
            kinds.append(("tool", "outputs", {"calls": number, "is_error": False, "with": call}))
        kinds.append(("assistant", "reply", {}))
        return [
            {
                "turn": f"t{self.first + place:02d}",
                "role": role,
                "sub_task": sub_task.index,
                "masked": True,
                "kind": kind,
                **known,
            }
            for place, (role, kind, known) in enumerate(kinds)
        ]

    def _filled(self, turns: Sequence[View], place: int, steps: Sequence[StepReply]) -> Program[FillReply]:
        masked = turns[place]
        schemas = call_schemas(MaskFillReply, (self.tools[name] for name in self.spec.offered_tools))
        for schema in (schemas.full, schemas.names):
            schema["properties"]["fills"] |= {"minItems": 1, "maxItems": 1}
            turn = schema["$defs"]["FillReply"]["properties"]["turn"]
            schema["$defs"]["FillReply"]["properties"]["turn"] = {**turn, "enum": [masked["turn"]]}
        earlier = {"earlier": self.shown["earlier"]} if "earlier" in self.shown else {}
        answer = yield from ask(
            ModelRequest(
                messages=render(
                    "mask_fill",
                    tools=tools_view(self.spec.offered_tools, self.tools),
                    task=task_view(self.spec),
                    dialogue=[*self.shown["dialogue"], *turns],
                    masked=[masked],
                    **earlier,
                ),
                reply_type=MaskFillReply,
                sampling=Sampling.of(
                    self.settings.model_of("generator"), request_seed(STAGE, self.spec.dialogue_id, masked["turn"])
                ),
                purpose=Purpose(
                    stage=STAGE,
                    task="mask_fill",
                    role="generator",
                    domain=self.spec.domain,
                    dialogue_id=self.spec.dialogue_id,
                    turn_ids=(masked["turn"],),
                ),
                narrowed_schema=schemas.full,
                wide_schema=schemas.names,
                check=partial(self._fault, kind=masked["kind"], steps=steps),
            )
        )
        return answer.reply.fills[0]

    def _fault(self, reply: MaskFillReply, *, kind: str, steps: Sequence[StepReply]) -> str | None:
        """What is wrong with a part, for the model to mend."""
        fill, sub_task = reply.fills[0], self.sub_task
        if kind == "call":
            faults = list(call_faults(fill.tool_calls, fill.outputs, self.tools, self.spec.offered_tools))
            if not fill.tool_calls or len(fill.tool_calls) != len(fill.outputs):
                faults.insert(0, "The turn has to make a call, and each call needs one output.")
            called = {call.name for step in steps for call in step.calls} | {call.name for call in fill.tool_calls}
            unused = [name for name in sub_task.tools if name not in called]
            if unused and len(steps) + 1 == sub_task.steps:
                faults.append(f"Sub-task {sub_task.index} has to use {', '.join(unused)} too.")
            return told(faults)
        if not fill.content.strip():
            return "The turn needs `content`."
        if kind != "user":
            return None
        taken = [value for step in steps for call in step.calls for value in call.arguments.values()]
        missing = unsaid_values(sub_task, taken, f"{self.said}\n{fill.content}", self.tools, self.spec.language)
        return f"The user's message has to say {'; '.join(missing)}." if missing else None


def _seen(turn: View, **written: Any) -> View:
    """A masked turn once it is written."""
    return {"turn": turn["turn"], "role": turn["role"], "sub_task": turn["sub_task"], **written}
