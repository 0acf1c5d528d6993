"""`toolace push`, against a stand-in for the hub's HTTP interface; nothing is pushed unless asked."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import Ended, toolace
from tests.cli.made import Made

pytest.importorskip("huggingface_hub", reason="needs the extra `hub`")

REPOSITORY = "somebody/tool-dialogues"
TOKEN = "hf_" + "x" * 20


class Hub(ThreadingHTTPServer):
    """What a hub answers to the calls of an upload; it keeps what it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.files: dict[str, bytes] = {}
        self.created: dict[str, Any] = {}
        self.tokens: set[str | None] = set()
        self.refuses = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answers(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_args: Any) -> None:
        pass

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, value: Any, status: int = 200) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        self.answer({"id": REPOSITORY, "sha": "0" * 40, "siblings": []})

    def do_POST(self) -> None:
        sent = self.body()
        self.server.tokens.add(self.headers.get("Authorization"))
        if self.server.refuses:
            self.answer({"error": "not yours"}, 403)
        elif self.path == "/api/repos/create":
            self.server.created = json.loads(sent)
            self.answer({"url": f"{self.server.url}/datasets/{REPOSITORY}"})
        elif self.path == "/api/validate-yaml":
            self.answer({"errors": [], "warnings": []})
        elif "/preupload/" in self.path:
            files = json.loads(sent)["files"]
            self.answer({"files": [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in files]})
        elif "/commit/" in self.path:
            for line in sent.decode().splitlines():
                entry = json.loads(line)
                if entry["key"] == "file":
                    self.server.files[entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
            url = f"{self.server.url}/datasets/{REPOSITORY}/commit/{'0' * 40}"
            self.answer({"success": True, "commitUrl": url, "commitOid": "0" * 40, "hookOutput": ""})
        else:
            self.answer({"error": f"no such path: {self.path}"}, 404)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


def push(made: Made, hub: Hub, tmp_path: Path, *words: str) -> Ended:
    return toolace(
        *("push", REPOSITORY, "--home", made.home, *words),
        HF_ENDPOINT=hub.url,
        HF_TOKEN=TOKEN,
        HF_HOME=str(tmp_path / "hf"),
        HF_HUB_DISABLE_XET="1",
    )


def test_card_and_files_arrive_as_they_are(made: Made, hub: Hub, tmp_path: Path) -> None:
    ended = push(made, hub, tmp_path, "--rehearsal")
    assert ended.code == 0, ended.err
    exports = made.home / "exports"
    wanted = {
        str(path.relative_to(exports)): path.read_bytes()
        for path in exports.rglob("*")
        if path.is_file() and path.relative_to(exports).parts[0] in ("README.md", "trl", "openai")
    }
    assert hub.files == wanted
    assert "README.md" in wanted
    assert (hub.created["type"], hub.created["visibility"]) == ("dataset", "private")
    assert hub.tokens == {f"Bearer {TOKEN}"}
    assert f"{hub.url}/datasets/{REPOSITORY}" in ended.out
    assert TOKEN not in ended.out + ended.err


def test_the_card_pushed_names_the_files_pushed_alone(made: Made, hub: Hub, tmp_path: Path) -> None:
    ended = push(made, hub, tmp_path, "--rehearsal", "--set", 'formats=["openai"]')
    assert ended.code == 0, ended.err
    assert {path.partition("/")[0] for path in hub.files} == {"README.md", "openai"}
    card = hub.files["README.md"].decode()
    assert "- `openai/`" in card
    assert "trl/" in (made.home / "exports" / "README.md").read_text(encoding="utf-8")
    assert "trl/" not in card


def test_the_offline_model_s_data_is_not_pushed_by_mistake(made: Made, hub: Hub, tmp_path: Path) -> None:
    ended = push(made, hub, tmp_path)
    assert ended.code == 1
    assert "--rehearsal" in ended.err
    assert hub.files == {}
    assert hub.tokens == set()


def test_a_hub_that_refuses_is_quoted_and_the_token_is_not(made: Made, hub: Hub, tmp_path: Path) -> None:
    hub.refuses = True
    ended = push(made, hub, tmp_path, "--rehearsal")
    assert ended.code == 1
    assert "the hub refused" in ended.err
    assert TOKEN not in ended.out + ended.err


def test_a_home_that_is_not_current_is_not_pushed(hub: Hub, made: Made, tmp_path: Path) -> None:
    empty = Made(tmp_path / "nothing", made.pool, made.ended)
    ended = push(empty, hub, tmp_path, "--rehearsal")
    assert ended.code == 1
    assert "not current" in ended.err


def test_a_hub_that_can_t_be_reached_is_named(made: Made, tmp_path: Path) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        ended = toolace(
            *("push", REPOSITORY, "--home", made.home, "--rehearsal"),
            HF_ENDPOINT=url,
            HF_TOKEN=TOKEN,
            HF_HOME=str(tmp_path / "hf"),
        )
    assert ended.code == 1
    assert f"{url} could not be reached, nothing was pushed" in " ".join(ended.err.split())
    assert "Traceback" not in ended.err
    assert TOKEN not in ended.err
