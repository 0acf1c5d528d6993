"""The short way: from the second body on, nothing but the body differs from what the client would do."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
from collections.abc import Callable
from typing import Any

import aiohttp
import openai
import pytest
from aiohttp import web

from tests.llm.flaky_server import Answer, Behaviour, FlakyServer, echo
from tests.pipeline.servers import served
from toolace_dagster.llm.transport import make_client, make_http_client, request_options
from toolace_dagster.llm.wire import Arrived, Wire
from toolace_dagster.settings import ModelSettings

Serve = Callable[[Behaviour], FlakyServer]


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-0123456789")


def body(number: int) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": f"café {number}"}]}


async def posted(url: str, count: int, **settings: Any) -> list[Arrived | Exception]:
    """Bodies one after the other, and what came of each."""
    model = ModelSettings(model="m", base_url=url, **settings)
    http = make_http_client(model)
    ends: list[Arrived | Exception] = []
    async with make_client(model, http) as client:
        wire = Wire(client, http, f"{url}/chat/completions", request_options(model))
        for number in range(count):
            try:
                ends.append(await wire.post(json.dumps(body(number)).encode()))
            except Exception as fault:
                ends.append(fault)
    return ends


@pytest.mark.parametrize(
    "settings", [{}, {"api_key_header": "api-key", "query": {"api-version": "1"}}], ids=["bearer", "azure"]
)
def test_the_next_request_is_the_first_with_another_body(settings: dict[str, Any], serve: Serve) -> None:
    server = serve(lambda _, asked: echo(asked))
    first, second, third = asyncio.run(posted(server.url, 3, **settings))
    assert server.bodies == [body(0), body(1), body(2)]
    heads = [{name: value for name, value in head.items() if name != "content-length"} for head in server.headers]
    assert heads[1] == heads[0] == heads[2]
    assert ("api-key" in heads[0]) == ("authorization" not in heads[0]) == bool(settings)
    assert len(set(server.paths)) == 1
    for arrived in (first, second, third):
        assert isinstance(arrived, Arrived)
        assert json.loads(arrived.content)["choices"]
        assert arrived.headers["content-type"].startswith("application/json")


def test_a_refusal_is_the_clients_own_error_and_is_sent_once(serve: Serve) -> None:
    told = json.dumps({"error": {"message": "slow down", "code": "busy", "param": "temperature"}})

    def behave(number: int, asked: Any) -> Answer:
        return Answer(told, status=429, headers={"Retry-After": "7"}) if number % 2 == 0 else echo(asked)

    server = serve(behave)
    fine, *_ = ends = asyncio.run(posted(server.url, 4))
    assert len(server.bodies) == 4
    refusals = [end for end in ends if isinstance(end, openai.RateLimitError)]
    assert isinstance(fine, Arrived)
    assert len(refusals) == 2
    for refusal in refusals:
        assert (refusal.code, refusal.param, refusal.status_code) == ("busy", "temperature", 429)
        assert "slow down" in str(refusal)
        assert refusal.response.headers["retry-after"] == "7"


def test_a_redirect_is_followed_without_the_key_for_another_host(serve: Serve) -> None:
    there = serve(lambda _, asked: echo(asked))
    moved = Answer(
        "", status=307, headers={"Location": f"{there.url}/chat/completions".replace("127.0.0.1", "localhost")}
    )
    here = serve(lambda number, asked: moved if number > 1 else echo(asked))
    assert all(isinstance(end, Arrived) for end in asyncio.run(posted(here.url, 3)))
    assert there.bodies == [body(1), body(2)]
    assert all("authorization" not in head for head in there.headers)


def test_a_compressed_answer_is_unpacked() -> None:
    async def answer(_request: web.Request) -> web.Response:
        packed = gzip.compress(json.dumps({"choices": []}).encode())
        return web.Response(body=packed, headers={"Content-Encoding": "gzip", "Content-Type": "application/json"})

    serving = web.Application()
    serving.router.add_post("/{path:.*}", answer)
    with served(serving) as url:
        ends = asyncio.run(posted(url, 2))
    assert [json.loads(end.content) for end in ends if isinstance(end, Arrived)] == [{"choices": []}] * 2


def test_no_answer_is_a_fault_of_the_connection_or_of_time() -> None:
    asked = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        if asked == 2:
            assert request.transport is not None
            request.transport.close()
        if asked == 3:
            await asyncio.sleep(1.5)
        return web.json_response({"choices": []})

    serving = web.Application()
    serving.router.add_post("/{path:.*}", answer)
    with served(serving) as url:
        first, cut, late, last = asyncio.run(posted(url, 4, timeout=0.5))
    assert isinstance(first, Arrived)
    assert isinstance(cut, (aiohttp.ClientError, openai.APIConnectionError))
    assert isinstance(late, TimeoutError)
    assert isinstance(last, Arrived)


def test_those_that_start_together_do_not_wait_for_the_firsts_answer(serve: Serve) -> None:
    server = serve(lambda number, asked: echo(asked, delay=1.5 if number == 1 else 0.0))
    order: list[int] = []

    async def wave() -> None:
        model = ModelSettings(model="m", base_url=server.url)
        http = make_http_client(model)
        async with make_client(model, http) as client:
            wire = Wire(client, http, f"{server.url}/chat/completions", request_options(model))

            async def one(number: int) -> None:
                await wire.post(json.dumps(body(number)).encode())
                order.append(number)

            await asyncio.gather(*(one(number) for number in range(8)))

    asyncio.run(wave())
    assert sorted(order) == list(range(8))
    assert order[-1] == 0
    assert len({tuple(sorted(head.keys())) for head in server.headers}) == 1


def test_where_nobody_answers_each_of_a_wave_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}/v1"

    async def wave() -> list[Any]:
        model = ModelSettings(model="m", base_url=nobody)
        http = make_http_client(model)
        async with make_client(model, http) as client:
            wire = Wire(client, http, f"{nobody}/chat/completions", request_options(model))
            posts = (wire.post(json.dumps(body(number)).encode()) for number in range(8))
            return await asyncio.gather(*posts, return_exceptions=True)

    ends = asyncio.run(wave())
    assert len(ends) == 8
    assert all(isinstance(end, openai.APIConnectionError | aiohttp.ClientError) for end in ends)
