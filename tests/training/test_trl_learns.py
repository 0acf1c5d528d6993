"""What TRL learns of our export, decoded token by token: the assistant's turns and calls that were meant, and no more.

Needs the extra `train`; without it these tests are skipped. A tiny random model and a
tokenizer trained on the spot, so nothing is downloaded.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

for name in ("torch", "trl", "peft", "datasets"):
    pytest.importorskip(name, reason="needs the extra `train`")

import datasets
import torch
import trl
from peft import LoraConfig
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

from tests.builders import call, dialogue, output, reply, tool, user
from tests.dataset.rows import row
from toolace_dagster.dataset import (
    FEATURES,
    DatasetRow,
    PreferencePair,
    chat_messages,
    listed_tools,
    write_preferences,
    write_trl,
)
from toolace_dagster.entities import ToolCall

ROOT = Path(__file__).parents[2]
TEMPLATE = Path(trl.__file__).parent / "chat_templates" / "qwen2_5.jinja"
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]

VALUES: list[dict[str, Any]] = [
    {"city": "Ghent", "limit": 3},
    {"symbol": "AAPL", "at": 0.7},
    {"city": {"name": "Ghent", "near": [1, 2.5, None]}, "exact": True},
    {"tags": [], "note": 'a "quoted" \\ word', "price": 1e-7},
    {"words": "naïve 東京 \n two lines", "nothing": None},
    {"city": ["Ghent", "Bruges"], "limit": "three"},
]
"""Arguments that clash: the same names hold texts, numbers, lists and objects."""


def clashing() -> list[DatasetRow]:
    """Dialogues over tools whose parameters have other types each, with parallel calls and an error."""
    made: list[DatasetRow] = []
    for number, arguments in enumerate(VALUES):
        take = tool(f"take_{number}", {name: _schema(value) for name, value in arguments.items()}, [])
        pair = (
            ToolCall(id=f"p{number}a", name=take.name, arguments=arguments),
            ToolCall(id=f"p{number}b", name=take.name, arguments={}),
        )
        both = reply("a1", "Both at once." if number % 2 else "", tool_calls=pair)
        wrong = call("a2", take.name, {"city": number})
        turns = (
            user("u0", f"Take number {number}."),
            both,
            output("o1", both, {"ok": number, "value": arguments}),
            reply("r1", f"Done, that was {number}."),
            user("u1", "And once more?", 1),
            wrong,
            output("o2", wrong, "no such thing", is_error=True),
            reply("r2", "That did not work."),
        )
        fresh = dialogue(turns, initial_tools=(take.name,))
        made.append(row(f"d-{number}", dialogue=fresh, tools={take.name: take}))
    return made


def _schema(value: Any) -> dict[str, Any]:
    kinds = {str: "string", int: "integer", float: "number", bool: "boolean", list: "array", dict: "object"}
    return {"type": kinds.get(type(value), "null"), "description": f"like {json.dumps(value)}"}


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    write_trl(clashing(), folder)
    return folder / "trl"


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random Llama and a byte-level tokenizer trained on the rows, saved as a model is."""
    folder = tmp_path_factory.mktemp("model")
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    texts = [json.dumps(chat_messages(r.dialogue, r.tools), ensure_ascii=False) for r in clashing()]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=SPECIAL, initial_alphabet=alphabet)
    bpe.train_from_iterator(texts, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token=SPECIAL[2], pad_token=SPECIAL[0])
    tokenizer.chat_template = TEMPLATE.read_text()
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=8192,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def loaded(export: Path, how: str) -> datasets.Dataset:
    if how == "parquet":
        return datasets.load_dataset("parquet", data_files=str(export / "train.parquet"), split="train")
    features = datasets.Features({name: _feature(column) for name, column in FEATURES.items()})
    files = str(export / "train.jsonl")
    return datasets.load_dataset("json", data_files=files, split="train", features=features)


def _feature(column: dict[str, Any]) -> Any:
    return datasets.List(datasets.Json()) if column["_type"] == "List" else datasets.Value(column["dtype"])


def meant(given: DatasetRow) -> list[str]:
    """The text of each assistant turn as Qwen2.5's template writes it, made here from the dialogue itself."""
    texts = []
    for turn in given.dialogue.turns:
        if turn.role != "assistant":
            continue
        calls = [
            f'\n<tool_call>\n{{"name": "{c.name}", "arguments": {given_text}}}\n</tool_call>'
            for c in turn.tool_calls
            for given_text in [json.dumps(c.arguments, ensure_ascii=False)]
        ]
        said = f"\n{turn.content}" if turn.content or not calls else ""
        texts.append(said + "".join(calls) + "<|im_end|>\n")
    return texts


def trainer_over(rows: datasets.Dataset, model_folder: Path, out: Path, **more: Any) -> SFTTrainer:
    settings: dict[str, Any] = {
        "output_dir": str(out),
        "max_steps": 2,
        "per_device_train_batch_size": 2,
        "assistant_only_loss": True,
        "max_length": None,
        "use_cpu": True,
        "bf16": False,
        "report_to": [],
        "save_strategy": "no",
        "logging_steps": 1,
    }
    return SFTTrainer(
        model=LlamaForCausalLM.from_pretrained(model_folder),
        args=SFTConfig(**(settings | more)),
        train_dataset=rows,
        processing_class=AutoTokenizer.from_pretrained(model_folder),
        peft_config=LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM"),
    )


def learned(trainer: SFTTrainer) -> list[list[str]]:
    """Decoded runs of labels, row by row, as the trainer's own collator batches them."""
    tokenizer = trainer.processing_class
    found: list[list[str]] = []
    for place in range(len(trainer.train_dataset)):
        batch = trainer.data_collator([trainer.train_dataset[place]])
        spans: list[list[int]] = [[]]
        for label in batch["labels"][0].tolist():
            if label != -100:
                spans[-1].append(label)
            elif spans[-1]:
                spans.append([])
        found.append([tokenizer.decode(span) for span in spans if span])
    return found


@pytest.mark.parametrize("how", ["parquet", "jsonl"])
def test_rows_come_out_of_datasets_as_they_went_in(export: Path, how: str):
    read = [json.dumps([each["messages"], each["tools"]]) for each in loaded(export, how)]
    wanted = [json.dumps([chat_messages(r.dialogue, r.tools), listed_tools(r)]) for r in clashing()]
    assert read == wanted


@pytest.mark.parametrize("how", ["parquet", "jsonl"])
def test_trl_learns_exactly_the_assistant_s_turns_and_a_step_runs(
    export: Path, model_folder: Path, tmp_path: Path, how: str
):
    rows = loaded(export, how)
    trainer = trainer_over(rows, model_folder, tmp_path)
    assert len(trainer.train_dataset) == len(VALUES)
    assert learned(trainer) == [meant(each) for each in clashing()]
    # The tools are there to be read, and are not learned.
    whole = trainer.processing_class.decode(trainer.train_dataset[0]["input_ids"])
    assert '"name": "take_0"' in whole.split("<|im_start|>user")[0]
    before = {name: value.detach().clone() for name, value in trainer.model.named_parameters() if value.requires_grad}
    result = trainer.train()
    assert result.global_step == 2
    assert any(not torch.equal(before[n], v) for n, v in trainer.model.named_parameters() if n in before)


def test_lines_without_features_are_refused_by_trl(export: Path, model_folder: Path, tmp_path: Path):
    """Without the features messages are texts, which no trainer takes for a dialogue: it fails, and loudly."""
    read = datasets.load_dataset("json", data_files=str(export / "train.jsonl"), split="train")
    assert all(isinstance(message, str) for message in read[0]["messages"])
    with pytest.raises(ValueError, match="the dataset is not conversational"):
        trainer_over(read, model_folder, tmp_path)


def script_at(path: str) -> Any:
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_example_trains_and_keeps_masked_turns_out(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write_trl(clashing(), tmp_path, ("failed_calls",))
    script = script_at("examples/finetune_lora.py")
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    for given, read in zip(clashing(), script.read_split(tmp_path / "trl", "train"), strict=True):
        encoded = script.encode(tokenizer, read["messages"], read["tools"])
        places = script.learned_spans(encoded["assistant_masks"])
        spans = [tokenizer.decode(encoded["input_ids"][a:b]) for a, b in places]
        wanted = meant(given)
        # The third turn is the call that fails.
        assert spans == [wanted[0], wanted[1], wanted[3]]
    out = tmp_path / "adapter"
    words = ["--model", model_folder, "--data", tmp_path / "trl", "--out", out, "--batch", 2, "--max-steps", 2]
    monkeypatch.setattr(sys, "argv", ["finetune_lora.py", *map(str, words)])
    made: list[SFTTrainer] = []

    class Kept(SFTTrainer):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            made.append(self)

    monkeypatch.setattr(script, "SFTTrainer", Kept)
    script.main()
    # What the trainer's own collator labels, not only what the script hands it.
    wanted = [[each for place, each in enumerate(meant(given)) if place != 2] for given in clashing()]
    assert learned(made[0]) == wanted
    # Without the mask the call that fails would have been learned, so there is something to keep out.
    assert all('{"city": ' in meant(given)[2] for given in clashing())
    metrics = json.loads((out / "metrics.json").read_text())
    assert (metrics["steps"], metrics["rows"], metrics["too_long"]) == (2, len(VALUES), 0)
    assert (out / "adapter_model.safetensors").exists()


def test_dpo_takes_the_preference_pairs(model_folder: Path, tmp_path: Path):
    pairs = [
        PreferencePair(
            dialogue_id=r.dialogue.id,
            split="train",
            edit_id=f"e{number}",
            source="refinement",
            reason="Better.",
            same_context=True,
            prompt=chat_messages(r.dialogue, r.tools)[:1],
            chosen=chat_messages(r.dialogue, r.tools)[1:2],
            rejected=[{"role": "assistant", "content": "No."}],
            tools=listed_tools(r),
        )
        for number, r in enumerate(clashing())
    ]
    write_preferences(pairs, tmp_path)
    files = str(tmp_path / "preferences/train.parquet")
    rows = datasets.load_dataset("parquet", data_files=files, split="train")
    assert [each["chosen"] for each in rows] == [pair.chosen for pair in pairs]
    trainer = DPOTrainer(
        model=LlamaForCausalLM.from_pretrained(model_folder),
        args=DPOConfig(
            output_dir=str(tmp_path / "out"),
            max_steps=1,
            per_device_train_batch_size=2,
            max_length=None,
            use_cpu=True,
            bf16=False,
            report_to=[],
            save_strategy="no",
        ),
        train_dataset=rows.select_columns(["prompt", "chosen", "rejected", "tools"]),
        processing_class=AutoTokenizer.from_pretrained(model_folder),
        peft_config=LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM"),
    )
    text = trainer.processing_class.decode(trainer.train_dataset[0]["prompt_ids"])
    assert '"name": "take_0"' in text
    assert trainer.train().global_step == 1
