"""Values of a skeleton that come from nowhere get a source, or stay as they are; nothing else changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.builders import TOOLS, call, drive, garage_turns, output, reply, spec, tool, user
from toolace_dagster.entities import Skeleton, SubTrajectory, Turn
from toolace_dagster.grounding import ungrounded
from toolace_dagster.initialization.grounding_correction import grounded_skeleton
from toolace_dagster.llm.protocol import CallError, CallFailed, ModelRequest, ModelResult
from toolace_dagster.settings import Settings


def skeleton(turns: tuple[Turn, ...]) -> Skeleton:
    parts = tuple(
        SubTrajectory(sub_task=index, turns=tuple(turn for turn in turns if turn.sub_task == index)) for index in (0, 1)
    )
    return Skeleton(
        dialogue_id="garages-0000-abcdef", domain="garages", offered_tools=tuple(TOOLS), sub_trajectories=parts
    )


def planted(*changed: Turn) -> Skeleton:
    by_id = {turn.id: turn for turn in changed}
    return skeleton(tuple(by_id.get(turn.id, turn) for turn in garage_turns()))


def run(
    start: Skeleton, answer: Callable[[list[dict[str, Any]]], dict[str, Any]], settings: Settings | None = None
) -> tuple[Skeleton, list[list[dict[str, Any]]]]:
    """The corrected skeleton, and what each request listed as ungrounded."""
    asked: list[list[dict[str, Any]]] = []

    def reply_to(request: ModelRequest[Any]) -> dict[str, Any]:
        assert request.purpose.task == "grounding_correction"
        text = request.messages[1].content
        asked.append(json.loads(text.split("<ungrounded>")[1].split("</ungrounded>")[0]))
        return answer(asked[-1])

    return drive(grounded_skeleton(start, spec(), TOOLS, settings or Settings()), reply_to), asked


def never(listed: list[dict[str, Any]]) -> dict[str, Any]:
    raise AssertionError(f"nothing had to be asked: {listed}")


INVENTED = call("t03", "book_service", {"garage_id": "GR-404", "date": "2026-07-14"})


def test_a_skeleton_with_a_source_for_each_value_costs_no_call():
    start = skeleton(garage_turns())
    assert run(start, never)[0] == start


def test_the_setting_leaves_skeletons_as_they_are():
    start = planted(INVENTED)
    assert run(start, never, Settings(ground_arguments=False))[0] == start


def test_all_values_are_asked_about_at_once_and_each_is_mended_its_own_way():
    turns = (user("t00", "Find me a garage in Ghent and book it."), INVENTED)
    made, asked = run(
        planted(*turns),
        lambda listed: {
            "messages": [{"turn": "t00", "content": "Find me a garage in Ghent and book it for 14 July 2026."}],
            "values": [{"number": entry["number"], "value": "GR-771"} for entry in listed if entry["identifier"]],
        },
    )
    assert [[(e["argument"], e["value"], e["message"], e["calls"]) for e in listed] for listed in asked] == [
        [("garage_id", "GR-404", "t00", ["t03"]), ("date", "2026-07-14", "t00", ["t03"])]
    ]
    dialogue = made.to_dialogue()
    assert ungrounded(dialogue, TOOLS) == ()
    assert dialogue.turn("t00").content.endswith("14 July 2026.")
    assert dialogue.turn("t03").tool_calls[0].arguments["garage_id"] == "GR-771"


def test_a_value_in_several_calls_is_one_entry_and_its_echoes_follow():
    book = call("t03", "book_service", {"garage_id": "GR-404", "date": "2026-07-14"})
    rate = call("t07", "rate_garage", {"garage_id": "GR-404", "stars": 4}, sub_task=1)
    start = planted(
        book,
        output("t04", book, {"booking_id": "BK-30918", "garage": "GR-404", "note": "GR-404-B is closed"}),
        reply("t05", "Booked at GR-404; the booking is BK-30918."),
        rate,
    )
    made, asked = run(start, lambda _: {"values": [{"number": 1, "value": "GR-771"}]})
    assert len(asked[0]) == 1
    dialogue = made.to_dialogue()
    assert dialogue.turn("t04").outputs[0].content == {
        "booking_id": "BK-30918",
        "garage": "GR-771",
        "note": "GR-404-B is closed",
    }
    assert dialogue.turn("t05").content == "Booked at GR-771; the booking is BK-30918."
    assert dialogue.turn("t07").tool_calls[0].arguments["garage_id"] == "GR-771"


@pytest.mark.parametrize(
    "given",
    [
        {"values": [{"number": 1, "value": "GR-405"}]},
        {"values": [{"number": 1, "value": 771}]},
        {"values": [{"number": 7, "value": "GR-771"}]},
        {"messages": [{"turn": "t00", "content": "Find a garage for 14 July 2026, number GR-404."}]},
        {"messages": [{"turn": "t05", "content": "GR-404"}]},
        {"messages": [{"turn": "t00", "content": "  "}]},
        {},
    ],
    ids=["another invention", "wrong type", "no such entry", "loses the city", "no user turn", "blank", "nothing"],
)
def test_a_correction_that_does_not_help_is_left_out(given: dict[str, Any]):
    start = planted(INVENTED)
    assert run(start, lambda _: given)[0] == start


def test_what_was_given_in_vain_is_asked_about_once_more_with_what_it_was():
    replies = iter([{"values": [{"number": 1, "value": "GR-405"}]}, {"values": [{"number": 1, "value": "GR-771"}]}])
    made, asked = run(planted(INVENTED), lambda _: next(replies))
    assert [entry.get("tried") for listed in asked for entry in listed] == [None, "GR-405"]
    assert ungrounded(made.to_dialogue(), TOOLS) == ()


@pytest.mark.parametrize(
    ("given", "tries", "times"),
    [
        ({"values": [{"number": 1, "value": "GR-405"}]}, 3, 3),
        ({"messages": [{"turn": "t00", "content": "Find a garage."}]}, 3, 3),
        ({"values": [{"number": 1, "value": "GR-405"}]}, 1, 1),
        ({}, 3, 1),
        ({"values": [{"number": 1, "value": "GR-771"}]}, 3, 1),
    ],
    ids=["another invention", "a message without it", "one try", "left out", "mended"],
)
def test_it_is_asked_as_often_as_the_setting_says_while_it_is_tried(given: dict[str, Any], tries: int, times: int):
    _, asked = run(planted(INVENTED), lambda _: given, Settings(rule_tries=tries))
    assert len(asked) == times


def test_what_a_tool_was_really_run_with_stays():
    real = output("t04", INVENTED, {"booking_id": "BK-30918", "time": "09:30"})
    executed = real.model_copy(
        update={"outputs": tuple(each.model_copy(update={"source": "executed"}) for each in real.outputs)}
    )
    start = planted(INVENTED, executed)
    made, asked = run(start, lambda _: {"values": [{"number": 1, "value": "GR-771"}]})
    assert asked[0][0]["final"] is True
    assert made == start


@pytest.mark.parametrize(("kind", "fails"), [("malformed", False), ("connection", True)])
def test_an_unusable_reply_keeps_the_skeleton_and_a_fault_of_the_endpoint_fails_the_row(kind: str, fails: bool):
    start = planted(INVENTED)
    program = grounded_skeleton(start, spec(), TOOLS, Settings())
    next(program)
    result: ModelResult[Any] = ModelResult(call_id="c-1", reply=None, error=CallError(kind=kind, message="no"))
    with pytest.raises(CallFailed if fails else StopIteration) as ended:
        program.send([result])
    if not fails:
        assert ended.value.value == start  # pyright: ignore[reportAttributeAccessIssue]


def test_values_inside_lists_and_objects_are_replaced_where_they_stand():
    takes = tool("take", {"lines": {"type": "array", "items": {"type": "object"}}}, ["lines"])
    turns = (
        user("t00", "Order AB-1201 and AB-1305."),
        call("t01", "take", {"lines": [{"sku": "AB-1201"}, {"sku": "AB-9999", "note": {"for": "me"}}]}),
        output("t02", call("t01", "take", {}), {"ok": True}),
        reply("t03", "Done."),
    )
    start = skeleton(turns)
    program = grounded_skeleton(
        start, spec().model_copy(update={"offered_tools": ("take",)}), {"take": takes}, Settings()
    )
    made = drive(program, lambda _: {"values": [{"number": 1, "value": "AB-1305"}]})
    assert made.to_dialogue().turn("t01").tool_calls[0].arguments == {
        "lines": [{"sku": "AB-1201"}, {"sku": "AB-1305", "note": {"for": "me"}}]
    }
