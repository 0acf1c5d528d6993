"""Reading an example of each format into the common form, and what only that format asks for.

Belongs here: a reader for each format. Does not belong here: what must hold whatever
the format (``checklist``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any, cast

from toolace_dagster.dataset.checking.transcript import Answer, Call, Report, Speech, Transcript
from toolace_dagster.dataset.formats.toolace import CallSyntaxError, read_calls
from toolace_dagster.settings import FormatName

Example = dict[str, Any]
Reader = Callable[[Example, Report], Transcript]

_KEYS = {
    "system": {"role", "content", "name"},
    "developer": {"role", "content", "name"},
    "user": {"role", "content", "name"},
    "assistant": {"role", "content", "name", "tool_calls", "weight", "refusal"},
    "tool": {"role", "content", "tool_call_id"},
}
_TAGS = {
    tag: re.compile(rf"<{tag}>\s*((?:(?!<{tag}>).)*?)\s*</{tag}>", re.DOTALL)
    for tag in ("tools", "tool_call", "tool_response")
}


def read_openai_example(example: Example, report: Report) -> Transcript:
    """OpenAI fine-tuning: arguments and ids as texts, no unknown keys, weights 0 or 1 on the assistant's turns."""
    _unknown(example, {"messages", "tools", "parallel_tool_calls", "functions"}, "the example", report)
    if not isinstance(example.get("parallel_tool_calls", True), bool):
        report("openai_shape", "parallel_tool_calls is neither true nor false.")
    for where, message in _objects(example.get("messages"), "message", report):
        role = message.get("role")
        _unknown(message, _KEYS.get(str(role), set(message)), where, report)
        if "weight" in message and (
            message["weight"] is True or message["weight"] is False or message["weight"] not in (0, 1)
        ):
            report("weight", f"{where}: the weight is {message['weight']!r}, not 0 or 1.")
        if "content" not in message and not message.get("tool_calls"):
            report("openai_shape", f"{where}: has no content.")
        if message.get("tool_calls") == []:
            report("openai_shape", f"{where}: tool_calls is empty; leave it out.")
        for call in message.get("tool_calls") or ():
            if isinstance(call, dict):
                _unknown(cast("Example", call), {"id", "type", "function"}, f"{where}, a call", report)
    return _messages(example, report, arguments_as_text=True)


def read_trl_example(example: Example, report: Report) -> Transcript:
    """TRL: arguments are objects; null content and empty ``tool_calls`` break chat templates."""
    for where, message in _objects(example.get("messages"), "message", report):
        if "content" in message and message["content"] is None:
            report(
                "content_null",
                f"{where}: the content is null, on which chat templates break. Write an empty text.",
            )
        if "tool_calls" in message and not message["tool_calls"]:
            report("tool_calls_null", f"{where}: tool_calls is {message['tool_calls']!r}; leave the key out.")
        if padded := [key for key in ("name", "tool_call_id") if key in message and message[key] is None]:
            report(
                "padded_nulls",
                f"{where}: {', '.join(padded)} is null, padded by a loader.",
            )
    return _messages(example, report, arguments_as_text=False)


def read_axolotl_example(example: Example, report: Report) -> Transcript:
    """Axolotl: both spellings of arguments and tools come out right there; ``train`` is true or false."""
    for where, message in _objects(example.get("messages"), "message", report):
        if not isinstance(message.get("train", True), bool):
            report("weight", f"{where}: train is {message['train']!r}, not true or false.")
    return _messages(example, report, arguments_as_text=None)


def read_llama_factory_example(example: Example, report: Report) -> Transcript:
    """LLaMA-Factory sharegpt: strict odd and even turns, calls and tools as JSON text."""
    transcript = Transcript(has_ids=False, tools=_functions(_tools_text(example, report), report))
    turns = [(where, turn) for where, turn in _objects(example.get("conversations"), "turn", report)]
    if turns and turns[0][1].get("from") == "system":
        transcript.speeches.append(Speech("system", turns[0][0], _text(turns[0][1].get("value"), turns[0][0], report)))
        turns = turns[1:]
    if len(turns) % 2:
        report("sharegpt_count", f"{len(turns)} turns: LLaMA-Factory drops examples with an odd number of them.")
    for place, (where, turn) in enumerate(turns):
        kind, value = turn.get("from"), _text(turn.get("value"), where, report)
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
    return transcript


def read_ms_swift_example(example: Example, report: Report) -> Transcript:
    """ms-swift: one ``tool_call`` message a call and one ``tool_response`` an answer, as JSON text."""
    transcript = Transcript(has_ids=False, tools=_functions(_tools_text(example, report), report))
    for where, message in _objects(example.get("messages"), "message", report):
        role, text = message.get("role"), _text(message.get("content"), where, report)
        last = transcript.speeches[-1] if transcript.speeches else None
        if not isinstance(message.get("loss", True), bool):
            report("weight", f"{where}: loss is {message['loss']!r}, not true or false.")
        match role:
            case "tool_call":
                if last is None or last.role != "assistant":
                    last = Speech("assistant", where)
                    transcript.speeches.append(last)
                last.calls += _json_calls(text, where, report)
            case "tool_response" | "tool":
                if last is None or last.role != "tool":
                    last = Speech("tool", where)
                    transcript.speeches.append(last)
                last.answers.append(Answer(text))
            case "system" | "user" | "assistant":
                transcript.speeches.append(Speech(role, where, text))
            case _:
                report("role_unknown", f"{where}: {role!r} is no role of this format.")
    return transcript


def read_hermes_example(example: Example, report: Report) -> Transcript:
    """Hermes: tagged JSON inside the text; Python's spelling of values is none."""
    transcript = Transcript(has_ids=False)
    roles = {"system": "system", "human": "user", "gpt": "assistant", "tool": "tool"}
    for where, turn in _objects(example.get("conversations"), "turn", report):
        kind, text = turn.get("from"), _text(turn.get("value"), where, report)
        if kind not in roles:
            report("role_unknown", f"{where}: {kind!r} is no speaker of this format.")
            continue
        speech = Speech(roles[str(kind)], where, text)  # pyright: ignore[reportArgumentType]
        if kind == "system":
            for block in _tagged("tools", text, where, report)[-1:]:
                for value in _json_values(block, where, report):
                    transcript.tools += _functions([value] if isinstance(value, dict) else value, report)
        elif kind == "gpt":
            for block in _tagged("tool_call", text, where, report):
                speech.calls += _json_calls(block, where, report)
        elif kind == "tool":
            speech.answers = [Answer(block) for block in _tagged("tool_response", text, where, report)] or [
                Answer(text)
            ]
        transcript.speeches.append(speech)
    return transcript


def read_toolace_example(example: Example, report: Report) -> Transcript:
    """ToolACE: tools as JSON at the end of ``system``, calls as ``[Func(arg=value)]``, types that say ``dict``."""
    transcript = Transcript(has_ids=False, object_types=frozenset({"dict", "object"}))
    system = example.get("system")
    found = re.search(r"\[\s*\{.*\}\s*\]", system, re.DOTALL) if isinstance(system, str) else None
    tools = _parsed(found.group()) if found else None
    if isinstance(tools, list):
        transcript.tools = _functions(cast("list[Any]", tools), report)
    else:
        report("tools_shape", "system holds no list of tools as JSON.")
    turns = list(_objects(example.get("conversations"), "turn", report))
    for place, (where, turn) in enumerate(turns):
        kind, text = turn.get("from"), _text(turn.get("value"), where, report)
        match kind:
            case "user":
                transcript.speeches.append(Speech("user", where, text))
            case "tool":
                answers = _parsed(text)
                several = cast("list[Any]", answers) if isinstance(answers, list) else [text]
                transcript.speeches.append(Speech("tool", where, answers=[Answer(json.dumps(a)) for a in several]))
            case "assistant":
                acts = place + 1 < len(turns) and turns[place + 1][1].get("from") == "tool"
                speech = Speech("assistant", where, text)
                if acts or re.match(r"\[[A-Za-z0-9_-]+\(", text):
                    try:
                        speech.calls = [Call(call["name"], call["arguments"]) for call in read_calls(text)]
                    except CallSyntaxError as error:
                        report("call_syntax", f"{where}: is no list of calls: {error}.")
                transcript.speeches.append(speech)
            case _:
                report("role_unknown", f"{where}: {kind!r} is no speaker of this format.")
    return transcript


READERS: dict[FormatName, Reader] = {
    "trl": read_trl_example,
    "openai": read_openai_example,
    "llama_factory": read_llama_factory_example,
    "axolotl": read_axolotl_example,
    "ms_swift": read_ms_swift_example,
    "hermes": read_hermes_example,
    "toolace": read_toolace_example,
}


def _messages(example: Example, report: Report, *, arguments_as_text: bool | None) -> Transcript:
    """Messages as OpenAI has them; None takes arguments in both spellings."""
    tools: Any = example.get("tools")
    if isinstance(tools, str):
        if arguments_as_text is True:
            report("tools_shape", "tools is a text, not a list.")
        tools = _parsed(tools)
    if tools is not None and not isinstance(tools, list):
        report("tools_shape", "tools is no list.")
        tools = None
    transcript = Transcript(tools=_functions(cast("list[Any]", tools or []), report, wrapped=True))
    for where, message in _objects(example.get("messages"), "message", report, quiet=True):
        role = message.get("role")
        content: Any = message.get("content")
        text = content if isinstance(content, str) else "" if content is None else json.dumps(content)
        match role:
            case "tool":
                if not isinstance(content, str) and arguments_as_text is not True:
                    report("content_type", f"{where}: the answer is no text.")
                answer = Answer(text, str(message["tool_call_id"]) if message.get("tool_call_id") else None)
                if answer.call_id is None:
                    report("id_missing", f"{where}: has no tool_call_id.")
                if transcript.speeches and transcript.speeches[-1].role == "tool":
                    transcript.speeches[-1].answers.append(answer)
                else:
                    transcript.speeches.append(Speech("tool", where, answers=[answer]))
            case "assistant":
                calls = [
                    made
                    for call in message.get("tool_calls") or ()
                    for made in _message_call(call, where, arguments_as_text, report)
                ]
                transcript.speeches.append(Speech("assistant", where, text, calls))
            case "system" | "developer" | "user":
                transcript.speeches.append(Speech("user" if role == "user" else "system", where, text))
            case _:
                report("role_unknown", f"{where}: {role!r} is no role of this format.")
    return transcript


def _message_call(call: Any, where: str, arguments_as_text: bool | None, report: Report) -> list[Call]:
    function: Any = call.get("function") if isinstance(call, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):  # pyright: ignore[reportUnknownMemberType]
        report("call_shape", f"{where}: a call has no function with a name.")
        return []
    given = cast("Example", call)
    made = cast("Example", function)
    if not isinstance(given.get("id"), str) or not given["id"]:
        report("id_missing", f"{where}: the call of {made['name']} has no id.")
    if given.get("type") != "function":
        report("call_shape", f"{where}: the call of {made['name']} does not say that its type is function.")
    arguments: Any = made.get("arguments")
    if isinstance(arguments, str):
        if arguments_as_text is False:
            report(
                "arguments_text",
                f"{where}: the arguments of {made['name']} are a text; TRL would teach the model an escaped string.",
            )
        try:
            arguments = _strictly(arguments)
        except ValueError:
            report("arguments_json", f"{where}: the arguments of {made['name']} are not JSON.")
            arguments = {}
    elif arguments_as_text is True:
        report("arguments_not_text", f"{where}: the arguments of {made['name']} are not JSON text.")
    return [Call(made["name"], arguments, given["id"] if isinstance(given.get("id"), str) else None)]


def _functions(tools: Iterable[Any] | None, report: Report, *, wrapped: bool = False) -> list[Any]:
    found: list[Any] = []
    for number, tool in enumerate(tools or (), start=1):
        if isinstance(tool, dict) and tool.get("type") == "function" and "function" in tool:  # pyright: ignore[reportUnknownMemberType]
            found.append(tool["function"])
        else:
            if wrapped:
                report("tool_shape", f"tool {number} is not of the form {{type: function, function: …}}.")
            found.append(tool)
    return found


def _tools_text(example: Example, report: Report) -> list[Any]:
    tools: Any = example.get("tools")
    if not isinstance(tools, str):
        report("tools_shape", "tools is not JSON text; a loader would pad each tool with the others' fields.")
    else:
        tools = _parsed(tools)
        if not isinstance(tools, list):
            report("tools_shape", "tools is no list as JSON text.")
    return cast("list[Any]", tools) if isinstance(tools, list) else []


def _objects(value: Any, what: str, report: Report, *, quiet: bool = False) -> Iterable[tuple[str, Example]]:
    if not isinstance(value, list):
        if not quiet:
            report("empty", f"the example has no list of {what}s.")
        return
    for number, item in enumerate(cast("list[Any]", value), start=1):
        if isinstance(item, dict):
            yield f"{what} {number}", cast("Example", item)
        elif not quiet:
            report("message_shape", f"{what} {number} is no object.")


def _text(value: Any, where: str, report: Report) -> str:
    if isinstance(value, str):
        return value
    report("content_type", f"{where}: what is said is no text.")
    return "" if value is None else json.dumps(value)


def _json_calls(text: str, where: str, report: Report) -> list[Call]:
    try:
        value: Any = _strictly(text)
    except ValueError:
        report("call_json", f"{where}: the call is not JSON: {text[:60]!r}.")
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
    several = _parsed(text) if calls > 1 else None
    if isinstance(several, list):
        return [Answer(json.dumps(each)) for each in cast("list[Any]", several)]
    return [Answer(text)]


def _tagged(tag: str, text: str, where: str, report: Report) -> list[str]:
    found = _TAGS[tag].findall(text)
    # The words on how to call are no calls, and stand in the system message alone.
    if tag != "tools" and (text.count(f"<{tag}>") != len(found) or text.count(f"</{tag}>") != len(found)):
        report("tag_unbalanced", f"{where}: a <{tag}> is not closed, or one is closed that was not opened.")
    return found


def _json_values(block: str, where: str, report: Report) -> Iterable[Any]:
    try:
        yield json.loads(block)
        return
    except ValueError:
        pass
    for line in block.split("\n"):
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError:
                report("tools_json", f"{where}: a tool is not JSON: {line[:60]!r}.")


def _unknown(value: Example, known: set[str], where: str, report: Report) -> None:
    if unknown := sorted(value.keys() - known):
        report("key_unknown", f"{where} has keys that OpenAI does not know: {', '.join(unknown)}.")


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _strictly(text: str) -> Any:
    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)
