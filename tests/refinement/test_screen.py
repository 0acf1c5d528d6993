"""Which fills of a pass are discarded: those that bring in a fault, and no others."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import TOOLS, dialogue, output, reply, user
from tests.refinement.test_operations import FOUND, inject, listed_dialogue
from toolace_dagster.entities import Dialogue, InjectionSubType, Replacement, Turn, apply_edit
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


def one_after_the_other(rules: Rules) -> set[str]:
    """Which fills fall when each is tried at each step, and put back where it brings in nothing."""
    units = fills()

    def faults(names: list[str]) -> frozenset[Fault]:
        return faults_of(replaced(dialogue(), [units[name][0] for name in names]), TOOLS, rules=rules)

    kept = list(units)
    while found := faults(kept):
        seen_in = {fault.turn_id for fault in found}
        without = {name: len(faults([other for other in kept if other != name])) for name in kept}
        kept.remove(min(kept, key=lambda name: (without[name], name not in seen_in)))
    put_back = True
    while put_back:
        put_back = False
        for name in units:
            if name not in kept and not faults([*kept, name]):
                kept.append(name)
                put_back = True
    return units.keys() - kept


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.frozensets(st.sampled_from(TEXTS), min_size=1), st.sampled_from(TEXTS)), max_size=4))
def test_fewer_trials_leave_out_the_same_fills(faulty: list[tuple[frozenset[str], str]]) -> None:
    def rules(subject: Dialogue) -> frozenset[Fault]:
        filled = {turn.id for turn in subject.turns if turn.content.endswith(MARK)}
        return frozenset(Fault(seen_in, f"{sorted(group)}") for group, seen_in in faulty if group <= filled)

    assert breaking(dialogue(), fills(), TOOLS, rules=rules).keys() == one_after_the_other(rules)


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


def test_an_injected_error_stays_one_in_words_too() -> None:
    told = apply_edit(listed_dialogue(), inject(InjectionSubType.SERVICE_ERROR))
    failed = next(turn for turn in told.turns if turn.outputs and turn.outputs[0].source == "injected")
    assert not {fault for fault in faults_of(told, TOOLS) if fault.turn_id == failed.id}
    for content, unread in (({"error": "out of order"}, False), ({"slots": "closed"}, True)):
        outputs = tuple(each.model_copy(update={"content": content}) for each in failed.outputs)
        found = faults_of(with_turn(told, failed.model_copy(update={"outputs": outputs})), TOOLS)
        assert any("does not read as an error" in fault.what for fault in found) is unread


def renaming(subject: Dialogue) -> dict[str, list[Replacement]]:
    """A fill of the search that gives both garages other names."""
    garages = [{**garage, "name": f"Quai {number}"} for number, garage in enumerate(FOUND["garages"])]
    called, before = subject.turn("t01"), subject.turn("t02")
    after = output("t02", called, {"garages": garages})
    return {
        "t01": [Replacement(before=called, after=(called,)), Replacement(before=before, after=(after,), dependent=True)]
    }


def with_turn(subject: Dialogue, new: Turn) -> Dialogue:
    return subject.model_copy(update={"turns": tuple(new if turn.id == new.id else turn for turn in subject.turns)})


def test_an_output_that_renames_what_a_reply_goes_on_naming_is_discarded() -> None:
    lost = breaking(listed_dialogue(), renaming(listed_dialogue()), TOOLS)
    assert lost == {"t01": ("the assistant tells of 'Dok Noord', which no output gives any more",)}


def test_a_renaming_stays_where_the_reply_goes_along_or_the_name_has_another_source() -> None:
    told = listed_dialogue().turn("t05")
    along = told.model_copy(update={"content": told.content.replace("Dok Noord", "Quai 0").replace("Bikkel", "Quai 1")})
    both = renaming(listed_dialogue()) | {"t05": [Replacement(before=told, after=(along,))]}
    assert breaking(listed_dialogue(), both, TOOLS) == {}
    asked = with_turn(listed_dialogue(), user("t00", "Is Dok Noord in Ghent free on 14 July 2026? If so book it."))
    assert breaking(asked, renaming(asked), TOOLS) == {}
    booked = asked.turn("t03")
    again = with_turn(
        listed_dialogue(), output("t04", booked, {"booking_id": "BK-30918", "at": "Dok Noord", "time": "09:30"})
    )
    assert breaking(again, renaming(again), TOOLS) == {}
    silent = with_turn(listed_dialogue(), reply("t05", "They take your van at 09:30; the booking is BK-30918."))
    assert breaking(silent, renaming(silent), TOOLS) == {}
