"""The reply to ``mask_fill``: new versions of masked turns.

Belongs here: walking the dialogue once and writing each masked turn from what
is visible before and after it. Does not belong here: values or sentences.
"""

from __future__ import annotations

import copy
import json
from random import Random
from typing import Any

from toolace_dagster.llm.offline.arguments import Filled
from toolace_dagster.llm.offline.composer import Exchange
from toolace_dagster.llm.offline.correction import refusal
from toolace_dagster.llm.offline.errors import CALL_ERRORS, REPAIR_FACTOR, Errors
from toolace_dagster.llm.offline.failures import failing_turns, failure_told, unspoiled
from toolace_dagster.llm.offline.free_results import failure_text
from toolace_dagster.llm.offline.injection import following_calls, given, now_available
from toolace_dagster.llm.offline.memory import Memory, Turn
from toolace_dagster.llm.offline.mistakes import spoil_call, spoil_output, spoil_reply
from toolace_dagster.llm.offline.reports import Answered, ask_for, decline, recover, report
from toolace_dagster.llm.offline.request import Request
from toolace_dagster.llm.offline.scene import (
    is_failure,
    kind_of,
    relied_on,
    said_in,
    sub_task_at,
    sub_task_of,
    withheld_by,
)
from toolace_dagster.llm.offline.schedule import Planned
from toolace_dagster.llm.offline.shapes import as_list, as_object, objects_in
from toolace_dagster.llm.offline.smalltalk import answer_to, remark_for
from toolace_dagster.llm.offline.speech import request_text
from toolace_dagster.llm.offline.voices import Voice


def answer(request: Request, errors: Errors) -> dict[str, Any]:
    """Write each masked turn anew.

    Args:
        request: The request.
        errors: Draws of mistakes; made at half the rates of a first draft.

    Returns:
        The reply's JSON object.
    """
    return {"fills": _Filler(request, errors).fills()}


class _Filler:
    """Walks a dialogue and fills its masks."""

    def __init__(self, request: Request, errors: Errors) -> None:
        self.request = request
        self.errors = errors
        self.task: dict[str, Any] = request.object("task")
        self.turns: list[Turn] = [dict(turn) for turn in request.items("dialogue")]
        self.wanted = [str(turn.get("turn")) for turn in request.items("masked")]
        self.voice = Voice.of_task(self.task)
        self.memory = Memory()
        self.answers: list[Answered] = []
        self.refused: list[str] = []
        self.pending: list[tuple[str, dict[str, Any]]] = []
        self.exchange: Exchange | None = None
        self.index = -1
        self.step = 0

    def fills(self) -> list[dict[str, Any]]:
        made: dict[str, dict[str, Any]] = {}
        for at, turn in enumerate(self.turns):
            self._enter(turn)
            name = str(turn.get("turn"))
            if turn.get("masked") and name in self.wanted:
                fill: dict[str, Any] = {
                    "turn": name,
                    "content": "",
                    "tool_calls": [],
                    "outputs": [],
                    **self._fill(at, turn),
                }
                made[name] = fill
                turn.update({key: fill[key] for key in ("content", "tool_calls", "outputs") if fill[key]})
                if kind_of(turn) == "call":
                    self._take(
                        at,
                        {"role": "assistant", "tool_calls": fill["tool_calls"], "sub_task": turn.get("sub_task")},
                        remember=False,
                    )
                    continue
                if kind_of(turn) == "outputs":
                    continue
            elif turn.get("masked"):
                continue
            self._take(at, turn)
        return [made[name] for name in self.wanted if name in made]

    def _enter(self, turn: Turn) -> None:
        if sub_task_of(turn) != self.index:
            self.index = sub_task_of(turn)
            self.step = 0
            self.answers = []
            self.refused = []
            self.exchange = None

    def _open(self) -> Exchange:
        if self.exchange is None:
            sub_task = sub_task_at(self.task, self.index)
            self.exchange = Exchange(self.request, self.task, sub_task, self.memory, said_in(self.turns, self.index))
        return self.exchange

    def _take(self, at: int, turn: Turn, *, remember: bool = True) -> None:
        kind = kind_of(turn)
        if kind == "call":
            self.pending = [
                (str(c.get("name")), c["arguments"] if isinstance(c.get("arguments"), dict) else {})
                for c in objects_in(turn.get("tool_calls"))
            ]
            if not self._fails(at):
                self.step += 1
        elif kind == "outputs":
            for (name, arguments), output in zip(self.pending, objects_in(turn.get("outputs")), strict=False):
                if not output.get("is_error"):
                    self.answers.append((self.request.tools.get(name), name, arguments, output.get("content")))
                elif not self._simulated_error(at - 1):
                    self.refused.append(refusal(name, output.get("content")))
        if remember:
            self.memory.add(turn)

    def _fails(self, at: int) -> bool:
        """Whether the call at a position is the failing one of an error simulation."""
        following = self.turns[at + 1] if at + 1 < len(self.turns) else None
        if following is not None and following.get("outputs"):
            return is_failure(following) and self._simulated_error(at)
        return self._simulated_error(at) and not self._recovers(at)

    def _simulated_error(self, at: int) -> bool:
        """Whether the call at a position belongs to an error simulation; tools have errors of their own too."""
        return self.turns[at].get("complication") == "error_simulation"

    def _recovers(self, at: int) -> bool:
        if at < 2:
            return False
        before = self.turns[at - 1]
        if before.get("outputs"):
            return is_failure(before)
        return kind_of(self.turns[at - 2]) == "call" and self.turns[at - 2].get("complication") == "error_simulation"

    def _fill(self, at: int, turn: Turn) -> dict[str, Any]:
        match kind_of(turn):
            case "user":
                return {"content": self._user(at, turn)}
            case "call":
                return self._call(at, turn)
            case "outputs":
                return {"outputs": self._outputs(at, turn)}
            case _:
                return {"content": self._reply(at, turn)}

    def _user(self, at: int, turn: Turn) -> str:
        following = self.turns[at + 1] if at + 1 < len(self.turns) else {}
        answered = kind_of(following) == "reply"
        complication = turn.get("complication")
        if turn.get("tools_added"):
            return now_available(self.voice, self.request)
        if complication == "non_function_calling" and answered:
            told = str(following.get("content") or "")
            return self.voice.finish(remark_for(told, self.memory, self.request.stream(f"talk/{at}")))
        calls, before = following_calls(self.request, turn)
        flat = [filled for step in calls for filled in step]
        out: list[Any] = []
        if complication == "clarification" and not answered and at >= 2:
            found = withheld_by(flat, str(self.turns[at - 1].get("content") or ""), "")
            if found is not None:
                return given(found[1], found[0], found[2].params.get(found[0], {}), self.voice, self.request)
        if complication == "clarification" and answered:
            later = self.turns[at + 2] if at + 2 < len(self.turns) else {}
            found = withheld_by(flat, str(following.get("content") or ""), str(later.get("content") or ""))
            out = [found[1]] if found is not None else []
        return request_text(
            calls,
            self.voice,
            self.request.stream(f"query/{at}"),
            first=not any(t.get("outputs") for t in before),
            leave_out=out,
        )

    def _call(self, at: int, turn: Turn) -> dict[str, Any]:
        exchange = self._open()
        count = turn["calls"] if isinstance(turn.get("calls"), int) and turn["calls"] > 0 else 1
        failing = self._fails(at)
        later = self.turns[at + 2] if at + 2 < len(self.turns) else {}
        if failing and later.get("tool_calls"):
            calls = copy.deepcopy(objects_in(later["tool_calls"])[:count])
            turns = failing_turns(self.request, self.task, calls, failure_told(str(later.get("content") or "")), at)
            return {"tool_calls": turns.calls, "outputs": turns.outputs}
        rng = self.request.stream(f"mistakes/{at}")
        planned = self._planned(exchange, count)
        drawn = self.errors.drawn(CALL_ERRORS, REPAIR_FACTOR)
        content = ""
        if turn.get("complication") == "error_simulation" and at >= 2 and self.turns[at - 2].get("tool_calls"):
            return self._recovery(at, exchange, rng)
        made = [exchange.resolver.fill(call, self.memory.calls) for call in planned]
        for filled in made:
            for kind in list(drawn):
                if spoil_call(kind, filled, exchange.maker, self.errors.rng):
                    drawn.remove(kind)
        calls = [filled.call for filled in made]
        if failing:
            return {"tool_calls": calls, "outputs": self._errors(calls)}
        outputs: list[dict[str, Any]] = []
        if seen := objects_in(self.turns[at + 1].get("outputs") if at + 1 < len(self.turns) else None):
            # What the tools really answered is there to be seen, and is taken from there.
            self.memory.calls += [(filled.tool.name, filled.arguments) for filled in made]
            return {
                "content": content,
                "tool_calls": calls,
                "outputs": [{"content": each.get("content"), "is_error": bool(each.get("is_error"))} for each in seen],
            }
        for filled in made:
            output = exchange.output(filled, relied_on(self.turns, at, filled.tool))
            self.memory.calls.append((filled.tool.name, filled.arguments))
            self.answers.append((filled.tool, filled.tool.name, filled.arguments, output))
            outputs.append({"content": output, "is_error": False})
        if self.errors.hit("output_schema", REPAIR_FACTOR):
            outputs[0]["content"] = spoil_output(outputs[0]["content"], made[0].tool.result, self.errors.rng)
        return {"content": content, "tool_calls": calls, "outputs": outputs}

    def _recovery(self, at: int, exchange: Exchange, rng: Random) -> dict[str, Any]:
        """The call after a failed one: the same again, with the argument at fault looked up afresh."""
        failed = objects_in(self.turns[at - 2].get("tool_calls")) if at >= 2 else []
        errors = objects_in(self.turns[at - 1].get("outputs")) if at >= 1 else []
        calls: list[dict[str, Any]] = []
        outputs: list[dict[str, Any]] = []
        kind, fault = "service_error", None
        for number, call in enumerate(failed):
            tool = self.request.tools.get(str(call.get("name")))
            arguments = dict(call["arguments"]) if isinstance(call.get("arguments"), dict) else {}
            if tool is None:
                continue
            told = json.dumps(errors[number].get("content") if number < len(errors) else "", ensure_ascii=False)
            afresh = exchange.resolver.fill(Planned(tool, 0), [])
            for name, value in arguments.items():
                if "invalid_argument" in told and str(value) in told:
                    arguments[name] = unspoiled(value, tool.params.get(name, {}))
                    kind, fault = "invalid_argument", name
                elif (
                    "service_unavailable" not in told
                    and name in afresh.arguments
                    and str(value) in told
                    and afresh.arguments[name] != value
                ):
                    arguments[name] = afresh.arguments[name]
                    kind, fault = ("not_found" if "not_found" in told else "invalid_argument"), name
            filled = Filled(tool, 0, arguments)
            content = exchange.output(filled, relied_on(self.turns, at, tool))
            self.memory.calls.append((tool.name, arguments))
            self.answers.append((tool, tool.name, arguments, content))
            calls.append(filled.call)
            outputs.append({"content": content, "is_error": False})
        return {"content": recover(kind, fault, rng), "tool_calls": calls, "outputs": outputs}

    def _planned(self, exchange: Exchange, count: int) -> list[Planned]:
        layout = exchange.layout
        planned = list(layout[min(self.step, len(layout) - 1)]) if layout else []
        spare = [call for step in layout for call in step if call not in planned]
        spare += [Planned(tool, 0) for tool in self.request.tools.values()]
        while len(planned) < count and spare:
            planned.append(spare.pop(0))
        return planned[:count]

    def _errors_before(self, later: Turn) -> list[dict[str, Any]]:
        """Error outputs that fit the failing calls and the corrected ones after them."""
        told = failure_told(str(later.get("content") or ""))
        corrected = [as_object(call.get("arguments")) for call in objects_in(later.get("tool_calls"))]
        failed: list[dict[str, Any]] = []
        for number, (_, arguments) in enumerate(self.pending):
            right = corrected[number] if number < len(corrected) else arguments
            fault = next((name for name, value in arguments.items() if name in right and right[name] != value), None)
            content = failure_text(told if fault is not None else "service_error", arguments, fault)
            failed.append({"content": content, "is_error": True})
        return failed

    def _errors(self, calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{"content": failure_text("service_error", {}, None), "is_error": True} for _ in calls]

    def _outputs(self, at: int, turn: Turn) -> list[dict[str, Any]]:
        if turn.get("complication") == "error_simulation":
            later = self.turns[at + 1] if at + 1 < len(self.turns) else {}
            return self._errors_before(later)
        exchange = self._open()
        outputs: list[dict[str, Any]] = []
        for name, arguments in self.pending:
            tool = self.request.tools.get(name)
            if tool is None:
                outputs.append(
                    {"content": {"error": "unknown_tool", "message": f"There is no tool {name!r}."}, "is_error": True}
                )
                continue
            planted = relied_on(self.turns, at, tool)
            items = max(exchange.items_wanted(tool), *(len(values) for values in planted.values()), 0)
            content = exchange.simulator.answer(tool, arguments, items=items, planted=planted)
            self.memory.add_output(name, arguments, content, self.index)
            self.answers.append((tool, name, arguments, content))
            outputs.append({"content": content, "is_error": False})
        if outputs and self.errors.hit("output_schema", REPAIR_FACTOR):
            tool = self.request.tools.get(self.pending[0][0])
            outputs[0]["content"] = spoil_output(outputs[0]["content"], tool.result if tool else None, self.errors.rng)
        return outputs

    def _reply(self, at: int, turn: Turn) -> str:
        rng = self.request.stream(f"reply/{at}")
        following = self.turns[at + 1] if at + 1 < len(self.turns) else {}
        before = self.turns[at - 1] if at else {}
        match turn.get("complication"):
            case "clarification":
                calls, _ = following_calls(self.request, following or turn)
                flat = [filled for step in calls for filled in step]
                found = withheld_by(flat, "", str(following.get("content") or ""))
                return (
                    ask_for(found[0], found[2].params.get(found[0], {}), rng)
                    if found
                    else "Could you tell me a little more?"
                )
            case "tool_awareness":
                added = following.get("tools_added")
                name = str(next(iter(as_list(added)), ""))
                return decline(self.request.tools.get(name), name or "do that", rng)
            case "non_function_calling":
                return answer_to(str(before.get("content") or ""), self.memory, rng)
            case _:
                text = " ".join(
                    [*([report(self.answers, rng)] if self.answers or not self.refused else []), *self.refused]
                )
                return (
                    spoil_reply(text, self.errors.rng) if self.errors.hit("unfaithful_reply", REPAIR_FACTOR) else text
                )
