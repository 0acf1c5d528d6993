"""Reading the formats that say calls and answers inside the text of a turn: LLaMA-Factory, ms-swift, Hermes, ToolACE.

Belongs here: a reader for each, and what only that format asks for. Does not belong
here: formats with messages as chat endpoints take them (``messages``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Literal, cast

from toolace_dagster.dataset.checking.reading import (
    Example,
    functions,
    items_of,
    name_of,
    objects,
    text_of,
    wraps_tools,
)
from toolace_dagster.dataset.checking.transcript import Answer, Call, Report, Speech, Transcript
from toolace_dagster.dataset.checking.values import lenient_json, strict_json, value_fault
from toolace_dagster.dataset.formats.toolace import CallSyntaxError, read_calls

_TAGS = {
    tag: re.compile(rf"<{tag}>\s*((?:(?!<{tag}>).)*?)\s*</{tag}>", re.DOTALL)
    for tag in ("tools", "tool_call", "tool_response")
}
_HERMES_ROLES: dict[str, Literal["system", "user", "assistant", "tool"]] = {
    "system": "system",
    "human": "user",
    "gpt": "assistant",
    "tool": "tool",
}


def read_llama_factory_example(example: Example, report: Report) -> list[Transcript]:
    """LLaMA-Factory sharegpt: strict odd and even turns, calls and tools as JSON text."""
    tools = _tools_text(example, report)
    # Most of its templates wrap bare definitions, so an announcement is right in either form.
    transcript = Transcript(has_ids=False, tools=functions(tools, report), wraps_tools=None)
    turns = [(where, turn) for where, turn in objects(example.get("conversations"), "turn", report)]
    if turns and turns[0][1].get("from") == "system":
        transcript.speeches.append(
            Speech("system", turns[0][0], text_of(turns[0][1].get("value"), turns[0][0], report))
        )
        turns = turns[1:]
    if len(turns) % 2:
        report("sharegpt_count", f"{len(turns)} turns: LLaMA-Factory drops examples with an odd number of them.")
    for place, (where, turn) in enumerate(turns):
        kind, value = turn.get("from"), text_of(turn.get("value"), where, report)
        if kind not in (("human", "observation"), ("gpt", "function_call"))[place % 2]:
            report("sharegpt_order", f"{where}: {kind!r} stands there; LLaMA-Factory drops the example.")
        if kind == "function_call":
            transcript.speeches.append(Speech("assistant", where, calls=_json_calls(value, where, report)))
        elif kind == "observation":
            before = transcript.speeches[-1].calls if transcript.speeches else []
            transcript.speeches.append(Speech("tool", where, answers=_joined(value, len(before))))
        elif kind in ("human", "gpt"):
            transcript.speeches.append(Speech("user" if kind == "human" else "assistant", where, value))
        else:
            report("role_unknown", f"{where}: {kind!r} is no speaker of this format.")
    return [transcript]


def read_ms_swift_example(example: Example, report: Report) -> list[Transcript]:
    """ms-swift: one ``tool_call`` message a call and one ``tool_response`` an answer, as JSON text."""
    tools = _tools_text(example, report)
    transcript = Transcript(has_ids=False, tools=functions(tools, report), wraps_tools=wraps_tools(tools, True))
    for where, message in objects(example.get("messages"), "message", report):
        role, text = message.get("role"), text_of(message.get("content"), where, report)
        last = transcript.speeches[-1] if transcript.speeches else None
        loss: Any = message.get("loss", True)
        if not isinstance(loss, bool):
            report("weight", f"{where}: loss is {loss!r}, not true or false.")
        match role:
            case "tool_call":
                if last is None or last.role != "assistant":
                    last = Speech("assistant", where, learned=False)
                    transcript.speeches.append(last)
                last.calls += _json_calls(text, where, report)
                last.learned |= loss is not False
            case "tool_response" | "tool":
                if last is None or last.role != "tool":
                    last = Speech("tool", where)
                    transcript.speeches.append(last)
                last.answers.append(Answer(text, name=name_of(message)))
            case "system" | "user" | "assistant":
                transcript.speeches.append(Speech(role, where, text, learned=loss is not False))
            case _:
                report("role_unknown", f"{where}: {role!r} is no role of this format.")
    return [transcript]


def read_hermes_example(example: Example, report: Report) -> list[Transcript]:
    """Hermes: tagged JSON inside the text; Python's spelling of values is none."""
    transcript = Transcript(has_ids=False)
    for where, turn in objects(example.get("conversations"), "turn", report):
        kind, text = turn.get("from"), text_of(turn.get("value"), where, report)
        role = _HERMES_ROLES.get(kind) if isinstance(kind, str) else None
        if role is None:
            report("role_unknown", f"{where}: {kind!r} is no speaker of this format.")
            continue
        speech = Speech(role, where, text)
        if role == "system":
            for block in _tagged("tools", text, where, report)[-1:]:
                for value in _json_values(block, where, report):
                    if not isinstance(value, dict | list):
                        report("tool_shape", f"{where}: among the tools stands {value!r}, which is none.")
                    listed = items_of([value] if isinstance(value, dict) else value)
                    transcript.wraps_tools = wraps_tools(listed, bool(transcript.wraps_tools))
                    transcript.tools += functions(listed, report)
        elif role == "assistant":
            for block in _tagged("tool_call", text, where, report):
                speech.calls += _json_calls(block, where, report)
        elif role == "tool":
            blocks = _tagged("tool_response", text, where, report)
            speech.answers = [_answer(lenient_json(block), block) for block in blocks] or [Answer(text)]
        transcript.speeches.append(speech)
    return [transcript]


def read_toolace_example(example: Example, report: Report) -> list[Transcript]:
    """ToolACE: tools as JSON at the end of ``system``, calls as ``[Func(arg=value)]``, types that say ``dict``."""
    transcript = Transcript(has_ids=False, object_types=frozenset({"dict"}))
    system = example.get("system")
    found = re.search(r"\[\s*\{.*\}\s*\]", system, re.DOTALL) if isinstance(system, str) else None
    tools = lenient_json(found.group()) if found else None
    if isinstance(tools, list):
        transcript.tools = functions(tools, report)
        transcript.wraps_tools = wraps_tools(items_of(tools), False)
    else:
        report("tools_shape", "system holds no list of tools as JSON.")
    turns = list(objects(example.get("conversations"), "turn", report))
    for place, (where, turn) in enumerate(turns):
        kind, text = turn.get("from"), text_of(turn.get("value"), where, report)
        match kind:
            case "user":
                transcript.speeches.append(Speech("user", where, text))
            case "tool":
                answers = lenient_json(text)
                several = cast("list[Any]", answers) if isinstance(answers, list) else [text]
                transcript.speeches.append(Speech("tool", where, answers=[_answer(each) for each in several]))
            case "assistant":
                acts = place + 1 < len(turns) and turns[place + 1][1].get("from") == "tool"
                speech = Speech("assistant", where, text)
                if acts or re.match(r"\[[A-Za-z0-9_-]+\(", text):
                    speech.calls = _written_calls(text, where, report)
                transcript.speeches.append(speech)
            case _:
                report("role_unknown", f"{where}: {kind!r} is no speaker of this format.")
    return [transcript]


def _written_calls(text: str, where: str, report: Report) -> list[Call]:
    try:
        made = read_calls(text)
    except CallSyntaxError as error:
        report("call_syntax", f"{where}: is no list of calls: {error}.")
        return []
    calls: list[Call] = []
    for call in made:
        # Python's values are more than JSON's.
        if fault := value_fault(call["arguments"]):
            report("arguments_json", f"{where}: the arguments of {call['name']} are not JSON: {fault}.")
        else:
            calls.append(Call(call["name"], call["arguments"]))
    return calls


def _tools_text(example: Example, report: Report) -> list[Any]:
    tools: Any = example.get("tools")
    if not isinstance(tools, str):
        report("tools_shape", "tools is not JSON text; a loader would pad each tool with the others' fields.")
    else:
        tools = lenient_json(tools)
        if not isinstance(tools, list):
            report("tools_shape", "tools is no list as JSON text.")
    return items_of(tools)


def _json_calls(text: str, where: str, report: Report) -> list[Call]:
    try:
        value: Any = strict_json(text)
    except ValueError as error:
        report("call_json", f"{where}: the call is not JSON: {text[:60]!r}: {error}.")
        return []
    calls: list[Call] = []
    for each in cast("list[Any]", value) if isinstance(value, list) else [value]:
        if isinstance(each, dict) and isinstance(each.get("name"), str) and "arguments" in each:  # pyright: ignore[reportUnknownMemberType]
            call = cast("Example", each)
            calls.append(Call(call["name"], call["arguments"]))
        else:
            report("call_shape", f"{where}: a call needs name and arguments.")
    return calls


def _joined(text: str, calls: int) -> list[Answer]:
    """The answers in one observation: a JSON list where there are several calls."""
    several = lenient_json(text) if calls > 1 else None
    return [_answer(each) for each in items_of(several)] if isinstance(several, list) else [Answer(text)]


def _answer(value: Any, text: str | None = None) -> Answer:
    """An answer out of its JSON; an object of a name and a content or results may say whose it is."""
    given = text if text is not None else value if isinstance(value, str) else json.dumps(value)
    if isinstance(value, dict) and value.keys() in ({"name", "content"}, {"name", "results"}):  # pyright: ignore[reportUnknownMemberType]
        return Answer(given, name=name_of(cast("Example", value)), name_is_certain=False)
    return Answer(given)


def _tagged(tag: str, text: str, where: str, report: Report) -> list[str]:
    found = _TAGS[tag].findall(text)
    # The words on how to call are no calls, and stand in the system message alone.
    if tag != "tools" and (text.count(f"<{tag}>") != len(found) or text.count(f"</{tag}>") != len(found)):
        report("tag_unbalanced", f"{where}: a <{tag}> is not closed, or one is closed that was not opened.")
    return found


def _json_values(block: str, where: str, report: Report) -> Iterable[Any]:
    try:
        yield strict_json(block)
        return
    except ValueError:
        pass
    for line in block.split("\n"):
        if line.strip():
            try:
                yield strict_json(line)
            except ValueError:
                report("tools_json", f"{where}: a tool is not JSON: {line[:60]!r}.")
