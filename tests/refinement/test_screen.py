"""Which fills of a pass are discarded: those that bring in a fault, and no others."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import TOOLS, dialogue
from toolace_dagster.entities import Dialogue, Replacement
from toolace_dagster.refinement.screen import Fault, breaking, faults_of, replaced

TEXTS = [turn.id for turn in dialogue().turns if turn.content]
MARK = " Right."
Rules = Callable[[Dialogue], frozenset[Fault]]


def fills() -> dict[str, list[Replacement]]:
    """A fill of every turn of text that takes nothing away."""
    turns = [turn for turn in dialogue().turns if turn.content]
    marked = [turn.model_copy(update={"content": turn.content + MARK}) for turn in turns]
    return {turn.id: [Replacement(before=turn, after=(new,))] for turn, new in zip(turns, marked, strict=True)}


def faulty_together(*groups: frozenset[str]) -> Rules:
    """A rule that finds a fault wherever all turns of a group are filled; it shows in a turn that never is."""

    def found(subject: Dialogue) -> frozenset[Fault]:
        filled = {turn.id for turn in subject.turns if turn.content.endswith(MARK)}
        return frozenset(Fault("t01", f"{sorted(group)} do not go together") for group in groups if group <= filled)

    return found


def test_two_fills_that_only_together_bring_in_a_fault_take_no_sound_one_with_them() -> None:
    first, second = TEXTS[-2:]
    lost = breaking(dialogue(), fills(), TOOLS, rules=faulty_together(frozenset({first, second})))
    assert list(lost) in ([first], [second])
    ((reason,),) = lost.values()
    assert "do not go together" in reason


def test_three_fills_of_which_two_pairs_clash_lose_the_one_in_both() -> None:
    first, second, third, _ = TEXTS
    pairs = (frozenset({first, second}), frozenset({second, third}))
    assert list(breaking(dialogue(), fills(), TOOLS, rules=faulty_together(*pairs))) == [second]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.frozensets(st.sampled_from(TEXTS), min_size=1), max_size=4))
def test_what_stays_is_sound_and_nothing_that_was_discarded_would_be(groups: list[frozenset[str]]) -> None:
    rules = faulty_together(*groups)
    units = fills()
    lost = breaking(dialogue(), units, TOOLS, rules=rules)

    def faults(names: set[str]) -> frozenset[Fault]:
        return faults_of(replaced(dialogue(), [units[name][0] for name in names]), TOOLS, rules=rules)

    stays = units.keys() - lost
    assert not faults(stays)
    for name, reasons in lost.items():
        assert {fault.what for fault in faults({*stays, name})} == set(reasons) != set()
