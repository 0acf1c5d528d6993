"""What the columns of exported files hold, in words, for what shows them.

Belongs here: names, types and descriptions. Does not belong here: writing files
(``formats``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from toolace_dagster.dataset.formats import FEATURES, PREFERENCE_FEATURES
from toolace_dagster.settings import FormatName


@dataclass(frozen=True)
class Column:
    """A column of a file, or a field of each line.

    Attributes:
        name: Its name.
        kind: Its type.
        text: What it holds.
    """

    name: str
    kind: str
    text: str


_TEXTS = {
    "dialogue_id": "the dialogue, the same as in all tables",
    "domain": "tool domain",
    "kind": "dialogue, or the kind of example that was cut out of one",
    "messages": "system, user, assistant and tool messages; the arguments of calls are objects",
    "tools": "the tools offered from the start, as OpenAI tool definitions",
    "edit_id": "the edit the pair is from, in the table edits",
    "source": "refinement, repair or injected_mistake: who preferred it",
    "reason": "the judge's reason for the edit that the turn is part of; of a repair what verification found "
    "wrong with the rejected turn, of an injected mistake the tool's error",
    "same_context": "whether both follow just the same messages",
    "prompt": "the messages before",
    "chosen": "the better messages",
    "rejected": "the worse messages",
}
_MESSAGES = "user, assistant and tool messages; the arguments of calls are JSON text"
_TOOL_TEXT = "the tools offered from the start, as JSON text"
_LINES: Mapping[FormatName, tuple[Column, ...]] = {
    "openai": (
        Column("messages", "list of objects", _MESSAGES),
        Column("tools", "list of objects", _TEXTS["tools"]),
        Column("parallel_tool_calls", "boolean", "whether any turn makes several calls at once"),
    ),
    "llama_factory": (
        Column("conversations", "list of objects", "turns from human, gpt, function_call and observation"),
        Column("tools", "string", _TOOL_TEXT),
    ),
    "axolotl": (
        Column("messages", "list of objects", _MESSAGES),
        Column("tools", "string", _TOOL_TEXT),
    ),
    "ms_swift": (
        Column("tools", "string", _TOOL_TEXT),
        Column("messages", "list of objects", "messages of the roles user, assistant, tool_call and tool_response"),
    ),
    "hermes": (
        Column("conversations", "list of objects", "turns from system, human, gpt and tool; tools and calls as tags"),
    ),
    "toolace": (
        Column("system", "string", "the instructions, with the tools in them"),
        Column("conversations", "list of objects", "turns from user, assistant and tool; calls as [Func(arg=value)]"),
    ),
}
_KINDS = {"List": "JSON[]", "string": "VARCHAR", "bool": "BOOLEAN"}


def export_columns(name: FormatName) -> tuple[Column, ...]:
    """Columns of a format's files.

    Args:
        name: The format.
    """
    return _of_features(FEATURES) if name == "trl" else _LINES[name]


def preference_columns() -> tuple[Column, ...]:
    """Columns of the files of preference pairs."""
    return _of_features(PREFERENCE_FEATURES)


def _of_features(features: Mapping[str, Mapping[str, object]]) -> tuple[Column, ...]:
    return tuple(
        Column(name, _KINDS[str(column["_type"] if column["_type"] == "List" else column["dtype"])], _TEXTS[name])
        for name, column in features.items()
    )
