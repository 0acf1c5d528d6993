"""Speed and memory of all rules over many dialogues of 20 turns, beside reading the same dialogues from JSON.

Dialogues are made one at a time from a seed, with five tools, nested results, numbers in replies and a near-duplicate
now and then; nothing is held but signatures, so memory should not grow.

Usage: python -m benchmarks.bench_rules [--dialogues 10000]
"""

from __future__ import annotations

import argparse
import resource
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from random import Random

from tests.builders import call, output, reply, tool, user
from toolace_dagster.entities import Detail, Dialogue, SubTask, TaskSpec, Turn
from toolace_dagster.settings import Settings
from toolace_dagster.verification.checks import Checks
from toolace_dagster.verification.near_duplicates import near_duplicates
from toolace_dagster.verification.rules import RULES, Facts

_TEXT = {"type": "string"}
_ITEM = {"type": "object", "properties": {"garage_id": _TEXT, "name": _TEXT, "price": {"type": "number"}}}
_FOUND = {"type": "object", "properties": {"garages": {"type": "array", "items": _ITEM}}}
_BOOKED = {"type": "object", "properties": {"booking_id": _TEXT, "time": _TEXT, "total": {"type": "number"}}}
TOOLS = {
    each.name: each
    for each in (
        tool("find_garage", {"city": _TEXT, "limit": {"type": "integer"}}, ["city"], _FOUND),
        tool("book_service", {"garage_id": _TEXT, "date": _TEXT | {"format": "date"}}, ["garage_id", "date"], _BOOKED),
        tool("get_booking", {"booking_id": _TEXT}, ["booking_id"], _BOOKED),
        tool("rate_garage", {"garage_id": _TEXT, "stars": {"type": "integer"}}, ["garage_id", "stars"]),
        tool("cancel_booking", {"booking_id": _TEXT}, ["booking_id"]),
    )
}
_NAMES = "Dok Noord,Kaai Zuid,Molen,Ster,Linden,Haven,Poort,Brug,Anker,Hoek".split(",")
_CITIES = "Ghent Bruges Ostend Leuven Mechelen Hasselt Namur Mons Aalst Genk".split()


def dialogues(count: int, seed: int = 0) -> Iterator[tuple[Dialogue, TaskSpec]]:
    """Sound dialogues of 20 turns in five sub-tasks, made one at a time."""
    for number in range(count):
        # Every 500th tells the story of the one before.
        rng = Random(f"{seed}/{number - (number % 500 == 499)}")  # noqa: S311 - a benchmark
        turns: list[Turn] = []
        parts: list[SubTask] = []
        for part in range(5):
            city, day = rng.choice(_CITIES), f"2026-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
            bay = rng.randint(2, 999)
            asked = f"Find me a garage in {city} and book a {rng.choice(_NAMES)} service no. {bay} on {day}."
            garages = [
                {
                    "garage_id": f"GR-{rng.randint(100, 999)}",
                    "name": rng.choice(_NAMES),
                    "price": rng.randint(40, 400) / 2,
                }
                for _ in range(4)
            ]
            find = call(f"t{4 * part + 1:02d}", "find_garage", {"city": city}, part)
            told = ", ".join(f"{each['name']} at {each['price']} euros" for each in garages[:3])
            turns += [
                user(f"t{4 * part:02d}", asked, part),
                find,
                output(f"t{4 * part + 2:02d}", find, {"garages": garages}),
                reply(f"t{4 * part + 3:02d}", f"I found {len(garages)} garages: {told}. Shall I book one?", part),
            ]
            details = (Detail(name="city", value=city), Detail(name="date", value=day))
            parts.append(SubTask(index=part, goal=asked, details=details, tools=("find_garage",), steps=1))
        name = f"garages-{number:05d}"
        spec = TaskSpec(
            dialogue_id=name,
            domain="garages",
            scenario="A van needs brakes.",
            persona="dry",
            sub_tasks=tuple(parts),
            offered_tools=tuple(TOOLS),
            tool_versions={},
        )
        yield Dialogue(id=name, domain="garages", initial_tools=tuple(TOOLS), turns=tuple(turns)), spec


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dialogues", type=int, default=10_000)
    count = parser.parse_args().dialogues
    checks = Checks.of(Settings())
    timed: defaultdict[str, float] = defaultdict(float)
    found: Counter[str] = Counter()
    resident: list[int] = []
    for number, (dialogue, spec) in enumerate(dialogues(count)):
        text = dialogue.model_dump_json()
        started = time.process_time()
        Dialogue.model_validate_json(text)
        timed["reading from JSON"] += time.process_time() - started
        started = time.process_time()
        findings = checks.findings(dialogue, spec, TOOLS, Facts(language="English"))
        timed["all rules"] += time.process_time() - started
        found.update(finding.check for finding in findings)
        if number in (count // 10, count - 1):
            resident.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    started = time.process_time()
    alike = near_duplicates((dialogue for dialogue, _ in dialogues(count)), 0.8)
    making = time.process_time()
    for _ in dialogues(count):
        pass
    timed["near-duplicates"] = making - started - (time.process_time() - making)
    print(f"{count:,} dialogues of 20 turns, {len(RULES)} rules")
    for what, seconds in timed.items():
        ratio = seconds / timed["reading from JSON"]
        print(f"{what:20}{seconds:8.1f} s {1e3 * seconds / count:8.2f} ms a dialogue {ratio:7.1f} times reading")
    print(f"peak memory after a tenth {resident[0] / 1024:.0f} MiB, after all {resident[-1] / 1024:.0f} MiB")
    print(f"near-duplicates found: {len(alike)}; findings: {dict(found)}")


if __name__ == "__main__":
    main()
