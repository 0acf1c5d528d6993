"""Rows that say where each argument value of a dialogue comes from.

Belongs here: from traces to rows of ``argument_sources``. Does not belong here:
tracing (``grounding``), or what is done about values without a source.
"""

from __future__ import annotations

from collections.abc import Mapping

from toolace_dagster.entities import Dialogue, Tool
from toolace_dagster.grounding import ground
from toolace_dagster.warehouse import Row


def source_rows(stage: str, stage_index: int, dialogue: Dialogue, tools: Mapping[str, Tool]) -> list[Row]:
    """Trace a dialogue as a stage left it.

    Args:
        stage: Name of the stage.
        stage_index: Its position in the pipeline.
        dialogue: The dialogue.
        tools: Tools of the domain by name.
    """
    return [
        {
            "stage": stage,
            "stage_index": stage_index,
            "dialogue_id": dialogue.id,
            "position": position,
            **source.as_row(),
        }
        for position, source in enumerate(ground(dialogue, tools))
    ]
