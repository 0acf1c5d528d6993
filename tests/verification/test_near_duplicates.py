"""Near-duplicates within a domain."""

from __future__ import annotations

from tests.builders import call, dialogue, garage_turns, user
from toolace_dagster.entities import Dialogue
from toolace_dagster.verification.near_duplicates import near_duplicates


def named(
    name: str, *, city: str = "Ghent", ask: str = "Find me a garage in {} and book it for 14 July 2026."
) -> Dialogue:
    turns = (user("t00", ask.format(city)), call("t01", "find_garage", {"city": city}), *garage_turns()[2:])
    return dialogue(turns, id=name)


def test_the_earlier_of_two_alike_is_kept_and_a_third_is_compared_with_it():
    found = near_duplicates([named("a"), named("b"), named("c")], 0.8)
    assert {name: likeness.dialogue_id for name, likeness in found.items()} == {"b": "a", "c": "a"}
    assert found["b"].similarity == 1


def test_small_changes_are_near_and_another_request_is_not():
    other = named("o", city="Bruges", ask="Hello, my van has lost its brakes near {}; who could look at it this week?")
    dialogues = [named("a"), named("b", ask="Find me a garage in {} and book it for 14 July 2026, please."), other]
    assert set(near_duplicates(dialogues, 0.7)) == {"b"}
    assert near_duplicates(dialogues, 0.99) == {}
