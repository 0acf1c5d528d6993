"""The API key is in no file of a home, on no terminal and in no process title, however a run ends."""

from __future__ import annotations

import asyncio
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import duckdb
import pytest
from aiohttp import web
from typer.testing import CliRunner

from benchmarks.warm_start import Started
from tests.cli.command import finish, start, start_cold
from tests.pipeline.homes import DOMAIN, small_pool
from tests.pipeline.servers import Handler, answering, offline_app, served
from toolace_dagster.cli.app import app
from toolace_dagster.settings import ModelSettings, Settings
from toolace_dagster.warehouse import Store, Warehouse, sql

KEY = "sk-planted-9f8e7d6c5b4a39281706f5e4"


def echoing() -> web.Application:
    """The offline model, behind something that tells the key in headers, and fails now and then and tells it too."""
    serving = offline_app(error_rate=1.0)
    count = 0

    @web.middleware
    async def echo(request: web.Request, handler: Handler) -> web.StreamResponse:
        nonlocal count
        count += 1
        told = request.headers.get("Authorization", "")
        assert KEY in told
        if count % 5 == 0:
            return web.json_response({"error": {"message": f"overloaded by {told}", "type": told}}, status=500)
        response = await handler(request)
        response.headers["x-request-id"] = told
        return response

    serving.middlewares.append(echo)
    return serving


def silent() -> web.Application:
    """An endpoint that answers later than anybody waits, a byte at a time."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"x-request-id": request.headers.get("Authorization", "")})
        await response.prepare(request)
        for letter in KEY * 100:
            await response.write(letter.encode())
            await asyncio.sleep(0.1)
        return response

    serving = web.Application()
    serving.router.add_route("*", "/{path:.*}", answer)
    return serving


def error(status: int) -> web.Application:
    """An endpoint that refuses everything and tells the key."""
    told = {"message": f"Incorrect API key provided: {KEY}.", "type": KEY, "param": KEY, "code": KEY}
    return answering(status, {"error": told})


def titles(process: Started | subprocess.Popen[str]) -> str:
    """Titles and thread names of a process and all its children, for as long as it runs."""
    seen: set[str] = set()
    while process.poll() is None:
        family = [process.pid]
        for pid in family:
            folder = Path(f"/proc/{pid}")
            try:
                children = [child for task in folder.glob("task/*/children") for child in task.read_text().split()]
                family += [int(child) for child in children]
                seen.add((folder / "cmdline").read_bytes().decode(errors="replace"))
                seen |= {task.read_text() for task in folder.glob("task/*/comm")}
            except (FileNotFoundError, ProcessLookupError):
                continue
        time.sleep(0.05)
    return "\n".join(seen)


def holding_the_key(folder: Path) -> list[str]:
    """Files below a folder that hold the key; tables are also read, since their texts may be packed."""
    found = [str(path) for path in folder.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    for path in folder.rglob("*.duckdb"):
        store = Store(path, "SELECT 1")
        for row in store.read("SHOW TABLES"):
            table = row["name"]
            if any(KEY in repr(held) for held in store.read(f'SELECT * FROM "{table}"')):
                found.append(f"{path} {table}")
    with duckdb.connect() as connection:
        read = "SELECT * FROM read_parquet($path)"
        return found + [
            str(path)
            for path in folder.rglob("*.parquet")
            if KEY in repr(connection.execute(read, {"path": str(path)}).fetchall())
        ]


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    assert holding_the_key(tmp_path) == []
    store = Store(tmp_path / "a" / "b.duckdb", sql("calls/tables"))
    with store.write() as connection:
        connection.execute("CREATE TABLE words AS SELECT ? || i AS word FROM range(5000) t(i)", [KEY])
    (tmp_path / ".hidden").write_text(f"x{KEY}")
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT '{KEY}' AS word FROM range(1000)) TO '{tmp_path / 'c.parquet'}'")
    found = " ".join(holding_the_key(tmp_path))
    for name in (".hidden", "b.duckdb words", "c.parquet"):
        assert name in found


def test_no_run_leaves_the_key_anywhere(tmp_path: Path) -> None:
    pool = small_pool(tmp_path / "pool")
    endings = {"made": echoing(), "wrong_key": error(401), "refused": error(400), "never_done": silent()}
    running: dict[str, Started | subprocess.Popen[str]] = {}
    with ExitStack() as stack:
        for name, serving in endings.items():
            url = stack.enter_context(served(serving))
            words = ["run", "--home", tmp_path / name, "--pool", pool, "--domain", DOMAIN, "--dialogues", "2"]
            words += ["--rounds", "0", "--model", "offline-served", "--base-url", url]
            words += ["--timeout", "1" if name == "never_done" else "5", "--cache", tmp_path / name / "cache"]
            # Only a cold start stands in the list of processes with its own words.
            running[name] = (start_cold if name == "made" else start)(*words, OPENAI_API_KEY=KEY)
        seen = titles(running["made"])
        ended = {name: finish(process) for name, process in running.items()}
    assert "--base-url" in seen
    assert KEY not in seen
    assert {name: KEY in told.out + told.err for name, told in ended.items()} == dict.fromkeys(ended, False)
    assert "[key]" in ended["wrong_key"].err
    made = Warehouse(tmp_path / "made").domain(DOMAIN).read("SELECT count(*) AS n FROM model_calls WHERE usable")
    assert made[0]["n"] > 4, ended["made"].err
    assert (tmp_path / "made" / "cache").exists()
    for name in endings:
        held = [path for path in (tmp_path / name).rglob("*") if path.is_file()]
        assert any("history" in path.parts for path in held)
    assert holding_the_key(tmp_path) == []


@pytest.mark.parametrize(
    "url",
    [f"http://user:{KEY}@localhost:1/v1", f"http://localhost:1/v1?api-key={KEY}", f"http://localhost:1/{KEY}/v1"],
)
def test_an_address_with_a_credential_is_refused_before_anything_is_written(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for words in (["--base-url", url], ["--set", f"roles.judge.base_url={url}", "--set", "roles.judge.api_key_env=X"]):
        result = CliRunner().invoke(app, ["run", "--home", str(tmp_path / "home"), "--model", "m", *words])
        assert result.exit_code == 2
        assert "base_url" in result.stderr
        assert KEY not in result.output
        assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("setting", ["llm.query.code", "llm.extra_body.user", "roles.judge.extra_body.routing.by"])
def test_a_key_in_a_setting_is_refused_before_anything_is_written(
    setting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    words = ["run", "--home", str(tmp_path / "home"), "--model", "m", "--set", f"{setting}={KEY}"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert "it holds the value of OPENAI_API_KEY" in result.stderr
    assert KEY not in result.output
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("variable", ["HF_TOKEN", "WHATEVER"])
@pytest.mark.parametrize("assignment", ["llm.temperature={}", "preset={}", "no_setting={}", "{}"])
def test_no_refusal_shows_a_token_that_was_given_where_none_can_stand(
    assignment: str, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = "tok-planted-5f4e3d2c1b0a"
    monkeypatch.setenv(variable, token)
    words = ["--home", str(tmp_path / "home"), "--set", assignment.format(token)]
    result = CliRunner().invoke(app, ["config", "show", *words, "--set", f"llm.api_key_env={variable}"])
    assert result.exit_code == 2
    assert f"[{variable}]" in result.stderr
    assert token not in result.output


@pytest.mark.parametrize("setting", ["llm.extra_body.auth", "llm.model", "personas"])
def test_no_command_shows_a_token_that_stands_in_a_setting(
    setting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = "tok-planted-5f4e3d2c1b0a"
    monkeypatch.setenv("HF_TOKEN", token)
    value = f'["{token}"]' if setting == "personas" else token
    words = ["--home", str(tmp_path / "home"), "--set", f"{setting}={value}"]
    for command in (["config", "show", "--set", "llm.api_key_env=HF_TOKEN"], ["run"]):
        result = CliRunner().invoke(app, [*command, *words])
        assert result.exit_code == 2
        assert f"{setting}: it holds the value of HF_TOKEN" in result.stderr
        assert token not in result.output
        assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("setting", ["llm.api_key_env", "roles.judge.api_key_env", "llm.api_key_header"])
@pytest.mark.parametrize(
    "key",
    [
        "gsk_abcDEF0123456789planted",
        "sk-proj-abcDEF0123456789planted",
        "hf_abcdefghijklmn0123456789op",
        "Xq7vN2mKd81LpZr4Tw9b",
        "9f8e7d6c5b4a39281706f5e4d3c2b1a0",
        "1234567890123456789012345678",
        KEY,
    ],
)
def test_a_key_in_the_place_of_its_variable_is_refused_and_not_told(
    setting: str, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    file = tmp_path / "toolace.toml"
    file.write_text(f'{setting} = "{key}"\n')
    for words in (["--set", f"{setting}={key}"], ["--config", str(file)]):
        result = CliRunner().invoke(app, ["run", "--home", str(tmp_path / "home"), "--model", "m", *words])
        assert result.exit_code == 2
        assert setting in result.stderr
        assert key not in result.output
        assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "my_key", "hf_token", "AZURE_OPENAI_KEY_2", "Key_of_the_4th_floor"])
def test_names_of_variables_are_taken(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name.startswith("Key"):
        # Odd enough to be a key; that it is set says what it is.
        monkeypatch.setenv(name, "x")
    assert ModelSettings(api_key_env=name).api_key_env == name


@pytest.mark.parametrize(
    ("pool", "mend"),
    [
        (f"http://user:{KEY}@localhost:1/api.yaml", "toolace pool import"),
        (f"https://localhost:1/api.yaml?api_key={KEY}", "toolace pool import"),
        (f"mcp+https://localhost:1/mcp?token={KEY}", "${NAME}"),
        (f"mcp+stdio:server --with {KEY}", "${NAME}"),
    ],
)
def test_a_pool_with_a_credential_is_refused_before_anything_is_written(
    pool: str, mend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    result = CliRunner().invoke(app, ["run", "--home", str(tmp_path / "home"), "--pool", pool])
    assert result.exit_code == 2
    assert mend in " ".join(result.stderr.split())
    assert KEY not in result.output
    assert not (tmp_path / "home").exists()


def test_a_secret_of_a_server_may_be_named() -> None:
    named = "mcp+https://localhost:1/mcp?token=${SHOP_TOKEN}"
    assert Settings(pool=named).pool == named
