"""``toolace sample``: verified dialogues to read.

Belongs here: drawing and printing them. Does not belong here: rendering
(``reporting.markdown``).
"""

from __future__ import annotations

from pathlib import Path

from toolace_dagster.cli.console import complain
from toolace_dagster.entities import Dialogue
from toolace_dagster.entities.randomness import generator
from toolace_dagster.reporting.markdown import dialogue_markdown
from toolace_dagster.warehouse import Row, Warehouse, sql


def print_sample(home: Path, count: int, seed: int) -> int:
    """Print verified dialogues drawn from all domains.

    Args:
        home: Home folder.
        count: Number of dialogues; fewer when there are not as many.
        seed: Seed of the draw.

    Returns:
        Exit code: 1 when the home holds none.
    """
    warehouse = Warehouse(home)
    rows: list[Row] = [
        row for domain in warehouse.domains() for row in warehouse.domain(domain).read(sql("queries/verified"))
    ]
    if not rows:
        complain(f"{home} holds no verified dialogue. `toolace run` makes some; --home names another folder.")
        return 1
    drawn = generator("sample", seed).sample(rows, min(count, len(rows)))
    for row in drawn:
        dialogue = Dialogue.model_validate_json(row["dialogue"])
        print(f"## {dialogue.id}\n\n{dialogue_markdown(dialogue)}\n")
    return 0
