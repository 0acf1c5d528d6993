"""Whether Axolotl's own prompt strategy keeps every row, call and tool of our export, and learns what is meant.

Axolotl pins its own versions and wants a GPU's libraries, so it has an environment of its
own; the strategy alone needs little. This script imports nothing of ours:

    python -m venv .ax && .ax/bin/pip install torch transformers datasets addict colorama
    .ax/bin/pip install --no-deps axolotl
    toolace export --format axolotl
    .ax/bin/python benchmarks/axolotl_loader.py toolace_data/exports/axolotl

It loads each split as Axolotl does, tokenizes each row with its ``chat_template`` strategy
and its own Qwen 2.5 template, and decodes the labels: they must be the assistant's texts
and calls of the file, in order, without the turns that say ``"train": false``. The
tokenizer is trained on the spot.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def byte_tokenizer() -> Any:
    """Bytes as tokens, and the marks of a turn."""
    parts = import_module("tokenizers")
    made = parts.Tokenizer(parts.models.BPE())
    made.pre_tokenizer = parts.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = parts.decoders.ByteLevel()
    alphabet = parts.pre_tokenizers.ByteLevel.alphabet()
    trainer = parts.trainers.BpeTrainer(vocab_size=300, special_tokens=SPECIAL, initial_alphabet=alphabet)
    made.train_from_iterator([""], trainer)
    fast = import_module("transformers").PreTrainedTokenizerFast
    return fast(tokenizer_object=made, eos_token=SPECIAL[2], pad_token=SPECIAL[0])


def strategy(tokenizer: Any) -> Any:
    """The strategy as ``examples/configs/axolotl_lora.yaml`` asks for it."""
    config = import_module("axolotl.utils.dict").DictDefault({"chat_template": "qwen_25", "sequence_len": 10**6})
    data = {"message_field_training": "train", "roles_to_train": [], "train_on_eos": "turn"}
    return import_module("axolotl.prompt_strategies.chat_template").load(tokenizer, config, data)


def meant(line: dict[str, Any]) -> list[tuple[str, list[tuple[str, Any]]]]:
    """Text and calls of each turn that is to be learned."""
    return [
        (
            message["content"],
            [(c["function"]["name"], json.loads(c["function"]["arguments"])) for c in message.get("tool_calls", ())],
        )
        for message in line["messages"]
        if message["role"] == "assistant" and message["train"]
    ]


def learned(tokenizer: Any, row: dict[str, Any]) -> list[tuple[str, list[tuple[str, Any]]]]:
    """Text and calls of each run of labels; the mark that ends a turn belongs to it."""
    runs: list[list[int]] = [[]]
    for label in row["labels"]:
        if label != -100:
            runs[-1].append(label)
        elif runs[-1]:
            runs.append([])
    found = []
    for run in (each for each in runs if each):
        text, *calls = tokenizer.decode(run).removesuffix("<|im_end|>").split("<tool_call>\n")
        read = [json.loads(call.rstrip().removesuffix("</tool_call>")) for call in calls]
        found.append((text.strip("\n"), [(call["name"], call["arguments"]) for call in read]))
    return found


def faults(folder: Path, split: str) -> tuple[int, list[str]]:
    """Rows of a split, and what came out otherwise than it is in the file."""
    path = folder / f"{split}.jsonl"
    wanted = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    if not wanted:
        return 0, []
    rows = import_module("datasets").load_dataset("json", data_files=str(path), split="train")
    found = [] if len(rows) == len(wanted) else [f"{split}: {len(rows)} of {len(wanted)} rows were loaded"]
    tokenizer = byte_tokenizer()
    made = strategy(tokenizer)
    for number, (row, line) in enumerate(zip(rows, wanted, strict=False), start=1):
        tokens = made.tokenize_prompt(row)
        shown = tokenizer.decode(tokens["input_ids"]).split("<|im_start|>user")[0]
        missing = [
            tool["function"]["name"]
            for tool in json.loads(line["tools"])
            if json.dumps(tool, ensure_ascii=False) not in shown
        ]
        if missing:
            found.append(f"{split} {number}: the prompt does not hold {', '.join(missing)} as exported")
        expected = [(text.strip("\n"), calls) for text, calls in meant(line)]
        if learned(tokenizer, tokens) != expected:
            found.append(f"{split} {number}: what is learned differs")
    return len(wanted), found


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "toolace_data/exports/axolotl")
    wrong = 0
    for split in ("train", "validation", "test"):
        rows, found = faults(folder, split)
        wrong += len(found)
        print(f"{split}: {rows} rows, {len(found)} faults", flush=True)
        print("\n".join(found[:10]))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
