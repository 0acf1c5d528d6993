"""Finding one's way in a dialogue with masked turns.

Belongs here: segments, what kind a turn is, calls that are already there with
the likely source of each argument, and values later turns rely on. Does not
belong here: writing turns.
"""

from __future__ import annotations

import re
from typing import Any

from toolace_dagster.llm.offline.arguments import Filled, Source, label
from toolace_dagster.llm.offline.memory import Memory, Turn
from toolace_dagster.llm.offline.mining import mined, part_about
from toolace_dagster.llm.offline.naming import is_identifier, looks_like_identifier, parts, words
from toolace_dagster.llm.offline.phrases import day_in_words, noun_phrase
from toolace_dagster.llm.offline.request import ToolView
from toolace_dagster.llm.offline.shapes import as_object, leaves, objects_in


def kind_of(turn: Turn) -> str:
    """``user``, ``call``, ``outputs`` or ``reply``, of a full or a masked turn."""
    if isinstance(turn.get("kind"), str):
        return turn["kind"]
    role = turn.get("role")
    if role in ("user", "tool"):
        return "user" if role == "user" else "outputs"
    return "call" if turn.get("tool_calls") else "reply"


def sub_task_of(turn: Turn) -> int:
    """Index of the sub-task a turn serves."""
    index = turn.get("sub_task")
    return index if isinstance(index, int) else 0


def sub_task_at(task: dict[str, Any], index: int) -> dict[str, Any]:
    """The sub-task of that index; an empty one when the task has none."""
    return next((part for part in objects_in(task.get("sub_tasks")) if part.get("index") == index), {"index": index})


def said_in(dialogue: list[Turn], index: int) -> str:
    """All visible user texts of a sub-task."""
    return "\n".join(
        str(t.get("content") or "") for t in dialogue if sub_task_of(t) == index and t.get("role") == "user"
    )


def is_failure(turn: Turn | None) -> bool:
    """Whether a visible tool turn holds only errors."""
    outputs = objects_in(turn.get("outputs")) if turn else []
    return bool(outputs) and all(output.get("is_error") for output in outputs)


def is_superseded(dialogue: list[Turn], at: int) -> bool:
    """Whether the call at a position went wrong on purpose: the next call repeats it, with a sentence on why."""
    turn, later = dialogue[at], dialogue[at + 2] if at + 2 < len(dialogue) else {}
    if kind_of(turn) != "call" or kind_of(later) != "call":
        return False
    if turn.get("masked") and turn.get("complication") != "error_simulation":
        return False
    if later.get("masked") and not later.get("content"):
        return later.get("complication") == "error_simulation"
    if not str(later.get("content") or "").strip():
        return False
    names = [call.get("name") for call in objects_in(later.get("tool_calls"))]
    return bool(turn.get("masked")) or names == [call.get("name") for call in objects_in(turn.get("tool_calls"))]


def recovered(
    turn: Turn,
    tools: dict[str, ToolView],
    memory: Memory,
    sub_task: dict[str, Any],
    task: dict[str, Any],
    earlier_names: list[str] | None = None,
    known: int | None = None,
) -> list[Filled]:
    """The calls of a visible turn, each argument with its likely source.

    Args:
        turn: An assistant turn with calls.
        tools: The tools.
        memory: What was known before it.
        sub_task: Its sub-task.
        task: The whole task.
        earlier_names: Tools that were called before in the sub-task.
        known: Number of outputs that the user has heard of; what later ones name, the user can't name yet.

    Returns:
        One entry per call of a known tool. A value without any source is ``made``: the user has to say it.
    """
    details = [(str(d.get("name")), d.get("value")) for d in objects_in(sub_task.get("details"))]
    earlier = [
        d.get("value")
        for part in objects_in(task.get("sub_tasks"))
        if part is not sub_task
        for d in objects_in(part.get("details"))
    ]
    found: list[Filled] = []
    seen_tools = list(earlier_names or [])
    for call in objects_in(turn.get("tool_calls")):
        tool = tools.get(str(call.get("name")))
        arguments = call.get("arguments")
        if tool is None or not isinstance(arguments, dict):
            continue
        filled = Filled(tool, seen_tools.count(tool.name), dict(as_object(arguments)))
        for name, value in filled.arguments.items():
            view = tool.params.get(name, {})
            sightings = [s for s in memory.sightings if s.value == value and type(s.value) is type(value)]
            if any(
                value == v
                for n, v in details
                if parts(re.sub(r" \(\d+\)$| for .*$", "", n)) == parts(name)
                or (value == v and not isinstance(v, bool))
            ):
                source = Source("detail", value)
            elif is_identifier(name, view) and sightings:
                seen = sightings[-1]
                several = seen.position is not None and seen.length > 1
                source = Source(
                    "output",
                    value,
                    seen,
                    (
                        "named"
                        if label(seen.holder) and (known is None or seen.output < known)
                        else "first"
                        if not seen.position
                        else "second"
                    )
                    if several
                    else "only",
                )
            elif "default" in view and view["default"] == value:
                source = Source("default", value)
            elif any(value == other for other in earlier) and not isinstance(value, bool):
                source = Source("earlier", value)
            elif sightings and not isinstance(value, bool) and len(str(value)) > 2:
                source = Source("output", value, None, "only")
            elif is_identifier(name, view) or looks_like_identifier(value):
                source = Source("unknown", value)
            else:
                source = Source("made", value)
            filled.sources[name] = source
        found.append(filled)
        seen_tools.append(tool.name)
    return found


def relied_on(dialogue: list[Turn], at: int, tool: ToolView) -> dict[str, list[Any]]:
    """Values that turns after ``at`` take from an output there, by field.

    Args:
        dialogue: The dialogue.
        at: Position of the call or outputs being written.
        tool: The tool called there.

    Returns:
        For each field of the tool's result the values it has to hold, in order.
    """
    wanted: dict[str, list[Any]] = {}
    before = "\n".join(text_of(turn) for turn in dialogue[:at] if turn.get("role") != "assistant")
    since: list[str] = []
    for turn in dialogue[at + 1 :]:
        for call in objects_in(turn.get("tool_calls")):
            for name, value in as_object(call.get("arguments")).items():
                leaf = tool.returns(name, {"type": "string"})
                if leaf is None or isinstance(value, (dict, list, bool)):
                    continue
                if not is_identifier(name, {}) and not looks_like_identifier(value):
                    continue
                text = str(value)
                if text not in before and not any(text in said for said in since):
                    listed = wanted.setdefault(leaf.name, [])
                    listed += [] if value in listed else [value]
        if turn.get("role") != "assistant":
            since.append(text_of(turn))
    reply = part_about(_reply_after(dialogue, at), tool, _place(dialogue, at, tool))
    if reply:
        for name, values in mined(reply, tool.leaves, before).items():
            wanted[name] = [*values, *(value for value in wanted.get(name, []) if value not in values)]
    return {name: values for name, values in wanted.items() if values}


def _place(dialogue: list[Turn], at: int, tool: ToolView) -> int:
    """How many earlier calls of the tool the same reply is about."""
    count = 0
    for index in range((at - 2 if kind_of(dialogue[at]) == "outputs" else at - 1), -1, -1):
        turn = dialogue[index]
        if turn.get("role") == "user":
            break
        if is_failure(dialogue[index + 1]):
            continue
        count += sum(call.get("name") == tool.name for call in objects_in(turn.get("tool_calls")))
    return count


def _reply_after(dialogue: list[Turn], at: int) -> str:
    for turn in dialogue[at + 1 :]:
        if turn.get("role") == "user":
            return ""
        if kind_of(turn) == "reply" and not turn.get("masked"):
            return str(turn.get("content") or "")
    return ""


_KEPT = "\0text"
"""Where the text of a turn that doesn't change any more is kept, for the next question about it."""


def text_of(turn: Turn) -> str:
    """What a turn says, and what its outputs hold."""
    kept = turn.get(_KEPT)
    if isinstance(kept, str):
        return kept
    text = str(turn.get("content") or "")
    if turn.get("outputs"):
        text += " ".join(str(value) for _, value in leaves(turn["outputs"]))
    if not turn.get("masked"):
        turn[_KEPT] = text
    return text


def stated(value: Any, text: str) -> bool:
    """Whether a text holds a value, as it is or in words."""
    if isinstance(value, bool) or value is None:
        return False
    if isinstance(value, (dict, list)):
        inner = [part for _, part in leaves(value) if not isinstance(part, bool)]
        return bool(inner) and all(stated(part, text) for part in inner)
    low = text.casefold()
    shown = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    if isinstance(value, (int, float)):
        return re.search(rf"(?<![\d.]){re.escape(shown)}(?![\d]|\.\d)", low) is not None
    return any(
        form.casefold() in low
        for form in (shown, shown.replace("_", " "), day_in_words(shown[:10]) if len(shown) > 9 else shown)
    )


def withheld_by(calls: list[Filled], question: str, answer: str) -> tuple[str, Any, ToolView] | None:
    """Which value a clarification is about: what the answer states, or else what the question asks for."""
    options = [
        (name, source.value, filled.tool)
        for filled in calls
        for name, source in filled.sources.items()
        if source.kind in ("detail", "made", "earlier")
    ]
    if answer:
        found = [option for option in options if stated(option[1], answer)]
        if found:
            return max(found, key=lambda option: len(str(option[1])))
    low = question.casefold()
    for option in options:
        view = option[2].params.get(option[0], {})
        if noun_phrase(option[0], str(view.get("description", ""))).casefold() in low or words(option[0]) in low:
            return option
    return next((option for option in options if option[0] in option[2].required), options[0] if options else None)
