"""What the offline model makes of outputs that tools really gave."""

from __future__ import annotations

from typing import Any

import pytest

from tests.offline_model.drive import Tools, ask, shipped_pools
from toolace_dagster.initialization.replies import CorrectionReply
from toolace_dagster.llm.offline import OfflineModel

EXACT = OfflineModel(error_rate=0)
TOOLS: Tools = shipped_pools()["apartment_rentals"]
SEARCH = {"city": "Cork", "max_rent": 1500}


def turn(number: int, role: str, **more: Any) -> dict[str, Any]:
    return {"turn": f"t{number:02d}", "role": role, "sub_task": 0, **more}


def acted(number: int, name: str, arguments: dict[str, Any], content: Any, *, is_error: bool = False) -> Tools:
    """A call and what was really answered."""
    return [
        turn(number, "assistant", tool_calls=[{"name": name, "arguments": arguments}]),
        turn(number + 1, "tool", outputs=[{"name": name, "content": content, "is_error": is_error}]),
    ]


def corrected(listings: list[dict[str, Any]]) -> CorrectionReply:
    """The reply where details of an invented listing were asked for after a search."""
    goal = "Find a flat in Cork and look at it."
    names = ["search_apartments", "get_apartment_details"]
    part = {"index": 0, "goal": goal, "details": [{"name": "city", "value": "Cork"}], "tools": names, "steps": 2}
    trajectory = [
        turn(0, "user", content="Find me a flat in Cork for at most 1500 euros and tell me about the first."),
        *acted(1, "search_apartments", SEARCH, {"listings": listings, "total_found": len(listings)}),
        *acted(
            3, "get_apartment_details", {"listing_id": "APT-00001"}, {"error": "there is no listing"}, is_error=True
        ),
        turn(5, "assistant", content="Here it is."),
    ]
    task = {"persona": "plain", "scenario": "Somebody moves.", "offered_from_start": names, "sub_tasks": [part]}
    reply = ask(
        EXACT, "correction", tools=TOOLS, task=task, dialogue=[], sub_task=part, trajectory=trajectory, last=False
    )
    return CorrectionReply.model_validate(reply)


@pytest.mark.parametrize("count", [1, 3])
def test_a_call_with_an_identifier_nobody_gave_takes_one_from_a_real_output(count: int) -> None:
    listings = [
        {"listing_id": f"APT-7000{n}", "neighbourhood": "Old Harbour", "monthly_rent": 900.0, "bedrooms": 2}
        for n in range(count)
    ]
    reply = corrected(listings)
    assert [[call.name for call in step.calls] for step in reply.steps] == [
        ["search_apartments"],
        ["get_apartment_details"],
    ]
    assert reply.steps[0].outputs[0].content == {"listings": listings, "total_found": count}
    assert reply.steps[1].calls[0].arguments == {"listing_id": "APT-70000"}


def test_a_call_for_which_nothing_is_there_is_left_out() -> None:
    reply = corrected([])
    assert [[call.name for call in step.calls] for step in reply.steps] == [["search_apartments"]]
