"""Hostile tools, for real: each costs its own dialogue a failed run and nothing else."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.execution.runs import TOOLS, call, run_of
from toolace_dagster.entities.backend import PythonBackend
from toolace_dagster.execution import landlock, seccomp
from toolace_dagster.execution.protocol import ExecutionFailed, Outcome
from toolace_dagster.execution.python_backend import PythonExecutor

confined = pytest.mark.skipif(
    landlock.abi() < 6 or not seccomp.is_available(), reason="needs a kernel with Landlock 6 and seccomp"
)
FAILING = {
    "loop": "timeout",
    "stubborn_loop": "timeout",
    "allocate": "memory",
    "hoard": "memory",
    "recurse": "recursion",
    "leave": "crashed",
    "leave_politely": "crashed",
    "segfault": "crashed",
    "close_everything": "crashed",
    "huge": "too_large",
    "an_object": "not_json",
    "not_a_number": "not_json",
    "itself": "not_json",
    "nested": "not_json",
    "half_a_character": "not_json",
    "endless_number": "not_json",
    "forge_frames": "protocol",
    "fill_disk": "confined",
}
BOUNDED = (
    "fork_bomb",
    "run_program",
    "kill_parent",
    "kill_group",
    "kill_everybody",
    "parents_environment",
    "hide_memory",
)


def executor(names: tuple[str, ...], target: str = "hostile:Hostile", **options: Any) -> PythonExecutor:
    backend = PythonBackend(target=target, path=(str(TOOLS),), **options)
    return PythonExecutor(backend, {name: name for name in names}, domain="hostile", concurrency=4)


def among_good_ones(name: str, **arguments: Any) -> Outcome | ExecutionFailed:
    """Call a hostile tool in one dialogue, and good ones before, beside and after it; these have to be right."""

    options: dict[str, Any] = {"call_seconds": 0.7 if "loop" in name or "without_limit" in name else 20}

    async def all_of_them() -> Outcome | ExecutionFailed:
        async with executor(("good", name), memory_mb=192, **options) as tools:

            async def hostile() -> Outcome | ExecutionFailed:
                try:
                    return (await tools.run(run_of(call("good"), call(name, **arguments), dialogue_id="bad")))[1]
                except ExecutionFailed as failed:
                    return failed

            good = [tools.run(run_of(call("good"), call("good", word=f"w{n}"), dialogue_id=f"g{n}")) for n in range(6)]
            bad = asyncio.create_task(hostile())
            others = list(await asyncio.gather(*good))
            found = await bad
            others.append(await tools.run(run_of(call("good"), call("good", word="w6"))))
            for number, outcomes in enumerate(others):
                assert [o.content for o in outcomes] == [
                    {"word": "ok", "calls": 1},
                    {"word": f"w{number}", "calls": 2},
                ]
            return found

    return asyncio.run(all_of_them())


@pytest.mark.parametrize(("name", "kind"), FAILING.items())
def test_a_hostile_tool_fails_its_own_run_alone(name: str, kind: str) -> None:
    found = among_good_ones(name)
    assert isinstance(found, ExecutionFailed)
    assert found.kind == kind
    assert found.message.startswith(f"{name}:")


def test_recursion_without_limit_ends_one_way_or_another() -> None:
    found = among_good_ones("recurse_without_limit")
    assert isinstance(found, ExecutionFailed)
    assert found.kind in ("timeout", "memory", "crashed")


@confined
@pytest.mark.parametrize("name", BOUNDED)
def test_what_is_out_of_bounds_is_refused_by_the_kernel(name: str) -> None:
    found = among_good_ones(name)
    assert isinstance(found, ExecutionFailed)
    assert found.kind == "confined"


@confined
@pytest.mark.parametrize("name", ["write", "append", "remove", "read"])
def test_files_outside_are_out_of_reach(name: str, tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    found = among_good_ones(name, path=str(mine))
    assert isinstance(found, ExecutionFailed)
    assert found.kind == "confined"
    assert mine.read_text() == "mine"


@confined
def test_not_even_the_c_library_writes_outside(tmp_path: Path) -> None:
    planted = tmp_path / "planted.txt"
    found = among_good_ones("write_by_libc", path=str(planted))
    assert isinstance(found, Outcome)
    assert isinstance(found.content, int)
    assert found.content < 0
    assert not planted.exists()


@confined
def test_a_files_mode_stays_what_it_was(tmp_path: Path) -> None:
    mine = tmp_path / "mine.sh"
    mine.write_text("echo mine")
    mine.chmod(0o600)
    among_good_ones("make_runnable", path=str(mine))
    assert mine.stat().st_mode & 0o777 == 0o600


@confined
def test_the_network_is_closed_unless_allowed(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        refused = among_good_ones("connect", port=port)

        async def allowed() -> Outcome:
            async with executor(("connect",), network=True) as tools:
                return (await tools.run(run_of(call("connect", port=port))))[0]

        assert isinstance(refused, ExecutionFailed)
        assert refused.kind == "confined"
        assert asyncio.run(allowed()).content == "connected"
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        refused = among_good_ones("connect_unix", path=str(path))
    assert isinstance(refused, ExecutionFailed)
    assert refused.kind == "confined"


@confined
def test_programs_run_where_they_are_allowed() -> None:
    async def allowed() -> Outcome:
        async with executor(("run_program",), processes=True) as tools:
            return (await tools.run(run_of(call("run_program"))))[0]

    assert asyncio.run(allowed()).content == "hello\n"


@pytest.mark.parametrize(("name", "answer"), [("print_frames", "true"), ("flood", "flooded"), ("thread", 1)])
def test_what_is_printed_is_never_taken_for_a_result(name: str, answer: object) -> None:
    found = among_good_ones(name)
    assert isinstance(found, Outcome)
    assert found.content == answer


def test_secrets_of_the_environment_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-0123456789")
    monkeypatch.setenv("SHOP_NAME", "Dok Noord")

    async def seen() -> Any:
        async with executor(("environment",), environment=("SHOP_NAME",)) as tools:
            return (await tools.run(run_of(call("environment"))))[0].content

    found = asyncio.run(seen())
    assert "sk-planted" not in str(found)
    assert found["SHOP_NAME"] == "Dok Noord"


def test_each_session_has_a_folder_of_its_own_and_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    async def notes() -> Any:
        async with executor(("note", "notes")) as tools:
            one = await tools.run(run_of(call("note"), call("notes")))
            other = await tools.run(run_of(call("notes")))
            return one[0].content, one[1].content, other[0].content

    assert asyncio.run(notes()) == ("mine", ["note.txt"], [])
    assert os.listdir(tmp_path) == []


def test_folders_nested_deeper_than_calls_can_nest_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found = among_good_ones("nest_folders")
    assert isinstance(found, Outcome)
    assert found.content == "nested"
    assert os.listdir(tmp_path) == []


@confined
def test_an_import_reaches_nobody(tmp_path: Path) -> None:
    (tmp_path / "reaching.py").write_text(
        "import socket\n\n\ndef tried(*kind):\n    try:\n        return str(socket.socket(*kind).family)\n"
        "    except OSError as refused:\n        return type(refused).__name__\n\n\n"
        "FOUND = [tried(socket.AF_INET, socket.SOCK_DGRAM), tried(socket.AF_INET), tried(socket.AF_UNIX)]\n\n\n"
        "def reached():\n    return FOUND\n"
    )

    async def reached(*, network: bool) -> Any:
        backend = PythonBackend(target="reaching", path=(str(tmp_path),), network=network)
        async with PythonExecutor(backend, {"reached": "reached"}, domain="hostile") as tools:
            return (await tools.run(run_of(call("reached"))))[0].content

    assert asyncio.run(reached(network=False)) == ["PermissionError"] * 3
    assert asyncio.run(reached(network=True)) == ["2", "2", "1"]


def test_an_error_names_no_folder_of_this_machine() -> None:
    found = among_good_ones("say_where")
    assert isinstance(found, Outcome)
    assert found.is_error
    assert found.content == {"error": "failed in state.json with lib"}


@pytest.mark.parametrize(
    ("target", "kind", "words"),
    [("NeverMade", "timeout", "hostile:NeverMade took more than"), ("MadeWrong", "crashed", "can't be made: no state")],
)
def test_an_object_that_cannot_be_made_fails_the_run(target: str, kind: str, words: str) -> None:
    async def made() -> None:
        async with executor(("good",), f"hostile:{target}", call_seconds=0.5) as tools:
            await tools.run(run_of(call("good")))

    with pytest.raises(ExecutionFailed) as failed:
        asyncio.run(made())
    assert failed.value.kind == kind
    assert words in failed.value.message


def test_a_dialogue_has_a_time_limit_over_all_its_calls() -> None:
    async def long() -> None:
        async with executor(("good", "loop"), session_seconds=0.5, call_seconds=60) as tools:
            await tools.run(run_of(call("good"), call("loop")))

    with pytest.raises(ExecutionFailed, match=r"the calls of this dialogue took more than 0\.5 s"):
        asyncio.run(long())
