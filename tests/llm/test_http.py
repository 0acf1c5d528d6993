"""The HTTP client: the short way sends what the long way would, and what it can't do goes the long way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from openai import AsyncOpenAI, DefaultAioHttpClient, Omit

from tests.llm.flaky_server import Answer, Behaviour, FlakyServer, echo
from toolace_dagster.llm.http import EndpointHttpClient

Serve = Callable[[Behaviour], FlakyServer]
BODY: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "café"}]}


async def post(url: str, http: Any) -> httpx2.Response:
    async with AsyncOpenAI(api_key="sk-x", base_url=url, http_client=http, max_retries=0) as client:
        content = json.dumps(BODY).encode()
        return await client.post(f"{url}/chat/completions", content=content, cast_to=httpx2.Response)


def test_it_sends_what_the_clients_own_transport_sends(serve: Serve) -> None:
    server = serve(lambda _, body: echo(body))
    asyncio.run(post(server.url, DefaultAioHttpClient()))
    asyncio.run(post(server.url, EndpointHttpClient()))
    assert server.bodies == [BODY, BODY]
    theirs, ours = server.headers
    for name in ("authorization", "content-type", "content-length", "host", "x-stainless-lang", "user-agent"):
        assert ours[name] == theirs[name]
    assert server.paths[0] == server.paths[1]


def test_a_redirect_is_followed(serve: Serve) -> None:
    there = serve(lambda _, body: echo(body))
    moved = Answer("", status=307, headers={"Location": f"{there.url}/chat/completions"})
    here = serve(lambda _number, _body: moved)
    answer = asyncio.run(post(here.url, EndpointHttpClient()))
    assert answer.status_code == 200
    assert there.bodies == [BODY]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_key_stays_with_its_host(serve: Serve, host: str) -> None:
    there = serve(lambda _, body: echo(body))
    url = f"{there.url}/chat/completions".replace("127.0.0.1", host)
    here = serve(lambda _number, _body: Answer("", status=307, headers={"Location": url}))

    async def ask() -> None:
        http = EndpointHttpClient(key_header="api-key")
        headers: Any = {"api-key": "secret", "Authorization": Omit()}
        async with AsyncOpenAI(api_key="sk-x", base_url=here.url, http_client=http, max_retries=0) as client:
            await client.post("/chat/completions", body=BODY, cast_to=httpx2.Response, options={"headers": headers})

    asyncio.run(ask())
    assert here.headers[0]["api-key"] == "secret"
    assert there.bodies == [BODY]
    assert not {"api-key", "authorization"} & there.headers[0].keys()


def test_other_requests_go_the_long_way(serve: Serve) -> None:
    server = serve(lambda _, body: echo(body))

    async def typed() -> None:
        http = EndpointHttpClient()
        async with AsyncOpenAI(
            api_key="sk-x", base_url=server.url, http_client=http, max_retries=0, default_query={"v": "1"}
        ) as client:
            done = await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
            assert done.choices[0].finish_reason == "stop"

    asyncio.run(typed())
    assert server.paths == ["/v1/chat/completions?v=1"]
