"""Row programs that run tools beside asking a model: a failed run ends its own row alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.execution.runs import TOOLS, call, run_of
from tests.llm.rows import journal, request
from toolace_dagster.entities.backend import PythonBackend
from toolace_dagster.execution.protocol import BackendUnusable, ExecutionFailed
from toolace_dagster.execution.python_backend import PythonExecutor
from toolace_dagster.llm.driver import RowOutcome, run_programs
from toolace_dagster.llm.gateway import Gateway
from toolace_dagster.llm.protocol import Program, ask, run_tools
from toolace_dagster.settings import ModelSettings


def runs_tools(*names: str) -> Program[object]:
    outcomes = yield from run_tools(run_of(*(call(name) for name in names)))
    return [outcome.content for outcome in outcomes]


def runs_and_asks() -> Program[object]:
    run = run_of(call("good", word="a"))
    ran, answered = yield [run, request("a")]
    again = yield from ask(request("b"))
    return [ran.outcomes[0].content, answered.reply is not None, again.reply is not None]


def tries_another_way() -> Program[object]:
    try:
        yield from run_tools(run_of(call("leave")))
    except ExecutionFailed as failed:
        return failed.kind
    return "never"


def drive(
    folder: Path, programs: dict[str, Program[object]], *, target: str = "hostile:Hostile"
) -> dict[str, RowOutcome[object]]:
    backend = PythonBackend(target=target, path=(str(TOOLS),), call_seconds=1)
    names = {name: name for name in ("good", "loop", "leave")}
    executor = PythonExecutor(backend, names, domain="garages")
    return run_programs(Gateway(ModelSettings(error_rate=0), journal(folder)), programs, executor)


def test_rows_run_tools_and_a_hostile_tool_fails_its_own_row(tmp_path: Path) -> None:
    outcomes = drive(
        tmp_path,
        {
            "good": runs_tools("good", "good"),
            "loop": runs_tools("good", "loop"),
            "both": runs_and_asks(),
            "leave": runs_tools("leave"),
            "caught": tries_another_way(),
        },
    )
    assert outcomes["good"].row == [{"word": "ok", "calls": 1}, {"word": "ok", "calls": 2}]
    assert outcomes["both"].row == [{"word": "a", "calls": 1}, True, True]
    assert len(outcomes["both"].call_ids) == 2
    assert outcomes["caught"].row == "crashed"
    for name, kind in (("loop", "timeout"), ("leave", "crashed")):
        assert outcomes[name].row is None
        assert (outcomes[name].error_source, outcomes[name].error_kind) == ("execution", kind)
        assert outcomes[name].error.startswith(f"{kind}: {name}:")


def test_without_an_executor_a_run_is_a_failed_row(tmp_path: Path) -> None:
    outcomes = run_programs(Gateway(ModelSettings(error_rate=0), journal(tmp_path)), {"row": runs_tools("good")})
    assert outcomes["row"].error == "unavailable: no tool of the domain has a backend"


def test_a_backend_that_cannot_work_stops_the_stage(tmp_path: Path) -> None:
    with pytest.raises(BackendUnusable, match="can't import no_such_module"):
        drive(tmp_path, {"row": runs_tools("good")}, target="no_such_module")
