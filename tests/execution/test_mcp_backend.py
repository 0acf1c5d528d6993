"""Live MCP servers: sessions, errors in the three ways servers report them, bounds, writes."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.execution.runs import call, run_of
from toolace_dagster.entities.backend import McpBackend
from toolace_dagster.execution.mcp_backend import McpExecutor
from toolace_dagster.execution.mcp_client import backend_of, list_server
from toolace_dagster.execution.protocol import BackendUnusable, ExecutionFailed, Outcome

pytest.importorskip("mcp")
SERVER = Path(__file__).parent / "mcp_server.py"
STDIO = McpBackend(command=(sys.executable, str(SERVER)))


def run(backend: McpBackend, *calls: Any, names: dict[str, str] | None = None) -> tuple[Outcome, ...]:
    async def ran() -> tuple[Outcome, ...]:
        called = names or {each.tool: each.tool for each in calls}
        async with McpExecutor(backend, called, domain="garages") as tools:
            return await tools.run(run_of(*calls))

    return asyncio.run(ran())


@pytest.fixture(scope="module")
def over_http() -> Iterator[McpBackend]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with subprocess.Popen([sys.executable, str(SERVER), str(port)], stderr=subprocess.DEVNULL) as process:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield McpBackend(url=f"http://127.0.0.1:{port}/mcp")
        process.kill()


def test_a_dialogue_has_a_server_process_of_its_own() -> None:
    outcomes = run(STDIO, call("look_up", plate="1-KLM-482"), call("look_up", plate="2-ABC-111"), call("visitors"))
    assert [o.content for o in outcomes[:2]] == [
        {"plate": "1-KLM-482", "visits": 1},
        {"plate": "2-ABC-111", "visits": 2},
    ]
    assert outcomes[2].content == {"result": ["1-KLM-482", "2-ABC-111"]}
    assert run(STDIO, call("visitors"))[0].content == {"result": []}


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
