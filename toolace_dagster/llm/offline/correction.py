"""The reply to ``correction``: what follows from outputs that tools really gave.

Belongs here: composing that reply with its mistakes, and giving calls an identifier
that somebody gave. Does not belong here: how results are told (``reports``).
"""

from __future__ import annotations

import re
from typing import Any

from toolace_dagster.llm.offline.arguments import Filled
from toolace_dagster.llm.offline.composer import Exchange
from toolace_dagster.llm.offline.errors import Errors
from toolace_dagster.llm.offline.memory import Memory
from toolace_dagster.llm.offline.mistakes import spoil_reply
from toolace_dagster.llm.offline.naming import is_identifier, words
from toolace_dagster.llm.offline.reports import Answered, report
from toolace_dagster.llm.offline.request import Request, ToolView
from toolace_dagster.llm.offline.scene import relied_on, text_of
from toolace_dagster.llm.offline.schema import fits
from toolace_dagster.llm.offline.shapes import as_object, objects_in


def answer(request: Request, errors: Errors) -> dict[str, Any]:
    """Write the reply anew; calls change only where they take an identifier that nobody gave.

    Args:
        request: The request.
        errors: Draws of mistakes.

    Returns:
        The reply's JSON object.
    """
    worked: list[Answered] = []
    failed: list[str] = []
    calls: list[dict[str, Any]] = []
    for turn in request.items("trajectory"):
        calls = objects_in(turn.get("tool_calls")) or calls
        for call, output in zip(calls, objects_in(turn.get("outputs")), strict=False):
            name = str(call.get("name"))
            if output.get("is_error"):
                failed.append(refusal(name, output.get("content")))
            else:
                worked.append((request.tools.get(name), name, as_object(call.get("arguments")), output.get("content")))
    said = [report(worked, request.stream("reply"))] if worked else []
    text = " ".join([*said, *dict.fromkeys(failed)])
    if errors.hit("unfaithful_reply"):
        text = spoil_reply(text, errors.rng)
    return {"steps": _chosen_again(request), "reply": text or "There is no result to tell about."}


def refusal(name: str, content: Any) -> str:
    """What a reply says of a tool's own error."""
    told = str(as_object(content).get("error") or content).strip().rstrip(".")
    return f"I could not {words(name)}: {told}."


def _chosen_again(request: Request) -> list[dict[str, Any]]:
    """All steps if any has to change, else none.

    Where nobody gave the identifier that a call takes, it takes another one; where there is none it is left out.
    """
    turns = [dict(turn) for turn in request.items("trajectory")]
    memory = Memory.of(request.items("dialogue"))
    exchange = Exchange(request, request.object("task"), request.object("sub_task"), memory)
    given = [text_of(turn) for turn in request.items("dialogue") if turn.get("role") != "assistant"]
    steps: list[dict[str, Any]] = []
    taken: set[tuple[str, str, str]] = set()
    any_changed = False
    for at, turn in enumerate(turns):
        if not turn.get("tool_calls"):
            given.append(text_of(turn) if turn.get("role") == "user" else "")
            continue
        seen = objects_in(turns[at + 1].get("outputs")) if at + 1 < len(turns) else []
        calls: list[dict[str, Any]] = []
        outputs: list[dict[str, Any]] = []
        for call, output in zip(objects_in(turn["tool_calls"]), seen, strict=False):
            name, arguments = str(call.get("name")), as_object(call.get("arguments"))
            tool = request.tools.get(name)
            chosen = {} if tool is None else _choices(tool, arguments, memory, "\n".join(given), taken)
            if None in chosen.values() and output.get("is_error") and (steps or calls):
                any_changed = True
                continue
            chosen = {key: value for key, value in chosen.items() if value is not None}
            taken |= {(name, key, str(value)) for key, value in (arguments | chosen).items()}
            calls.append({"name": name, "arguments": arguments | chosen})
            content, failed = output.get("content"), bool(output.get("is_error"))
            if tool is not None and chosen:
                any_changed, failed = True, False
                content = exchange.output(Filled(tool, 0, arguments | chosen), relied_on(turns, at, tool))
            elif not failed:
                exchange.note(tool, name, arguments, content)
            outputs.append({"content": content, "is_error": failed})
        given += [text_of({"outputs": outputs})]
        if calls:
            steps.append({"calls": calls, "outputs": outputs})
    return steps if any_changed else []


def _choices(
    tool: ToolView, arguments: dict[str, Any], memory: Memory, given: str, taken: set[tuple[str, str, str]]
) -> dict[str, Any]:
    """Identifiers for parameters whose value nobody gave: the newest not taken yet, else the newest, or None."""
    chosen: dict[str, Any] = {}
    for name, value in arguments.items():
        view = tool.params.get(name, {})
        if isinstance(value, (dict, list, bool)) or not is_identifier(name, view) or str(value) in given:
            continue
        found = [seen.value for seen in memory.candidates(name, view)]
        pattern = str(view.get("pattern") or "")
        if pattern and not found:
            # An error may name the one that is there already.
            found = [word for word in re.findall(r"[\w-]+", given) if fits(word, view)][::-1]
        free = [each for each in found if (tool.name, name, str(each)) not in taken]
        chosen[name] = next(iter([*free, *found]), None)
    return chosen
