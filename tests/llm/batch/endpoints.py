"""The served offline model with a reply that can be foretold, and rows that go through its batches.

Belongs here: counting what is paid, and misbehaving as told. Does not belong here:
what a test makes of it.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.llm.flaky_server import prompt_of
from tests.llm.rows import KEY, journal, rows, settings
from tests.pipeline.servers import served
from toolace_dagster.llm.driver import RowOutcome, run_programs
from toolace_dagster.llm.gateway import Gateway
from toolace_dagster.llm.journal import CallJournal
from toolace_dagster.llm.offline import OfflineModel, make_app
from toolace_dagster.llm.progress import Progress
from toolace_dagster.llm.protocol import Program

Body = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Echo(OfflineModel):
    """Answers with the row's own prompt, and counts what it was paid for.

    Attributes:
        paid: How often each prompt was answered.
        bodies: What was asked, in order.
    """

    def __init__(self, answer: Callable[[int, Body], str | None] | None = None) -> None:
        """Take a behaviour.

        Args:
            answer: Given how often this prompt came, from 1, and the body: the text of the reply, or None for the
                good one. May raise a Refusal.
        """
        super().__init__(0)
        self.paid: Counter[str] = Counter()
        self.bodies: list[Body] = []
        self._answer = answer

    def chat_completion(self, body: Body) -> Body:
        prompt = prompt_of(body)
        self.bodies.append(body)
        self.paid[prompt] += 1
        text = self._answer(self.paid[prompt], body) if self._answer else None
        said = {"role": "assistant", "content": text or json.dumps({"value": prompt}), "refusal": None}
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "offline-served",
            "choices": [{"index": 0, "message": said, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
        }


class Requests:
    """All requests a server gets, and a hook on each.

    Attributes:
        seen: Method and route of each, such as ``POST /v1/batches``, with ids left out.
        before: Called with the route before it is answered; may answer itself.
        after: Called with the route when the answer is made and not yet sent.
    """

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.before: Callable[[str], web.Response | None] | None = None
        self.after: Callable[[str], None] | None = None

    def watch(self, app: web.Application) -> web.Application:
        """Have an application's requests pass here."""

        @web.middleware
        async def watching(request: web.Request, handler: Handler) -> web.StreamResponse:
            resource = request.match_info.route.resource
            route = f"{request.method} {resource.canonical if resource else request.path}"
            self.seen[route] += 1
            answer = self.before(route) if self.before else None
            if answer is not None:
                return answer
            response = await handler(request)
            if self.after:
                self.after(route)
            return response

        app.middlewares.append(watching)
        return app

    @property
    def batches(self) -> int:
        """How many batches were asked for."""
        return self.seen["POST /v1/batches"]


@contextmanager
def batching(model: OfflineModel | None = None, **options: Any) -> Generator[tuple[str, Requests]]:
    """Serve a model with files and batches; gives the base URL and the requests that come."""
    requests = Requests()
    with served(requests.watch(make_app(model or Echo(), **options))) as url:
        yield url, requests


def run(
    folder: Path,
    url: str,
    programs: dict[str, Program[Any]],
    *,
    progress: list[Progress] | None = None,
    batch: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, RowOutcome[Any]]:
    """Run programs in batch mode."""
    told = progress.append if progress is not None else None
    return run_programs(Gateway(batch_settings(url, batch, **more), journal(folder), on_progress=told), programs)


def batch_settings(url: str, batch: dict[str, Any] | None = None, **more: Any) -> Any:
    """Settings of batch mode for the served model."""
    return settings(
        url,
        **(
            {"model": "offline-served", "mode": "batch", "batch": {"poll": 0.05, "linger": 0.05} | (batch or {})} | more
        ),
    )


def left_over(folder: Path) -> list[str]:
    """Names of what is left beside the journal."""
    return sorted(path.name for path in (folder / "garages.batches").glob("*"))


def run_mortal(folder: Path, url: str, count: int, kept: int | None) -> None:
    """Run rows in batch mode, in a process that is to be killed.

    Args:
        folder: Where files go.
        url: The endpoint.
        count: Number of rows.
        kept: Responses that reach the journal before the process dies; None leaves it alive.
    """
    os.environ["OPENAI_API_KEY"] = KEY
    if kept is not None:
        _die_after(kept)
    run(folder, url, rows(count))


def _die_after(kept: int) -> None:
    """Have this process killed when so many responses are in the journal."""
    append = CallJournal.append
    seen = 0

    async def mortal(self: CallJournal, record: Any) -> None:
        nonlocal seen
        if seen == kept:
            os.kill(os.getpid(), 9)
        seen += 1
        await append(self, record)

    CallJournal.append = mortal  # pyright: ignore[reportAttributeAccessIssue]
