"""Homes filled by hand, with accepted dialogues of the same tasks."""

from __future__ import annotations

from pathlib import Path

from tests.builders import dialogue, garage_turns, reply, spec
from toolace_dagster.entities import Dialogue, Entity, Origin, content_hash
from toolace_dagster.warehouse import Row, Warehouse, insert

DOMAIN = "garages"
METHODS = ("non_autoregressive", "simulation", "trajectory_initialization", "reasonability_refinement")
"""Words that say how a dialogue was made."""


def row(stage: str, index: int, entity: Entity, dialogue_id: str) -> Row:
    """A row of a stage that passed."""
    payload = entity.model_dump(mode="json")
    return {
        "stage": stage,
        "stage_index": index,
        "domain": DOMAIN,
        "dialogue_id": dialogue_id,
        "slot": 0,
        "attempt": 0,
        "fingerprint": "f",
        "state": "accepted" if stage == "verified_dialogues" else "passed",
        "payload": payload,
        "content_hash": content_hash(payload),
        "run_id": "r",
    }


def said(name: str, words: str, operation: str) -> Dialogue:
    """The garage dialogue with another last reply, written by some operation."""
    origin = Origin.model_validate({"operation": operation, "round": 0})
    turns = [turn.model_copy(update={"origin": origin}) for turn in garage_turns()[:-1]]
    return dialogue((*turns, reply("t09", words, 1, origin=origin)), id=name)


def home(folder: Path, words: dict[str, str], operation: str) -> Warehouse:
    """A home with an accepted dialogue for each name, which ends with the words."""
    made = Warehouse(folder)
    rows: list[Row] = []
    for name, last in words.items():
        task = spec().model_copy(update={"dialogue_id": name})
        rows.append(row("task_specs", 1, task, name))
        rows.append(row("verified_dialogues", 34, said(name, last, operation), name))
    with made.domain(DOMAIN).write() as connection:
        insert(connection, "stage_rows", rows)
    return made


def two_homes(folder: Path, count: int = 6) -> tuple[Warehouse, Warehouse]:
    """Homes of two methods over the same tasks; what the first one's dialogues end with says ALPHA."""
    names = [f"garages-{number:04d}-abcdef" for number in range(count)]
    mine = home(folder / "mine", {name: f"ALPHA {name[-4:]}" for name in names}, "trajectory_initialization")
    other = home(folder / "mine" / "simulation", {name: f"BETA {name[-4:]}" for name in names}, "simulation")
    return mine, other
