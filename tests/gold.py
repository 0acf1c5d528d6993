"""Public gold dialogues to calibrate checks on: the base multi-turn tasks of bfcl-eval, executed.

Each task becomes a dialogue as our pipeline makes them: the user's questions, the gold calls one after the other with
what the package's own classes really answered, and a neutral reply where the gold has none. The package is optional
(``pip install --no-deps bfcl-eval==2026.3.23 mpmath``); without it there are no gold dialogues, and a test that asks
for them is skipped. Nothing of the benchmark is kept here: it is material for checks alone, never for data.

Belongs here: building these dialogues. Does not belong here: measuring anything on them.
"""

from __future__ import annotations

import ast
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from toolace_dagster.entities import Dialogue, Origin, SubTask, TaskSpec, Tool, ToolCall, ToolOutput, Turn
from toolace_dagster.tool_pool import load_pool

_ORIGIN = Origin(operation="trajectory_initialization")
_DOCS = {
    "GorillaFileSystem": "gorilla_file_system",
    "MathAPI": "math_api",
    "MessageAPI": "message_api",
    "TwitterAPI": "posting_api",
    "TicketAPI": "ticket_api",
    "TradingBot": "trading_bot",
    "TravelAPI": "travel_booking",
    "VehicleControlAPI": "vehicle_control",
}
_REPLY = "That is done."


@dataclass(frozen=True)
class Gold:
    """One gold dialogue.

    Attributes:
        dialogue: The dialogue.
        spec: A task of the same shape: a sub-task for each question that is acted on.
        tools: The tools it offers, by name.
    """

    dialogue: Dialogue
    spec: TaskSpec
    tools: dict[str, Tool]


def has_gold() -> bool:
    """Whether bfcl-eval is installed."""
    return find_spec("bfcl_eval") is not None and find_spec("mpmath") is not None


needs_gold = pytest.mark.skipif(
    not has_gold(), reason="bfcl-eval is not installed (pip install --no-deps bfcl-eval==2026.3.23 mpmath)"
)


@cache
def gold_dialogues(count: int = 200) -> tuple[Gold, ...]:
    """The first gold dialogues.

    Args:
        count: How many; there are 200.

    Raises:
        ModuleNotFoundError: If bfcl-eval is not installed.
    """
    data = _data()
    answers = {row["id"]: row["ground_truth"] for row in _lines(data / "possible_answer/BFCL_v4_multi_turn_base.json")}
    tools = _tools()
    tasks = _lines(data / "BFCL_v4_multi_turn_base.json")[:count]
    return tuple(_gold(task, answers[task["id"]], tools) for task in tasks)


def _data() -> Path:
    spec = find_spec("bfcl_eval")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("bfcl-eval is not installed (pip install --no-deps bfcl-eval==2026.3.23 mpmath)")
    return Path(spec.origin).parent / "data"


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


@cache
def _tools() -> dict[str, dict[str, Tool]]:
    """The tools of each class by name, read as any pool is."""
    found: dict[str, dict[str, Tool]] = {}
    for kind, file in _DOCS.items():
        with tempfile.TemporaryDirectory() as folder:
            # A pool of its own: the same name in two classes is two tools.
            copy = Path(folder) / f"{file}.json"
            copy.write_bytes((_data() / "multi_turn_func_doc" / f"{file}.json").read_bytes())
            found[kind] = {tool.name: tool for domain in load_pool(copy).domains for tool in domain.tools}
    return found


def _gold(task: dict[str, Any], answers: list[list[str]], by_class: dict[str, dict[str, Tool]]) -> Gold:
    # Imported here, since its module needs the package.
    from tests.execution.tools.bfcl_session import Session

    tools = {name: tool for kind in task["involved_classes"] for name, tool in by_class[kind].items()}
    session = Session()
    session.load(task["involved_classes"], task.get("initial_config", {}))
    turns: list[Turn] = []
    called: list[list[str]] = []
    questions: list[str] = []
    for messages, texts in zip(task["question"], answers, strict=True):
        question = "\n".join(message["content"] for message in messages if message["role"] == "user").strip()
        if not question:
            # The task goes on without a word of the user: the calls belong to the question before.
            turns.pop()
        else:
            if texts or not called:
                called.append([])
                questions.append(question)
            turns.append(_turn(turns, len(called) - 1, role="user", content=question))
        for text in texts:
            for name, arguments, content in _steps(text, session, tools):
                called[-1].append(name)
                turns.extend(_exchange(turns, len(called) - 1, name, arguments, content))
        turns.append(_turn(turns, len(called) - 1, role="assistant", content=_REPLY))
    dialogue_id = str(task["id"])
    dialogue = Dialogue(id=dialogue_id, domain="gold", initial_tools=tuple(sorted(tools)), turns=tuple(turns))
    spec = TaskSpec(
        dialogue_id=dialogue_id,
        domain="gold",
        scenario="A task of a public benchmark.",
        persona="plain",
        sub_tasks=tuple(
            SubTask(
                index=index,
                goal=question,
                tools=tuple(dict.fromkeys(names)) or (next(iter(sorted(tools))),),
                steps=max(1, len(names)),
            )
            for index, (question, names) in enumerate(zip(questions, called, strict=True))
        ),
        offered_tools=tuple(sorted(tools)),
        tool_versions={name: tool.fingerprint for name, tool in tools.items()},
    )
    return Gold(dialogue, spec, tools)


def _turn(turns: list[Turn], sub_task: int, **fields: Any) -> Turn:
    return Turn(id=f"t{len(turns):02d}", sub_task=sub_task, origin=_ORIGIN, **fields)


def _exchange(
    turns: list[Turn], sub_task: int, name: str, arguments: dict[str, Any], content: Any
) -> tuple[Turn, Turn]:
    call = ToolCall(id=f"call_t{len(turns):02d}_0", name=name, arguments=arguments)
    asks = _turn(turns, sub_task, role="assistant", tool_calls=(call,))
    failed = isinstance(content, dict) and "error" in content
    output = ToolOutput(call_id=call.id, name=name, content=content, is_error=failed, source="executed")
    return asks, _turn([*turns, asks], sub_task, role="tool", outputs=(output,))


def _steps(text: str, session: Any, tools: dict[str, Tool]) -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Execute a gold call, and before it the calls inside it, each as a step with its result."""
    node = ast.parse(text, mode="eval").body
    assert isinstance(node, ast.Call)
    done: list[tuple[str, dict[str, Any], Any]] = []
    _execute(node, session, tools, done)
    yield from done


def _execute(node: ast.Call, session: Any, tools: dict[str, Tool], done: list[tuple[str, dict[str, Any], Any]]) -> Any:
    assert isinstance(node.func, ast.Name)
    name = node.func.id

    def value(part: ast.expr) -> Any:
        return _execute(part, session, tools, done) if isinstance(part, ast.Call) else ast.literal_eval(part)

    # The docs list parameters in the order of the method's own.
    arguments = {each.arg or "": value(each.value) for each in node.keywords}
    arguments |= dict(zip(tools[name].properties, (value(part) for part in node.args), strict=False))
    arguments = json.loads(json.dumps(arguments))
    try:
        content = json.loads(json.dumps(getattr(session, name)(**arguments)))
    except Exception as fault:
        content = {"error": str(fault)}
    done.append((name, arguments, content))
    return content
