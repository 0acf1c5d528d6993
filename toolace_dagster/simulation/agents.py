"""The three agents: what each is asked, and its reply.

Belongs here: requests. Does not belong here: who is asked when (``program``), or
checking replies (``checks``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeVar

from pydantic import BaseModel

from toolace_dagster.entities import InjectionSubType, Rejection, ToolCall
from toolace_dagster.entities.randomness import request_seed
from toolace_dagster.initialization.tool_calling import Schema, call_schemas
from toolace_dagster.llm.protocol import CallFailed, ModelRequest, Program, Purpose, Sampling, ask
from toolace_dagster.prompts import render
from toolace_dagster.prompts.views import day_view, sub_task_view, task_view, tools_view, user_view
from toolace_dagster.settings import Settings
from toolace_dagster.simulation.checks import (
    assistant_advice,
    assistant_fault,
    tool_advice,
    tool_fault,
    user_advice,
    user_fault,
)
from toolace_dagster.simulation.complications import for_assistant, for_tools, for_user
from toolace_dagster.simulation.conversation import Conversation
from toolace_dagster.simulation.replies import AssistantReply, ToolReply, UserReply

STAGE = "simulated_dialogues"
AgentTask = Literal["simulated_user", "simulated_assistant", "simulated_tool"]
AGENT_TASKS: tuple[AgentTask, ...] = ("simulated_user", "simulated_assistant", "simulated_tool")
"""Names of the agents' prompts and tasks."""
_OF_THE_REPLY = frozenset({"truncated", "empty", "malformed", "schema", "check", "refused", "filtered"})
"""Kinds of failed calls that say something about the reply, and nothing about the endpoint."""

ReplyT = TypeVar("ReplyT", bound=BaseModel)


@dataclass(frozen=True)
class Agents:
    """Asks the agents of one conversation.

    Attributes:
        conversation: The conversation as it is.
        settings: How often an unusable reply is asked for again, and sampling settings.
    """

    conversation: Conversation
    settings: Settings

    def user(self) -> Program[UserReply | Rejection]:
        """The user's next message, or that all is done."""
        spec = self.conversation.spec
        told = for_user(self.conversation.complications, self.conversation.tools)
        schema = UserReply.model_json_schema()
        indices = [part.index for part in spec.sub_tasks]
        schema["properties"]["sub_task"] |= {"enum": indices}
        schema = _with_marks(schema, told)
        task = {
            **user_view(spec),
            "scenario": spec.scenario,
            "sub_tasks": [
                {name: value for name, value in sub_task_view(part).items() if name not in ("tools", "steps")}
                for part in spec.sub_tasks
            ],
        }
        return self._asked(
            "simulated_user",
            UserReply,
            {"task": task, "complications": told, "dialogue": self.conversation.user_view()},
            schemas=(schema, None),
            advice=partial(user_advice, conversation=self.conversation),
            fault=partial(user_fault, conversation=self.conversation),
        )

    def assistant(self) -> Program[AssistantReply | Rejection]:
        """The assistant's next turn."""
        now = self.conversation
        told = for_assistant(now.complications)
        schemas = call_schemas(AssistantReply, [now.tools[name] for name in now.offered])
        # A slip is a call that is not valid, so its arguments have to be free.
        slips = any(each["sub_type"] == InjectionSubType.INVALID_ARGUMENT for each in told)
        full, names = _with_marks(schemas.full, told), _with_marks(schemas.names, told)
        plan: dict[str, Any] = {"language": now.spec.language}
        plan |= {"today": day_view(now.spec.today)} if now.spec.today else {}
        return self._asked(
            "simulated_assistant",
            AssistantReply,
            {
                "tools": tools_view(now.initial_tools, now.tools),
                "plan": plan | now.plan_view(),
                "complications": told,
                "dialogue": now.assistant_view(),
            },
            schemas=(names if slips else full, names),
            advice=partial(assistant_advice, conversation=now),
            fault=assistant_fault,
        )

    def tools(self, calls: tuple[ToolCall, ...]) -> Program[ToolReply | Rejection]:
        """What tools answer to the calls of the last turn."""
        now = self.conversation
        told = for_tools(now.complications)
        schema = ToolReply.model_json_schema()
        schema["properties"]["outputs"] |= {"minItems": len(calls), "maxItems": len(calls)}
        return self._asked(
            "simulated_tool",
            ToolReply,
            {
                "tools": tools_view(now.spec.offered_tools, now.tools),
                "task": task_view(now.spec),
                "complications": told,
                "dialogue": now.tool_view(),
            },
            schemas=(_with_marks(schema, told), None),
            advice=partial(tool_advice, calls=calls),
            fault=partial(tool_fault, calls=calls),
        )

    def _asked(
        self,
        task: AgentTask,
        reply_type: type[ReplyT],
        shown: dict[str, Any],
        *,
        schemas: tuple[Schema, Schema | None],
        advice: Callable[[ReplyT], str | None],
        fault: Callable[[ReplyT], Rejection | None],
    ) -> Program[ReplyT | Rejection]:
        """Ask an agent; again, with the reason, when the reply can't be used."""
        spec, turn = self.conversation.spec, f"t{len(self.conversation.turns):02d}"
        found: Rejection | None = None
        for attempt in range(self.settings.rule_tries):
            request = ModelRequest(
                messages=render(task, **shown, fault=found.reason if found else None),
                reply_type=reply_type,
                sampling=Sampling.of(
                    self.settings.model_of("generator"), request_seed(STAGE, spec.dialogue_id, turn, attempt)
                ),
                purpose=Purpose(
                    stage=STAGE,
                    task=task,
                    role="generator",
                    domain=spec.domain,
                    dialogue_id=spec.dialogue_id,
                    turn_ids=(turn,),
                ),
                narrowed_schema=schemas[0],
                wide_schema=schemas[1],
                check=advice,
            )
            try:
                answer = yield from ask(request)
            except CallFailed as failed:
                if failed.error.permanent or failed.error.kind not in _OF_THE_REPLY:
                    raise
                check = f"simulation.{task.removeprefix('simulated_')}"
                return Rejection(check=check, reason=failed.error.message, evidence=failed.error.kind)
            found = fault(answer.reply)
            if found is None:
                return answer.reply
        assert found is not None
        return found


def _with_marks(schema: Schema, told: list[dict[str, Any]]) -> Schema:
    """The schema of a reply, its mark narrowed to the complications that the agent was told of, if any."""
    properties = dict(schema["properties"])
    mark = properties.pop("complication")
    names = sorted({each["sub_type"] for each in told})
    if names:
        choices = [{"type": "string", "enum": names}, {"type": "null"}]
        properties = {"complication": {"anyOf": choices, "description": mark["description"]}, **properties}
        # Required, so that null is the one way to say that there is none.
        schema = {**schema, "required": [*schema.get("required", []), "complication"]}
    definitions = {name: each for name, each in schema.get("$defs", {}).items() if name != "InjectionSubType"}
    return {**schema, "properties": properties, "$defs": definitions}
