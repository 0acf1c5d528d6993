"""The pages: what each shows, from the catalogue and from stories.

Belongs here: choosing and arranging. Does not belong here: markup (``templates``),
or requests and headers (``app``).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from toolace_dagster.explorer.catalogue import ORDERS, Catalogue, CountBy, Filters
from toolace_dagster.explorer.charts import bar_chart, time_chart
from toolace_dagster.explorer.rendering import href, page
from toolace_dagster.explorer.timeline import finding_views, step_views, tried, turn_views
from toolace_dagster.reporting.story import Story
from toolace_dagster.reporting.why import headline
from toolace_dagster.warehouse import Row

_LABELS = {
    "domain": "Domain",
    "state": "End",
    "check": "Ended by check",
    "finding": "Any finding of",
    "cause": "Introduced at",
    "injection": "Injection",
    "stage": "Last stage",
}
_EXAMPLES = 3


def dialogues_page(catalogue: Catalogue, home: Path, filters: Filters, number: int, order: str) -> str:
    """The list of dialogues.

    Args:
        catalogue: All dialogues.
        home: Home folder, to be named.
        filters: Which to show.
        number: Page number, from 1.
        order: How they are ordered.
    """
    found = catalogue.page(filters, number, order)
    choices = catalogue.choices()

    def to(number: int) -> str:
        return href("/", **filters.set, order=order if order != "id" else None, page=number)

    return page(
        "dialogues.html",
        **_frame("dialogues", home, catalogue),
        filters=filters,
        order=order,
        orders=ORDERS,
        labels=_LABELS,
        choices=choices,
        runs=catalogue.runs(),
        found=found,
        empty=not any(choices["domain"].values()),
        before=to(found.number - 1) if found.number > 1 else None,
        after=to(found.number + 1) if found.number < found.last else None,
    )


def dialogue_page(catalogue: Catalogue, home: Path, story: Story, step: int | None, filters: Filters) -> str:
    """One dialogue as it was after a step; the last when None.

    Args:
        catalogue: All dialogues, for the one before and the one after.
        home: Home folder, to be named.
        story: The dialogue.
        step: Number of the step.
        filters: Of the list it was opened from.
    """
    before, after = catalogue.neighbours(filters, story.dialogue_id)

    def other(dialogue_id: str | None) -> str | None:
        return href("/dialogue", id=dialogue_id, **filters.set) if dialogue_id else None

    return page(
        "dialogue.html",
        **_frame("dialogue", home, catalogue),
        **_story_values(story, step),
        filters=filters,
        before=other(before),
        after=other(after),
        back=href("/", **filters.set),
    )


def story_page(story: Story) -> str:
    """A dialogue as one file that stands alone, for ``toolace why --html``."""
    return page("story.html", **_story_values(story, None), standalone=True)


def _story_values(story: Story, step: int | None) -> dict[str, Any]:
    steps = step_views(story)
    index = len(steps) - 1 if step is None else max(0, min(step, len(steps) - 1))
    edits = [each.edit for each in story.history.steps] if story.history is not None else []
    goals = {sub_task.index: sub_task.goal for sub_task in story.spec.sub_tasks} if story.spec is not None else {}
    edit = edits[index] if 0 <= index < len(edits) else None
    return {
        "story": story,
        "headline": headline(story),
        "steps": steps,
        "index": index,
        "edit": edit,
        "tried": tried(edit) if edit is not None else [],
        "all_tried": [(view, each, tried(each)) for view, each in zip(steps, edits, strict=True) if each is not None],
        "turns": turn_views(story, index) if steps else [],
        "findings": finding_views(story, index),
        "goals": goals,
        "offered": [tool for name, tool in sorted(story.tools.items()) if name in _versions(story)],
        "versions": _versions(story),
        "tokens": sum((call["prompt_tokens"] or 0) + (call["completion_tokens"] or 0) for call in story.calls),
    }


def _versions(story: Story) -> dict[str, str]:
    return story.spec.tool_versions if story.spec is not None else {}


def call_page(catalogue: Catalogue, home: Path, dialogue_id: str, tries: Sequence[Row]) -> str:
    """One model call: its prompt, reply, tokens and cost, each try of it."""
    return page(
        "call.html",
        **_frame("call", home, catalogue),
        dialogue_id=dialogue_id,
        tries=[row | {"messages": _messages(row["messages"])} for row in tries],
    )


def _messages(text: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(text)
    except ValueError:
        return []
    return [message for message in found if isinstance(message, dict)] if isinstance(found, list) else []  # pyright: ignore[reportUnknownVariableType]


def failures_page(catalogue: Catalogue, home: Path, filters: Filters) -> str:
    """Plots of failures, examples of each check, and the counts of all stages."""

    def chart(title: str, by: CountBy, name: str) -> Any:
        counts = catalogue.counts(by, filters)
        return bar_chart(title, counts, lambda value: href("/", **(filters.set | {name: value})))

    ends = catalogue.ends(filters)
    checks = catalogue.counts("check_id", filters)[:12]
    examples = {
        value: catalogue.page(replace(filters, check=value), 1).rows[:_EXAMPLES]
        for value, _, _ in checks
        if value != "unknown"
    }
    return page(
        "failures.html",
        **_frame("failures", home, catalogue),
        filters=filters,
        labels=_LABELS,
        choices=catalogue.choices(),
        runs=catalogue.runs(),
        charts=[
            chart("By check that ended them", "check_id", "check"),
            chart("By stage and round that introduced the defect", "cause_stage", "cause"),
            chart("By domain", "domain", "domain"),
        ],
        time=time_chart(catalogue.run_ends(filters.domain)),
        ends=ends,
        totals={name: sum(row[name] for row in ends) for name in ("attempted", "accepted", "rejected", "failed")},
        examples=examples,
        sizes={value: rejected + failed for value, rejected, failed in checks},
        stages=catalogue.stage_totals(filters.domain),
    )


def missing_page(home: Path, message: str) -> str:
    """What is shown instead of a page that does not exist."""
    return page("missing.html", place="missing", home=str(home), busy=(), message=message, standalone=False)


def _frame(place: str, home: Path, catalogue: Catalogue) -> dict[str, Any]:
    return {"place": place, "home": str(home), "busy": catalogue.busy, "standalone": False}
