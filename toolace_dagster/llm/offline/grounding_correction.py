"""The reply to ``grounding_correction``: a source for each value that has none.

Belongs here: composing that reply with its mistakes. Does not belong here: how a
user gives a value (``clauses``).
"""

from __future__ import annotations

from typing import Any

from toolace_dagster.llm.offline.clauses import clause
from toolace_dagster.llm.offline.errors import REPAIR_FACTOR, Errors
from toolace_dagster.llm.offline.memory import Memory
from toolace_dagster.llm.offline.mistakes import other_value
from toolace_dagster.llm.offline.naming import is_identifier, looks_like_identifier, same_name
from toolace_dagster.llm.offline.request import Request
from toolace_dagster.llm.offline.scene import sub_task_at, sub_task_of
from toolace_dagster.llm.offline.schema import Schema, fits
from toolace_dagster.llm.offline.shapes import as_list, objects_in
from toolace_dagster.llm.offline.values import EARLIEST, Maker


def answer(request: Request, errors: Errors) -> dict[str, Any]:
    """Replace what the dialogue has a value for, and have the user say the rest.

    Args:
        request: The request.
        errors: Draws of mistakes.

    Returns:
        The reply's JSON object.
    """
    dialogue = request.items("dialogue")
    texts = {str(turn.get("turn")): str(turn.get("content") or "") for turn in dialogue if turn.get("role") == "user"}
    amended: dict[str, list[str]] = {}
    values: list[dict[str, Any]] = []
    rng = request.stream("clauses")
    maker = Maker(request.stream("content"), EARLIEST)
    for entry in request.items("ungrounded"):
        name, value = str(entry.get("argument")), entry.get("value")
        tool = request.tools.get(str(entry.get("tool")))
        view = tool.params.get(name, {}) if tool is not None else {}
        idle = errors.hit("idle_correction")
        invents = errors.hit("invented_value", REPAIR_FACTOR)
        if idle:
            continue
        known = _known(request, entry, name, view)
        message = str(entry.get("message"))
        if entry.get("final") and known is not None and str(known) in texts.get(message, ""):
            # What was really run stays, so the user has to mean that.
            texts[message] = texts[message].replace(str(known), str(value))
            amended.setdefault(message, [])
        elif known is not None and not entry.get("final"):
            new = other_value(known, name, view, maker, errors.rng) if invents else known
            values.append({"number": entry.get("number"), "value": new})
        elif message in texts:
            said = other_value(value, name, view, maker, errors.rng) if invents else value
            kind, words = clause(name, view, said, rng)
            amended.setdefault(message, []).append(f"that's {words}" if kind == "inline" else words)
    messages = [{"turn": turn, "content": _with_sentences(texts[turn], said)} for turn, said in amended.items()]
    return {"messages": messages, "values": values}


def _known(request: Request, entry: dict[str, Any], name: str, view: Schema) -> Any:
    """What the dialogue has for an argument: a detail of the task that was said, or an identifier in an output."""
    dialogue = request.items("dialogue")
    calls = [str(turn) for turn in as_list(entry.get("calls"))]
    at = next((index for index, turn in enumerate(dialogue) if turn.get("turn") in calls), len(dialogue))
    before = dialogue[:at]
    said = "\n".join(str(turn.get("content") or "") for turn in before if turn.get("role") == "user")
    sub_task = sub_task_at(request.object("task"), sub_task_of(dialogue[at]) if at < len(dialogue) else 0)
    for detail in objects_in(sub_task.get("details")):
        value = detail.get("value")
        if same_name(str(detail.get("name")), name) and str(value) in said and fits(value, view, view):
            return value
    if is_identifier(name, view) or looks_like_identifier(entry.get("value")):
        found = Memory.of(before).candidates(name, view)
        return found[0].value if found else None
    return None


def _with_sentences(text: str, clauses: list[str]) -> str:
    said = [words[:1].upper() + words[1:] for words in clauses]
    return " ".join([text.rstrip(), *(words if words.endswith((".", "?", "!")) else f"{words}." for words in said)])
