"""Rule failures after each refinement round, by type: a table, and a plot as SVG.

Runs the rules of verification over the dialogues of a finished home as they stood after initialization and after
each round. Only rules that reject count, and only dialogues that went through all rounds. What a stage knows besides
a dialogue (its language, other dialogues, calls that were run again) is left at its defaults.

    python benchmarks/failures_by_round.py HOME [--into docs/failures_by_round.md]
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar
from xml.sax.saxutils import escape

from toolace_dagster.entities import Dialogue, Skeleton, TaskSpec, Tool
from toolace_dagster.refinement.rounds import RefinedDialogue
from toolace_dagster.settings import Settings
from toolace_dagster.verification.rules import Subject, run_rules
from toolace_dagster.warehouse import Store, Warehouse, sql

EntityT = TypeVar("EntityT", TaskSpec, Skeleton, RefinedDialogue)
COLOURS = ("#3b6ea5", "#d1793a", "#5f9e6e", "#a8507a", "#8c7a3f", "#5b5b8c", "#888888")
WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 720, 380, 60, 46, 20, 230


def main() -> None:
    """Read the command line and write the table and the plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("--into", type=Path, default=Path("docs/failures_by_round.md"))
    asked = parser.parse_args()
    warehouse = Warehouse(asked.home)
    settings = Settings.model_validate_json(warehouse.settings_file.read_text(encoding="utf-8"))
    rounds = settings.rounds
    failing = [Counter[str]() for _ in range(rounds + 1)]
    dialogues = 0
    for domain in warehouse.domains():
        for found in failures(warehouse.domain(domain), rounds):
            dialogues += 1
            for counts, checks in zip(failing, found, strict=True):
                counts.update(checks | ({"any"} if checks else set()))
    types = [check for check, _ in (sum(failing, Counter[str]())).most_common() if check != "any"]
    plot = asked.into.parent / "images" / f"{asked.into.stem}.svg"
    asked.into.write_text(page(failing, types, dialogues, plot.name, settings), encoding="utf-8")
    plot.write_text(drawing(failing, types, dialogues), encoding="utf-8")
    print(asked.into.read_text(encoding="utf-8"))


def failures(store: Store, rounds: int) -> list[list[set[str]]]:
    """For each dialogue, the rules that reject it after initialization and after each round."""
    with store.reading():
        tools = {
            row["name"]: Tool.model_validate_json(row["definition"])
            for query in ("queries/current_tools", "queries/borrowed_tools")
            for row in store.read(sql(query))
        }
        specs = payloads(store, "task_specs", TaskSpec)
        after: list[dict[str, Dialogue]] = [
            {key: skeleton.to_dialogue() for key, skeleton in payloads(store, "skeletons", Skeleton).items()}
        ]
        for number in range(1, rounds + 1):
            refined = payloads(store, f"refinement_round_{number:02d}", RefinedDialogue)
            after.append({key: row.dialogue for key, row in refined.items()})
    return [
        [rejecting(dialogues[key], specs[key], tools) for dialogues in after]
        for key in after[-1]
        if all(key in dialogues for dialogues in after)
    ]


def payloads(store: Store, stage: str, kind: type[EntityT]) -> dict[str, EntityT]:
    """What passed a stage, by dialogue."""
    rows = store.read(sql("queries/passed_payloads"), {"stage": stage})
    return {row["dialogue_id"]: kind.model_validate_json(row["payload"]) for row in rows}


def rejecting(dialogue: Dialogue, spec: TaskSpec, tools: Mapping[str, Tool]) -> set[str]:
    """Ids of the rules that reject a dialogue."""
    found = run_rules(Subject(dialogue=dialogue, spec=spec, tools=tools))
    return {finding.check for finding in found if finding.severity == "hard"}


def page(failing: Sequence[Counter[str]], types: Sequence[str], dialogues: int, plot: str, settings: Settings) -> str:
    """The table as Markdown."""
    head = ["after", *(name.removeprefix("rule.") for name in types), "any rule", "share"]
    rows = [
        [
            "initialization" if number == 0 else f"round {number}",
            *(str(counts[name]) for name in types),
            str(counts["any"]),
            f"{counts['any'] / dialogues:.1%}" if dialogues else "-",
        ]
        for number, counts in enumerate(failing)
    ]
    lines = ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]
    pool = json.dumps({"model": settings.llm.model, "error_rate": settings.llm.error_rate, "seed": settings.seed})
    return "\n".join(
        (
            "# Rule failures by round",
            "",
            f"Dialogues that a rule rejects, of {dialogues}, as they stood after each refinement round; a dialogue can",
            f"fail several rules. Settings beside the defaults: `{pool}`. Made by `benchmarks/failures_by_round.py`.",
            "",
            *lines,
            "",
            f"![Rule failures by round](images/{plot})",
            "",
        )
    )


def drawing(failing: Sequence[Counter[str]], types: Sequence[str], dialogues: int) -> str:
    """Stacked bars by type over the rounds, with a line for dialogues that fail any rule."""
    inner_width, inner_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    most = max([1, *(sum(counts[name] for name in types) for counts in failing)])
    slot = inner_width / len(failing)

    def y(value: float) -> float:
        return TOP + inner_height * (1 - value / most)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for tick in range(5):
        value = most * tick / 4
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.0f}</text>')
    points: list[str] = []
    for number, counts in enumerate(failing):
        x, below = LEFT + slot * (number + 0.5), 0
        for index, name in enumerate(types):
            if counts[name]:
                top = y(below + counts[name])
                parts.append(
                    f'<rect x="{x - slot * 0.3:.1f}" width="{slot * 0.6:.1f}" y="{top:.1f}" '
                    f'height="{y(below) - top:.1f}" fill="{COLOURS[index % len(COLOURS)]}"/>'
                )
            below += counts[name]
        points.append(f"{x:.1f},{y(counts['any']):.1f}")
        label = "start" if number == 0 else str(number)
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{label}</text>')
    parts.append(f'<polyline points="{" ".join(points)}" fill="none" stroke="black" stroke-width="2"/>')
    middle = LEFT + inner_width / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">refinement round</text>')
    entries = [(name.removeprefix("rule."), COLOURS[i % len(COLOURS)]) for i, name in enumerate(types)]
    for place, (name, colour) in enumerate([*entries, ("dialogues failing any rule", "black")]):
        at = TOP + 10 + 20 * place
        parts.append(f'<rect x="{WIDTH - RIGHT + 16}" y="{at - 9}" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{WIDTH - RIGHT + 34}" y="{at + 1}">{escape(name)}</text>')
    parts.append(f'<text x="{WIDTH - RIGHT + 16}" y="{HEIGHT - BOTTOM}">of {dialogues} dialogues</text>')
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    main()
