"""Earlier sub-tasks in short, for prompts that do without their turns.

Belongs here: what of a sub-trajectory later ones may need. Does not belong here: when
a summary is shown (``trajectory_initialization``), or the whole turns (``prompts.views``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import JsonValue

from toolace_dagster.entities import TaskSpec, ToolOutput, Turn

_MOST_ITEMS = 3
_LONGEST = 80


def summaries(spec: TaskSpec, earlier: Sequence[Turn]) -> list[dict[str, Any]]:
    """Sum up sub-tasks that are written.

    Args:
        spec: The task.
        earlier: Their turns.

    Returns:
        For each, in order: its goal, the values the user stated, and its calls with their results in short. Lists keep
        their first three items and long texts are left out, as only whole values can be copied; identifiers are short.
        A result says in ``left_out`` what it lacks.
    """
    return [_summary(spec, index, earlier) for index in dict.fromkeys(turn.sub_task for turn in earlier)]


def _summary(spec: TaskSpec, index: int, turns: Sequence[Turn]) -> dict[str, Any]:
    sub_task = spec.sub_tasks[index]
    outputs = {output.call_id: output for turn in turns for output in turn.outputs}
    calls = [call for turn in turns if turn.sub_task == index for call in turn.tool_calls]
    return {
        "sub_task": index,
        "goal": sub_task.goal,
        "stated": {detail.name: detail.value for detail in sub_task.details},
        "results": [
            {"name": call.name, "arguments": call.arguments, **_result(outputs[call.id])}
            for call in calls
            if call.id in outputs
        ],
    }


def _result(output: ToolOutput) -> dict[str, Any]:
    left_out: list[str] = []
    content = in_short(output.content, left_out)
    return {"content": content, "is_error": output.is_error} | ({"left_out": left_out} if left_out else {})


def in_short(value: JsonValue, left_out: list[str], place: str = "the result") -> JsonValue:
    """A result with the first items of its lists, and without its long texts.

    Args:
        value: The result, or a part of it.
        left_out: Gets a few words on each thing that is left out.
        place: Name of the part.
    """
    if isinstance(value, dict):
        left_out += [f"the text of {key}" for key, item in value.items() if _is_long(item)]
        return {key: in_short(item, left_out, key) for key, item in value.items() if not _is_long(item)}
    if isinstance(value, list):
        kept = [item for item in value if not _is_long(item)][:_MOST_ITEMS]
        if len(kept) < len(value):
            left_out.append(f"{len(value) - len(kept)} more in {place}")
        return [in_short(item, left_out, place) for item in kept]
    return value


def _is_long(value: JsonValue) -> bool:
    return isinstance(value, str) and len(value) > _LONGEST
