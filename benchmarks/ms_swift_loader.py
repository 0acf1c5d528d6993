"""Whether ms-swift's own loader keeps every row, message and tool of our export.

ms-swift pins its own versions, so it has an environment of its own; loading alone needs
no GPU and few of its dependencies. This script imports nothing of ours:

    python -m venv .sw && .sw/bin/pip install torch transformers datasets peft trl modelscope
    .sw/bin/pip install addict json_repair pillow cryptography aiohttp
    .sw/bin/pip install --no-deps ms-swift
    toolace export --format ms_swift
    .sw/bin/python benchmarks/ms_swift_loader.py toolace_data/exports/ms_swift

It loads each split with ``swift.dataset.load_dataset``, whose preprocessor checks and
cuts messages, and compares messages (role, content, ``loss`` and an answer's ``name``)
and tools with the file. Each row is then rendered with its Hermes agent template, which
Qwen 2.5 uses: tools and calls must stand there as exported. The whole prompt
needs a model's tokenizer and is not looked at.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Any


def loaded(path: Path) -> list[dict[str, Any]]:
    """The rows as the trainer gets them; a row that its preprocessor refuses raises."""
    load = import_module("swift.dataset").load_dataset
    rows, _ = load(str(path), split_dataset_ratio=0.0, load_from_cache_file=False, strict=True)
    return list(rows)


def said(message: dict[str, Any]) -> dict[str, Any]:
    """A message without the nulls that a table pads it with."""
    return {key: value for key, value in message.items() if value is not None}


def rendered_faults(row: dict[str, Any], line: dict[str, Any]) -> list[str]:
    """What the agent template shows otherwise than it stands in the file."""
    template = import_module("swift.agent_template").agent_template_map["hermes"]()
    found: list[str] = []
    block = template._format_tools(row["tools"]).split("<tools>\n")[1].split("\n</tools>")[0]
    if [json.loads(tool) for tool in block.split("\n")] != json.loads(line["tools"]):
        found.append("the template shows other tools")
    for role, run in groupby(row["messages"], key=lambda message: message["role"]):
        messages = list(run)
        if role == "tool_call":
            text = template._format_tool_calls(messages)
            calls = [(call.name, call.arguments) for call in template.get_toolcall(text)]
            meant = [json.loads(message["content"]) for message in messages]
            read = [(name, json.loads(given) if isinstance(given, str) else given) for name, given in calls]
            if read != [(call["name"], call["arguments"]) for call in meant]:
                found.append("calls do not survive the template")
        elif role == "tool_response":
            text = template._get_tool_responses(messages)
            if any(message["content"] not in text for message in messages):
                found.append("an answer is not in the prompt")
    return found


def faults(folder: Path, split: str) -> tuple[int, int, int, list[str]]:
    """Rows of a split, named answers and messages kept out of the loss in it, and what was lost or changed."""
    path = folder / f"{split}.jsonl"
    wanted = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    if not wanted:
        return 0, 0, 0, []
    rows = loaded(path)
    found = [] if len(rows) == len(wanted) else [f"{split}: {len(rows)} of {len(wanted)} rows were loaded"]
    named = masked = 0
    for number, (row, line) in enumerate(zip(rows, wanted, strict=False), start=1):
        messages = [said(message) for message in row["messages"]]
        named += sum("name" in message for message in messages)
        masked += sum(message.get("loss") is False for message in messages)
        if messages != line["messages"]:
            found.append(f"{split} {number}: messages differ")
        if json.dumps(row["tools"]) != json.dumps(json.loads(line["tools"])):
            found.append(f"{split} {number}: tools differ")
        found += [f"{split} {number}: {fault}" for fault in rendered_faults(row, line)]
    return len(rows), named, masked, found


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "toolace_data/exports/ms_swift")
    wrong = 0
    for split in ("train", "validation", "test"):
        rows, named, masked, found = faults(folder, split)
        wrong += len(found)
        print(f"{split}: {rows} rows, {named} named answers, {masked} out of the loss, {len(found)} faults", flush=True)
        print("\n".join(found[:10]))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
