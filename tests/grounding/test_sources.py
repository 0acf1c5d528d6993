"""Each kind of source a value can have, and what becomes of values without one."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.builders import TOOLS, call, dialogue, garage_turns, output, reply, tool, user
from toolace_dagster.entities import Tool, Turn
from toolace_dagster.grounding import ArgumentSource, ground, ungrounded

TODAY = date(2026, 7, 8)  # a Wednesday


def traced(
    said: str,
    value: Any,
    schema: dict[str, Any] | None = None,
    *,
    name: str = "thing",
    result: Any = None,
    today: date | None = None,
) -> ArgumentSource:
    """The source of one argument after one user turn and, if there is one, a result."""
    takes = tool("take", {name: {"type": "string"} if schema is None else schema}, [name])
    before: tuple[Turn, ...] = (user("t00", said),)
    if result is not None:
        find = call("t01", "find_garage", {})
        before = (*before, find, output("t02", find, result))
    turns = (*before, call("t03", "take", {name: value}))
    return _only(turns, {"take": takes, **TOOLS}, today)


def _only(turns: tuple[Turn, ...], tools: dict[str, Tool], today: date | None = None) -> ArgumentSource:
    (source,) = ground(dialogue(turns), tools, today, turn_ids={turns[-1].id})
    return source


def test_a_sound_dialogue_is_grounded_with_places_that_hold_the_values():
    sources = ground(dialogue(), TOOLS)
    assert {source.state for source in sources} == {"grounded"}
    by_path = {(source.turn_id, source.path): source for source in sources}
    city = by_path["t01", "$.tool_calls[0].arguments.city"]
    assert (city.kind, city.source_turn, city.source_path) == ("user", "t00", "$.content")
    assert city.span is not None
    assert garage_turns()[0].content[slice(*city.span)] == "Ghent"
    garage = by_path["t03", "$.tool_calls[0].arguments.garage_id"]
    assert (garage.kind, garage.source_turn) == ("result", "t02")
    assert garage.source_path == "$.outputs[0].content.garages[0].garage_id"
    assert garage.identifier


@pytest.mark.parametrize(
    ("said", "value", "words"),
    [
        ("My card is lb-20418, thanks.", "LB-20418", "lb-20418"),
        ("My card is LB 20418.", "LB-20418", "LB 20418"),
        ("It's order #W99812.", "W99812", "W99812"),
        ("Ticket ABC123XY please", "ABC-123-XY", "ABC123XY"),
    ],
)
def test_an_identifier_is_known_again_in_another_notation(said: str, value: str, words: str):
    source = traced(said, value, name="card_id")
    assert (source.state, source.kind, source.identifier) == ("grounded", "user", True)
    assert source.span is not None
    assert said[slice(*source.span)] == words


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("Garage GR-771.", "GR-77"),
        ("Garage GR-771-B.", "GR-771"),
        ("Garage XGR-771.", "GR-771"),
        ("Garage GR-771.", "GR-772"),
        ("Number 771.", "GR-772"),
        ("nothing", "GR-771"),
        ("order 12446", "12447"),
    ],
)
def test_an_identifier_that_nobody_gave_is_ungrounded(said: str, value: str):
    source = traced(said, value, name="garage_id")
    assert (source.state, source.identifier) == ("ungrounded", True)
    assert source.reason


def test_an_identifier_may_be_said_in_parts_or_without_the_prefix_that_the_schema_names():
    assert traced("It is P followed by 12345678.", "P12345678", name="passport").state == "derived"
    schema = {"type": "string", "pattern": "^BK-\\d{5}$"}
    assert traced("my booking 30918", "BK-30918", schema, name="booking_id").state == "derived"
    assert traced("my booking 30919", "BK-30918", schema, name="booking_id").state == "ungrounded"


@pytest.mark.parametrize(
    ("result", "path"),
    [
        ({"items": [{"sku": "AB-1201"}]}, "$.outputs[0].content.items[0].sku"),
        ({"message": "Order AB-1201 was placed."}, "$.outputs[0].content.message"),
        ({"AB-1201": {"price": 4}}, "$.outputs[0].content['AB-1201']"),
        (["x", "AB-1201"], "$.outputs[0].content[1]"),
        ("AB-1201", "$.outputs[0].content"),
    ],
)
def test_a_result_is_a_source_wherever_it_holds_the_value(result: Any, path: str):
    source = traced("go on", "AB-1201", name="sku", result=result)
    assert (source.state, source.kind, source.source_turn, source.source_path) == ("grounded", "result", "t02", path)


def test_an_error_that_repeats_an_invented_identifier_is_no_source_for_it():
    first = call("t01", "rate_garage", {"garage_id": "GR-999", "stars": 4})
    turns = (
        user("t00", "Give them 4 stars."),
        first,
        output("t02", first, {"error": "There is no garage GR-999; did you mean GR-771?"}, is_error=True),
        call("t03", "rate_garage", {"garage_id": "GR-999", "stars": 4}),
    )
    again = {source.path.rsplit(".", 1)[1]: source for source in ground(dialogue(turns), TOOLS, turn_ids={"t03"})}
    assert again["garage_id"].state == "ungrounded"
    mended = (*turns[:3], call("t03", "rate_garage", {"garage_id": "GR-771", "stars": 4}))
    assert {source.state for source in ground(dialogue(mended), TOOLS, turn_ids={"t03"})} == {"grounded"}


def test_what_the_assistant_said_counts_when_the_user_agrees():
    offer = reply("t01", "I could take Bruges instead. Shall I?")
    for answer, state in (("Yes, please.", "grounded"), ("Let me think about it.", "ungrounded")):
        turns = (
            user("t00", "Find me a garage."),
            offer,
            user("t02", answer),
            call("t03", "find_garage", {"city": "Bruges"}),
        )
        source = _only(turns, TOOLS)
        assert (source.state, source.kind) == (state, "assistant" if state == "grounded" else "none")


def test_the_schema_gives_defaults_and_constants_and_explains_codes():
    assert traced("go", 5, {"type": "integer", "default": 5}).kind == "default"
    assert traced("go", "v2", {"const": "v2"}).kind == "constant"
    assert traced("go", "v2", {"type": "string", "enum": ["v2"]}).kind == "constant"
    levels = {"type": "integer", "enum": [1, 2], "description": "Urgency: 1 = can wait, 2 = right away"}
    assert traced("I need it right away", 2, levels).state == "derived"
    assert traced("I need it", 2, levels).state == "undecided"


@pytest.mark.parametrize(
    ("said", "value", "state"),
    [
        ("something in early modern style", "early_modern", "grounded"),
        ("a round trip, please", "roundtrip", "grounded"),
        ("I'd like it cheap", "economy", "undecided"),
    ],
)
def test_a_choice_is_known_by_its_wording_or_left_to_an_expert(said: str, value: str, state: str):
    assert traced(said, value, {"type": "string", "enum": ["early_modern", "roundtrip", "economy"]}).state == state


@pytest.mark.parametrize(
    ("said", "value", "state"),
    [
        ("with breakfast", True, "grounded"),
        ("no breakfast for us", False, "grounded"),
        ("with breakfast", False, "undecided"),
        ("a room", True, "undecided"),
    ],
)
def test_yes_or_no_is_known_by_its_wording_or_left_to_an_expert(said: str, value: bool, state: str):
    assert traced(said, value, {"type": "boolean"}, name="include_breakfast").state == state


def test_yes_or_no_that_is_the_default_is_grounded():
    assert traced("a room", False, {"type": "boolean", "default": False}).kind == "default"


@pytest.mark.parametrize(
    ("value", "name"),
    [("Please bring the big van, the small one leaks.", "x"), ("Brakes squeal", "note"), ("AMS", "airport")],
)
def test_free_text_and_codes_are_left_to_an_expert(value: str, name: str):
    assert traced("hello", value, name=name).state == "undecided"


def test_a_name_that_nobody_said_is_ungrounded_but_no_identifier():
    source = traced("a garage please", "Bruges", name="city")
    assert (source.state, source.identifier) == ("ungrounded", False)


def test_the_screen_leaves_out_errors_simulated_on_purpose_and_other_turns():
    turns = garage_turns()
    wrong = call("t03", "book_service", {"garage_id": "GR-999", "date": "2026-07-14"})
    planted = tuple(wrong if turn.id == "t03" else turn for turn in turns)
    (found,) = ungrounded(dialogue(planted), TOOLS)
    assert (found.turn_id, found.value) == ("t03", "GR-999")
    assert ungrounded(dialogue(planted), TOOLS, {"t07"}) == ()
    for source, count in (("injected", 0), ("simulated", 1), ("executed", 1)):
        said = output("t04", wrong, "no such garage", is_error=True)
        said = said.model_copy(update={"outputs": (said.outputs[0].model_copy(update={"source": source}),)})
        refused = tuple(said if turn.id == "t04" else turn for turn in planted)
        assert len(ungrounded(dialogue(refused), TOOLS)) == count
    assert ungrounded(dialogue(), TOOLS) == ()


def test_values_inside_lists_and_objects_are_traced_one_by_one():
    schema = {
        "type": "array",
        "items": {"type": "object", "properties": {"sku": {"type": "string"}, "count": {"type": "integer"}}},
    }
    takes = tool("take", {"lines": schema}, ["lines"])
    lines = [{"sku": "AB-1201", "count": 2}, {"sku": "AB-1305", "count": 3}, {"sku": "AB-1999", "count": None}]
    turns = (user("t00", "Two of AB-1201 and 3 of AB-1305"), call("t03", "take", {"lines": lines}))
    sources = ground(dialogue(turns), {"take": takes})
    assert [(source.path.removeprefix("$.tool_calls[0].arguments"), source.state) for source in sources] == [
        (".lines[0].sku", "grounded"),
        (".lines[0].count", "grounded"),
        (".lines[1].sku", "grounded"),
        (".lines[1].count", "grounded"),
        (".lines[2].sku", "ungrounded"),
    ]
