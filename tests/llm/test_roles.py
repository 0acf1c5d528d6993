"""Models by role: each role's requests reach its own model at its own endpoint, with its own key and sampling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.llm.flaky_server import Behaviour, FlakyServer, echo, refuses
from tests.llm.rows import KEY, Value, calls, journal, request
from toolace_dagster.llm.driver import RowOutcome, run_programs
from toolace_dagster.llm.gateway import Gateway
from toolace_dagster.llm.protocol import EndpointUnusable, Program, Purpose, Sampling, ask
from toolace_dagster.settings import ModelRole, ModelSettings, Settings

Serve = Callable[[Behaviour], FlakyServer]


def models(**roles: dict[str, Any]) -> Settings:
    return Settings.model_validate({"llm": {"model": "big", "base_url": "http://big.invalid/v1"}, "roles": roles})


def row(role: ModelRole, settings: Settings, prompt: str = "") -> Program[str]:
    purpose = Purpose(stage="s", task="value", role=role, domain="garages", dialogue_id=role)
    asked = replace(
        request(prompt or role, Value), purpose=purpose, sampling=Sampling.of(settings.model_of(role), seed=7)
    )
    answer = yield from ask(asked)
    return answer.reply.value


def run(folder: Path, settings: Settings, *roles: ModelRole) -> dict[str, RowOutcome[str]]:
    return run_programs(Gateway(settings.models, journal(folder)), {role: row(role, settings) for role in roles})


def test_each_role_asks_its_own_model_with_its_own_key(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    big, small = serve(lambda _, body: echo(body)), serve(lambda _, body: echo(body))
    monkeypatch.setenv("JUDGE_KEY", "sk-of-the-judge-0123456789")
    settings = Settings.model_validate(
        {
            "llm": {"model": "big", "base_url": big.url, "extra_body": {"top_k": 3}},
            "roles": {
                "judge": {
                    "model": "small",
                    "base_url": small.url,
                    "api_key_env": "JUDGE_KEY",
                    "api_key_header": "api-key",
                    "query": {"api-version": "2026-01-01"},
                    "reasoning_effort": "low",
                    "extra_body": {},
                }
            },
        }
    )
    outcomes = run(tmp_path, settings, "generator", "refiner", "judge", "expert")
    assert not [outcome.error for outcome in outcomes.values() if outcome.error]
    assert {name: outcome.row for name, outcome in outcomes.items()} == {name: name for name in outcomes}
    assert {body["model"] for body in big.bodies} == {"big"}
    assert {body["top_k"] for body in big.bodies} == {3}
    assert sorted(body["temperature"] for body in big.bodies) == [0, 0.7, 0.7]
    assert [(body["model"], body["temperature"], body["reasoning_effort"]) for body in small.bodies] == [
        ("small", 0, "low")
    ]
    assert "top_k" not in small.bodies[0]
    assert small.headers[0]["api-key"] == "sk-of-the-judge-0123456789"
    assert "authorization" not in small.headers[0]
    assert small.paths[0].endswith("/chat/completions?api-version=2026-01-01")
    assert {headers["authorization"] for headers in big.headers} == {f"Bearer {KEY}"}
    assert {call["model"] for call in calls(tmp_path) if call["role"] == "judge"} == {"small"}


def test_a_key_of_a_role_is_redacted(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUDGE_KEY", "sk-of-the-judge-0123456789")
    server = serve(lambda _number, _body: refuses(401, "bad key sk-of-the-judge-0123456789"))
    settings = models(judge={"base_url": server.url, "api_key_env": "JUDGE_KEY"})
    with pytest.raises(EndpointUnusable) as raised:
        run(tmp_path, settings, "judge")
    assert "0123456789" not in str(raised.value)
    assert "Check JUDGE_KEY" in str(raised.value)


def test_roles_that_only_sample_differently_share_an_endpoint() -> None:
    settings = models(refiner={"temperature": 1.0}, judge={"max_tokens": 100})
    assert len({model.connection for model in settings.models.values()}) == 1
    assert settings.model_of("refiner").temperature == 1.0
    assert (settings.model_of("judge").temperature, settings.model_of("judge").max_tokens) == (0, 100)


def test_models_at_one_address_share_the_calls_in_flight(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda _, body: echo(body, 0.02))
    llm = {"model": "big", "base_url": server.url, "concurrency": 4}
    settings = Settings.model_validate({"llm": llm, "roles": {"judge": {"model": "small"}}})
    roles: tuple[ModelRole, ...] = ("generator", "judge")
    asked = {f"{role} {number}": row(role, settings, f"{role} {number}") for number in range(15) for role in roles}
    outcomes = run_programs(Gateway(settings.models, journal(tmp_path), limits=tmp_path / "limits"), asked)
    assert {name: outcome.row for name, outcome in outcomes.items()} == {name: name for name in asked}
    assert server.most_in_flight == 4
    assert sorted(body["model"] for body in server.bodies) == ["big"] * 15 + ["small"] * 15


def test_a_role_s_batches_differ_in_nothing_but_what_it_says() -> None:
    llm = {"model": "m", "mode": "batch", "batch": {"url": "/chat/completions", "poll": 9}}
    settings = Settings.model_validate({"llm": llm, "roles": {"judge": {"batch": {"poll": 5}}}})
    judge, expert = settings.model_of("judge").batch, settings.model_of("expert").batch
    assert (judge.url, judge.poll) == ("/chat/completions", 5)
    assert (expert.url, expert.poll) == ("/chat/completions", 9)


def test_a_judge_may_have_a_temperature_and_a_model_may_take_none() -> None:
    assert models(judge={"temperature": 0.3}).model_of("judge").temperature == 0.3
    plain = Settings(llm=ModelSettings(model="o", temperature=None))
    assert plain.model_of("expert").temperature is None


@pytest.mark.parametrize(
    ("roles", "words"),
    [
        ({"judge": {"modle": "x"}}, "roles.judge.modle"),
        ({"referee": {"model": "x"}}, "roles.referee"),
        ({"judge": {"temperature": 9}}, "roles.judge.temperature"),
        ({"judge": {"base_url": "http://localhost:1/v1"}}, "api_key_env of its own"),
    ],
)
def test_a_wrong_role_is_refused_with_its_place(roles: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Settings.model_validate({"roles": roles})
    assert words in str(raised.value)


def test_another_model_of_one_role_makes_only_that_roles_answers_stale() -> None:
    plain, judged = Settings(), Settings.model_validate({"roles": {"judge": {"model": "other"}}})
    assert plain.model_of("generator").answers == judged.model_of("generator").answers
    assert plain.model_of("judge").answers != judged.model_of("judge").answers
