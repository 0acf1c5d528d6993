"""The reply to ``simulated_user``: what the user says next.

It knows the task and what was said, no tools: what it wants is in the goals' words.

Belongs here: the user's side of a conversation. Does not belong here: the words of
single sentences (``injection``, ``asides``, ``smalltalk``), or voices (``voices``).
"""

from __future__ import annotations

import re
from typing import Any

from toolace_dagster.llm.offline.asides import errand, question_about, resigned, summary_wanted, unsupported
from toolace_dagster.llm.offline.clauses import clause
from toolace_dagster.llm.offline.composer import maker_for
from toolace_dagster.llm.offline.errors import Errors
from toolace_dagster.llm.offline.injection import corrected, given, now_available, vaguely, without
from toolace_dagster.llm.offline.memory import Memory, Turn
from toolace_dagster.llm.offline.mistakes import other_value
from toolace_dagster.llm.offline.naming import parts, words
from toolace_dagster.llm.offline.passing import later_on
from toolace_dagster.llm.offline.phrases import say, unmarked
from toolace_dagster.llm.offline.request import Request
from toolace_dagster.llm.offline.scene import sub_task_at, sub_task_of
from toolace_dagster.llm.offline.shapes import as_object, objects_in
from toolace_dagster.llm.offline.smalltalk import remark
from toolace_dagster.llm.offline.tongues import is_spoken, request_in
from toolace_dagster.llm.offline.voices import Voice, assemble
from toolace_dagster.llm.offline.wording import reworded

Detail = dict[str, Any]

_GOAL = re.compile(r"\b(?:wants to|would like to|has to|is after is to|hopes to|The aim is to) (.+?)\.?$")
_REPEATED = re.compile(r" \(\d+\)$| for .*$")
_CLARIFYING = ("missing_value", "ambiguous_reference", "user_correction")
_ASIDES = ("tool_never_arrives", "irrelevant_request", "chit_chat", "question_about_results", "summary_request")
_UNKNOWING = (
    "I can't tell you that, take whatever fits.",
    "No idea, to be honest. Whatever suits is fine with me.",
    "I don't have that at hand. Go with what makes sense.",
    "That one I don't know. You choose.",
)


def answer(request: Request, errors: Errors) -> dict[str, Any]:
    """Write the user's next message, or say that all is done.

    Args:
        request: The request.
        errors: Draws of mistakes.

    Returns:
        The reply's JSON object.
    """
    user = _User(request, errors)
    if not user.turns:
        return user.opening(0)
    return user.follow_up() or user.answered() or user.opening(user.at + 1)


class _User:
    def __init__(self, request: Request, errors: Errors) -> None:
        self.request = request
        self.errors = errors
        self.task = request.object("task")
        self.parts = objects_in(self.task.get("sub_tasks"))
        self.complications = request.items("complications")
        self.turns = request.items("dialogue")
        self.own = [turn for turn in self.turns if turn.get("role") == "user"]
        self.at = sub_task_of(self.own[-1]) if self.own else -1
        self.voice = Voice.of_task(self.task)

    def opening(self, index: int) -> dict[str, Any]:
        """What begins a sub-task: its request, or what is to come before that; the end after the last."""
        if index >= len(self.parts):
            return {"done": True, "sub_task": max(0, self.at), "complication": None, "content": "", "stated": []}
        marked = {(sub_task_of(turn), turn.get("complication")) for turn in self.own}
        waiting = [
            each
            for each in self.complications
            if each.get("sub_task") == index and (index, each.get("sub_type")) not in marked
        ]
        waiting.sort(key=lambda each: each.get("sub_type") not in _ASIDES)
        if not waiting or self.errors.hit("idle_injection"):
            return self._asked(index)
        if waiting[0].get("sub_type") in _ASIDES:
            return self._aside(index, waiting[0])
        return self._asked(index, waiting[0])

    def follow_up(self) -> dict[str, Any] | None:
        """What has to follow the last message, because of the complication that it played."""
        mark = self.own[-1].get("complication")
        if mark in _CLARIFYING:
            return self._clarified(next(each for each in self.complications if self._is(each, mark)))
        if mark == "tool_arrives_later":
            return _message(self.at, now_available(self.voice, self.request), [])
        if mark in _ASIDES:
            # Another complication of the sub-task may begin with its request.
            opened = self.opening(self.at)
            if mark in ("tool_never_arrives", "irrelevant_request"):
                lead = self.voice.finish(resigned(self.request.stream("resigned")))
                opened["content"] = f"{lead} {opened['content']}"
            return opened
        return None

    def answered(self) -> dict[str, Any] | None:
        """The answer to a question of the assistant; None where it asked none, or asks in vain."""
        asked = str(self.turns[-1].get("content") or "")
        if not asked.rstrip().endswith("?") or len(self._since_opening()) > 2:
            return None
        detail = self._meant(asked)
        if detail is None:
            text = self.voice.finish(self.request.stream("unknowing").choice(_UNKNOWING))
            return _message(self.at, text, [])
        name = _REPEATED.sub("", str(detail.get("name")))
        return _message(self.at, given(detail.get("value"), name, {}, self.voice, self.request), [detail])

    def _since_opening(self) -> list[Turn]:
        return [turn for turn in self.own if sub_task_of(turn) == self.at and not turn.get("complication")]

    def _is(self, complication: dict[str, Any], mark: Any) -> bool:
        return complication.get("sub_type") == mark and complication.get("sub_task") == self.at

    def _clarified(self, complication: dict[str, Any]) -> dict[str, Any] | None:
        detail = as_object(complication.get("detail"))
        asked = str(self.turns[-1].get("content") or "")
        value, name = detail.get("value"), str(detail.get("name"))
        if complication.get("sub_type") == "user_correction":
            return _message(self.at, corrected(value, self.voice, self.request), [detail])
        if "?" not in asked:
            return None
        return _message(self.at, given(value, name, {}, self.voice, self.request), [detail])

    def _meant(self, asked: str) -> Detail | None:
        """The detail that a question is about, by the words of its name."""
        low = set(re.findall(r"[a-z]+", asked.casefold()))
        own = objects_in(sub_task_at(self.task, self.at).get("details"))
        others = [detail for part in self.parts for detail in objects_in(part.get("details"))]
        best: tuple[int, Detail] | None = None
        for detail in [*own, *others]:
            shared = len(low & set(parts(_REPEATED.sub("", str(detail.get("name"))))))
            if shared and (best is None or shared > best[0]):
                best = shared, detail
        return best[1] if best else None

    def _aside(self, index: int, complication: dict[str, Any]) -> dict[str, Any]:
        rng = self.request.stream("aside")
        kind = str(complication.get("sub_type"))
        match kind:
            case "tool_never_arrives":
                text = unsupported(str(complication.get("wish") or ""), "that", rng)[0]
            case "irrelevant_request":
                text = errand(rng)[0]
            case "question_about_results":
                text = question_about(str(self.turns[-1].get("content") or ""), rng) or summary_wanted(rng)
            case "summary_request":
                text = summary_wanted(rng)
            case _:
                text = remark(Memory(), rng)[0]
        return _message(index, self.voice.finish(text), [], kind)

    def _asked(self, index: int, complication: dict[str, Any] | None = None) -> dict[str, Any]:
        """The request of a sub-task, as its complication has it."""
        part = sub_task_at(self.task, index)
        details = objects_in(part.get("details"))
        kind = str(complication.get("sub_type")) if complication else None
        if complication is None or kind not in _CLARIFYING:
            return _message(index, self._request_text(part, details, 0), details, kind)
        kept = as_object(complication.get("detail"))
        name, value = str(kept.get("name")), kept.get("value")
        said = [detail for detail in details if detail.get("name") != name]
        stated = said
        rng = self.request.stream("slip")
        if kind == "user_correction":
            wrong: Detail = {"name": name, "value": other_value(value, name, {}, maker_for(self.task, rng), rng)}
            said = stated = [wrong if detail.get("name") == name else detail for detail in details]
        needles = [str(value).casefold(), unmarked(say(value)).casefold()]
        text = ""
        for attempt in range(6):
            text = self._request_text(part, said, attempt)
            if kind == "ambiguous_reference":
                text = f"{text} {self.voice.finish(vaguely(name, {}, self.request.stream(f'vague/{attempt}')))}"
            if not any(needle in text.casefold() for needle in needles):
                break
        else:
            text = without(text, needles)
        return _message(index, text, stated, kind)

    def _request_text(self, part: dict[str, Any], details: list[Detail], attempt: int) -> str:
        rng = self.request.stream(f"query/{part.get('index')}/{attempt}")
        goal = str(part.get("goal") or "")
        found = _GOAL.search(goal)
        deed = (found[1] if found else goal.rstrip(".")).replace(" their ", " my ") or "get some help"
        first = not self.turns
        index = int(part.get("index") or 0)
        lead = f"{later_on(self.task, index, self.voice)} " if part.get("time_passes") else ""
        named = [(_REPEATED.sub("", str(detail.get("name"))), detail.get("value")) for detail in details]
        if is_spoken(self.voice.language):
            values = [(words(name), unmarked(say(value))) for name, value in named]
            return lead + request_in(self.voice.language, [deed], values, rng, first=first)
        inlines: list[str] = []
        sentences: list[str] = []
        seen: set[str] = set()
        for name, value in named:
            kind, text = clause(name, {}, value, rng, spelled=self.voice.spelled)
            if name in seen:
                sentences.append(f"and for the other one {text}")
            elif kind == "inline" and len(inlines) < 4:
                inlines.append(text)
            else:
                sentences.append(f"that's {text}" if kind == "inline" else text)
            seen.add(name)
        asked = " ".join([reworded(deed, rng), *inlines])
        return f"{lead}{self.voice.finish(assemble([asked], sentences, self.voice, rng, first))}"


def _message(index: int, content: str, stated: list[Detail], mark: str | None = None) -> dict[str, Any]:
    return {"done": False, "sub_task": index, "complication": mark, "content": content, "stated": stated}
