"""The reply to ``mask_fill``: new versions of masked turns.

Belongs here: walking the dialogue once and writing each masked turn from what
is visible before and after it. Does not belong here: values or sentences.
"""

from __future__ import annotations

import copy
import json
import re
from random import Random
from typing import Any

from toolace_dagster.llm.offline.arguments import Filled
from toolace_dagster.llm.offline.asides import (
    answer_about,
    errand_for,
    question_for,
    refusal_of,
    resigned,
    summary,
    summary_wanted,
)
from toolace_dagster.llm.offline.composer import Exchange
from toolace_dagster.llm.offline.correction import refusal
from toolace_dagster.llm.offline.errors import CALL_ERRORS, REPAIR_FACTOR, Errors
from toolace_dagster.llm.offline.failures import failing_turns, failure_told, unspoiled
from toolace_dagster.llm.offline.free_results import failure_text
from toolace_dagster.llm.offline.injection import corrected, following_calls, given, now_available, pointed_at, vaguely
from toolace_dagster.llm.offline.memory import Memory, Turn
from toolace_dagster.llm.offline.mistakes import spoil_call, spoil_output, spoil_reply
from toolace_dagster.llm.offline.naming import is_identifier
from toolace_dagster.llm.offline.passing import with_time_passed
from toolace_dagster.llm.offline.poor_results import completed, cut, emptied, narrowed, widened
from toolace_dagster.llm.offline.reports import Answered, ask_for, ask_which, decline, recover, report
from toolace_dagster.llm.offline.request import Request
from toolace_dagster.llm.offline.scene import (
    is_superseded,
    kind_of,
    relied_on,
    said_in,
    stated,
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
        self.memory = Memory.summed_up(request.items("earlier"))
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
            if not is_superseded(self.turns, at):
                self.step += 1
        elif kind == "outputs":
            if at and is_superseded(self.turns, at - 1):
                # What went wrong on purpose is no answer.
                if remember:
                    self.memory.add(turn)
                return
            for (name, arguments), output in zip(self.pending, objects_in(turn.get("outputs")), strict=False):
                if not output.get("is_error"):
                    self.answers.append((self.request.tools.get(name), name, arguments, output.get("content")))
                elif not self._simulated_error(at - 1):
                    self.refused.append(refusal(name, output.get("content")))
        if remember:
            self.memory.add(turn)

    def _fails(self, at: int) -> bool:
        """Whether the masked call at a position is the one of an error simulation that goes wrong."""
        return self._simulated_error(at) and is_superseded(self.turns, at)

    def _simulated_error(self, at: int) -> bool:
        """Whether the call at a position belongs to an error simulation; tools have errors of their own too."""
        return self.turns[at].get("complication") == "error_simulation"

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
        sub_type = turn.get("sub_type")
        calls, before = following_calls(self.request, turn)
        flat = [filled for step in calls for filled in step]
        opens = not any(t.get("outputs") for t in before)
        rng = self.request.stream(f"query/{at}")
        if turn.get("tools_added"):
            return self._available(at, calls)
        if answered and complication in ("non_function_calling", "tool_awareness") and sub_type != "tool_arrives_later":
            return self.voice.finish(self._aside(at, str(following.get("content") or ""), sub_type))
        choice = self._choice(at, calls) if sub_type == "ambiguous_reference" else None
        if choice is not None and not answered:
            return given(choice[1], choice[0], {}, self.voice, self.request)
        if choice is not None:
            for source in pointed_at(calls, choice[1]):
                source.policy = "same"
            text = request_text(calls, self.voice, rng, first=opens, leave_out=[choice[1]])
            return with_time_passed(text, self.task, self.turns, at, self.voice)
        if complication == "clarification" and not answered and at >= 2:
            found = withheld_by(flat, str(self.turns[at - 1].get("content") or ""), "")
            if found is not None and sub_type == "user_correction":
                return corrected(found[1], self.voice, self.request)
            if found is not None:
                return given(found[1], found[0], found[2].params.get(found[0], {}), self.voice, self.request)
        if complication == "clarification" and answered:
            later = self.turns[at + 2] if at + 2 < len(self.turns) else {}
            asked = str(following.get("content") or "")
            found = withheld_by(flat, asked, str(later.get("content") or ""))
            wrong = re.search("“(.+?)”", asked) if sub_type == "user_correction" else None
            extra = [(found[0], wrong[1])] if found is not None and wrong else None
            out = [found[1]] if found is not None else []
            text = request_text(calls, self.voice, rng, first=opens, leave_out=out, extra=extra)
            text = with_time_passed(text, self.task, self.turns, at, self.voice)
            if sub_type == "ambiguous_reference" and found is not None:
                text += " " + self.voice.finish(vaguely(found[0], found[2].params.get(found[0], {}), rng))
            return text
        if complication == "tool_awareness" and answered:
            return self._before_the_tool(at, calls, first=opens)
        text = with_time_passed(
            request_text(calls, self.voice, rng, first=opens), self.task, self.turns, at, self.voice
        )
        let_go = complication == "tool_awareness"
        return f"{self.voice.finish(resigned(rng))} {text}" if let_go else text

    def _choice(self, at: int, calls: list[list[Filled]]) -> tuple[str, str] | None:
        """The entry of a list that a clarification is about, where the turns around the masked one name it.

        Returns:
            The property that names it, and its name.
        """
        turns = self.turns[max(0, at - 2) : at + 3]
        said = " ".join(str(turn.get("content") or "") for turn in turns if not turn.get("masked"))
        for filled in (each for step in calls for each in step):
            for source in filled.sources.values():
                for key, name in (source.seen.holder if source.seen is not None else {}).items():
                    if isinstance(name, str) and len(name) > 2 and not is_identifier(key, {}) and name in said:
                        return key, name
        return None

    def _aside(self, at: int, answer: str, sub_type: Any) -> str:
        """What a user says that needs no tool, or that no tool can do, given the assistant's answer."""
        rng = self.request.stream(f"talk/{at}")
        match sub_type:
            case "tool_never_arrives" | "irrelevant_request":
                return errand_for(answer, rng)
            case "summary_request":
                return summary_wanted(rng)
            case "question_about_results":
                return question_for(answer, self.memory, rng) or summary_wanted(rng)
            case _:
                return remark_for(answer, self.memory, rng)

    def _available(self, at: int, calls: list[list[Filled]]) -> str:
        """A tool is there now; what the user has not said yet comes with it."""
        text = now_available(self.voice, self.request)
        before = str(self.turns[at - 2].get("content") or "") if at >= 2 else ""
        needed = [s.value for step in calls for f in step for s in f.sources.values() if s.kind in ("detail", "made")]
        known = [value for value in needed if stated(value, before)]
        if before and len(known) < len(needed):
            rng = self.request.stream(f"rest/{at}")
            text += " " + request_text(calls, self.voice, rng, first=False, leave_out=known)
        return text

    def _before_the_tool(self, at: int, calls: list[list[Filled]], *, first: bool) -> str:
        """A request for what a tool is for that arrives two turns later, without what is said then."""
        later = self.turns[at + 2] if at + 2 < len(self.turns) else {}
        name = next(iter(as_list(later.get("tools_added"))), None)
        said = str(later.get("content") or "")
        flat = [filled for step in calls for filled in step]
        needed = [s.value for f in flat for s in f.sources.values() if s.kind in ("detail", "made")]
        out = [value for value in needed if stated(value, said)]
        if out:
            calls = [[filled for filled in step if filled.tool.name == name] for step in calls]
        return request_text(calls, self.voice, self.request.stream(f"query/{at}"), first=first, leave_out=out)

    def _call(self, at: int, turn: Turn) -> dict[str, Any]:
        exchange = self._open()
        count = turn["calls"] if isinstance(turn.get("calls"), int) and turn["calls"] > 0 else 1
        failing = self._fails(at)
        later = self.turns[at + 2] if at + 2 < len(self.turns) else {}
        if failing and later.get("tool_calls"):
            calls = copy.deepcopy(objects_in(later["tool_calls"])[:count])
            if turn.get("sub_type") in ("empty_result", "partial_result"):
                return self._poor_result(at, calls, turn["sub_type"])
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
        if seen := self._seen(at):
            self.memory.calls += [(filled.tool.name, filled.arguments) for filled in made]
            return {
                "content": content,
                "tool_calls": calls,
                "outputs": [_as_seen(each) for each in seen],
            }
        for filled in made:
            output = exchange.output(filled, relied_on(self.turns, at, filled.tool))
            self.memory.calls.append((filled.tool.name, filled.arguments))
            self.answers.append((filled.tool, filled.tool.name, filled.arguments, output))
            outputs.append({"content": output, "is_error": False})
        if self.errors.hit("output_schema", REPAIR_FACTOR):
            outputs[0]["content"] = spoil_output(outputs[0]["content"], made[0].tool.result, self.errors.rng)
        return {"content": content, "tool_calls": calls, "outputs": outputs}

    def _poor_result(self, at: int, calls: list[dict[str, Any]], sub_type: str) -> dict[str, Any]:
        """A call that finds nothing, or not all; what it should find follows."""
        following = objects_in(self.turns[at + 3].get("outputs")) if at + 3 < len(self.turns) else []
        whole = following[0].get("content") if following else None
        for call in calls if sub_type == "empty_result" else []:
            tool = self.request.tools.get(str(call.get("name")))
            if tool is not None:
                rng = self.request.stream(f"narrow/{at}")
                call["arguments"] = narrowed(tool, as_object(call.get("arguments")), rng)
        asked = as_object(calls[0].get("arguments")) if calls else {}
        content = emptied(whole, asked) if sub_type == "empty_result" else cut(whole)
        return {"tool_calls": calls, "outputs": [{"content": content, "is_error": False} for _ in calls]}

    def _seen(self, at: int) -> list[dict[str, Any]]:
        """Outputs of the call at a position where they are there to be seen: what the tools really answered."""
        return objects_in(self.turns[at + 1].get("outputs")) if at + 1 < len(self.turns) else []

    def _recovery(self, at: int, exchange: Exchange, rng: Random) -> dict[str, Any]:
        """The call after a failed one: the same again, with the argument at fault looked up afresh."""
        failed = objects_in(self.turns[at - 2].get("tool_calls")) if at >= 2 else []
        errors = objects_in(self.turns[at - 1].get("outputs")) if at >= 1 else []
        seen = self._seen(at)
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
            sub_type = self.turns[at].get("sub_type")
            if sub_type in ("empty_result", "partial_result"):
                kind = str(sub_type)
            if sub_type == "empty_result":
                arguments = widened(tool, arguments, afresh.arguments)
            filled = Filled(tool, 0, arguments)
            self.memory.calls.append((tool.name, arguments))
            calls.append(filled.call)
            if number < len(seen):
                outputs.append(_as_seen(seen[number]))
                continue
            content = exchange.output(filled, relied_on(self.turns, at, tool))
            if sub_type == "partial_result" and number < len(errors):
                content = completed(errors[number].get("content"), content)
            self.answers.append((tool, tool.name, arguments, content))
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
            if turn.get("sub_type") in ("empty_result", "partial_result"):
                following = objects_in(self.turns[at + 2].get("outputs")) if at + 2 < len(self.turns) else []
                whole = following[0].get("content") if following else None
                asked = self.pending[0][1] if self.pending else {}
                content = emptied(whole, asked) if turn["sub_type"] == "empty_result" else cut(whole)
                return [{"content": content, "is_error": False} for _ in self.pending]
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
                if turn.get("sub_type") == "ambiguous_reference" and (choice := self._choice(at, calls)) is not None:
                    return ask_which(choice[0], {}, [], rng)
                flat = [filled for step in calls for filled in step]
                found = withheld_by(flat, "", str(following.get("content") or ""))
                if found and turn.get("sub_type") in ("ambiguous_reference", "user_correction"):
                    return ask_which(found[0], found[2].params.get(found[0], {}), [], rng)
                return (
                    ask_for(found[0], found[2].params.get(found[0], {}), rng)
                    if found
                    else "Could you tell me a little more?"
                )
            case "tool_awareness" if not following.get("tools_added"):
                return refusal_of(str(before.get("content") or ""), rng)
            case "tool_awareness":
                added = following.get("tools_added")
                name = str(next(iter(as_list(added)), ""))
                return decline(self.request.tools.get(name), name or "do that", rng)
            case "non_function_calling" if turn.get("sub_type") == "summary_request":
                return summary(self.memory, self.request, rng)
            case "non_function_calling" if turn.get("sub_type") == "question_about_results":
                asked = str(before.get("content") or "")
                return answer_about(asked, self.memory, rng) or summary(self.memory, self.request, rng)
            case "non_function_calling":
                return answer_to(str(before.get("content") or ""), self.memory, rng)
            case _:
                text = " ".join(
                    [*([report(self.answers, rng)] if self.answers or not self.refused else []), *self.refused]
                )
                return (
                    spoil_reply(text, self.errors.rng) if self.errors.hit("unfaithful_reply", REPAIR_FACTOR) else text
                )


def _as_seen(output: dict[str, Any]) -> dict[str, Any]:
    return {"content": output.get("content"), "is_error": bool(output.get("is_error"))}
