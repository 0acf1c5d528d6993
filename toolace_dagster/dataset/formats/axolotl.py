"""JSON lines for Axolotl's ``chat_template`` type.

Axolotl loads lines with `datasets`, which would give every tool and every call the
fields of all others, as nulls. It parses ``tools`` and ``arguments`` that are JSON text,
so both are.

A turn to keep out of the loss has ``"train": false``; every other assistant turn has
``true``. It counts with ``message_field_training: train``.

Belongs here: this form. Does not belong here: how a dialogue becomes messages
(``messages``).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from toolace_dagster.dataset.exact_json import compact_json
from toolace_dagster.dataset.formats.lines import LineFormat
from toolace_dagster.dataset.messages import ChatMessage, listed_tools, weighed_messages
from toolace_dagster.dataset.rows import DatasetRow
from toolace_dagster.settings import MaskedTurn


def axolotl_example(row: DatasetRow, mask: Collection[MaskedTurn] = ()) -> dict[str, Any]:
    """One example.

    Args:
        row: The row.
        mask: Assistant turns to keep out of the loss.

    Returns:
        ``messages`` and ``tools``.
    """
    messages = [_message(message, learned) for message, learned in weighed_messages(row, mask)]
    return {"messages": messages, "tools": compact_json(listed_tools(row))}


def _message(message: ChatMessage, learned: bool) -> ChatMessage:
    if message["role"] != "assistant":
        return message
    calls = [
        call | {"function": call["function"] | {"arguments": compact_json(call["function"]["arguments"])}}
        for call in message.get("tool_calls", ())
    ]
    return message | ({"tool_calls": calls} if calls else {}) | {"train": learned}


AXOLOTL = LineFormat(name="axolotl", title="Axolotl (chat_template)", example=axolotl_example, has_weights=True)
