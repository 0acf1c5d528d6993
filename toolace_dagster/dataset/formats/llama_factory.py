"""ShareGPT lines for LLaMA-Factory, with the ``dataset_info.json`` it wants beside them.

It demands strict alternation of (human or observation) and (gpt or function_call) and
an even count, and drops a row that breaks this with a warning. So all calls of a turn
are one ``function_call`` and all their results one ``observation``: the content as it
is for one, a JSON list of names and contents for several. Every value is a string, and
``tools`` is JSON text, so that no schema is padded with another's fields.

A tool that arrives later is announced in ``{"type": "function", "function": ...}``, though
``tools`` holds definitions bare: most of its templates (Qwen, Llama 3, Mistral, GLM 4.5) wrap
each so before the model sees it, and nothing wraps what stands in a message.

No ``system`` column is configured: a row without it would be a KeyError there.

Belongs here: this form. Does not belong here: how a dialogue becomes messages
(``messages``).
"""

from __future__ import annotations

import json
from collections.abc import Collection
from itertools import groupby
from typing import Any

from toolace_dagster.dataset.exact_json import compact_json
from toolace_dagster.dataset.formats.lines import LineFormat
from toolace_dagster.dataset.messages import ChatMessage, chat_messages, listed_tools
from toolace_dagster.dataset.rows import SPLITS, DatasetRow
from toolace_dagster.settings import MaskedTurn

_ROLES = {"user": "human", "assistant": "gpt", "tool": "observation"}

DATASET_INFO = {
    f"toolace_{split}": {
        "file_name": f"{split}.jsonl",
        "formatting": "sharegpt",
        "columns": {"messages": "conversations", "tools": "tools"},
    }
    for split in SPLITS
}
"""Names of the data sets, for ``dataset: toolace_train``."""


def llama_factory_example(row: DatasetRow, _mask: Collection[MaskedTurn] = ()) -> dict[str, Any]:
    """One example; the format has no weights, so nothing can be masked.

    Args:
        row: The row.

    Returns:
        ``conversations`` and ``tools``; text beside calls is left out, as there is no place for it.
    """
    messages = chat_messages(row.dialogue, row.tools)
    conversations: list[dict[str, str]] = []
    for role, run in groupby(messages, key=lambda message: message["role"]):
        if role == "tool":
            conversations.append({"from": "observation", "value": _observation(list(run))})
        else:
            conversations += [_spoken(message) for message in run]
    tools = [tool["function"] for tool in listed_tools(row)]
    return {"conversations": conversations, "tools": compact_json(tools)}


def _spoken(message: ChatMessage) -> dict[str, str]:
    if calls := message.get("tool_calls"):
        return {"from": "function_call", "value": compact_json([call["function"] for call in calls])}
    return {"from": _ROLES[message["role"]], "value": message["content"]}


def _observation(answers: list[ChatMessage]) -> str:
    if len(answers) == 1:
        return answers[0]["content"]
    return compact_json([{"name": answer["name"], "content": answer["content"]} for answer in answers])


LLAMA_FACTORY = LineFormat(
    name="llama_factory",
    title="LLaMA-Factory (sharegpt)",
    example=llama_factory_example,
    holds_text_with_calls=False,
    beside={"dataset_info.json": json.dumps(DATASET_INFO, indent=2) + "\n"},
)
