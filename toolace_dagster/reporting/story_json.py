"""The story of one dialogue as JSON, for `toolace why --json`.

Belongs here: the form of that document. Does not belong here: gathering a story
(``story``).
"""

from __future__ import annotations

import json
from typing import Any

from toolace_dagster.reporting.failures import Failures
from toolace_dagster.reporting.story import Story, final_turns
from toolace_dagster.reporting.why import headline
from toolace_dagster.warehouse import Row

_FINDING = ("check_id", "severity", "turn_id", "path", "evidence", "message")


def story_json(story: Story) -> dict[str, Any]:
    """A story as JSON values.

    Returns:
        ``dialogue_id``, ``headline``, ``outcome``, ``first_cause``, ``spec``, ``stages``, ``edits``, ``findings`` (each
        with its ``first_cause``), ``answers``, ``turns`` as they are now, ``sources`` of their arguments, ``tools`` by
        version, ``calls``, ``cost``, ``exports``, ``ends`` run by run and all
        ``attempts`` at its slot.
    """
    findings = [
        {name: finding[name] for name in _FINDING}
        | {"first_cause": cause.model_dump(mode="json") if cause is not None else None}
        for finding, cause in zip(story.findings, story.causes, strict=True)
    ]
    return {
        "dialogue_id": story.dialogue_id,
        "headline": headline(story),
        "outcome": story.outcome,
        "first_cause": story.first_cause.model_dump(mode="json") if story.first_cause is not None else None,
        "spec": story.spec.model_dump(mode="json") if story.spec is not None else None,
        "stages": [{name: value for name, value in row.items() if name != "payload"} for row in story.stages],
        "edits": [_edit(row) for row in story.edits],
        "findings": findings,
        "answers": story.answers,
        "turns": final_turns(story),
        "sources": _sources(story),
        "tools": {name: tool.fingerprint for name, tool in sorted(story.tools.items()) if _offered(story, name)},
        "calls": story.calls,
        "cost": {"calls": story.bill.calls, "dollars": story.bill.cost, "unpriced": story.bill.unpriced},
        "exports": story.exports,
        "ends": story.ends,
        "attempts": story.attempts,
    }


def failures_json(failures: Failures) -> dict[str, Any]:
    """Groups of failures as JSON values."""
    return {
        "attempted": failures.attempted,
        "failures": failures.size,
        "groups": [group.model_dump(mode="json") | {"size": group.size} for group in failures.groups],
        "last_runs": [
            {
                "domain": each.domain,
                "run_id": each.run_id,
                "finished_at": each.finished_at,
                "dialogues": [
                    {name: value for name, value in row.items() if name not in ("run_id", "finished_at")}
                    for row in each.dialogues
                ],
            }
            for each in failures.changes
        ],
    }


def as_text(value: dict[str, Any]) -> str:
    """A document as indented JSON text."""
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)


def _edit(row: Row) -> Row:
    return row | {"replacements": json.loads(row["replacements"])}


def _sources(story: Story) -> list[Row]:
    """The sources that were recorded last."""
    rows = [*story.sources.values()][-1] if story.sources else []
    return [row | {"value": json.loads(row["value"])} for row in rows]


def _offered(story: Story, name: str) -> bool:
    return story.spec is not None and name in story.spec.tool_versions
