"""Time and memory of the dependency graph and of sampling, over pools of synthetic tools.

    python benchmarks/bench_sampling.py [--tools 10000] [--plans 10000]

Measures the same work in one domain of all tools and in domains of a hundred, and
again with half of the tools: the ratio says how the work grows. Each case runs in
a process of its own, so that its peak memory is its own.

Belongs here: measuring. Does not belong here: what is right (``tests``).
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import resource
import time
from collections import Counter
from multiprocessing.connection import Connection
from typing import Any

from toolace_dagster.entities import Provenance, Slot, Tool, ToolDomain
from toolace_dagster.initialization.sampling import PlanSampler
from toolace_dagster.settings import Settings
from toolace_dagster.tool_pool import find_links
from toolace_dagster.tool_pool.lending import with_borrowed

VERBS = "find list create get update cancel check book send move".split()
SYLLABLES = "ba ko ri tu me la so ne vi da gu pe".split()


def nouns(number: int) -> list[str]:
    """Made-up nouns, all different."""
    rng = random.Random(1)  # noqa: S311 - synthetic data
    found: dict[str, None] = {}
    while len(found) < number:
        found["".join(rng.choices(SYLLABLES, k=4))] = None
    return list(found)


def domain(name: str, number: int, seed: int) -> ToolDomain:
    """A domain of tools over a tenth as many things; two of three describe their result."""
    rng = random.Random(seed)  # noqa: S311 - synthetic data
    things = nouns(max(3, number // 8))
    tools: dict[str, Tool] = {}
    while len(tools) < number:
        verb, thing = rng.choice(VERBS), rng.choice(things)
        others = [other for other in rng.sample(things, 2) if other != thing]
        tool_name = f"{verb}_{thing}_{rng.choice(SYLLABLES)}{rng.randint(0, 9)}"
        needs = others[: rng.randint(0, 2)] if verb in ("find", "list", "create", "book") else [thing]
        text = {"type": "string", "description": f"Words about the {thing}."}
        properties: dict[str, Any] = {
            f"{other}_id": {"type": "string", "description": f"Identifier of the {other}."} for other in needs
        }
        properties |= {"note": text, rng.choice(SYLLABLES): {"type": "integer"}, "fast": {"type": "boolean"}}
        result = {"type": "object", "properties": {f"{thing}_id": {"type": "string"}, "state": {"type": "string"}}}
        tools[tool_name] = Tool(
            name=tool_name,
            description=f"{verb.capitalize()} a {thing} with its {' and '.join(others)} for {rng.choice(things)}.",
            parameters={"type": "object", "properties": properties, "required": [f"{x}_id" for x in needs]},
            result=result if rng.random() < 0.67 else None,
            domain=name,
            provenance=Provenance(source=f"{name}.json"),
        )
    return ToolDomain(name=name, tools=tuple(tools[key] for key in sorted(tools)))


def measure(tools: int, domains: int, plans: int, out: Connection) -> None:
    """Run one case and send its figures."""
    made = [domain(f"d{index}", tools // domains, index) for index in range(domains)]
    before = _memory()
    at = time.process_time()
    lent = with_borrowed(made)
    lending = time.process_time() - at
    at = time.process_time()
    links = [find_links(each.tools) for each in lent]
    linking = time.process_time() - at
    at = time.process_time()
    settings = Settings()
    shapes: Counter[bool] = Counter()
    used: set[tuple[str, str]] = set()
    for each, found in zip(lent, links, strict=True):
        sampler = PlanSampler(each.tools, found, settings, each.borrowed)
        for number in range(plans // domains):
            plan = sampler.plan(Slot(domain=each.name, number=number, seed=0))
            used |= {(each.name, name) for name in plan.needed_tools}
            shapes.update(sub_task.shape is sub_task.wanted for sub_task in plan.sub_tasks)
    sampling = time.process_time() - at
    out.send(
        {"lend": lending, "link": linking, "plan": sampling, "links": sum(map(len, links))}
        | {"wanted": shapes[True] / shapes.total(), "used": len(used) / sum(len(each.tools) for each in lent)}
        | {"tools_mib": before, "peak_mib": _memory()}
    )


def _memory() -> float:
    """Peak resident memory so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--tools", type=int, default=10_000)
    parser.add_argument("--plans", type=int, default=10_000)
    wanted = parser.parse_args()
    print("Seconds are processor time.")
    print("  tools domains  plans | lend s  link s  plan s | links    shape as wanted  tools used | MiB before, peak")
    for tools, domains in (
        (wanted.tools, max(1, wanted.tools // 100)),
        (wanted.tools // 2, max(1, wanted.tools // 200)),
        (wanted.tools, 1),
        (wanted.tools // 2, 1),
    ):
        here, there = multiprocessing.get_context("spawn").Pipe()
        process = multiprocessing.get_context("spawn").Process(
            target=measure, args=(tools, domains, wanted.plans, there)
        )
        process.start()
        there.close()
        got = here.recv()
        process.join()
        seconds = f"{got['lend']:6.2f} {got['link']:7.2f} {got['plan']:7.2f}"
        outcome = f"{got['links']:7,}  {got['wanted']:14.0%} {got['used']:11.1%}"
        memory = f"{got['tools_mib']:6.0f} {got['peak_mib']:6.0f}"
        print(f"{tools:7,} {domains:7,} {wanted.plans:6,} | {seconds} | {outcome} | {memory}")


if __name__ == "__main__":
    main()
