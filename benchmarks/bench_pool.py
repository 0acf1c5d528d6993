"""How long a large pool takes: import, duplicates, writing, reading again, and the memory all of it needs.

    python benchmarks/bench_pool.py [--tools 10000]

The tools are made here, from words drawn with a fixed seed, in the shapes people have them in: OpenAI definitions,
MCP answers, BFCL and ToolBench entries with their foreign type words, in one flat file of JSON lines. Each step runs
once in this process; figures are seconds, and the share of the whole.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from toolace_dagster.tool_pool import PoolOptions, export_pool, find_likenesses, load_pool

TOPICS = 60
WORDS_PER_TOPIC = 40
SYLLABLES = "ba be bi bo ka ke ki ko la le li lo ma me mi mo na ne ni no ra re ri ro sa se si so ta te ti to".split()
VERBS = "get list find create update delete send count check book cancel move open close".split()


def words(rng: random.Random, count: int) -> list[str]:
    return ["".join(rng.choices(SYLLABLES, k=rng.randint(2, 4))) for _ in range(count)]


def parameter(rng: random.Random, about: list[str], foreign: bool) -> dict[str, Any]:
    kind = rng.choice(["string", "integer", "float" if foreign else "number", "boolean", "list", "nested"])
    schema: dict[str, Any] = {"description": " ".join(rng.choices(about, k=6))}
    if kind == "list":
        return schema | {"type": "array", "items": {"type": "string"}}
    if kind == "nested":
        inner = {word: {"type": "string", "description": word} for word in rng.sample(about, 3)}
        return schema | {"type": "dict" if foreign else "object", "properties": inner}
    if kind == "string" and rng.random() < 0.3:
        schema["enum"] = rng.sample(about, 4)
    return schema | {"type": kind}


def tool(rng: random.Random, number: int, about: list[str]) -> dict[str, Any]:
    shape = rng.choice(["openai", "mcp", "bfcl", "toolbench"])
    name = f"{rng.choice(VERBS)}_{'_'.join(rng.sample(about, 2))}_{number}"
    description = " ".join(rng.choices(about, k=15)).capitalize() + "."
    properties = {word: parameter(rng, about, shape == "bfcl") for word in rng.sample(about, rng.randint(1, 6))}
    required = rng.sample(sorted(properties), rng.randint(0, len(properties)))
    if shape == "toolbench":
        listed = [{"name": key, "type": "STRING", "default": ""} for key in properties]
        return {
            "name": name,
            "description": description,
            "required_parameters": listed[:1],
            "optional_parameters": listed[1:],
        }
    schema = {"type": "dict" if shape == "bfcl" else "object", "properties": properties, "required": required}
    if shape == "openai":
        return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}
    if shape == "mcp":
        return {"name": name, "description": description, "inputSchema": schema}
    return {"name": name.replace("_", ".", 1), "description": description, "parameters": schema}


def synthetic_pool(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Tools about made-up topics; one in a hundred is nearly the one before it."""
    rng = random.Random(seed)  # noqa: S311
    topics = [words(rng, WORDS_PER_TOPIC) for _ in range(TOPICS)]
    made: list[dict[str, Any]] = []
    for number in range(count):
        if number % 100 == 99 and "name" in made[-1]:
            made.append({**made[-1], "name": f"{made[-1]['name']}_again"})
        else:
            made.append(tool(rng, number, rng.choice(topics)))
    return made


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    options.add_argument("--tools", type=int, default=10_000)
    count = options.parse_args().tools
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "flat.jsonl"
        file.write_text("\n".join(json.dumps(each) for each in synthetic_pool(count)))
        size = file.stat().st_size
        steps: dict[str, float] = {}

        def timed(name: str, since: float) -> float:
            now = time.perf_counter()
            steps[name] = now - since
            return now

        clock = time.perf_counter()
        pool = load_pool(file, PoolOptions())
        clock = timed("read, repair, split into domains", clock)
        likenesses = find_likenesses([each for domain in pool.domains for each in domain.tools])
        clock = timed("find near-duplicates and name clashes", clock)
        export_pool(pool, likenesses, "flat.jsonl", Path(folder) / "tools")
        clock = timed("write the folder and its report", clock)
        again = load_pool(Path(folder) / "tools")
        clock = timed("read the folder", clock)
        load_pool(Path(folder) / "tools")
        timed("read the unchanged folder once more", clock)

    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    tools = sum(len(domain.tools) for domain in pool.domains)
    assert [domain.tools for domain in again.domains] == [domain.tools for domain in pool.domains]
    sizes = sorted(len(domain.tools) for domain in pool.domains)
    print(f"{count:,} entries in {size / 1e6:.1f} MB became {tools:,} tools in {len(sizes)} domains")
    print(f"of {sizes[0]} to {sizes[-1]} tools; {len(likenesses)} groups of look-alikes")
    total = sum(steps.values())
    for name, seconds in steps.items():
        print(f"{name:<40}{seconds:8.2f} s {seconds / total:6.0%} {seconds / count * 1e6:8.0f} µs a tool")
    print(f"{'all':<40}{total:8.2f} s         peak memory {memory:,.0f} MiB")


if __name__ == "__main__":
    main()
