"""Faults that a careful reader finds in a dialogue.

Belongs here: checks over visible turns, used by the judge and the experts, and
the words that name a fault. Does not belong here: verdicts, or how often a fault
is overlooked. The checks know only what the prompt shows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from toolace_dagster.llm.offline.memory import Turn
from toolace_dagster.llm.offline.naming import is_identifier, looks_like_identifier, parts
from toolace_dagster.llm.offline.phrases import day_in_words
from toolace_dagster.llm.offline.request import ToolView
from toolace_dagster.llm.offline.scene import sub_task_of
from toolace_dagster.llm.offline.schema import fits, plain, properties
from toolace_dagster.llm.offline.shapes import as_list, as_object, leaves, objects_in

_LEFT_TO_TELL = re.compile(r"\b\d+ more\b")
_NUMBER = re.compile(r"(?<![\w.-])-?\d+(?:\.\d+)?(?![\w-])")
_NUMBERS = re.compile(r"-?\d+(?:\.\d+)?")
_REPEATED = re.compile(r" \(\d+\)$| for .*$")
_CODE = re.compile(r"\b[A-Za-z]{1,4}[A-Za-z0-9]*[-.#]?[A-Za-z0-9]*\d[A-Za-z0-9.-]*\b|\b\d{4}-\d\d-\d\d\b")
_STAMP = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)")
_TOKEN = re.compile(r"[\w.#:-]+")
_SPACES = re.compile(r"[\s_\-–—/.,;:'\"’“”()\[\]{}<>?!]+")


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        question: The expert question it falls under; empty for faults only a judge weighs.
        turn: Id of the turn.
        weight: How much it counts in a comparison.
        quote: Words of the turn.
        reason: A sentence.
    """

    question: str
    turn: str
    weight: float
    quote: str
    reason: str


class Heard:
    """What was said and returned so far, in a form that values can be looked up in."""

    def __init__(self) -> None:
        self.text = " "
        self.numbers: set[float] = set()

    def add(self, text: str) -> None:
        """Take in a text."""
        form, numbers = _digest(text)
        self.text += form + " "
        self.numbers |= numbers

    def add_value(self, value: Any) -> None:
        """Take in all plain values of an output."""
        for _, part in leaves(value):
            if isinstance(part, str):
                self.add(part)
            elif isinstance(part, (int, float)) and not isinstance(part, bool):
                self.numbers.add(float(part))
                self.text += f"{_digest(str(part))[0]} "

    def holds(self, value: Any) -> bool:
        """Whether a value was said or returned, as it is or in words."""
        if isinstance(value, bool) or value is None:
            return True
        if isinstance(value, (int, float)):
            return float(value) in self.numbers
        form = _digest(str(value))[0]
        if f" {form} " in self.text:
            return True
        day = str(value)[:10]
        spoken = normal(day_in_words(day))
        if spoken == normal(day):
            return False
        return f" {spoken} " in self.text or f" {normal(day)} " in self.text


def normal(text: str) -> str:
    """Casefolded text without punctuation."""
    return " ".join(_SPACES.split(text.casefold())).strip()


@lru_cache(maxsize=16384)
def _digest(text: str) -> tuple[str, frozenset[float]]:
    """A text in normal form, and the numbers in it."""
    text = _STAMP.sub(r"\1 \2 ", text)
    return normal(text), frozenset(float(found) for found in _NUMBERS.findall(text))


@lru_cache(maxsize=4096)
def _codes(text: str) -> tuple[list[str], list[str]]:
    """Words of a text that look like codes or dates, and the other numbers in it."""
    words = (word.strip(".:-#") for word in _TOKEN.findall(text))
    found = [word for word in words if any(map(str.isdigit, word))]
    codes = [word for word in found if _CODE.fullmatch(word)]
    rest = " ".join(word for word in found if not _CODE.fullmatch(word))
    return codes, _NUMBER.findall(rest)


def faults_of(
    dialogue: list[Turn], tools: dict[str, ToolView], task: dict[str, Any], checked: Collection[str]
) -> list[Fault]:
    """All faults of a dialogue, in order.

    Args:
        dialogue: Its turns, none masked.
        tools: All tools of the task.
        task: The task.
        checked: Ids of tool turns whose outputs are checked, too.

    Returns:
        The faults a reader can see.
    """
    found: list[Fault] = []
    heard = Heard()
    offered = {str(name) for name in task.get("offered_from_start") or list(tools)}
    details = {
        part.get("index"): [
            (parts(_REPEATED.sub("", str(d.get("name")))), d.get("value")) for d in objects_in(part.get("details"))
        ]
        for part in objects_in(task.get("sub_tasks"))
    }
    for at, turn in enumerate(dialogue):
        name = str(turn.get("turn") or "")
        content = str(turn.get("content") or "")
        role = turn.get("role")
        offered |= {str(added) for added in as_list(turn.get("tools_added"))}
        if role == "user":
            found += _user_faults(name, content, tools, heard, dialogue[at:])
            heard.add(content)
        elif role == "tool":
            if name in checked:
                found += output_faults(name, turn, dialogue[at - 1] if at else {}, tools)
            for output in objects_in(turn.get("outputs")):
                heard.add_value(output.get("content"))
        elif turn.get("tool_calls"):
            failing = at + 1 < len(dialogue) and all(
                o.get("is_error") for o in objects_in(dialogue[at + 1].get("outputs"))
            )
            for call in objects_in(turn["tool_calls"]):
                if not failing:
                    found += _call_faults(name, call, tools, offered, heard, details.get(sub_task_of(turn), []))
        elif content:
            found += _reply_faults(name, content, heard)
    found += _completion_faults(dialogue, task)
    return found


def _user_faults(turn: str, content: str, tools: dict[str, ToolView], heard: Heard, rest: list[Turn]) -> list[Fault]:
    found = [
        Fault("user_realism", turn, 2, name, f"In turn {turn} the user names the tool {name}.")
        for name in tools
        if ("_" in name or "-" in name) and name in content
    ]
    for code in _codes(content)[0]:
        if looks_like_identifier(code) and not heard.holds(code):
            later = json.dumps([t.get("outputs") for t in rest[1:4] if t.get("outputs")])
            calls = json.dumps([t.get("tool_calls") for t in rest[1:2] if t.get("tool_calls")])
            if code in later and code not in calls:
                found.append(
                    Fault(
                        "user_realism",
                        turn,
                        2,
                        code,
                        f"In turn {turn} the user already knows {code}, which is only found later.",
                    )
                )
    return found


def _call_faults(
    turn: str,
    call: dict[str, Any],
    tools: dict[str, ToolView],
    offered: set[str],
    heard: Heard,
    details: list[tuple[tuple[str, ...], Any]],
) -> list[Fault]:
    name = str(call.get("name"))
    tool = tools.get(name)
    if tool is None or name not in offered:
        return [Fault("tool_choice", turn, 5, name, f"Turn {turn} calls {name}, which is not offered there.")]
    arguments = call.get("arguments")
    if not isinstance(arguments, dict):
        return [Fault("argument_extraction", turn, 5, "", f"The call in turn {turn} has no arguments object.")]
    given = as_object(arguments)
    found = [
        Fault("argument_extraction", turn, 4, name, f"The call of {name} in turn {turn} lacks the required {missing}.")
        for missing in tool.required
        if missing not in given
    ]
    for key, value in given.items():
        view = tool.params.get(key)
        if view is None:
            found.append(
                Fault("argument_extraction", turn, 4, key, f"Turn {turn} passes {key}, which {name} does not know.")
            )
            continue
        if not fits(value, properties(plain(tool.parameters)).get(key), tool.parameters):
            shown = json.dumps(value, ensure_ascii=False)
            found.append(
                Fault(
                    "argument_extraction", turn, 4, shown, f"In turn {turn} the value {shown} is not valid for {key}."
                )
            )
            continue
        fixed = [view.get("default"), view.get("const")]
        for _, part in leaves(value):
            if heard.holds(part) or part in fixed or view.get("enum"):
                continue
            inner = properties(view) or properties(plain(view.get("items", {})))
            if any(
                part in (as_list(as_object(sub).get("enum")) or [as_object(sub).get("default", "\0")])
                for sub in inner.values()
            ):
                continue
            sure = is_identifier(key, view) or looks_like_identifier(part)
            found.append(
                Fault(
                    "argument_extraction",
                    turn,
                    4 if sure else 2,
                    str(part),
                    f"In turn {turn} the {key} {part!r} comes from nowhere: nobody said it and no output holds it.",
                )
            )
        wanted = [v for n, v in details if n == parts(key)] if view.get("enum") else []
        if wanted and value not in wanted and not heard.holds(value):
            found.append(
                Fault(
                    "argument_extraction",
                    turn,
                    3,
                    str(value),
                    f"In turn {turn} the {key} is {value!r}, but the user asked for {wanted[0]!r}.",
                )
            )
    return found


def output_faults(turn: str, answer: Turn, before: Turn, tools: dict[str, ToolView]) -> list[Fault]:
    """Outputs that do not follow their described schema, or disagree with what the call asked."""
    found: list[Fault] = []
    calls = objects_in(before.get("tool_calls"))
    for index, output in enumerate(objects_in(answer.get("outputs"))):
        tool = tools.get(str(output.get("name") or (calls[index].get("name") if index < len(calls) else "")))
        if tool is None or tool.result is None or output.get("is_error"):
            continue
        if not fits(output.get("content"), tool.result, tool.result):
            found.append(
                Fault("", turn, 2.5, "", f"The output in turn {turn} does not follow the result schema of {tool.name}.")
            )
        content = as_object(output.get("content"))
        given = as_object(calls[index].get("arguments")) if index < len(calls) else {}
        if content and given:
            clash = [
                k for k, v in given.items() if k in content and content[k] != v and isinstance(v, (str, int, float))
            ]
            if clash:
                found.append(
                    Fault("", turn, 1, clash[0], f"The output in turn {turn} disagrees with the call about {clash[0]}.")
                )
    return found


def _reply_faults(turn: str, content: str, heard: Heard) -> list[Fault]:
    found: list[Fault] = []
    for code in _codes(content)[0]:
        token = code.rstrip(".-")
        if (looks_like_identifier(token) or re.match(r"\d{4}-\d\d-\d\d$", token)) and not heard.holds(token):
            found.append(
                Fault(
                    "reply_faithfulness",
                    turn,
                    3,
                    token,
                    f"The reply in turn {turn} states {token}, which no output holds.",
                )
            )
    found.extend(
        Fault(
            "reply_faithfulness", turn, 3, number, f"The reply in turn {turn} states {number}, which no output holds."
        )
        # How many of a list are left to tell is counted, not stated by an output.
        for number in _codes(_LEFT_TO_TELL.sub(" ", content))[1]
        if float(number) not in heard.numbers and abs(float(number)) > 4
    )
    return found


def _completion_faults(dialogue: list[Turn], task: dict[str, Any]) -> list[Fault]:
    found: list[Fault] = []
    for part in objects_in(task.get("sub_tasks")):
        mine = [turn for turn in dialogue if sub_task_of(turn) == part.get("index")]
        last = str(mine[-1].get("turn") or "") if mine else (str(dialogue[-1].get("turn")) if dialogue else "")
        if not mine or mine[-1].get("role") != "assistant" or mine[-1].get("tool_calls"):
            found.append(Fault("task_completion", last, 4, "", f"The part about {part.get('goal')!r} is not answered."))
    return found
