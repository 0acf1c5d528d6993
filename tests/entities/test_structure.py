"""The structure of a trajectory, and replaying edits."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tests.builders import START, call, dialogue, garage_turns, output, reply, user
from toolace_dagster.entities import Edit, InjectionType, Replacement, Turn, apply_edit, structure_faults


def faults(*turns: Turn) -> list[str]:
    return [fault.fault for fault in structure_faults(turns)]


def test_a_sound_dialogue_has_no_fault():
    assert structure_faults(garage_turns()) == []


def test_each_break_of_the_structure_is_named():
    find = call("t1", "find_garage", {"city": "Ghent"})
    found = output("t2", find, [])
    assert faults() == ["empty"]
    assert faults(reply("t0", "Hello.")) == ["start"]
    assert faults(user("t0", "Hi."), find) == ["end"]
    assert faults(user("t0", "Hi."), user("t1", "Hi?"), reply("t2", "Hi.")) == ["alternation"]
    assert faults(user("t0", "Hi."), reply("t1", "Hi."), reply("t2", "Hi.")) == ["alternation"]
    assert faults(user("t0", "Hi."), find, reply("t2", "Done.")) == ["alternation"]
    assert faults(user("t0", "Hi."), find, found, user("t3", "So?"), reply("t4", "Done.")) == ["alternation"]
    other = output("t2", call("t9", "find_garage", {"city": "Ghent"}), [])
    assert faults(user("t0", "Hi."), find, other, reply("t3", "Done.")) == ["outputs"]
    assert faults(user("t0", "Hi."), reply("t0", "Hi.")) == ["turn_ids"]
    twice = (
        user("t0", "Hi."),
        find,
        found,
        find.model_copy(update={"id": "t3"}),
        found.model_copy(update={"id": "t4"}),
    )
    assert faults(*twice, reply("t5", "Done.")) == ["call_ids"]


@pytest.mark.parametrize(
    "fields",
    [
        {"role": "user", "content": " "},
        {"role": "assistant", "content": ""},
        {"role": "tool"},
        {"role": "assistant", "content": "x", "tools_added": ("a",)},
    ],
)
def test_a_turn_whose_fields_do_not_fit_its_role_is_refused(fields: dict[str, object]):
    with pytest.raises(ValidationError):
        Turn.model_validate({"id": "t0", "sub_task": 0, "origin": START, **fields})


def edit(before: Turn, *after: Turn, **more: object) -> Edit:
    fields: dict[str, object] = {
        "id": "e",
        "dialogue_id": "d",
        "round": 1,
        "sequence": 0,
        "operation": "reasonability_refinement",
        "outcome": "accepted",
    }
    return Edit.model_validate({**fields, **more, "replacements": (Replacement(before=before, after=after),)})


def test_an_accepted_injection_extends_the_dialogue_and_is_logged():
    start = dialogue()
    new = (user("t06", "Nice weather."), reply("t06.1", "Indeed."), user("t06.2", "Give them 4 stars, would you?"))
    change = edit(
        start.turn("t06"),
        *new,
        operation="complexity_injection",
        injection=InjectionType.NON_FUNCTION_CALLING,
        withheld_tools=("rate_garage",),
    )
    after = apply_edit(start, change)
    assert [turn.id for turn in after.turns][5:10] == ["t05", "t06", "t06.1", "t06.2", "t07"]
    assert structure_faults(after.turns) == []
    assert after.injections[0].turn_ids == ("t06", "t06.1", "t06.2")
    assert "rate_garage" not in after.initial_tools
    assert after.mask_counts == {}


@pytest.mark.parametrize("outcome", ["kept", "discarded"])
def test_an_edit_that_was_not_accepted_leaves_every_turn_alone(outcome: str):
    start = dialogue()
    after = apply_edit(start, edit(start.turn("t05"), reply("t05", "Other words."), outcome=outcome))
    assert after.turns == start.turns
    assert after.mask_counts == {"t05": 1}


def test_tools_are_offered_from_the_turn_that_adds_them():
    late = dialogue((user("t0", "Hi."), reply("t1", "Hi."), user("t2", "Now.", tools_added=("book_service",))))
    late = late.model_copy(update={"initial_tools": ("find_garage",)})
    assert late.offered_at(1) == {"find_garage"}
    assert late.offered_at(2) == {"find_garage", "book_service"}
