"""The gateway against a server we did not write: llama.cpp's, over weights made on the spot.

A model of a few hundred thousand random weights says nothing sensible, but it is
served by ``llama-cpp-python`` with its own HTTP layer, its own reading of
``response_format`` and its own grammar-constrained decoding. So it shows whether our
requests are understood, and whether structured output comes back typed.

llama-cpp-python is compiled when it is installed, so it has an environment of its own:

    python -m venv /tmp/llama && /tmp/llama/bin/pip install 'llama-cpp-python[server]' gguf
    python benchmarks/third_party_server.py /tmp/llama/bin/python

It prints what each kind of request gave and exits with 1 when one gave nothing usable.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from toolace_dagster.llm.driver import run_programs
from toolace_dagster.llm.gateway import Gateway
from toolace_dagster.llm.journal import CallJournal
from toolace_dagster.llm.protocol import Answer, Message, ModelRequest, Program, Purpose, Sampling, ask
from toolace_dagster.settings import ModelSettings
from toolace_dagster.warehouse import Store, sql

WEIGHTS = """
import sys
import numpy as np
import gguf

wide, hidden, layers, heads = 64, 128, 2, 4
tokens = [b"<unk>", b"<s>", b"</s>"] + [f"<0x{byte:02X}>".encode() for byte in range(256)]
tokens += [bytes([byte]) for byte in range(32, 127)]
kinds = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL]
kinds += [gguf.TokenType.BYTE] * 256 + [gguf.TokenType.NORMAL] * 95
random = np.random.default_rng(0)
writer = gguf.GGUFWriter(sys.argv[1], "llama")
writer.add_context_length(8192)
writer.add_embedding_length(wide)
writer.add_block_count(layers)
writer.add_feed_forward_length(hidden)
writer.add_head_count(heads)
writer.add_head_count_kv(heads)
writer.add_layer_norm_rms_eps(1e-5)
writer.add_rope_dimension_count(wide // heads)
writer.add_vocab_size(len(tokens))
writer.add_tokenizer_model("llama")
writer.add_token_list(tokens)
writer.add_token_scores([0.0] * len(tokens))
writer.add_token_types(kinds)
writer.add_bos_token_id(1)
writer.add_eos_token_id(2)
writer.add_unk_token_id(0)


def add(name, *shape):
    writer.add_tensor(name, (random.standard_normal(shape) * 0.1).astype(np.float32))


add("token_embd.weight", len(tokens), wide)
add("output.weight", len(tokens), wide)
writer.add_tensor("output_norm.weight", np.ones(wide, np.float32))
for layer in range(layers):
    for norm in ("attn_norm", "ffn_norm"):
        writer.add_tensor(f"blk.{layer}.{norm}.weight", np.ones(wide, np.float32))
    for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
        add(f"blk.{layer}.{part}.weight", wide, wide)
    add(f"blk.{layer}.ffn_gate.weight", hidden, wide)
    add(f"blk.{layer}.ffn_up.weight", hidden, wide)
    add(f"blk.{layer}.ffn_down.weight", wide, hidden)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
"""


class Rating(BaseModel):
    """A reply that even random weights can give when their output is constrained."""

    model_config = ConfigDict(extra="forbid")

    mood: Literal["good", "fair", "poor"]
    again: bool
    stars: Literal[1, 2, 3, 4, 5]


class Booking(BaseModel):
    """A nested reply with bounded strings and lists."""

    model_config = ConfigDict(extra="forbid")

    guests: list[Rating] = Field(min_length=1, max_length=2)
    room: Literal["single", "double"]


def program(number: int, reply_type: type[BaseModel]) -> Program[Answer[BaseModel]]:
    """A row that asks once."""
    request = ModelRequest(
        messages=(Message(role="user", content=f"Rate stay number {number}."),),
        reply_type=reply_type,
        sampling=Sampling(seed=number, max_tokens=400),
        purpose=Purpose(
            stage="bench",
            task=reply_type.__name__.lower(),
            role="generator",
            domain="bench",
            dialogue_id=f"{reply_type.__name__}-{number}",
        ),
    )
    return (yield from ask(request))


@contextmanager
def serving(python: str, folder: Path) -> Iterator[str]:
    """Make the weights, serve them, and yield the base URL."""
    model = folder / "tiny.gguf"
    subprocess.run([python, "-c", WEIGHTS, str(model)], check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [python, "-m", "llama_cpp.server", "--model", str(model), "--port", str(port), "--n_ctx", "8192"]
    log = (folder / "server.log").open("wb")
    server = subprocess.Popen([*command, "--chat_format", "chatml"], stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}/v1"
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{url}/models", timeout=1)  # noqa: S310 - our own server
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        else:
            raise RuntimeError((folder / "server.log").read_text(errors="replace")[-2000:])
        yield url
    finally:
        server.terminate()
        server.wait(20)
        log.close()


def main() -> int:
    """Ask and print."""
    os.environ.setdefault("OPENAI_API_KEY", "none")
    lost = 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with serving(sys.argv[1], folder) as url:
            for reply_type in (Rating, Booking):
                journal = CallJournal(Store(folder / "calls.duckdb", sql("calls/tables")), folder / "calls.jsonl", "x")
                settings = ModelSettings(model="tiny", base_url=url, concurrency=2)
                rows = {str(number): program(number, reply_type) for number in range(5)}
                for name, outcome in run_programs(Gateway(settings, journal), rows).items():
                    print(reply_type.__name__, name, outcome.row.reply if outcome.row else outcome.error)
                    lost += outcome.row is None
            stored = Store(folder / "calls.duckdb", sql("calls/tables")).read(
                "SELECT prompt_tokens, completion_tokens, repairs, finish_reason, retries FROM model_calls"
            )
            print(f"{len(stored)} calls: {stored}")
    return int(lost > 0)


if __name__ == "__main__":
    sys.exit(main())
