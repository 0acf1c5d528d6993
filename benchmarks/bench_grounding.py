"""How many arguments of skeletons have no source, with and without correction, on the offline model.

Makes task specs and skeletons of several domains twice, with the setting ``ground_arguments`` on and off, at the
offline model's default error rates, and traces every argument of both. Prints a table of states, and what the
correction costs in calls. Nothing is tuned to these figures: the rates stand in ``llm/offline/errors.py``.

    python benchmarks/bench_grounding.py --dialogues 40
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from pathlib import Path

from toolace_dagster.entities import Skeleton
from toolace_dagster.grounding import GROUNDING_STATES, ground
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.pool import write_pool
from toolace_dagster.pipeline.stage_run import run_stage
from toolace_dagster.pipeline.stages import Skeletons, first_stage
from toolace_dagster.settings import ModelSettings, Settings
from toolace_dagster.tool_pool import load_pool
from toolace_dagster.warehouse import Warehouse


class Figures:
    """Counts over all domains of one side of the comparison."""

    def __init__(self) -> None:
        self.states: Counter[str] = Counter()
        self.identifiers = 0
        self.dialogues = 0
        self.affected = 0
        self.calls = 0
        self.asked = 0
        self.seconds = 0.0


def measured(settings: Settings, domains: list[str], home: Path) -> Figures:
    """Make skeletons of all domains and trace their arguments."""
    figures = Figures()
    for domain in domains:
        context = StageContext(domain=domain, settings=settings, warehouse=Warehouse(home), run_id="bench")
        write_pool(context.store, load_pool(settings.pool).domain(domain))
        for stage in (first_stage(), Skeletons()):
            run_stage(stage, context)
        calls = context.store.read("SELECT task, count(*) AS calls FROM model_calls GROUP BY task")
        figures.calls += sum(row["calls"] for row in calls)
        figures.asked += sum(row["calls"] for row in calls if row["task"] == "grounding_correction")
        for skeleton in context.payloads("skeletons", Skeleton).values():
            started = time.perf_counter()
            sources = ground(skeleton.to_dialogue(), context.tools)
            figures.seconds += time.perf_counter() - started
            figures.states.update(source.state for source in sources)
            lacking = [source for source in sources if source.state == "ungrounded"]
            figures.identifiers += sum(source.identifier for source in lacking)
            figures.dialogues += 1
            figures.affected += bool(lacking)
    return figures


def table(sides: dict[str, Figures]) -> str:
    """The two sides as a Markdown table."""
    head = f"| | {' | '.join(sides)} |\n|---|{'---|' * len(sides)}"
    rows = [
        ("dialogues", [f"{side.dialogues:,}" for side in sides.values()]),
        ("arguments", [f"{side.states.total():,}" for side in sides.values()]),
        *((state, [f"{side.states[state]:,}" for side in sides.values()]) for state in GROUNDING_STATES),
        ("of these ungrounded identifiers", [f"{side.identifiers:,}" for side in sides.values()]),
        ("dialogues with an ungrounded argument", [f"{side.affected:,}" for side in sides.values()]),
        ("calls a dialogue so far", [f"{side.calls / side.dialogues:.2f}" for side in sides.values()]),
        ("of these for the correction", [f"{side.asked / side.dialogues:.2f}" for side in sides.values()]),
        ("ms a dialogue to trace", [f"{side.seconds / side.dialogues * 1e3:.2f}" for side in sides.values()]),
    ]
    return "\n".join([head, *(f"| {name} | {' | '.join(cells)} |" for name, cells in rows)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dialogues", type=int, default=40, help="per domain")
    parser.add_argument("--domains", nargs="*", help="domains of the shipped pool; all by default")
    parser.add_argument("--error-rate", type=float, default=1.0, help="multiplies the offline model's rates")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    sides: dict[str, Figures] = {}
    for name, on in (("without correction", False), ("with correction", True)):
        settings = Settings(
            dialogues=options.dialogues,
            seed=options.seed,
            ground_arguments=on,
            llm=ModelSettings(error_rate=options.error_rate),
        )
        domains = options.domains or [domain.name for domain in load_pool(settings.pool).domains]
        with tempfile.TemporaryDirectory() as home:
            sides[name] = measured(settings, domains, Path(home))
    print(table(sides))
    before, after = (side.states["ungrounded"] for side in sides.values())
    print(f"\nUngrounded with correction: {after / max(1, before):.1%} of those without it.")


if __name__ == "__main__":
    main()
