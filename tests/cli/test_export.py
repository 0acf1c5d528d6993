"""`toolace export`: any format, into the home as a Dagster run or into a folder."""

from __future__ import annotations

import json
import re
import shutil
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import toolace
from tests.cli.made import Made
from tests.dataset.examples import pair
from toolace_dagster.dataset import LINE_FORMATS, PreferencePair, read_lines, read_trl, write_preferences
from toolace_dagster.warehouse import Warehouse


@pytest.fixture
def home(made: Made, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made.home, tmp_path / "home"))


def test_a_format_is_written_into_the_home_once(home: Path, made: Made) -> None:
    ended = toolace("export", "--format", "llama_factory", "--home", home)
    assert ended.code == 0, ended.err
    folder = home / "exports" / "llama_factory"
    written = [example for path in sorted(folder.glob("*.jsonl")) for example in read_lines(path)]
    assert len(written) == len(made.ids("accepted")) > 0
    assert (folder / "dataset_info.json").exists()
    lines = [
        row
        for domain in made.warehouse.domains()
        for row in Warehouse(home).domain(domain).read("SELECT DISTINCT format FROM export_lines ORDER BY format")
    ]
    assert {row["format"] for row in lines} == {"llama_factory", "openai", "trl"}
    assert "Nothing was stale" in toolace("export", "--format", "llama_factory", "--home", home).out


def test_out_writes_there_and_leaves_the_home_current(home: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in (home / "exports").rglob("*") if path.is_file()}
    out = tmp_path / "out"
    ended = toolace("export", "--format", "openai", "--home", home, "--out", out, "--set", 'loss_mask=["failed_calls"]')
    assert ended.code == 0, ended.err
    examples = [e for path in (out / "openai").iterdir() for e in read_lines(path)]
    plain = [e for path in (home / "exports/openai").iterdir() for e in read_lines(path)]
    weights = [m["weight"] for e in examples for m in e["messages"] if "weight" in m]
    assert set(weights) == {0}
    assert [e["tools"] for e in examples] == [e["tools"] for e in plain]
    assert {path: path.read_bytes() for path in (home / "exports").rglob("*") if path.is_file()} == before
    assert "Nothing was stale" in toolace("export", "--format", "openai", "--home", home).out


def test_examples_of_a_made_home_are_understood_by_themselves(home: Path, tmp_path: Path) -> None:
    shares = [word for kind in ("single_turn", "irrelevance") for word in ("--set", f"slices.{kind}=1")]
    ended = toolace("export", "--format", "trl", "--home", home, "--out", tmp_path / "out", *shares)
    assert ended.code == 0, ended.err
    read = [each for side in ("train", "validation", "test") for each in rows_of(tmp_path / f"out/trl/{side}.parquet")]
    whole = {each["dialogue_id"]: each["messages"] for each in read if each["kind"] == "dialogue"}
    cut = [each for each in read if each["kind"] != "dialogue"]
    assert {each["kind"] for each in cut} & {"single_turn", "irrelevance"}
    for each in cut:
        asked, answered = each["messages"]
        source = whole[each["dialogue_id"].partition("/")[0]]
        # The dialogue's first message also holds its day, which an example leaves out where nothing hangs on it.
        place = next(at for at, m in enumerate(source) if (m["content"] or "").startswith(asked["content"]))
        after = source[place + 1 :]
        calls = [m for m in takewhile(lambda m: m["role"] != "user", after) if m.get("tool_calls")]
        assert len(calls) == (each["kind"] == "single_turn")
        told = set(re.findall(r"\w*\d\w*", answered["content"]))
        assert told <= set(re.findall(r"\w+", asked["content"])), each


def rows_of(path: Path) -> list[dict[str, Any]]:
    return list(read_trl(path)) if path.exists() else []


def test_a_home_without_dialogues_is_told_how_to_get_some(tmp_path: Path) -> None:
    ended = toolace("export", "--home", tmp_path / "nothing")
    assert ended.code == 1
    assert "toolace run" in ended.err


def test_all_formats_can_be_chosen() -> None:
    text = toolace("export", "--help").out
    assert all(name in text for name in ("trl", *LINE_FORMATS))


def test_arguments_padded_with_nulls_end_the_check_with_1(home: Path, tmp_path: Path) -> None:
    line = json.loads((home / "exports/openai/train.jsonl").read_text().splitlines()[0])
    calls = next(message["tool_calls"] for message in line["messages"] if "tool_calls" in message)
    arguments = json.loads(calls[0]["function"]["arguments"]) | {"symbol": None}
    calls[0]["function"]["arguments"] = json.dumps(arguments)
    padded = tmp_path / "padded.jsonl"
    padded.write_text((json.dumps(line) + "\n") * 10)
    ended = toolace("export", "check", padded, "--format", "openai", "--show", "1")
    assert ended.code == 1
    assert "padded_nulls" in ended.out
    assert "0 of 10 examples are sound" in ended.out


def test_preference_pairs_are_checked(tmp_path: Path) -> None:
    made = {
        "dialogue_id": "d",
        "edit_id": "e",
        "source": "injected_mistake",
        "reason": "Refused.",
        "same_context": True,
    }
    write_preferences([PreferencePair(split="train", **made, **pair())], tmp_path)
    ended = toolace("export", "check", tmp_path / "preferences/train.parquet", "--format", "preferences")
    assert ended.code == 0, ended.out
    assert "1 of 1 examples are sound" in ended.out


def test_warnings_are_not_errors(home: Path, tmp_path: Path) -> None:
    ended = toolace("export", "--format", "hermes", "--home", home, "--out", tmp_path, "--set", "slices.irrelevance=1")
    assert ended.code == 0
    assert "warning:" in ended.err
    assert "error:" not in ended.err


def test_tokens_are_counted_of_what_is_exported(home: Path, tmp_path: Path) -> None:
    plain = toolace("export", "tokens", "--home", home, "--max-length", "1000000").out
    sliced = toolace("export", "tokens", "--home", home, "--max-length", "1000000", "--set", "slices.irrelevance=1").out
    toolace("export", "--format", "openai", "--home", home, "--out", tmp_path, "--set", "slices.irrelevance=1")
    lines = [line for path in (tmp_path / "openai").iterdir() for line in path.read_text().splitlines()]
    numbers = [int(re.findall(r"1,000,000 +(\d+) +100%", text)[0]) for text in (plain, sliced)]
    assert numbers[1] == len(lines) > numbers[0]
    assert "examples" in sliced


def test_a_template_that_refuses_every_dialogue_says_so(home: Path, tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers", reason="needs the extra `tokens`")
    tokenizers.Tokenizer(tokenizers.models.BPE({"a": 0}, [])).save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "chat_template.jinja").write_text("{{ raise_exception('roles must alternate') }}")
    ended = toolace("export", "tokens", "--home", home, "--tokenizer", tmp_path)
    assert ended.code == 1
    assert "refused all" in ended.err
    assert "roles must alternate" in ended.err
    assert "toolace run" not in ended.err + ended.out


def test_gc_removes_what_a_killed_export_left(home: Path) -> None:
    left = home / "exports/openai/.train.jsonl.4194304-0123abcd.tmp"
    left.write_text("half a li")
    assert "1 unfinished files" in toolace("gc", "--home", home, "--dry-run").out
    assert left.exists()
    assert toolace("gc", "--home", home).code == 0
    assert not left.exists()
