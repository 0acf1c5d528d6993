"""Tries at one request that were all in vain: whether they are paid for again hangs on who was told."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.pipeline.homes import DOMAIN, context
from tests.pipeline.servers import Handler, offline_app, served
from toolace_dagster.llm.protocol import EndpointUnusable
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.pool import write_pool
from toolace_dagster.pipeline.stage_report import StageReport
from toolace_dagster.pipeline.stage_run import run_stage
from toolace_dagster.pipeline.stages import domain_stages
from toolace_dagster.settings import ModelSettings, Settings
from toolace_dagster.tool_pool import load_pool

NO_JSON = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "no json"}, "finish_reason": "stop"}]}


class Endpoint:
    """The offline model, which has no good reply to one prompt, and may have its key revoked once it said so.

    Attributes:
        bad: The prompt, as messages; None for no prompt.
        revoked: Whether the key is, once that prompt came three times.
        asked: How often each prompt came.
    """

    def __init__(self) -> None:
        self.bad: list[Any] | None = None
        self.revoked = False
        self.asked: Counter[str] = Counter()
        self._thrice = asyncio.Event()
        self.app = offline_app()
        self.app.middlewares.append(self._answer)

    @property
    def bad_asked(self) -> int:
        """How often the bad prompt came."""
        return self.asked[json.dumps(self.bad)]

    @web.middleware
    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        prompt = (await request.json())["messages"][:2]
        if self.revoked and prompt != self.bad:
            # Nobody else is answered before the three bad replies are in.
            await self._thrice.wait()
            await asyncio.sleep(0.1)
            return web.json_response({"error": {"message": "key revoked", "type": "x"}}, status=401)
        self.asked[json.dumps(prompt)] += 1
        if self.bad_asked == 3:
            self._thrice.set()
        return web.json_response(NO_JSON) if prompt == self.bad else await handler(request)


def task_specs(home: Path, url: str, run_id: str, **more: Any) -> tuple[StageContext, StageReport | None]:
    """Run the first stage; no report where the endpoint ended it."""
    llm = ModelSettings(model="offline-served", base_url=url, timeout=20.0)
    where = context(home, Settings(dialogues=3, rounds=0, llm=llm, **more), run_id=run_id)
    write_pool(where.store, load_pool(where.settings.pool).domain(DOMAIN))
    try:
        return where, run_stage(domain_stages(where.settings)[0], where)
    except EndpointUnusable:
        return where, None


def test_tries_in_vain_are_paid_for_again_only_by_who_runs_the_failed_row_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-of-the-test")
    endpoint = Endpoint()
    with served(endpoint.app) as url:
        whole, _ = task_specs(tmp_path / "whole", url, "whole")
        (first, *_) = whole.store.read("SELECT messages FROM model_calls ORDER BY created_at")
        endpoint.bad, endpoint.revoked = json.loads(first["messages"])[:2], True
        endpoint.asked.clear()
        _, report = task_specs(tmp_path / "home", url, "stopped")
        assert (report, endpoint.bad_asked) == (None, 3)

        endpoint.revoked = False
        where, report = task_specs(tmp_path / "home", url, "resumed")
        assert report is not None
        assert (report.accepted, report.failed, endpoint.bad_asked) == (2, 1, 3)
        (failed,) = where.store.read("SELECT * FROM stage_rows WHERE state = 'failed'")
        assert failed["check_id"] == "call.malformed"

        # Its failure was told: made again for another reason, it is tried again.
        endpoint.asked.clear()
        _, report = task_specs(tmp_path / "home", url, "again", rule_tries=3)
        assert report is not None
        assert (report.failed, endpoint.bad_asked) == (1, 3)
        endpoint.bad = None
        where, report = task_specs(tmp_path / "home", url, "good", rule_tries=2)
        assert report is not None
        assert (report.accepted, report.failed) == (3, 0)
