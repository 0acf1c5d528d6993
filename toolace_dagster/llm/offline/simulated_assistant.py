"""The reply to ``simulated_assistant``: the assistant's next turn.

It goes by the plan's tools and steps, and takes values from what the user stated and
what outputs hold, as any call does (``arguments``).

Belongs here: the assistant's side of a conversation, with its mistakes. Does not belong
here: how values are found, or how results are told (``reports``).
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from toolace_dagster.llm.offline.arguments import Filled
from toolace_dagster.llm.offline.asides import aside_answer, refusal_of, summary, wants_summary
from toolace_dagster.llm.offline.composer import Exchange
from toolace_dagster.llm.offline.correction import refusal
from toolace_dagster.llm.offline.errors import CALL_ERRORS, Errors
from toolace_dagster.llm.offline.failures import failing_turns
from toolace_dagster.llm.offline.memory import Memory, Turn
from toolace_dagster.llm.offline.mistakes import spoil_call, spoil_reply
from toolace_dagster.llm.offline.naming import is_identifier, words
from toolace_dagster.llm.offline.phrases import joined, say, unmarked
from toolace_dagster.llm.offline.poor_results import narrowed
from toolace_dagster.llm.offline.reports import Answered, ask_for, recover, report
from toolace_dagster.llm.offline.request import Request, tool_views
from toolace_dagster.llm.offline.scene import is_failure, sub_task_of
from toolace_dagster.llm.offline.schedule import Planned
from toolace_dagster.llm.offline.shapes import as_list, as_object, objects_in
from toolace_dagster.llm.offline.smalltalk import answer_to, is_remark

_PASSING = re.compile(r"timed? ?out|timeout|unavailable|try again|temporar|overload|503|504|busy", re.IGNORECASE)
_UNKNOWN = re.compile(r"not.found|no such|does not exist|unknown", re.IGNORECASE)
_QUESTIONS = 2
"""Questions in a sub-task after which it does with what it has."""
_TRIES = 2
"""Times that the same call is made before it is given up."""


def answer(request: Request, errors: Errors) -> dict[str, Any]:
    """Write the assistant's next turn.

    Args:
        request: The request.
        errors: Draws of mistakes.

    Returns:
        The reply's JSON object.
    """
    turns = request.items("dialogue")
    late = [tool for turn in turns for tool in as_list(turn.get("tools_added"))]
    assistant = _Assistant(replace(request, tools=request.tools | tool_views(late)), errors, turns)
    if turns and turns[-1].get("role") == "user":
        said = assistant.in_words()
        if said is not None:
            return {"complication": None, **said, "tool_calls": []}
    return assistant.acts() or {"complication": None, "content": assistant.reports(), "tool_calls": []}


class _Assistant:
    def __init__(self, request: Request, errors: Errors, turns: list[Turn]) -> None:
        self.request = request
        self.errors = errors
        self.turns = turns
        self.at = sub_task_of(turns[-1]) if turns else 0
        self.own = [turn for turn in turns if sub_task_of(turn) == self.at]
        self.said = "\n".join(str(turn.get("content") or "") for turn in self.own if turn.get("role") == "user")
        self.memory = Memory.of(turns)
        self.plan = self._plan()
        self.exchange = Exchange(request, self._task(), self.plan, self.memory, self.said)

    def in_words(self) -> dict[str, Any] | None:
        """What to say to a message that needs no call, or not yet; None where it is time to act."""
        text, rng = str(self.turns[-1].get("content") or ""), self.request.stream("words")
        stated = as_object(self.turns[-1].get("stated"))
        if not as_list(self.plan.get("tools")):
            return {"content": refusal_of(text, rng)}
        silent = not any(turn.get("role") == "assistant" for turn in self.own)
        if self._is_told("user_correction") and silent and stated:
            understood = joined([f"the {words(name)} is {unmarked(say(value))}" for name, value in stated.items()])
            asked = f"Just to be sure before I start: {understood}, right?"
            return {"complication": "user_correction", "content": asked}
        if not stated:
            if wants_summary(text):
                return {"content": summary(self.memory, self.request, rng)}
            known = aside_answer(text, self.memory, rng)
            if known is not None or is_remark(text):
                return {"content": known or answer_to(text, self.memory, rng)}
        missing = self._missing()
        asked = [_asks(turn) for turn in self.own]
        # Who was asked and stated nothing does not know.
        if missing is None or sum(asked) >= _QUESTIONS or (any(asked) and not stated):
            return None
        return {"content": ask_for(missing[0], missing[1], rng)}

    def acts(self) -> dict[str, Any] | None:
        """The next step's calls; None when all steps are made."""
        calls, again = self._made()
        for planned in self.exchange.layout[calls:]:
            filled = [self._filled(each, again=bool(again)) for each in planned]
            filled = [each for each in filled if not self._is_idle(each, again=bool(again))]
            if not filled or (again and self._in_vain(filled)):
                again = ""
                continue
            slip = None if again else self._slip(filled)
            if slip is not None:
                return slip
            for kind in self.errors.drawn(CALL_ERRORS, 1 / max(1, len(self.exchange.layout))):
                any(spoil_call(kind, each, self.exchange.maker, self.errors.rng) for each in filled)
            return {"complication": None, "content": again, "tool_calls": [each.call for each in filled]}
        return None

    def _filled(self, planned: Planned, *, again: bool) -> Filled:
        """A planned call; one that was made before is made again as it was, rather than with a value nobody gave."""
        filled = self.exchange.resolver.fill(planned, [] if again else self.memory.calls)
        if planned.repeat or not _makes_up(filled):
            return filled
        return self.exchange.resolver.fill(planned, [])

    def reports(self) -> str:
        """The reply that closes a sub-task."""
        answers: list[Answered] = []
        calls: list[dict[str, Any]] = []
        failed: dict[str, str] = {}
        for turn in self.own:
            calls = objects_in(turn.get("tool_calls")) or calls
            for call, output in zip(calls, objects_in(turn.get("outputs")), strict=False):
                name, arguments = str(call.get("name")), as_object(call.get("arguments"))
                key = json.dumps([name, arguments], sort_keys=True)
                if output.get("is_error"):
                    failed[key] = refusal(name, output.get("content"))
                elif not _is_poor(output):
                    failed = {other: text for other, text in failed.items() if json.loads(other)[0] != name}
                    answers.append((self.request.tools.get(name), name, arguments, output.get("content")))
        # A call made again is told once.
        answers = [each for at, each in enumerate(answers) if each[1:] not in [other[1:] for other in answers[:at]]]
        rng = self.request.stream("reply")
        language = str(self.request.object("plan").get("language") or "English")
        text = report(answers, rng, language) if answers or not failed else ""
        text = " ".join(part for part in [text, *dict.fromkeys(failed.values())] if part)
        if not answers and not failed:
            text = refusal_of("", rng)
        return spoil_reply(text, self.errors.rng) if self.errors.hit("unfaithful_reply") else text

    def _plan(self) -> dict[str, Any]:
        listed = objects_in(self.request.object("plan").get("sub_tasks"))
        late = [as_object(turn.get("plan")) for turn in self.turns if turn.get("plan")]
        plan = next((part for part in [*late, *listed] if part.get("sub_task") == self.at), dict[str, Any]())
        return {**plan, "index": self.at, "details": self._stated(self.at)}

    def _stated(self, index: int) -> list[dict[str, Any]]:
        stated: dict[str, Any] = {}
        for turn in self.turns:
            if turn.get("role") == "user" and sub_task_of(turn) == index:
                stated |= as_object(turn.get("stated"))
        return [{"name": name, "value": value} for name, value in stated.items()]

    def _task(self) -> dict[str, Any]:
        """What is known of the task: the plan, and the values stated so far."""
        plan = self.request.object("plan")
        sub_tasks = [
            {**part, "index": part.get("sub_task"), "details": self._stated(int(part.get("sub_task") or 0))}
            for part in objects_in(plan.get("sub_tasks"))
        ]
        return {"today": plan.get("today"), "language": plan.get("language"), "sub_tasks": sub_tasks}

    def _is_told(self, sub_type: str) -> bool:
        told = self.request.items("complications")
        return any(each.get("sub_type") == sub_type and each.get("sub_task") == self.at for each in told)

    def _missing(self) -> tuple[str, dict[str, Any]] | None:
        """A value that a planned call can't be made without, and that nobody gave."""
        earlier: list[Filled] = []
        for planned in (each for step in self.exchange.layout for each in step if not each.repeat):
            filled = self.exchange.resolver.fill(planned, [])
            for name in planned.tool.required:
                view = planned.tool.params.get(name, {})
                source = filled.sources.get(name)
                comes = any(other.tool.returns(name, view) is not None for other in earlier)
                if source is not None and source.kind == "made" and not comes and "default" not in view:
                    return name, view
            earlier.append(filled)
        return None

    def _made(self) -> tuple[int, str]:
        """Steps that are made, and the sentence on why the last call is made again; empty where it is not."""
        done, again, failures = 0, "", 0
        for turn, after in zip(self.own, self.own[1:], strict=False):
            if not turn.get("tool_calls"):
                continue
            again = ""
            if is_failure(after):
                failures += 1
                told = json.dumps(after.get("outputs"))
                if failures < _TRIES or (failures == _TRIES and turn.get("complication")):
                    again = self._recovery(told)
                    continue
            elif failures < _TRIES and (turn.get("complication") or _is_cut(after)):
                failures += 1
                poor = "empty_result" if turn.get("complication") else "partial_result"
                again = recover(poor, None, self.request.stream("recover"))
                continue
            done, failures = done + 1, 0
        return done, again

    def _is_idle(self, filled: Filled, *, again: bool) -> bool:
        """Whether a call needs an identifier that nobody gave, or another value to be made again, and there is none."""
        params = filled.tool.params
        made = [name for name, source in filled.sources.items() if source.kind == "made"]
        if any(is_identifier(name, params.get(name, {})) for name in made):
            return True
        return bool(filled.repeat) and not again and (bool(made) or filled.call in self._calls_here())

    def _calls_here(self) -> list[dict[str, Any]]:
        return [call for turn in self.own for call in objects_in(turn.get("tool_calls"))]

    def _in_vain(self, filled: list[Filled]) -> bool:
        """Whether the very same calls were just refused, and not for the moment."""
        last = next((turn for turn in reversed(self.own) if turn.get("tool_calls")), dict[str, Any]())
        refused = json.dumps(self.turns[-1].get("outputs"))
        same = last.get("tool_calls") == [each.call for each in filled]
        return same and is_failure(self.turns[-1]) and not _PASSING.search(refused)

    def _recovery(self, told: str) -> str:
        unknown = _UNKNOWN.search(told) is not None
        kind = "service_error" if _PASSING.search(told) else "not_found" if unknown else "invalid_argument"
        return recover(kind, None, self.request.stream("recover"))

    def _slip(self, filled: list[Filled]) -> dict[str, Any] | None:
        """A call that goes wrong on purpose, where one is told of and has not been made."""
        if any(turn.get("tool_calls") for turn in self.own):
            return None
        calls = [each.call for each in filled]
        if self._is_told("invalid_argument") and not self.errors.hit("idle_injection"):
            kinds = self.request.stream("how").sample(("not_found", "invalid_argument"), 2)
            for kind in kinds:
                failing = failing_turns(self.request, self._task(), calls, kind, 0)
                if failing.fault is not None:
                    return {"complication": "invalid_argument", "content": "", "tool_calls": failing.calls}
        if self._is_told("empty_result") and not self.errors.hit("idle_injection"):
            first = narrowed(filled[0].tool, filled[0].arguments, self.request.stream("narrow"))
            if first != filled[0].arguments:
                calls[0] = {"name": filled[0].tool.name, "arguments": first}
                return {"complication": "empty_result", "content": "", "tool_calls": calls}
        return None


def _asks(turn: Turn) -> bool:
    text = str(turn.get("content") or "")
    return turn.get("role") == "assistant" and not turn.get("tool_calls") and text.rstrip().endswith("?")


def _makes_up(filled: Filled) -> bool:
    return any(source.kind == "made" for source in filled.sources.values())


def _is_poor(output: dict[str, Any]) -> bool:
    return bool(as_object(output.get("content")).get("truncated"))


def _is_cut(turn: Turn) -> bool:
    return any(_is_poor(output) for output in objects_in(turn.get("outputs")))
