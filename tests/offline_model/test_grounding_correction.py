"""The offline model mends values without a source from the request alone, and fails at its documented rates."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.builders import TOOLS, call, drive, garage_turns, output, spec, user
from tests.offline_model.drive import ask
from toolace_dagster.entities import Dialogue, Skeleton, SubTrajectory, Turn
from toolace_dagster.grounding import ungrounded
from toolace_dagster.initialization.grounding_correction import grounded_skeleton
from toolace_dagster.llm.offline import ERROR_RATES, OfflineModel
from toolace_dagster.llm.protocol import ModelRequest
from toolace_dagster.settings import Settings

TRIES = 300


def mended(model: OfflineModel, *changed: Turn, seed: int = 0) -> Dialogue:
    by_id = {turn.id: turn for turn in changed}
    turns = [by_id.get(turn.id, turn) for turn in garage_turns()]
    parts = tuple(SubTrajectory(sub_task=n, turns=tuple(t for t in turns if t.sub_task == n)) for n in (0, 1))
    start = Skeleton(
        dialogue_id="garages-0000-abcdef", domain="garages", offered_tools=tuple(TOOLS), sub_trajectories=parts
    )

    def answer(request: ModelRequest[Any]) -> dict[str, Any]:
        messages = [message.model_dump() for message in request.messages]
        asked = {"type": "json_schema", "json_schema": {"name": request.purpose.task, "schema": request.schema}}
        body = {"model": "offline", "seed": seed, "messages": messages, "response_format": asked}
        try:
            return json_of(model.chat_completion(body))
        except ValueError:
            return {}

    made = drive(grounded_skeleton(start, spec(), TOOLS, Settings()), answer)
    return made.to_dialogue()


def json_of(completion: dict[str, Any]) -> dict[str, Any]:
    return json.loads(completion["choices"][0]["message"]["content"])


INVENTED = call("t03", "book_service", {"garage_id": "GR-404", "date": "2026-07-14"})
UNSAID = user("t00", "Find me a garage in Ghent and book it.")


def test_without_mistakes_everything_gets_a_source() -> None:
    dialogue = mended(OfflineModel(0), INVENTED, UNSAID)
    assert ungrounded(dialogue, TOOLS) == ()
    assert dialogue.turn("t03").tool_calls[0].arguments == {"garage_id": "GR-771", "date": "2026-07-14"}
    assert dialogue.turn("t00").content.startswith(UNSAID.content)


def test_a_value_that_was_really_run_takes_the_place_of_another() -> None:
    find = call("t01", "find_garage", {"city": "Bruges"})
    found = output("t02", find, {"garages": [{"garage_id": "GR-771", "name": "Dok Noord"}]})
    real = found.model_copy(
        update={"outputs": tuple(o.model_copy(update={"source": "executed"}) for o in found.outputs)}
    )
    dialogue = mended(OfflineModel(0), find, real)
    assert "in Bruges" in dialogue.turn("t00").content
    assert "Ghent" not in dialogue.turn("t00").content
    assert ungrounded(dialogue, TOOLS) == ()


def test_it_fails_about_as_often_as_documented() -> None:
    left = sum(bool(ungrounded(mended(OfflineModel(), INVENTED, seed=seed), TOOLS)) for seed in range(TRIES))
    expected = ERROR_RATES["idle_correction"] + ERROR_RATES["invented_value"] / 2 + ERROR_RATES["broken_json"]
    assert expected / 3 < left / TRIES < expected * 2


@pytest.mark.parametrize("values", [{}, {"dialogue": [], "task": {"sub_tasks": []}, "ungrounded": [{"number": 1}]}])
def test_a_strange_request_gets_an_answer_too(values: dict[str, Any]) -> None:
    shown = {"tools": [], "dialogue": [], "task": {}, "ungrounded": []} | values
    assert ask(OfflineModel(0), "grounding_correction", **shown) == {"messages": [], "values": []}
