"""The form of the ToolACE data: tools in ``system``, calls as ``[Func(arg=value)]``.

Values are Python literals: ``True``, ``None``, strings in double quotes. A name of a
parameter that could be read in two ways is written in quotes. Types of schemas say
``dict`` where JSON Schema says ``object``.

Belongs here: this form, and reading calls back (parsed, never evaluated as code).
Does not belong here: how a dialogue becomes messages (``messages``).
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Collection
from itertools import groupby
from typing import Any

from toolace_dagster.dataset.exact_json import compact_json
from toolace_dagster.dataset.formats.lines import LineFormat
from toolace_dagster.dataset.messages import ChatMessage, chat_messages, listed_tools
from toolace_dagster.dataset.rows import DatasetRow
from toolace_dagster.dataset.schema_types import respelled
from toolace_dagster.settings import MaskedTurn

SYSTEM = """You can call functions to do what the user asks. If you call any, write nothing but a list of calls:
[first_function(argument="value"), second_function(other=3)]
If a value is missing, ask for it. If no function fits, say so. These are the functions, as JSON:
{tools}"""

_PLAIN_NAME = re.compile(r"[^\s=,()\[\]{}\"']+")
_NAME = re.compile(r"[A-Za-z0-9_-]+(?=\()")


class CallSyntaxError(ValueError):
    """Text that is no list of calls; says where it stops being one."""


def toolace_example(row: DatasetRow, _mask: Collection[MaskedTurn] = ()) -> dict[str, Any]:
    """One example; the format has no weights, so nothing can be masked.

    Args:
        row: The row.

    Returns:
        ``system`` and ``conversations`` of the roles user, assistant and tool; text beside calls is left out, as
        there is no place for it.
    """
    tools = [_definition(tool) for tool in listed_tools(row)]
    messages = chat_messages(row.dialogue, row.tools, lambda tool: compact_json(_definition(tool.as_openai())))
    turns: list[dict[str, str]] = []
    for role, run in groupby(messages, key=lambda message: message["role"]):
        if role == "tool":
            answers = [{"name": message["name"], "results": _value(message["content"])} for message in run]
            turns.append({"from": "tool", "value": compact_json(answers)})
        else:
            turns += [{"from": role, "value": _spoken(message)} for message in run]
    return {"system": SYSTEM.format(tools=compact_json(tools)), "conversations": turns}


def call_text(calls: list[dict[str, Any]]) -> str:
    """Write calls.

    Args:
        calls: Objects with ``name`` and ``arguments``.
    """
    return f"[{', '.join(_call(call['name'], call['arguments']) for call in calls)}]"


def read_calls(text: str) -> list[dict[str, Any]]:
    """Read calls back; nothing is evaluated.

    Args:
        text: A list of calls.

    Returns:
        Objects with ``name`` and ``arguments``.

    Raises:
        CallSyntaxError: If the text is none.
    """
    return _Reader(text).calls()


def _definition(tool: dict[str, Any]) -> dict[str, Any]:
    return tool["function"] | {"parameters": respelled(tool["function"]["parameters"], {"object": "dict"})}


def _spoken(message: ChatMessage) -> str:
    if calls := message.get("tool_calls"):
        return call_text([call["function"] for call in calls])
    return message["content"]


def _call(name: str, arguments: dict[str, Any]) -> str:
    given = (f"{_argument_name(key)}={_literal(value)}" for key, value in arguments.items())
    return f"{name}({', '.join(given)})"


def _argument_name(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else _literal(name)


def _literal(value: Any) -> str:
    match value:
        case dict():
            pairs = (f"{_literal(key)}: {_literal(item)}" for key, item in value.items())  # pyright: ignore[reportUnknownVariableType]
            return "{" + ", ".join(pairs) + "}"
        case list():
            return "[" + ", ".join(_literal(item) for item in value) + "]"  # pyright: ignore[reportUnknownVariableType]
        case str():
            # JSON's escapes are Python's too, save for pairs of surrogates, which it doesn't write here.
            return json.dumps(value, ensure_ascii=False)
        case _:
            return repr(value)


def _value(text: str) -> Any:
    """An object or a list as what it is, where it can be written again as it was; any other answer as its text.

    A text such as ``1.10`` or ``NaN`` is none, whatever a parser makes of it.
    """
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        value = json.loads(text, object_pairs_hook=_whole_object, parse_float=_same_number, parse_constant=_no_number)
        # Half of a surrogate pair can be escaped in JSON, and stands in no file.
        compact_json(value).encode()
    except (ValueError, RecursionError):
        return text
    return value


def _same_number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value) or text != compact_json(value):
        raise ValueError(f"{text} would be written otherwise")
    return value


def _whole_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands in it twice")
    return found


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")


class _Reader:
    """Reads a list of calls from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def calls(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        self._take("[")
        while True:
            name = self._match(_NAME, "a function's name")
            self._take("(")
            found.append({"name": name, "arguments": self._arguments()})
            if self._taken("]"):
                break
            self._take(",")
        if self._text[self._at :].strip():
            raise CallSyntaxError(f"there is more after the calls, at {self._at}")
        return found

    def _arguments(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not self._taken(")"):
            if found:
                self._take(",")
            self._skip()
            name = (
                self._literal() if self._text[self._at : self._at + 1] in "\"'" else self._match(_PLAIN_NAME, "a name")
            )
            self._take("=")
            found[str(name)] = self._literal()
        return found

    def _literal(self) -> Any:
        self._skip()
        start, depth, quote = self._at, 0, ""
        while self._at < len(self._text):
            char = self._text[self._at]
            if quote:
                if char == "\\":
                    self._at += 1
                elif char == quote:
                    quote = ""
            elif char in "\"'":
                quote = char
            elif char in "[{(":
                depth += 1
            elif char in "]})" and depth:
                depth -= 1
            elif not depth and char in ",)=":
                break
            self._at += 1
        try:
            return ast.literal_eval(self._text[start : self._at].strip())
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
            raise CallSyntaxError(f"no value at {start}: {self._text[start : start + 20]!r}") from error

    def _match(self, pattern: re.Pattern[str], what: str) -> str:
        self._skip()
        found = pattern.match(self._text, self._at)
        if not found:
            raise CallSyntaxError(f"{what} is missing at {self._at}")
        self._at = found.end()
        return found.group()

    def _skip(self) -> None:
        while self._text[self._at : self._at + 1].isspace():
            self._at += 1

    def _taken(self, char: str) -> bool:
        self._skip()
        if self._text[self._at : self._at + 1] != char:
            return False
        self._at += 1
        return True

    def _take(self, char: str) -> None:
        if not self._taken(char):
            raise CallSyntaxError(f"{char!r} is missing at {self._at}")


TOOLACE = LineFormat(name="toolace", title="ToolACE", example=toolace_example, holds_text_with_calls=False)
