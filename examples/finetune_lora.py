"""Fine-tune a model on an export with LoRA, by TRL and PEFT, with the settings of the paper (ToolACE-MT, appendix).

Needs the extra ``train``: ``pip install "toolace-dagster[train]"``. Reads the files of
``toolace export --format trl``; a turn with ``weight`` 0 is kept out of the loss.

    python examples/finetune_lora.py --model Qwen/Qwen2.5-7B-Instruct --data toolace_data/exports/trl --out adapter

What is learned is decided here and can be looked at: ``encode`` gives tokens and mask of
each dialogue, and ``--show 2`` prints the text of the learned spans before training.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, load_dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase
from trl import SFTConfig, SFTTrainer
from trl.chat_template_utils import get_training_chat_template


def read_split(data: Path, split: str) -> Dataset | None:
    """One split of an export, or None where it has no rows; Parquet keeps the types of every argument."""
    path = data / f"{split}.parquet"
    if not path.exists():
        return None
    try:
        return load_dataset("parquet", data_files={split: str(path)}, split=split)
    except ValueError:  # `datasets` refuses a split without data
        return None


def encode(
    tokenizer: PreTrainedTokenizerBase, messages: list[dict[str, Any]], tools: list[Any]
) -> dict[str, list[int]]:
    """Tokens of a dialogue and which of them are learned: the assistant's turns but for those of weight 0.

    Args:
        tokenizer: With a chat template; TRL's training variant of it is used where it has one.
        messages: As exported.
        tools: As exported.

    Returns:
        ``input_ids`` and ``assistant_masks``, equally long.

    Raises:
        ValueError: If the template marks another number of spans than there are assistant turns.
    """
    made = tokenizer.apply_chat_template(
        messages,
        tools=tools or None,
        chat_template=get_training_chat_template(tokenizer),
        tokenize=True,
        return_dict=True,
        return_assistant_tokens_mask=True,
    )
    mask = list(made["assistant_masks"])
    turns = [message for message in messages if message["role"] == "assistant"]
    spans = list(learned_spans(mask))
    if len(spans) != len(turns):
        raise ValueError(f"the chat template marks {len(spans)} spans for {len(turns)} assistant turns; take another")
    for (start, end), turn in zip(spans, turns, strict=True):
        if turn.get("weight") == 0:
            mask[start:end] = [0] * (end - start)
    return {"input_ids": list(made["input_ids"]), "assistant_masks": mask}


def learned_spans(mask: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Start and end of each run of ones."""
    start = None
    for place, learned in enumerate([*mask, 0]):
        if learned and start is None:
            start = place
        elif not learned and start is not None:
            yield start, place
            start = None


def encoded(tokenizer: PreTrainedTokenizerBase, rows: Dataset, max_length: int) -> tuple[Dataset, dict[str, int]]:
    """All rows that fit, and what became of the others; a dialogue is never cut, since its end is what it is for."""
    made = [encode(tokenizer, row["messages"], row["tools"]) for row in rows]
    fitting = [each for each in made if len(each["input_ids"]) <= max_length]
    learning = [each for each in fitting if any(each["assistant_masks"])]
    longest = max((len(each["input_ids"]) for each in made), default=0)
    counts = {
        "rows": len(made),
        "too_long": len(made) - len(fitting),
        "nothing_to_learn": len(fitting) - len(learning),
        "longest": longest,
    }
    return Dataset.from_list(learning), counts


def train(arguments: argparse.Namespace) -> dict[str, Any]:
    """Train and save the adapter; returns what was measured."""
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    if arguments.chat_template:
        tokenizer.chat_template = Path(arguments.chat_template).read_text(encoding="utf-8")
    rows = read_split(arguments.data, "train")
    if rows is None:
        raise SystemExit(f"{arguments.data} holds no training rows: toolace export --format trl")
    learned, counts = encoded(tokenizer, rows, arguments.max_length)
    print(json.dumps({"train": counts}))
    if not len(learned):
        raise SystemExit(f"no dialogue fits into {arguments.max_length} tokens; the longest has {counts['longest']}")
    for row in list(learned)[: arguments.show]:
        for start, end in learned_spans(row["assistant_masks"]):
            print(repr(tokenizer.decode(row["input_ids"][start:end])))
    held_out = read_split(arguments.data, "validation")
    validation, _ = encoded(tokenizer, held_out, arguments.max_length) if held_out is not None else (None, {})
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    accumulation = max(1, arguments.batch // (arguments.per_device * processes))
    config = SFTConfig(
        output_dir=str(arguments.out),
        num_train_epochs=arguments.epochs,
        max_steps=arguments.max_steps,
        per_device_train_batch_size=arguments.per_device,
        per_device_eval_batch_size=arguments.per_device,
        gradient_accumulation_steps=accumulation,
        learning_rate=1e-4,
        lr_scheduler_type="cosine",
        warmup_steps=0.1,
        max_length=arguments.max_length,
        bf16=torch.cuda.is_available() and torch.cuda.is_bf16_supported(),
        gradient_checkpointing=torch.cuda.is_available(),
        use_cpu=not torch.cuda.is_available(),
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        seed=arguments.seed,
    )
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(arguments.model, dtype="auto"),
        args=config,
        train_dataset=learned,
        eval_dataset=validation if validation is not None and len(validation) else None,
        processing_class=tokenizer,
        peft_config=LoraConfig(
            r=16, lora_alpha=32, lora_dropout=0.05, target_modules="all-linear", task_type="CAUSAL_LM"
        ),
    )
    result = trainer.train()
    trainer.save_model(str(arguments.out))
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    measured: dict[str, Any] = {
        "model": arguments.model,
        "steps": result.global_step,
        "train_loss": result.training_loss,
        "first_loss": losses[0] if losses else None,
        "last_loss": losses[-1] if losses else None,
        **counts,
    }
    if trainer.eval_dataset is not None:
        measured["validation_loss"] = trainer.evaluate()["eval_loss"]
    (arguments.out / "metrics.json").write_text(json.dumps(measured, indent=1), encoding="utf-8")
    return measured


def main() -> None:
    """Read the options and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a model of the Hub, or a folder")
    parser.add_argument("--data", type=Path, default=Path("toolace_data/exports/trl"), help="folder of the TRL export")
    parser.add_argument("--out", type=Path, default=Path("adapter"), help="folder for the adapter and metrics.json")
    parser.add_argument("--chat-template", help="a Jinja file to use in place of the tokenizer's own")
    parser.add_argument("--max-length", type=int, default=16384, help="tokens; longer dialogues are left out, not cut")
    parser.add_argument("--batch", type=int, default=64, help="dialogues a step (paper: 64)")
    parser.add_argument("--per-device", type=int, default=1, help="dialogues at once on a device")
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--max-steps", type=int, default=-1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", type=int, default=0, help="print what is learned of so many dialogues")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    print(json.dumps(train(arguments)))


if __name__ == "__main__":
    main()
