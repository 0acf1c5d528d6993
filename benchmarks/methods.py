"""Both methods over the same task specs: calls, tokens and cost, by step, of attempted and of accepted dialogues.

Runs the shipped pool with the offline model: first the non-autoregressive method, then the simulation in a home that
took over the task specs, with the same verification; once for each preset. What stands in the folder is not made
again. The offline model has no cache and no price, so two columns are reckoned from the prompts themselves: how much of
each an endpoint would find in its cache (the longest beginning in common with an earlier prompt of the same dialogue
and step, from 1,024 tokens on, in blocks of 128), and what the tokens would cost at a model's shipped price.

    python benchmarks/methods.py FOLDER [--dialogues 20] [--presets default lean] [--domains home_energy ...]
        [--priced-as gpt-4o]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from toolace_dagster.llm.money import load_prices
from toolace_dagster.llm.protocol import Usage
from toolace_dagster.pipeline.simulation_home import take_task_specs
from toolace_dagster.reporting.calls import STEPS, step_of
from toolace_dagster.reporting.summary import summarize
from toolace_dagster.settings import Method
from toolace_dagster.warehouse import Warehouse

METHODS: tuple[Method, ...] = ("non_autoregressive", "simulation")
_CACHED_FROM = 1024
_BLOCK = 128
_CHARACTERS_A_TOKEN = 4
_CALLS = (
    "SELECT dialogue_id, stage, task, messages, prompt_tokens, completion_tokens FROM model_calls ORDER BY created_at"
)


@dataclass
class Spent:
    """What a step used.

    Attributes:
        calls: Model calls.
        prompt: Tokens of prompts.
        cached: Part of them that an endpoint would have cached.
        completion: Tokens of replies.
    """

    calls: int = 0
    prompt: int = 0
    cached: int = 0
    completion: int = 0

    def add(self, other: Spent) -> None:
        """Take another in."""
        self.calls += other.calls
        self.prompt += other.prompt
        self.cached += other.cached
        self.completion += other.completion


@dataclass
class Outcome:
    """What a method came to.

    Attributes:
        attempted: Dialogues.
        accepted: Those that were accepted.
        steps: What was used, by step.
        reasons: Rejected dialogues by check.
    """

    attempted: int = 0
    accepted: int = 0
    steps: dict[str, Spent] = field(default_factory=lambda: defaultdict[str, Spent](Spent))
    reasons: Counter[str] = field(default_factory=Counter[str])

    @property
    def whole(self) -> Spent:
        """All steps together."""
        found = Spent()
        for spent in self.steps.values():
            found.add(spent)
        return found


def main() -> None:
    """Read the command line, run, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dialogues", type=int, default=20)
    parser.add_argument("--presets", nargs="+", default=["default", "lean"])
    parser.add_argument("--domains", nargs="+", default=[])
    parser.add_argument("--priced-as", default="gpt-4o")
    asked = parser.parse_args()
    for preset in asked.presets:
        found: dict[Method, Outcome] = {}
        for method, home in _made(asked.folder / preset, preset, asked.dialogues, asked.domains):
            found[method] = outcome(home)
        print(f"\npreset {preset}\n")
        for line in (*_by_method(found, asked.priced_as), "", *_by_step(found), "", *_ends(found)):
            print(line, flush=True)


def _made(folder: Path, preset: str, dialogues: int, domains: Sequence[str]) -> Iterator[tuple[Method, Warehouse]]:
    """Both homes, brought up to date."""
    ours, theirs = (Warehouse(folder / method) for method in METHODS)
    for method, home in zip(METHODS, (ours, theirs), strict=True):
        if method == "simulation":
            for domain in ours.domains():
                take_task_specs(ours, theirs, domain)
        command = [str(Path(sys.executable).with_name("toolace")), "run", "--home", str(home.home), "--method", method]
        command += ["--preset", preset, "--dialogues", str(dialogues)]
        command += [part for name in domains for part in ("--domain", name)]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        if not home.domains():
            raise SystemExit(said.stderr or said.stdout)
        yield method, home


def outcome(home: Warehouse) -> Outcome:
    """Count what a home holds.

    Args:
        home: The home.
    """
    found = Outcome()
    for domain in home.domains():
        summary = summarize(home, domain)
        found.attempted += summary.attempted
        found.accepted += summary.accepted
        for row in summary.reasons:
            found.reasons[str(row["check_id"])] += row["dialogues"]
        earlier: dict[tuple[str, str], list[str]] = defaultdict(list)
        for row in home.domain(domain).read(_CALLS):
            prompt = "\n".join(message["content"] for message in json.loads(row["messages"]))
            before = earlier[row["dialogue_id"], row["task"]]
            cached = min(_cached(prompt, before), row["prompt_tokens"])
            step = step_of(str(row["stage"]), str(row["task"]))
            found.steps[step].add(Spent(1, row["prompt_tokens"], cached, row["completion_tokens"]))
            before.append(prompt)
    return found


def _cached(prompt: str, earlier: Iterable[str]) -> int:
    """Tokens of a prompt that begin an earlier one, in the blocks that caches hold."""
    longest = max((_common(prompt, other) for other in earlier), default=0)
    tokens = longest // _CHARACTERS_A_TOKEN
    return tokens // _BLOCK * _BLOCK if tokens >= _CACHED_FROM else 0


def _common(one: str, other: str) -> int:
    """Length of the beginning that two texts have in common, found by halving."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low


def _by_method(found: dict[Method, Outcome], priced_as: str) -> Iterator[str]:
    quote = load_prices().find(priced_as, "api.openai.com")
    if quote is None:
        raise SystemExit(f"{priced_as} has no shipped price")
    yield (
        "| method | attempted | accepted | calls | a dialogue | an accepted one | prompt tokens | cached "
        f"| reply tokens | {priced_as}, USD | a dialogue | an accepted one |"
    )
    yield "| --- |" + " ---: |" * 11
    for method, result in found.items():
        all_, tried, kept = result.whole, max(1, result.attempted), max(1, result.accepted)
        used = Usage(prompt_tokens=all_.prompt, cached_tokens=all_.cached, completion_tokens=all_.completion)
        cost = quote.price.reckoned(used)
        yield (
            f"| {method} | {result.attempted} | {result.accepted} | {all_.calls:,} | {all_.calls / tried:.2f} "
            f"| {all_.calls / kept:.2f} | {all_.prompt:,} | {all_.cached / max(1, all_.prompt):.0%} "
            f"| {all_.completion:,} | {cost:.2f} | {cost / tried:.4f} | {cost / kept:.4f} |"
        )
    ours, theirs = (found[method] for method in METHODS)
    one, other = ours.whole, theirs.whole
    per = max(1, ours.attempted) / max(1, theirs.attempted), max(1, ours.accepted) / max(1, theirs.accepted)
    yield ""
    yield (
        f"calls, non-autoregressive to simulation: {one.calls / other.calls / per[0]:.3f} of an attempted dialogue, "
        f"{one.calls / other.calls / per[1]:.3f} of an accepted one; "
        f"tokens {(one.prompt + one.completion) / (other.prompt + other.completion) / per[1]:.3f} of an accepted one"
    )


def _by_step(found: dict[Method, Outcome]) -> Iterator[str]:
    yield "| method | step | calls | a dialogue | prompt tokens | cached | reply tokens | share of all tokens |"
    yield "| --- | --- |" + " ---: |" * 6
    for method, result in found.items():
        all_ = result.whole
        order = [step for step in STEPS if step in result.steps]
        for step in [*order, *sorted(result.steps.keys() - set(order))]:
            spent = result.steps[step]
            share = (spent.prompt + spent.completion) / max(1, all_.prompt + all_.completion)
            yield (
                f"| {method} | {step} | {spent.calls:,} | {spent.calls / max(1, result.attempted):.2f} "
                f"| {spent.prompt:,} | {spent.cached / max(1, spent.prompt):.0%} | {spent.completion:,} | {share:.0%} |"
            )


def _ends(found: dict[Method, Outcome]) -> Iterator[str]:
    for method, result in found.items():
        reasons = ", ".join(f"{check} {count}" for check, count in result.reasons.most_common())
        yield f"rejected or failed, {method}: {reasons or 'none'}"


if __name__ == "__main__":
    main()
