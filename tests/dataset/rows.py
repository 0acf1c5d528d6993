"""Dataset rows for tests: a plain one, and random ones with arguments and schemas of any shape."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.builders import TOOLS, dialogue, output, reply, spec, tool, user
from toolace_dagster.dataset import DatasetRow, Split
from toolace_dagster.entities import Dialogue, SubTask, TaskSpec, ToolCall, Turn


def task(*goals: str, **more: Any) -> TaskSpec:
    """A task with these goals."""
    sub_tasks = tuple(SubTask(index=i, goal=g, tools=("rate_garage",), steps=1) for i, g in enumerate(goals))
    return spec().model_copy(update={"sub_tasks": sub_tasks, **more})


def row(dialogue_id: str = "garages-0000-abcdef", split: Split | None = "train", **more: Any) -> DatasetRow:
    """The garage dialogue as a row; its task is its own."""
    given = more.pop("dialogue", None) or dialogue()
    fields: dict[str, Any] = {"spec": task(f"Do {dialogue_id}."), "tools": TOOLS}
    return DatasetRow(dialogue=given.model_copy(update={"id": dialogue_id}), split=split, **(fields | more))


def rows(count: int, split: Split = "train") -> list[DatasetRow]:
    """Rows with different ids and tasks."""
    return [row(f"garages-{number:04d}-abcdef", split) for number in range(count)]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
words = st.text(min_size=1).filter(lambda text: bool(text.strip()))
names = st.from_regex(r"[A-Za-z0-9_-]{1,12}", fullmatch=True)


@st.composite
def random_rows(draw: st.DrawFn, dialogue_id: str = "d-0") -> DatasetRow:
    """A sound dialogue over tools that take anything; schemas clash, some tools arrive late."""
    tool_names = draw(st.lists(names, min_size=2, max_size=4, unique=True))
    tools = {
        name: tool(
            name,
            draw(st.dictionaries(st.text(max_size=4), st.builds(lambda v: {"default": v}, json_values), max_size=2)),
            [],
        )
        for name in tool_names
    }
    tools = {
        n: t.model_copy(update={"parameters": t.parameters | {"additionalProperties": True}}) for n, t in tools.items()
    }
    late = draw(st.sampled_from([*tool_names[1:], None]))
    turns: list[Turn] = []
    calls = 0
    for part in range(draw(st.integers(1, 3))):
        added = (late,) if late and part == 0 else ()
        turns.append(user(f"u{part}", draw(words), tools_added=added))
        for step in range(draw(st.integers(0, 2))):
            arguments = draw(st.lists(st.dictionaries(st.text(), json_values, max_size=3), min_size=1, max_size=2))
            made = tuple(
                ToolCall(id=f"c{calls + i}", name=draw(st.sampled_from(tool_names)), arguments=given)
                for i, given in enumerate(arguments)
            )
            calls += len(made)
            acting = reply(f"a{part}-{step}", draw(st.sampled_from(["", "One moment."])), tool_calls=made)
            turns += [acting, output(f"o{part}-{step}", acting, draw(json_values))]
        turns.append(reply(f"r{part}", draw(words)))
    made_dialogue = Dialogue(
        id=dialogue_id, domain="any", initial_tools=tuple(n for n in tool_names if n != late), turns=tuple(turns)
    )
    return DatasetRow(dialogue=made_dialogue, spec=task(f"Do {dialogue_id}."), tools=tools, split="train")
