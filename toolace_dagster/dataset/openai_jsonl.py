"""JSON lines for OpenAI fine-tuning.

Belongs here: the form of one training example, writing it, and the checks that the
published schema of a line misses. Does not belong here: how a dialogue becomes
messages (``messages``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import jsonschema_rs

from toolace_dagster.dataset.files import FileReport, Replacement, replacing
from toolace_dagster.dataset.messages import ChatMessage, chat_messages, compact_json, listed_tools
from toolace_dagster.dataset.rows import SPLITS, DatasetRow, ExportError, Split, row_faults
from toolace_dagster.dataset.splits import require_split
from toolace_dagster.entities import TOOL_NAME

LEAST_EXAMPLES = 10
"""OpenAI refuses a training file with fewer."""

_KEYS = {
    "example": {"messages", "tools", "parallel_tool_calls"},
    "user": {"role", "content"},
    "assistant": {"role", "content", "tool_calls"},
    "tool": {"role", "content", "tool_call_id"},
    "call": {"id", "type", "function"},
    "function": {"name", "arguments"},
}


def openai_path(split: Split) -> str:
    """Path of a split's file below the export's folder."""
    return f"openai/{split}.jsonl"


def openai_example(row: DatasetRow) -> dict[str, Any]:
    """One training example: arguments as JSON text, ids on calls and answers.

    Args:
        row: The row.

    Returns:
        ``messages``, ``tools`` and ``parallel_tool_calls``, which says whether any turn makes several calls at once.
    """
    return {
        "messages": [_message(message) for message in chat_messages(row.dialogue, row.tools)],
        "tools": listed_tools(row),
        "parallel_tool_calls": any(len(turn.tool_calls) > 1 for turn in row.dialogue.turns),
    }


def openai_faults(example: dict[str, Any], row: DatasetRow) -> Iterator[str]:
    """Check an example for what the published schema lets through.

    Args:
        example: A parsed line.
        row: The row it was made from: it knows the schemas of tools that arrive later, and which calls failed.

    Yields:
        Sentences: unknown keys, bad names, calls without an answer and answers without a call,
        arguments that are no object or not valid for the tool. A call that failed may have invalid ones.
    """
    yield from _unknown("example", example)
    for tool in example["tools"]:
        if not TOOL_NAME.match(tool["function"]["name"]):
            yield f"The tool name {tool['function']['name']!r} is not allowed."
    failed = {output.call_id for turn in row.dialogue.turns for output in turn.outputs if output.is_error}
    waiting: list[str] = []
    seen: set[str] = set()
    for position, message in enumerate(example["messages"]):
        yield from _unknown(message["role"], message, f"Message {position}")
        if message["role"] == "tool":
            if message["tool_call_id"] in waiting:
                waiting.remove(message["tool_call_id"])
            else:
                yield f"Message {position} answers {message['tool_call_id']!r}, which no call is waiting for."
        elif waiting:
            yield f"Calls {', '.join(waiting)} have no answer before message {position}."
            waiting = []
        for call in message.get("tool_calls", ()):
            if call["id"] in seen:
                yield f"Two calls have the id {call['id']!r}."
            seen.add(call["id"])
            waiting.append(call["id"])
            yield from _call_faults(call, row, spared=call["id"] in failed)
    if waiting:
        yield f"Calls {', '.join(waiting)} have no answer."


class OpenAiWriter:
    """Writes the three files from rows that come one by one."""

    def __init__(self, files: Replacement) -> None:
        self._files = files
        self._paths: dict[Split, Path] = {split: files.file(openai_path(split)) for split in SPLITS}
        self._streams = {split: path.open("w", encoding="utf-8", newline="\n") for split, path in self._paths.items()}
        self._rows: dict[Split, int] = dict.fromkeys(SPLITS, 0)

    def add(self, row: DatasetRow) -> None:
        """Add one row.

        Raises:
            ExportError: If the row has no split, or makes no valid example.
        """
        split = require_split(row)
        faults = row_faults(row)
        if not faults:
            line = compact_json(openai_example(row))
            # Checked on the text that is written, so that what is checked is what a reader parses.
            faults = list(openai_faults(json.loads(line), row))
            self._streams[split].write(line + "\n")
            self._rows[split] += 1
        if faults:
            raise ExportError(f"dialogue {row.dialogue.id} cannot be exported: {' '.join(faults)}")

    def finish(self) -> list[FileReport]:
        """Close the files and count what they hold.

        Raises:
            ExportError: If a file read back has another number of examples.
        """
        self.close()
        reports: list[FileReport] = []
        for split, path in self._paths.items():
            rows = sum(1 for _ in read_openai(path))
            if rows != self._rows[split]:
                raise ExportError(f"{openai_path(split)} has {rows} examples, {self._rows[split]} were written")
            reports.append(self._files.report(openai_path(split), split=split, rows=rows))
        return reports

    def close(self) -> None:
        """Close the files; safe to call again."""
        for stream in self._streams.values():
            stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def write_openai(rows: Iterable[DatasetRow], folder: Path) -> list[FileReport]:
    """Write ``openai/train.jsonl``, ``openai/validation.jsonl`` and ``openai/test.jsonl``.

    Args:
        rows: Rows with splits; their order is the files' order.
        folder: The export's folder.

    Returns:
        One report per file.

    Raises:
        ExportError: If a row makes no valid example. No file is changed then.
    """
    with replacing(folder) as files, OpenAiWriter(files) as writer:
        for row in rows:
            writer.add(row)
        return writer.finish()


def read_openai(path: Path) -> Iterator[dict[str, Any]]:
    """Read a file back, one example at a time."""
    with path.open(encoding="utf-8", newline="\n") as stream:
        for line in stream:
            yield json.loads(line)


def _message(message: ChatMessage) -> ChatMessage:
    if message["role"] == "tool":
        return {"role": "tool", "tool_call_id": message["tool_call_id"], "content": message["content"]}
    if "tool_calls" not in message:
        return message
    calls = [
        call | {"function": call["function"] | {"arguments": compact_json(call["function"]["arguments"])}}
        for call in message["tool_calls"]
    ]
    return message | {"tool_calls": calls}


def _unknown(kind: str, value: dict[str, Any], where: str = "The example") -> Iterator[str]:
    if unknown := sorted(value.keys() - _KEYS.get(kind, set[str]())):
        yield f"{where} has unknown keys: {', '.join(unknown)}."


def _call_faults(call: dict[str, Any], row: DatasetRow, *, spared: bool) -> Iterator[str]:
    yield from _unknown("call", call, f"Call {call['id']}")
    function = call["function"]
    yield from _unknown("function", function, f"The function of call {call['id']}")
    try:
        arguments: Any = json.loads(function["arguments"])
    except ValueError:
        yield f"The arguments of call {call['id']} are not JSON."
        return
    if not isinstance(arguments, dict):
        yield f"The arguments of call {call['id']} are not an object."
    if spared:
        return
    tool = row.tools.get(function["name"])
    if tool is None:
        yield f"Call {call['id']} names the tool {function['name']!r}, which does not exist."
    elif error := next(jsonschema_rs.Draft202012Validator(tool.parameters).iter_errors(arguments), None):
        yield f"The arguments of call {call['id']} are not valid for {tool.name}: {error.message}"
