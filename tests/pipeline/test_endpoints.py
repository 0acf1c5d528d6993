"""Stages over a network: a good endpoint, one that refuses some prompts, and endpoints nobody can use."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline.homes import DOMAIN, context, run_domain
from tests.pipeline.servers import answering, offline_app, served
from toolace_dagster.llm.protocol import EndpointUnusable
from toolace_dagster.pipeline.checks import schema_faults, sum_faults
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.stages import domain_stages
from toolace_dagster.pipeline.staleness import first_stale
from toolace_dagster.reporting.story import read_story
from toolace_dagster.reporting.why import tell
from toolace_dagster.settings import ModelSettings, Settings
from toolace_dagster.tool_pool import load_pool


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-of-the-test")


def over(url: str, home: Path, *, run_id: str = "first", retries: int = 0) -> StageContext:
    llm = ModelSettings(model="offline-served", base_url=url, timeout=20.0, transport_retries=retries)
    return context(home, Settings(dialogues=3, rounds=1, llm=llm), run_id=run_id)


def stale_stage(where: StageContext) -> str | None:
    found = first_stale(where, load_pool(where.settings.pool).domain(DOMAIN))
    return found.stage if found else None


def test_the_offline_model_behind_http_takes_dialogues_through_all_stages(tmp_path: Path) -> None:
    with served(offline_app()) as url:
        where = over(url, tmp_path)
        reports = run_domain(where)
    assert [report.accepted for report in reports] == [3] * 5
    models = where.store.read("SELECT DISTINCT model, endpoint FROM model_calls")
    assert models == [{"model": "offline-served", "endpoint": url.removeprefix("http://").removesuffix("/v1")}]
    assert stale_stage(where) is None


def test_a_refused_prompt_fails_its_own_dialogue_and_names_the_call(tmp_path: Path) -> None:
    with served(offline_app()) as url:
        whole = over(url, tmp_path / "whole")
        run_domain(whole)
    scenario = whole.store.read("SELECT scenario FROM task_specs WHERE slot = 1")[0]["scenario"]

    def refuse(body: str) -> bool:
        return scenario in body and "sub_trajector" in body

    with served(offline_app(refuse=refuse)) as url:
        where = over(url, tmp_path / "refused")
        run_domain(where)
    (failed,) = where.store.read("SELECT * FROM outcomes WHERE state = 'failed'")
    assert (failed["slot"], failed["stage"], failed["check_id"]) == (1, "skeletons", "call.bad_request")
    assert "this prompt is refused" in failed["reason"]
    (call,) = where.store.read("SELECT * FROM model_calls WHERE call_id = $id", {"id": failed["call_id"]})
    assert call["error_kind"] == "bad_request"
    assert where.store.read("SELECT count(*) AS n FROM outcomes WHERE state = 'accepted'") == [{"n": 2}]
    for stage in domain_stages(where.settings):
        assert sum_faults(where, stage.name) == schema_faults(where, stage.name) == []
    story = tell(read_story(where.warehouse, failed["dialogue_id"]))
    assert " failed at skeletons [call.bad_request]" in story.splitlines()[0]
    assert failed["call_id"] in story.splitlines()[0]
    # The prompt would be refused again.
    assert stale_stage(where) is None


def test_dialogues_that_failed_for_a_fault_of_the_moment_are_made_in_the_next_run(tmp_path: Path) -> None:
    with served(answering(503, {"error": {"message": "overloaded"}})) as url:
        where = over(url, tmp_path)
        run_domain(where)
        assert where.store.read("SELECT DISTINCT state, check_id FROM outcomes") == [
            {"state": "failed", "check_id": "call.server"}
        ]
    with served(offline_app()) as url:
        again = over(url, tmp_path, run_id="second")
        assert stale_stage(again) == "task_specs"
        run_domain(again)
    assert again.store.read("SELECT count(*) AS n FROM outcomes WHERE state = 'accepted'") == [{"n": 3}]
    assert stale_stage(again) is None


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (404, {"error": {"message": "no such model"}}, ["knows no model 'offline-served'", "no such model", "--model"]),
        (401, {"error": {"message": "bad key sk-secret-of-the-test"}}, ["refused the key", "OPENAI_API_KEY", "[key]"]),
    ],
)
def test_an_endpoint_that_can_answer_no_call_stops_the_stage(
    tmp_path: Path, status: int, body: dict[str, object], words: list[str]
) -> None:
    with served(answering(status, body)) as url, pytest.raises(EndpointUnusable) as raised:
        run_domain(over(url, tmp_path))
    for word in [*words, url]:
        assert word in str(raised.value)
    assert "sk-secret" not in str(raised.value)


def test_nobody_at_the_address(tmp_path: Path) -> None:
    with pytest.raises(EndpointUnusable, match=r"http://127.0.0.1:9/v1 could not be reached.*OPENAI_BASE_URL"):
        run_domain(over("http://127.0.0.1:9/v1", tmp_path, retries=2))


def test_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(EndpointUnusable, match="OPENAI_API_KEY is not set"):
        run_domain(over("http://127.0.0.1:9/v1", tmp_path))


def test_no_address(tmp_path: Path) -> None:
    with pytest.raises(EndpointUnusable, match="'localhost:8000', which is no http or https address"):
        run_domain(over("localhost:8000", tmp_path))


def test_the_key_is_nowhere_in_the_home(tmp_path: Path) -> None:
    with served(answering(400, {"error": {"message": "echo sk-secret-of-the-test"}})) as url:
        where = over(url, tmp_path)
        run_domain(where)
    assert where.store.read("SELECT DISTINCT check_id FROM outcomes") == [{"check_id": "call.bad_request"}]
    held = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert held
    assert [path for path in held if b"sk-secret" in path.read_bytes()] == []
