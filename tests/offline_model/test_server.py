"""The server answers the real ``openai`` client, and refuses as OpenAI refuses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import openai
import pytest
from aiohttp import web

from tests.offline_model.drive import body, shipped_pools
from toolace_dagster.llm.offline import OfflineModel, make_app


@asynccontextmanager
async def running(**settings: object) -> AsyncIterator[str]:
    runner = web.AppRunner(make_app(OfflineModel(0), **settings))  # type: ignore[arg-type]
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        await runner.cleanup()


def test_the_real_client_gets_completions_and_models() -> None:
    plan = {"persona": "x", "sub_tasks": [{"tools": ["find_household"], "steps": 1}]}
    request = body("task_spec", tools=shipped_pools()["home_energy"], plan=plan, fault=None)

    async def go() -> None:
        async with running(latency=0.01, jitter=0.01) as url, openai.AsyncOpenAI(base_url=url, api_key="k") as client:
            completion = await client.chat.completions.create(**request)
            assert json.loads(completion.choices[0].message.content or "")["sub_tasks"]
            assert completion.usage is not None
            assert completion.usage.total_tokens > 0
            assert [model.id async for model in client.models.list()] == ["offline"]
            with pytest.raises(openai.NotFoundError, match="does not exist"):
                await client.chat.completions.create(**{**request, "model": "other"})
            with pytest.raises(openai.BadRequestError, match="messages"):
                await client.chat.completions.create(model="offline", messages=[])

    asyncio.run(go())


def test_refusals() -> None:
    async def go() -> None:
        async with running(api_key="right") as url, aiohttp.ClientSession() as session:
            async with session.post(f"{url}/chat/completions", data="{") as response:
                assert response.status == 401
            headers = {"Authorization": "Bearer right"}
            async with session.post(f"{url}/chat/completions", data="{", headers=headers) as response:
                assert response.status == 400
                assert (await response.json())["error"]["type"] == "invalid_request_error"
            async with session.get(f"{url}/nothing", headers=headers) as response:
                assert response.status == 404

    asyncio.run(go())
