"""Whether LLaMA-Factory's own loader keeps every row and word of our export.

LLaMA-Factory pins its own versions, so it has an environment of its own; this script
imports nothing of ours:

    python -m venv .lf && .lf/bin/pip install llamafactory
    toolace export --format llama_factory
    .lf/bin/python benchmarks/llama_factory_loader.py toolace_data/exports/llama_factory

It aligns each split with the loader's converter, compares rows and content with the
file, and renders each row with a template, where broken calls and tools would raise. A
tool that a message announces must have the form in which the template shows the others.
"""

from __future__ import annotations

import json
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

ANNOUNCED = re.compile(r"\[A tool has been added: (\{.*\})\]")
QWEN_TOOLS = re.compile(r"<tools>\n(.*?)\n?</tools>", re.DOTALL)


def form(tool: dict[str, Any]) -> list[str]:
    """The keys of a definition, and of what it wraps."""
    inner = tool.get("function")
    return [*sorted(tool), *(f"function.{key}" for key in sorted(inner or ()))]


def announcements(line: dict[str, Any], shown: str) -> tuple[int, list[str]]:
    """How many tools are announced in a row, and those in no form of what the template shows."""
    block = QWEN_TOOLS.search(shown)
    forms = [form(json.loads(tool)) for tool in block[1].splitlines()] if block else []
    said = [turn["value"] for turn in line["conversations"] if turn["from"] == "human"]
    announced = [json.loads(found) for text in said for found in ANNOUNCED.findall(text)]
    return len(announced), [str(form(tool)) for tool in announced if form(tool) not in forms]


def aligned(folder: Path, name: str) -> list[dict[str, Any]]:
    """One data set as the trainer gets it."""
    datasets = import_module("datasets")
    parser = import_module("llamafactory.data.parser")
    converter = import_module("llamafactory.data.converter")
    arguments = import_module("llamafactory.hparams").DataArguments(dataset_dir=str(folder), dataset=[name])
    (attributes,) = parser.get_dataset_list([name], str(folder))
    file = str(folder / attributes.dataset_name)
    rows = datasets.load_dataset("json", data_files=file, split="train")
    convert = converter.get_dataset_converter(attributes.formatting, attributes, arguments)
    return [convert(row) for row in rows]


def faults(folder: Path, split: str) -> tuple[int, int, list[str]]:
    """Rows of a split, tools announced in them, and what the loader lost or changed."""
    lines = (folder / f"{split}.jsonl").read_text(encoding="utf-8").split("\n")
    wanted = [json.loads(line) for line in lines if line]
    if not wanted:
        return 0, 0, []
    found: list[str] = []
    announced = 0
    rows = aligned(folder, f"toolace_{split}")
    if len(rows) != len(wanted):
        found.append(f"{split}: {len(rows)} of {len(wanted)} rows came out")
    utils = import_module("llamafactory.data.tool_utils").get_tool_utils("qwen")
    for number, (row, line) in enumerate(zip(rows, wanted, strict=False), start=1):
        said = [message["content"] for message in (*row["_prompt"], *row["_response"])]
        if said != [turn["value"] for turn in line["conversations"]]:
            found.append(f"{split} {number}: what is said differs, or the row was dropped")
        if row["_tools"] != line["tools"]:
            found.append(f"{split} {number}: the tools differ")
        shown = utils.tool_formatter(json.loads(row["_tools"]))
        count, other = announcements(line, shown)
        announced += count
        found += [
            f"{split} {number}: a tool is announced in another form than the template's: {each}" for each in other
        ]
        missing = [tool["name"] for tool in json.loads(line["tools"]) if f'"{tool["name"]}"' not in shown]
        if missing:
            found.append(f"{split} {number}: the template drops {', '.join(missing)}")
        for turn in line["conversations"]:
            if turn["from"] == "function_call":
                calls = [(c["name"], json.dumps(c["arguments"], ensure_ascii=False)) for c in json.loads(turn["value"])]
                kind = import_module("llamafactory.data.tool_utils").FunctionCall
                text = utils.function_formatter([kind(*call) for call in calls])
                if [tuple(call) for call in utils.tool_extractor(text)] != calls:
                    found.append(f"{split} {number}: calls do not survive the template")
    return len(wanted), announced, found


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "toolace_data/exports/llama_factory")
    wrong = 0
    for split in ("train", "validation", "test"):
        rows, announced, found = faults(folder, split)
        wrong += len(found)
        print(f"{split}: {rows} rows, {announced} tools announced, {len(found)} faults")
        print("\n".join(found[:10]))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
