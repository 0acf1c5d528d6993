"""The grounding rule on public gold dialogues: it rejects next to none, and nearly all with an invented value."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator
from typing import Any

from tests.gold import Gold, gold_dialogues, needs_gold
from toolace_dagster.entities import Dialogue, Turn, canonical_json
from toolace_dagster.grounding import GROUNDING_STATES, ArgumentSource, ground
from toolace_dagster.verification.rules import Subject, run_rules
from toolace_dagster.verification.rules.registry import RULES

pytestmark = needs_gold
MUTANTS = 200
GROUNDING = {"rule.grounding": RULES["rule.grounding"]}


def hard_places(gold: Gold, dialogue: Dialogue) -> set[tuple[str | None, str]]:
    findings = run_rules(Subject(dialogue, gold.spec, gold.tools), GROUNDING)
    return {(finding.turn_id, finding.path) for finding in findings if finding.severity == "hard"}


def test_gold_dialogues_are_not_rejected() -> None:
    dialogues = gold_dialogues()
    assert len(dialogues) == 200
    clean = sum(not hard_places(gold, gold.dialogue) for gold in dialogues)
    assert clean >= 0.995 * len(dialogues)


def test_most_values_of_gold_dialogues_have_a_source() -> None:
    states = [source.state for gold in gold_dialogues() for source in ground(gold.dialogue, gold.tools)]
    counts = {state: states.count(state) / len(states) for state in GROUNDING_STATES}
    assert len(states) > 2000
    assert counts["grounded"] + counts["derived"] > 0.7
    assert counts["ungrounded"] < 0.06


def test_invented_identifiers_are_caught_where_they_stand() -> None:
    rng = random.Random(5)
    places = [(gold, source) for gold in gold_dialogues() for source in identifiers(gold)]
    chosen = rng.sample(places, MUTANTS)
    caught = 0
    for gold, source in chosen:
        dialogue = with_value(gold.dialogue, source, invented(gold, source.value, rng))
        caught += (source.turn_id, source.path) in hard_places(gold, dialogue)
    assert caught >= 0.9 * MUTANTS, f"{caught} of {MUTANTS}"


def identifiers(gold: Gold) -> Iterator[ArgumentSource]:
    """Identifiers that a call copies from somewhere, where the call did not fail."""
    failed = {output.call_id for turn in gold.dialogue.turns for output in turn.outputs if output.is_error}
    for source in ground(gold.dialogue, gold.tools):
        if source.identifier and source.state == "grounded" and source.call_id not in failed:
            yield source


def invented(gold: Gold, value: Any, rng: random.Random) -> Any:
    """Another value of the same form, which the dialogue does not hold."""
    everything = canonical_json(gold.dialogue.model_dump(mode="json")).lower()
    while True:
        made = "".join(
            rng.choice(string.digits) if char.isdigit() else rng.choice(string.ascii_lowercase) if char.islower()
            else rng.choice(string.ascii_uppercase) if char.isupper() else char
            for char in str(value)
        )  # fmt: skip
        if len(made) < 3:
            made = f"{rng.randint(100, 999)}{made}"
        if made.lower() not in everything and not made.startswith("0"):
            return int(made) if isinstance(value, int) else made


def with_value(dialogue: Dialogue, source: ArgumentSource, value: Any) -> Dialogue:
    """The dialogue with another value at one place; what answers that call is no real answer any more."""
    name = source.path.partition(".arguments.")[2]

    def changed(turn: Turn) -> Turn:
        calls = tuple(
            call.model_copy(update={"arguments": call.arguments | {name: value}}) if call.id == source.call_id else call
            for call in turn.tool_calls
        )
        outputs = tuple(
            output.model_copy(update={"source": "simulated"}) if output.call_id == source.call_id else output
            for output in turn.outputs
        )
        return turn.model_copy(update={"tool_calls": calls, "outputs": outputs})

    return dialogue.model_copy(update={"turns": tuple(changed(turn) for turn in dialogue.turns)})
