"""The reply to ``simulated_tool``: what tools answer to the calls of the last turn.

Belongs here: outputs of a conversation, with their mistakes and the failures that are
told. Does not belong here: making results (``simulation``) or the words of errors (``free_results``).
"""

from __future__ import annotations

import json
from typing import Any

from toolace_dagster.llm.offline.composer import Exchange, steps_of
from toolace_dagster.llm.offline.errors import Errors
from toolace_dagster.llm.offline.free_results import failure_text
from toolace_dagster.llm.offline.memory import Memory, Turn
from toolace_dagster.llm.offline.mistakes import spoil_output
from toolace_dagster.llm.offline.naming import is_identifier
from toolace_dagster.llm.offline.poor_results import cut, emptied, resumed, row_count
from toolace_dagster.llm.offline.request import Request, ToolView
from toolace_dagster.llm.offline.scene import sub_task_at, sub_task_of
from toolace_dagster.llm.offline.schema import fits, plain, properties
from toolace_dagster.llm.offline.shapes import as_object, objects_in

Reply = dict[str, Any]


def answer(request: Request, errors: Errors) -> Reply:
    """Answer the calls of the last turn.

    Args:
        request: The request.
        errors: Draws of mistakes.

    Returns:
        The reply's JSON object.
    """
    turns = request.items("dialogue")
    last: Turn = turns[-1] if turns else {}
    return _Tools(request, errors, turns[:-1], last).answer()


class _Tools:
    def __init__(self, request: Request, errors: Errors, before: list[Turn], last: Turn) -> None:
        self.request = request
        self.errors = errors
        self.before = before
        self.last = last
        self.at = sub_task_of(last)
        self.task = request.object("task")
        self.part = sub_task_at(self.task, self.at)
        memory = Memory()
        # What went wrong on purpose tells nothing of the data, and neither do the calls it answers.
        spoiled = [*(bool(turn.get("complication")) for turn in before), False]
        for number, turn in enumerate(before):
            if not spoiled[number] and not spoiled[number + 1]:
                memory.add(turn)
        self.exchange = Exchange(request, self.task, self.part, memory)

    def answer(self) -> Reply:
        calls = objects_in(self.last.get("tool_calls"))
        slip = self.last.get("complication")
        if slip == "invalid_argument":
            return self._reply(slip, [self._refused(call) for call in calls])
        if slip == "empty_result":
            made = [emptied(self._result(call), as_object(call.get("arguments"))) for call in calls]
            return self._reply(slip, [_output(content) for content in made])
        for planned in self.request.items("complications"):
            kind, tool = planned.get("sub_type"), planned.get("tool")
            if not self._is_due(planned) or (tool and all(call.get("name") != tool for call in calls)):
                continue
            if self.errors.hit("idle_injection"):
                continue
            if kind == "service_error":
                failures = [failure_text("service_error", as_object(call.get("arguments")), None) for call in calls]
                return self._reply(kind, [_output(text, is_error=True) for text in failures])
            if kind == "partial_result":
                return self._reply(kind, [_output(cut(self._result(call))) for call in calls])
        outputs = [self._plainly(call) for call in calls]
        if outputs and self.errors.hit("output_schema", 1 / steps_of(self.part)):
            spot = self.errors.rng.randrange(len(outputs))
            tool = self.request.tools.get(str(calls[spot].get("name")))
            if tool is not None and not outputs[spot]["is_error"]:
                outputs[spot]["content"] = spoil_output(outputs[spot]["content"], tool.result, self.errors.rng)
        return self._reply(None, outputs)

    def _is_due(self, planned: dict[str, Any]) -> bool:
        done = any(turn.get("complication") == planned.get("sub_type") for turn in self.before if self._is_here(turn))
        return planned.get("sub_task") == self.at and not done

    def _is_here(self, turn: Turn) -> bool:
        return sub_task_of(turn) == self.at

    def _reply(self, mark: Any, outputs: list[Reply]) -> Reply:
        return {"complication": mark, "outputs": outputs}

    def _plainly(self, call: dict[str, Any]) -> Reply:
        tool, arguments = self.request.tools.get(str(call.get("name"))), as_object(call.get("arguments"))
        if tool is None:
            return _output({"error": f"unknown tool {call.get('name')!r}"}, is_error=True)
        fault = call_fault(tool, arguments)
        if fault is not None:
            return _output({"error": fault}, is_error=True)
        for turn, after in zip(self.before, self.before[1:], strict=False):
            if after.get("complication") != "partial_result":
                continue
            for asked, got in zip(objects_in(turn.get("tool_calls")), objects_in(after.get("outputs")), strict=False):
                if asked == call:
                    part = got.get("content")
                    return _output(resumed(part, self._result(call, items=row_count(part) + 1)))
        return _output(self._result(call))

    def _result(self, call: dict[str, Any], items: int = 0) -> Any:
        tool, arguments = self.request.tools.get(str(call.get("name"))), as_object(call.get("arguments"))
        if tool is None:
            return {}
        least = max(items, self.exchange.items_wanted(tool))
        content = self.exchange.simulator.answer(tool, arguments, items=least)
        self.exchange.note(tool, tool.name, arguments, content)
        return content

    def _refused(self, call: dict[str, Any]) -> Reply:
        """A refusal that names the argument which looks like the slip: not valid, or never seen."""
        tool, arguments = self.request.tools.get(str(call.get("name"))), as_object(call.get("arguments"))
        known = json.dumps([self.task, self.before], ensure_ascii=False)
        views = tool.params if tool is not None else {}
        strange = [name for name, value in arguments.items() if isinstance(value, str) and value not in known]
        strange += [name for name, value in arguments.items() if name in views and not fits(value, views[name])]
        name = next(iter(strange), next(iter(arguments), None))
        unknown = name is not None and is_identifier(name, views.get(name, {}))
        return _output(failure_text("not_found" if unknown else "invalid_argument", arguments, name), is_error=True)


def call_fault(tool: ToolView, arguments: dict[str, Any]) -> str | None:
    """What is not valid about a call, as a system says it."""
    missing = next((name for name in tool.required if name not in arguments), None)
    if missing is not None:
        return f"missing required field: {missing}"
    described = properties(plain(tool.parameters))
    for name, value in arguments.items():
        if name not in described:
            return f"unexpected field: {name}"
        if not fits(value, described[name], tool.parameters):
            return f"invalid value for {name}: {json.dumps(value, ensure_ascii=False)}"
    return None


def _output(content: Any, *, is_error: bool = False) -> Reply:
    return {"content": content, "is_error": is_error}
