"""``toolace run --mode batch``: stopped while batches are under way, and run again."""

from __future__ import annotations

import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.cli.command import finish, start, toolace
from tests.llm.batch.endpoints import batching
from tests.pipeline.homes import DOMAIN
from toolace_dagster.llm.offline import OfflineModel
from toolace_dagster.llm.offline.server import Fate
from toolace_dagster.warehouse import Warehouse


class Counting(OfflineModel):
    """Counts how often each request is answered."""

    def __init__(self) -> None:
        super().__init__(0)
        self.paid: Counter[str] = Counter()

    def chat_completion(self, body: dict[str, Any]) -> dict[str, Any]:
        self.paid[str(body)] += 1
        return super().chat_completion(body)


def test_a_run_is_stopped_and_the_next_collects_its_batches(tmp_path: Path) -> None:
    model = Counting()
    home = tmp_path / "home"
    slow = {2: Fate(seconds=6.0)}
    with batching(model, batch_fate=lambda number: slow.get(number, Fate())) as (url, requests):
        words = ["run", "--home", home, "--domain", DOMAIN, "--dialogues", "2", "--rounds", "1", "--mode", "batch"]
        words += ["--model", "offline-served", "--base-url", url]
        words += ["--set", "llm.batch.poll=0.1", "--set", "llm.batch.linger=0.1"]
        process = start(*words, OPENAI_API_KEY="k")
        deadline = time.monotonic() + 60
        while requests.batches < 2 or requests.seen["GET /v1/batches/{id}"] < 4:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        stopped = finish(process)
        assert stopped.code == 130
        assert "1 batches go on at the endpoint; the same command collects them" in stopped.err
        before = requests.batches
        ended = toolace(*words, OPENAI_API_KEY="k")
        assert ended.code == 0, ended.err
        assert "1 batches that an earlier run submitted are collected first" in ended.out
        assert requests.batches > before
    assert set(model.paid.values()) == {1}
    store = Warehouse(home).domain(DOMAIN)
    assert store.read("SELECT count(*) AS n FROM outcomes WHERE state = 'accepted'") == [{"n": 2}]
    assert store.read("SELECT count(*) AS n FROM model_calls") == [{"n": len(model.paid)}]
