"""Rows of one request each, run over a gateway; also as a program of its own, to be killed.

Belongs here: the smallest use of the gateway there is.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict

from toolace_dagster.llm.cache import ResponseCache
from toolace_dagster.llm.driver import RowOutcome, run_programs
from toolace_dagster.llm.gateway import Gateway
from toolace_dagster.llm.journal import CallJournal
from toolace_dagster.llm.progress import Progress
from toolace_dagster.llm.protocol import Message, ModelRequest, Program, Purpose, Sampling, ask
from toolace_dagster.settings import ModelSettings
from toolace_dagster.warehouse import Store, sql

KEY = "sk-planted-0123456789abcdefghij"


class Value(BaseModel):
    """What rows ask for."""

    model_config = ConfigDict(extra="forbid")

    value: str


def request(prompt: str, reply_type: type[BaseModel] = Value, **sampling: Any) -> ModelRequest[Any]:
    """A request with this prompt."""
    return ModelRequest(
        messages=(Message(role="system", content="You answer."), Message(role="user", content=prompt)),
        reply_type=reply_type,
        sampling=Sampling(**sampling),
        purpose=Purpose(
            stage="skeletons", task="value", role="generator", domain="garages", dialogue_id=prompt, turn_ids=("t00",)
        ),
    )


def program(prompt: str) -> Program[str]:
    """A row that asks once."""
    answer = yield from ask(request(prompt))
    return answer.reply.value


def store(folder: Path) -> Store:
    """The DuckDB file of a run."""
    return Store(folder / "garages.duckdb", sql("calls/tables"))


def journal(
    folder: Path,
    run_id: str = "run-1",
    cache: ResponseCache | None = None,
    given_up: Mapping[str, datetime] | None = MappingProxyType({}),
) -> CallJournal:
    """The journal of a run; by default no row was ever told to have failed by a call."""
    told = None if given_up is None else lambda: given_up
    return CallJournal(store(folder), folder / "garages.jsonl", run_id, cache, given_up=told)


def settings(url: str, **more: Any) -> ModelSettings:
    """Settings for the flaky server."""
    return ModelSettings(**({"model": "m", "base_url": url, "concurrency": 16, "timeout": 10.0} | more))


def run(
    folder: Path,
    url: str,
    programs: dict[str, Program[Any]],
    progress: list[Progress] | None = None,
    *,
    limits: Path | None = None,
    given_up: Mapping[str, datetime] | None = MappingProxyType({}),
    **more: Any,
) -> dict[str, RowOutcome[Any]]:
    """Run programs over a gateway of their own."""
    told = progress.append if progress is not None else None
    kept = journal(folder, given_up=given_up)
    return run_programs(Gateway(settings(url, **more), kept, on_progress=told, limits=limits), programs)


def rows(count: int) -> dict[str, Program[str]]:
    """Rows by prompt."""
    return {prompt: program(prompt) for prompt in prompts(count)}


def prompts(count: int) -> list[str]:
    """Prompts of the rows."""
    return [f"row {number}" for number in range(count)]


def all_came_out(outcomes: dict[str, RowOutcome[Any]], expected: Iterable[str]) -> bool:
    """Whether every row holds what it asked for."""
    return {row_id: outcome.row for row_id, outcome in outcomes.items()} == {prompt: prompt for prompt in expected}


def calls(folder: Path) -> list[dict[str, Any]]:
    """The rows of ``model_calls``."""
    return store(folder).read("SELECT * FROM model_calls ORDER BY created_at")


def uses(folder: Path) -> list[dict[str, Any]]:
    """The rows of ``call_uses``."""
    return store(folder).read("SELECT * FROM call_uses")


def main(folder: str, url: str, count: str, concurrency: str, most_bytes: str = "0", limits: str = "") -> None:
    """Run rows.

    Args:
        folder: Where files go.
        url: The endpoint.
        count: Number of rows.
        concurrency: Calls in flight.
        most_bytes: Size from which on no file may grow, as on a full disk; 0 is no limit.
        limits: Folder through which processes share limits.
    """
    if int(most_bytes):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(most_bytes), resource.RLIM_INFINITY))
    os.environ["OPENAI_API_KEY"] = KEY
    run(Path(folder), url, rows(int(count)), limits=Path(limits) if limits else None, concurrency=int(concurrency))


if __name__ == "__main__":
    main(*sys.argv[1:])
