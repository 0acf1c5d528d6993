"""JSON lines for ms-swift's agent data: one ``tool_call`` message a call, one ``tool_response`` an answer.

Calls and tools are JSON text. An answer has its tool's ``name``, which a few agent
templates write (Gemma 4's says ``unknown`` without it): ms-swift 4.6.0 hands it on to them,
its earlier states drop every key of a message but role, content, ``loss`` and
``loss_scale``. A turn to keep out of the loss has ``"loss": false`` on all of its
messages; ms-swift takes the first one's when it joins parallel calls.

Belongs here: this form. Does not belong here: how a dialogue becomes messages
(``messages``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from toolace_dagster.dataset.exact_json import compact_json
from toolace_dagster.dataset.formats.lines import LineFormat
from toolace_dagster.dataset.messages import ChatMessage, listed_tools, weighed_messages
from toolace_dagster.dataset.rows import DatasetRow
from toolace_dagster.settings import MaskedTurn


def ms_swift_example(row: DatasetRow, mask: Collection[MaskedTurn] = ()) -> dict[str, Any]:
    """One example.

    Args:
        row: The row.
        mask: Assistant turns to keep out of the loss.

    Returns:
        ``tools`` and ``messages`` of the roles user, assistant, tool_call and tool_response.
    """
    messages = [made for message, learned in weighed_messages(row, mask) for made in _messages(message, learned)]
    return {"tools": compact_json(listed_tools(row)), "messages": messages}


def _messages(message: ChatMessage, learned: bool) -> Iterator[dict[str, Any]]:
    match message["role"]:
        case "user":
            yield {"role": "user", "content": message["content"]}
        case "tool":
            yield {"role": "tool_response", "name": message["name"], "content": message["content"]}
        case _:
            loss = {} if learned else {"loss": False}
            if message["content"]:
                yield {"role": "assistant", "content": message["content"]} | loss
            for call in message.get("tool_calls", ()):
                yield {"role": "tool_call", "content": compact_json(call["function"])} | loss


MS_SWIFT = LineFormat(name="ms_swift", title="ms-swift (agent)", example=ms_swift_example, has_weights=True)
