"""The Python backend: state, isolation between dialogues, values and errors."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.execution.runs import TOOLS, call, run_of
from toolace_dagster.entities.backend import PythonBackend
from toolace_dagster.execution import frames
from toolace_dagster.execution.plain import as_json
from toolace_dagster.execution.protocol import BackendUnusable, differing_calls
from toolace_dagster.execution.python_backend import PythonExecutor

Result = TypeVar("Result")
NAMES = ("week_from_now", "add", "count", "opening_stock", "draw", "describe", "later", "refuse", "swap")


def with_shop(use: Callable[[PythonExecutor], Awaitable[Result]], target: str = "shop:Shop", **names: str) -> Result:
    backend = PythonBackend(target=target, path=(str(TOOLS),))

    async def used() -> Result:
        async with PythonExecutor(backend, names or {name: name for name in NAMES}, domain="shop") as tools:
            return await use(tools)

    return asyncio.run(used())


def test_calls_of_one_run_share_state_and_runs_share_none() -> None:
    async def use(tools: PythonExecutor) -> list[Any]:
        runs = [run_of(call("add", item="lamp"), call("add", item="rug"), call("count"), dialogue_id=d) for d in "ab"]
        return [[o.content for o in outcomes] for outcomes in await asyncio.gather(*map(tools.run, runs))]

    expected = [{"basket": ["lamp"]}, {"basket": ["lamp", "rug"]}, 2]
    assert with_shop(use) == [expected, expected]


def test_a_raised_error_is_content_and_the_session_goes_on() -> None:
    outcomes = with_shop(lambda tools: tools.run(run_of(call("add", item="ghost"), call("add"), call("count"))))
    assert [o.is_error for o in outcomes] == [True, True, False]
    assert outcomes[0].content == {"error": "there is no ghost in the shop"}
    assert "item" in str(outcomes[1].content)
    assert outcomes[2].content == 0


def test_parameters_that_python_takes_by_position_alone_are_called_by_name() -> None:
    calls = [call("swap", note="n", new="mat", old="lamp"), call("swap", old="lamp"), call("swap", new="mat")]
    outcomes = with_shop(lambda tools: tools.run(run_of(*calls)))
    assert [o.content for o in outcomes[:2]] == [["lamp", "mat", "n"], ["lamp", "rug", ""]]
    assert outcomes[2].is_error


def test_a_returned_error_is_an_error() -> None:
    (outcome,) = with_shop(lambda tools: tools.run(run_of(call("refuse"))))
    assert outcome.is_error
    assert outcome.content == {"error": "the shop is closed"}


def test_common_python_values_become_json() -> None:
    outcomes = with_shop(lambda tools: tools.run(run_of(call("describe"), call("later"))))
    assert outcomes[0].content == [{"name": "lamp", "price": 9.5, "since": "2026-03-01"}, ["a", "b"]]
    assert outcomes[1].content == "now"


def test_a_dialogue_fixes_seed_and_chance() -> None:
    def draws(dialogue_id: str) -> list[Any]:
        run = run_of(call("opening_stock"), call("draw"), dialogue_id=dialogue_id)
        return [o.content for o in with_shop(lambda tools: tools.run(run))]

    assert draws("a") == draws("a")
    assert draws("a") != draws("b")


def test_tools_that_ask_for_it_are_told_the_day_of_the_dialogue() -> None:
    def told(name: str, target: str, today: date | None) -> Any:
        run = run_of(call(name), today=today)
        return with_shop(lambda tools: tools.run(run), target=target, **{name: name})[0].content

    day = date(2026, 8, 22)
    assert told("week_from_now", "shop:Shop", day) == "2026-08-29"
    assert told("day_told", "shop", day) == "2026-08-22"
    assert told("week_from_now", "shop:Shop", None) is None
    assert told("day_told", "shop", None) is None


def test_differing_answers_are_found() -> None:
    backend = PythonBackend(target="time", path=())

    async def check() -> tuple[int, ...]:
        async with PythonExecutor(backend, {"now": "time_ns", "name": "strftime"}, domain="clock") as tools:
            return await differing_calls(tools, run_of(call("now")))

    assert asyncio.run(check()) == (0,)
    assert with_shop(lambda tools: differing_calls(tools, run_of(call("add", item="rug"), call("draw")))) == ()


def test_functions_of_a_module_are_tools_under_other_names() -> None:
    (outcome,) = with_shop(lambda tools: tools.run(run_of(call("twice", number=4))), target="shop", twice="double")
    assert outcome.content == 8


@pytest.mark.parametrize(
    ("target", "name", "words"),
    [
        ("no_such_module", "add", "can't import no_such_module: ModuleNotFoundError"),
        ("shop:Stall", "add", "has no attribute 'Stall'"),
        ("shop:Shop", "sell", "has no sell"),
        ("shop:Shop", "_secret", "has no _secret"),
    ],
)
def test_a_backend_that_cannot_work_says_why(target: str, name: str, words: str) -> None:
    with pytest.raises(BackendUnusable, match=words) as unusable:
        with_shop(lambda tools: tools.run(run_of()), target=target, **{name: name})
    assert str(Path.home()) not in str(unusable.value)


def test_the_worker_stays_small() -> None:
    """A fork of it is made for each dialogue, so none of our dependencies may be in it."""
    backend = PythonBackend(target="loaded", path=(str(TOOLS),))

    async def use() -> Any:
        async with PythonExecutor(backend, {"heavy": "heavy"}, domain="d") as tools:
            return (await tools.run(run_of(call("heavy"))))[0].content

    assert asyncio.run(use()) == []


def test_without_help_of_the_kernel_python_itself_refuses(tmp_path: Path) -> None:
    """The stand-in on systems without Landlock and seccomp; it stops mistakes."""
    script = f"""
import os, socket, subprocess
from toolace_dagster.execution.confinement import audit
os.chdir({str(tmp_path)!r})
audit({str(tmp_path)!r}, network=False, processes=False)
open("inside.txt", "w").write("x")
os.rename("inside.txt", "moved.txt")
tries = [
    lambda: open("/tmp/toolace-planted", "w"),
    lambda: os.rename("moved.txt", "/tmp/toolace-planted"),
    lambda: os.remove(os.__file__),
    lambda: subprocess.run(["true"]),
    lambda: os.fork(),
    lambda: os.kill(1, 0),
    lambda: socket.create_connection(("127.0.0.1", 9)),
]
for number, attempt in enumerate(tries):
    try:
        attempt()
    except PermissionError as refused:
        assert "tools may not use" in str(refused), refused
    else:
        raise SystemExit(f"try {{number}} was not refused")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "moved.txt").exists()


def test_a_worker_that_is_brought_down_is_replaced() -> None:
    async def use(tools: PythonExecutor) -> int:
        assert tools._worker is not None
        os.killpg(tools._worker._process.pid, signal.SIGKILL)
        return len(await tools.run(run_of(call("count"))))

    assert with_shop(use) == 1


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
@settings(max_examples=60)
def test_json_values_cross_unchanged(value: Any) -> None:
    try:
        sent = as_json(value)
        received = frames.parsed(sent)
    except frames.NotStorable:
        assert any("\ud800" <= char <= "\udfff" for char in str(value))
    else:
        assert received == value
