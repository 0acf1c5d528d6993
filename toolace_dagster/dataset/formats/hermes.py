r"""Hermes: tools, calls and results as tagged JSON inside the text of ShareGPT turns.

Tags are found by their text, so a ``<`` of a value that could end one is written
``\u003c``, which is the same to every JSON parser.

Belongs here: this form. Does not belong here: how a dialogue becomes messages
(``messages``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import groupby
from typing import Any

from toolace_dagster.dataset.exact_json import compact_json
from toolace_dagster.dataset.formats.lines import LineFormat
from toolace_dagster.dataset.messages import ChatMessage, chat_messages, listed_tools
from toolace_dagster.dataset.rows import DatasetRow
from toolace_dagster.settings import MaskedTurn

SYSTEM = """You are an assistant that can call functions. These are the functions, one a line, as JSON:
<tools>
{tools}
</tools>
Call one by writing a JSON object with its name and arguments like this:
<tool_call>
{{"name": "function name", "arguments": {{"argument name": "value"}}}}
</tool_call>
Write one such block for each call; each result comes in a block named tool_response. Say so when no function fits."""


def hermes_example(row: DatasetRow, _mask: Collection[MaskedTurn] = ()) -> dict[str, Any]:
    """One example; the format has no weights, so nothing can be masked.

    Args:
        row: The row.

    Returns:
        ``conversations`` of the roles system, human, gpt and tool; results of parallel calls are one turn.
    """
    tools = "\n".join(_safe(tool) for tool in listed_tools(row))
    turns = [{"from": "system", "value": SYSTEM.format(tools=tools)}]
    messages = chat_messages(row.dialogue, row.tools, lambda tool: _safe(tool.as_openai()))
    for role, run in groupby(messages, key=lambda message: message["role"]):
        if role == "tool":
            turns.append({"from": "tool", "value": "\n".join(_response(message) for message in run)})
        else:
            turns += [
                {"from": "human" if role == "user" else "gpt", "value": "\n".join(_parts(message))} for message in run
            ]
    return {"conversations": turns}


def _parts(message: ChatMessage) -> Iterator[str]:
    if message["content"]:
        yield message["content"]
    for call in message.get("tool_calls", ()):
        yield f"<tool_call>\n{_safe(call['function'])}\n</tool_call>"


def _response(message: ChatMessage) -> str:
    answer = {"name": message["name"], "content": message["content"]}
    return f"<tool_response>\n{_safe(answer)}\n</tool_response>"


def _safe(value: Any) -> str:
    # Outside of strings JSON has no such character.
    return compact_json(value).replace("<", "\\u003c")


HERMES = LineFormat(name="hermes", title="Hermes", example=hermes_example)
