"""Live MCP servers: sessions, errors in the three ways servers report them, bounds, writes."""

from __future__ import annotations

import asyncio
import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.execution.runs import call, run_of
from toolace_dagster.cli.pool_import import import_pool
from toolace_dagster.entities.backend import McpBackend
from toolace_dagster.execution.executor import domain_executor
from toolace_dagster.execution.mcp_backend import McpExecutor
from toolace_dagster.execution.mcp_client import backend_of, list_server
from toolace_dagster.execution.places import without_places
from toolace_dagster.execution.protocol import BackendUnusable, ExecutionFailed, Outcome
from toolace_dagster.settings import Settings
from toolace_dagster.tool_pool import PoolOptions, load_pool

pytest.importorskip("mcp")
SERVER = Path(__file__).parent / "mcp_server.py"
STDIO = McpBackend(command=(sys.executable, str(SERVER)))


def run(
    backend: McpBackend, *calls: Any, names: dict[str, str] | None = None, today: date | None = None
) -> tuple[Outcome, ...]:
    async def ran() -> tuple[Outcome, ...]:
        called = names or {each.tool: each.tool for each in calls}
        async with McpExecutor(backend, called, domain="garages") as tools:
            return await tools.run(run_of(*calls, today=today))

    return asyncio.run(ran())


@contextmanager
def serving(*more: str) -> Iterator[str]:
    """The address of a server that runs meanwhile."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with subprocess.Popen([sys.executable, str(SERVER), str(port), *more], stderr=subprocess.DEVNULL) as process:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        try:
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            process.kill()


@pytest.fixture(scope="module")
def over_http() -> Iterator[McpBackend]:
    with serving() as address:
        yield McpBackend(url=address)


def test_a_dialogue_has_a_server_process_of_its_own() -> None:
    outcomes = run(STDIO, call("look_up", plate="1-KLM-482"), call("look_up", plate="2-ABC-111"), call("visitors"))
    assert [o.content for o in outcomes[:2]] == [
        {"plate": "1-KLM-482", "visits": 1},
        {"plate": "2-ABC-111", "visits": 2},
    ]
    assert outcomes[2].content == {"result": ["1-KLM-482", "2-ABC-111"]}
    assert run(STDIO, call("visitors"))[0].content == {"result": []}


def test_a_server_over_stdio_finds_the_day_of_the_dialogue_in_its_environment() -> None:
    assert run(STDIO, call("today"), today=date(2026, 8, 22))[0].content == {"result": "2026-08-22"}
    assert run(STDIO, call("today"))[0].content == {"result": "unknown"}


def test_errors_are_content_however_they_are_reported(over_http: McpBackend) -> None:
    calls = [call("raises"), call("flags"), call("says_error"), call("look_up"), call("as_text")]
    outcomes = run(over_http, *calls)
    assert [o.is_error for o in outcomes] == [True, True, True, True, False]
    said = [str(o.content["error"]) if isinstance(o.content, dict) and o.is_error else "" for o in outcomes]
    assert "the van is not here" in said[0]
    assert said[1:3] == ["no such garage", "Error: the desk is closed"]
    assert "plate" in said[3]
    assert outcomes[4].content == {"open": True}


@pytest.mark.parametrize(("name", "kind"), [("crashes", "crashed"), ("sleeps", "timeout"), ("huge", "too_large")])
def test_a_server_that_fails_fails_the_run(name: str, kind: str, over_http: McpBackend) -> None:
    backend = STDIO if name == "crashes" else over_http.model_copy(update={"call_seconds": 1.0})
    with pytest.raises(ExecutionFailed) as failed:
        run(backend, call("look_up", plate="1"), call(name))
    assert failed.value.kind == kind
    assert failed.value.message.startswith(f"{name}:")


def test_a_tool_without_annotation_is_not_called_unless_allowed(over_http: McpBackend) -> None:
    with pytest.raises(BackendUnusable, match=r"does not annotate repaint as read-only.*allow_writes"):
        run(over_http, call("repaint", plate="1"))
    for allowed in ({"allow_writes": True}, {"read_only": ("repaint",)}):
        (outcome,) = run(over_http.model_copy(update=allowed), call("repaint", plate="1"))
        assert outcome.content == {"result": "1 is blue now"}


def test_a_server_sees_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted")
    monkeypatch.setenv("DESK", "3")
    (outcome,) = run(STDIO.model_copy(update={"environment": ("DESK",)}), call("environment"))
    assert isinstance(outcome.content, dict)
    names = outcome.content["result"]
    assert isinstance(names, list)
    assert "DESK" in names
    assert "OPENAI_API_KEY" not in names


def test_a_secret_is_filled_in_only_when_the_server_is_asked(
    monkeypatch: pytest.MonkeyPatch, over_http: McpBackend
) -> None:
    assert over_http.url is not None
    backend = McpBackend(url=over_http.url.replace("/mcp", "/${DESK_PATH}"))
    monkeypatch.setenv("DESK_PATH", "mcp")
    assert run(backend, call("as_text"))[0].content == {"open": True}
    assert "/${DESK_PATH}" in backend.model_dump_json()
    monkeypatch.delenv("DESK_PATH")
    with pytest.raises(BackendUnusable, match="needs the variable DESK_PATH"):
        run(backend, call("as_text"))


def test_what_cannot_work_says_why(tmp_path: Path, over_http: McpBackend) -> None:
    with pytest.raises(BackendUnusable, match=r"no-such-server can't be used"):
        list_server(backend_of("mcp+stdio:no-such-server --fast"))
    with pytest.raises(BackendUnusable, match=r"has no paint"):
        run(over_http, call("paint"))
    with pytest.raises(ValueError, match="names no command"):
        backend_of("mcp+stdio: ")
    silent = tmp_path / "silent.py"
    silent.write_text("import time; time.sleep(60)")
    with pytest.raises(BackendUnusable, match=r"did not list its tools within 0\.5 s"):
        list_server(McpBackend(command=(sys.executable, str(silent)), session_seconds=0.5))


def test_sources_name_servers() -> None:
    assert backend_of("mcp+stdio:mcp-server-git --repository '/a b'").command == (
        "mcp-server-git",
        "--repository",
        "/a b",
    )
    assert backend_of("mcp+https://tools.example/mcp").url == "https://tools.example/mcp"


def test_headers_are_filled_in_from_the_environment_and_stored_without_their_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DESK_TOKEN", "open-sesame-77")
    with serving("open-sesame-77") as address:
        with pytest.raises(BackendUnusable, match="can't be used"):
            list_server(McpBackend(url=address))
        backend = backend_of(f"mcp+{address}", {"Authorization": "Bearer ${DESK_TOKEN}"})
        assert run(backend, call("as_text"))[0].content == {"open": True}
        assert "open-sesame-77" not in backend.model_dump_json()
        monkeypatch.setenv("DESK_TOKEN", "wrong")
        with pytest.raises(BackendUnusable) as refused:
            list_server(backend)
    assert "wrong" not in str(refused.value)


@pytest.mark.parametrize(
    "given",
    [
        {"command": ("server", "--api-key", "sk-12345")},
        {"command": ("server", "--token=sk-12345")},
        {"command": ("env", "DESK_SECRET=sk-12345", "server")},
        {"command": ("server", "--header", "Authorization: Bearer sk-12345")},
        {"url": "https://me:sk-12345@tools.example/mcp"},
        {"url": "https://tools.example/mcp?api_key=sk-12345"},
        {"url": "https://tools.example/mcp", "headers": {"X-Api-Key": "sk-12345"}},
    ],
)
def test_a_secret_that_is_written_out_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        McpBackend(**given)
    assert "${NAME}" in refused.value.errors()[0]["msg"]
    assert "sk-12345" not in refused.value.errors()[0]["msg"]
    if "command" in given:
        source = f"mcp+stdio:{shlex.join(given['command'])}"
        with pytest.raises(ValueError, match="looks like a credential") as said:
            backend_of(source)
        assert "sk-12345" not in str(said.value)
        with pytest.raises(ValidationError, match="looks like a credential"):
            Settings(pool=source)


@pytest.mark.parametrize(
    "command",
    [
        "server --api-key ${DESK_KEY}",
        "server --token=${DESK_TOKEN} --repository /srv/notes",
        "server --keyboard de --max-tokens 20 --verbose",
        "npx -y @scope/server --allow-author=me",
    ],
)
def test_a_command_without_a_secret_is_taken(command: str) -> None:
    assert backend_of(f"mcp+stdio:{command}").command == tuple(command.split())
    assert Settings(pool=f"mcp+stdio:{command}").pool.endswith(command)


def test_folders_of_the_machine_are_taken_out_of_errors() -> None:
    (outcome,) = run(STDIO, call("opens_a_file"))
    assert outcome.is_error
    assert isinstance(outcome.content, dict)
    assert str(outcome.content["error"]).endswith("no such file: './notes.txt', nor ~/notes.txt")
    kept = {"error": f"{os.getcwd()}x is none", "paths": ["/srv/notes", f"{os.getcwd()}"]}
    assert without_places(kept) == {"error": f"{os.getcwd()}x is none", "paths": ["/srv/notes", "."]}


def test_an_imported_server_runs_from_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "desk"
    source = f"mcp+stdio:{shlex.join([sys.executable, str(SERVER)])}"
    assert import_pool(source, folder, PoolOptions()) == 0
    assert "backends.toml says what runs the tools" in capsys.readouterr().out.replace("\n", " ")
    (domain,) = load_pool(folder).domains
    (backend,) = domain.backends
    assert isinstance(backend, McpBackend)
    assert backend.command == (sys.executable, str(SERVER))
    tools = {tool.name: tool for tool in domain.tools}
    executor = domain_executor(domain.name, domain.backends, tools)
    assert executor is not None
    assert {"look_up", "as_text"} <= executor.executes < set(tools)

    async def ran() -> tuple[Outcome, ...]:
        async with executor as entered:
            return await entered.run(run_of(call("as_text")))

    assert asyncio.run(ran())[0].content == {"open": True}
    # Importing again changes nothing, and what the user wrote there stays.
    before = (folder / "backends.toml").read_text()
    import_pool(source, folder, PoolOptions())
    assert (folder / "backends.toml").read_text() == before
    mine = before.replace('"as_text", ', "")
    (folder / "backends.toml").write_text(mine)
    import_pool(source, folder, PoolOptions())
    assert (folder / "backends.toml").read_text() == mine
    assert "was left as it is" in " ".join(capsys.readouterr().err.split())
