"""Gold multi-turn tasks of bfcl-eval, run by our backend and by the package's own executor, give the same results.

The package is optional: ``pip install --no-deps bfcl-eval==2026.3.23 mpmath``.
"""

from __future__ import annotations

import ast
import asyncio
import importlib
import inspect
import json
from pathlib import Path
from typing import Any

import pytest

from tests.execution.runs import TOOLS, call, run_of
from toolace_dagster.entities.backend import PythonBackend
from toolace_dagster.execution.protocol import ExecutedCall, Outcome
from toolace_dagster.execution.python_backend import PythonExecutor

bfcl = pytest.importorskip("bfcl_eval")
TASKS = 50


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def parsed(text: str) -> ExecutedCall | None:
    """A gold call as tool and arguments; None for one that nests calls."""
    from tests.execution.tools.bfcl_session import CLASS_FILE_PATH_MAPPING, CLASSES

    node = ast.parse(text, mode="eval").body
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    try:
        positional = [ast.literal_eval(value) for value in node.args]
        arguments = {each.arg or "": ast.literal_eval(each.value) for each in node.keywords}
    except ValueError:
        return None
    if positional:
        kinds = (getattr(importlib.import_module(CLASS_FILE_PATH_MAPPING[name]), name) for name in CLASSES)
        method = next(getattr(kind, node.func.id) for kind in kinds if hasattr(kind, node.func.id))
        names = list(inspect.signature(method).parameters)[1:]
        arguments |= dict(zip(names, positional, strict=False))
    return ExecutedCall(tool=node.func.id, arguments=json.loads(json.dumps(arguments)))


def gold_tasks() -> list[tuple[dict[str, Any], list[str], list[ExecutedCall]]]:
    data = Path(bfcl.__file__).parent / "data"
    answers = {row["id"]: row["ground_truth"] for row in lines(data / "possible_answer/BFCL_v4_multi_turn_base.json")}
    found: list[tuple[dict[str, Any], list[str], list[ExecutedCall]]] = []
    rows = lines(data / "BFCL_v4_multi_turn_base.json")
    for task in rows[:: len(rows) // (TASKS + 5)]:
        texts = [text for turn in answers[task["id"]] for text in turn]
        calls = [parsed(text) for text in texts]
        if all(each is not None for each in calls):
            found.append((task, texts, [each for each in calls if each is not None]))
    return found[:TASKS]


def is_same(expected: str, outcome: Outcome) -> bool:
    """Whether the package's executor, which gives text, says the same."""
    content = outcome.content
    if isinstance(content, str):
        return expected == content
    if outcome.is_error and isinstance(content, dict):
        error = str(content["error"])
        raised = f"Error during execution: {error.removeprefix('KeyError: ')}"
        return expected in (raised, json.dumps(content))
    return expected == (json.dumps(content) if isinstance(content, dict) else str(content))


def test_gold_tasks_give_the_results_of_the_packages_own_executor() -> None:
    utils: Any = importlib.import_module("bfcl_eval.eval_checker.multi_turn_eval.multi_turn_utils")
    tasks = gold_tasks()
    assert len(tasks) == TASKS
    names = {"load"} | {each.tool for _, _, calls in tasks for each in calls}
    backend = PythonBackend(target="bfcl_session:Session", path=(str(TOOLS),))

    async def ours() -> list[tuple[Outcome, ...]]:
        async with PythonExecutor(backend, {name: name for name in names}, domain="bfcl") as tools:
            runs = (
                run_of(
                    call("load", classes=task["involved_classes"], configs=task.get("initial_config", {})),
                    *calls,
                    dialogue_id=task["id"],
                )
                for task, _, calls in tasks
            )
            return list(await asyncio.gather(*map(tools.run, runs)))

    compared = 0
    for (task, texts, _), outcomes in zip(tasks, asyncio.run(ours()), strict=True):
        expected, _ = utils.execute_multi_turn_func_call(
            texts, task.get("initial_config", {}), task["involved_classes"], "gold", task["id"]
        )
        for text, want, got in zip(texts, expected, outcomes[1:], strict=True):
            assert is_same(want, got), f"{task['id']}: {text}: {want} is not {got.content!r}"
            compared += 1
    assert compared >= 3 * TASKS
