"""Mask selection: non-adjacent, falling probabilities, full coverage."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from tests.builders import call, dialogue, output, reply, user
from toolace_dagster.entities import Dialogue, Turn
from toolace_dagster.refinement.fills import unit_of
from toolace_dagster.refinement.selection import is_covered, select_masks
from toolace_dagster.settings import Settings


@given(
    st.integers(0, 10_000),
    st.floats(0.05, 0.5),
    st.dictionaries(st.sampled_from(["t00", "t03", "t05"]), st.integers(0, 5)),
)
def test_masks_are_never_adjacent_nor_next_to_outputs_that_are_simulated_again(
    seed: int, share: float, counts: dict[str, int]
):
    subject = dialogue(mask_counts=counts)
    masked = select_masks(subject, random.Random(seed), share=share, decay=0.25)
    assert masked
    touched: list[set[int]] = []
    for turn_id in masked:
        index = subject.position(turn_id)
        touched.append({index, index + 1} if subject.turns[index].is_call else {index})
    for i, one in enumerate(touched):
        for other in touched[i + 1 :]:
            assert all(abs(a - b) > 1 for a in one for b in other)


def test_at_first_all_turns_are_equally_likely():
    subject = dialogue()
    rng = random.Random(1)
    counts = dict.fromkeys((turn.id for turn in subject.turns), 0)
    for _ in range(5000):
        (first,) = select_masks(subject, rng, share=0.01, decay=0.25)
        counts[first] += 1
    assert all(400 < count < 600 for count in counts.values())


def test_a_chosen_turn_becomes_rarer_by_the_set_factor():
    rng = random.Random(2)
    subject = dialogue(mask_counts={"t05": 1})
    drawn = [select_masks(subject, rng, share=0.01, decay=0.25)[0] for _ in range(9250)]
    # Weights are 9 x 1 and 1 x 0.25.
    assert 200 < drawn.count("t05") < 300


def test_passes_of_the_default_settings_cover_every_turn():
    """Dialogues of many lengths: all are covered, half in four passes and nearly all in the default's five."""
    settings = Settings()
    needed: list[int] = []
    for seed in range(150):
        subject = long_dialogue(2 + seed % 4, 1 + seed % 5)
        passes = 0
        while not is_covered(subject):
            rng = random.Random(seed * 1000 + passes)
            masked = select_masks(subject, rng, share=settings.mask_share, decay=settings.mask_decay)
            chosen = {turn.id for turn_id in masked for turn in unit_of(subject, turn_id)}
            counts = {turn_id: subject.mask_counts.get(turn_id, 0) + 1 for turn_id in chosen}
            subject = subject.model_copy(update={"mask_counts": subject.mask_counts | counts})
            passes += 1
        needed.append(passes)
    assert max(needed) <= 8
    assert sum(passes <= 4 for passes in needed) >= 0.5 * len(needed)
    assert sum(passes <= 5 for passes in needed) >= 0.85 * len(needed)


def long_dialogue(sub_tasks: int, steps: int) -> Dialogue:
    """A dialogue of so many sub-tasks with so many calls each."""
    turns: list[Turn] = []
    for sub_task in range(sub_tasks):
        turns.append(user(f"t{len(turns):02d}", "Find one in Ghent.", sub_task))
        for _ in range(steps):
            turns.append(call(f"t{len(turns):02d}", "find_garage", {"city": "Ghent"}, sub_task))
            turns.append(output(f"t{len(turns):02d}", turns[-1], {"found": True}))
        turns.append(reply(f"t{len(turns):02d}", "There is one.", sub_task))
    return dialogue(tuple(turns))


def test_outputs_that_tools_really_gave_are_not_masked_and_need_no_cover():
    simulated = dialogue()
    turns = tuple(
        turn.model_copy(
            update={"outputs": tuple(output.model_copy(update={"source": "executed"}) for output in turn.outputs)}
        )
        for turn in simulated.turns
    )
    answered = {turn.id for turn in turns if turn.outputs}
    assert answered
    others = dict.fromkeys((turn.id for turn in turns if not turn.outputs and not turn.is_call), 1)
    calls = dict.fromkeys((turn.id for turn in turns if turn.is_call), 1)
    subject = dialogue(turns=turns, mask_counts=others | calls)
    assert is_covered(subject)
    for seed in range(200):
        assert not answered & set(select_masks(subject, random.Random(seed), share=0.5, decay=0.25))
