"""Gold dialogues with one planted defect each, to see which check catches it.

Belongs here: planting defects in sound dialogues, and replies that state what outputs hold, since the gold
has none. Does not belong here: counting who catches what (``benchmarks/calibrate_gold.py``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any

from tests.gold import Gold
from toolace_dagster.entities import Dialogue, Tool, ToolCall, Turn
from toolace_dagster.grounding import ground


@dataclass(frozen=True)
class Mutant:
    """A dialogue with a planted defect.

    Attributes:
        kind: A key of ``MUTATIONS``.
        dialogue: The dialogue with the defect.
        gold: What it was made of.
        turns: Ids of the turns a finding may point at.
        planted: What was done, in words.
    """

    kind: str
    dialogue: Dialogue
    gold: Gold
    turns: frozenset[str]
    planted: str


Planted = tuple[Dialogue, frozenset[str], str]
Mutation = Callable[[Gold, Random], Planted | None]


def with_replies(gold: Gold) -> Gold:
    """The dialogue with replies that tell what the outputs of their exchange hold."""
    turns: list[Turn] = []
    outputs: list[Any] = []
    for turn in gold.dialogue.turns:
        if turn.role == "user":
            outputs = []
        outputs += [output.content for output in turn.outputs if not output.is_error]
        if turn.role == "assistant" and not turn.is_call:
            told = [sentence for content in outputs for sentence in _sentences(content)]
            turn = turn.model_copy(update={"content": " ".join(told[:6]) or turn.content})
        turns.append(turn)
    return Gold(gold.dialogue.model_copy(update={"turns": tuple(turns)}), gold.spec, gold.tools)


def mutants(golds: Sequence[Gold], kind: str, count: int, seed: int = 0) -> list[Mutant]:
    """Plant one kind of defect.

    Args:
        golds: Sound dialogues.
        kind: A key of ``MUTATIONS``.
        count: How many; dialogues come by turns, so some are used again with another draw.
        seed: Of all draws.
    """
    rng = Random(f"{seed}/{kind}")
    made: list[Mutant] = []
    fruitless = 0
    while len(made) < count and fruitless < 3 * len(golds):
        for gold in rng.sample(list(golds), len(golds)):
            planted = MUTATIONS[kind](gold, rng)
            fruitless = 0 if planted else fruitless + 1
            if planted and len(made) < count:
                made.append(Mutant(kind, planted[0], gold, planted[1], planted[2]))
    return made


def _sentences(content: Any) -> list[str]:
    if not isinstance(content, dict):
        return [f"I got {content}."] if isinstance(content, (int, float, str)) and str(content) else []
    told: list[str] = []
    for key, value in content.items():
        if isinstance(value, (str, int, float)) and not isinstance(value, bool) and len(str(value)) < 80:
            told.append(f"The {key.replace('_', ' ')} is {value}.")
        elif isinstance(value, list) and value and all(isinstance(each, (str, int, float)) for each in value):
            told.append(f"The {key.replace('_', ' ')} are {', '.join(map(str, value[:5]))}.")
    return told


def _drop_required(gold: Gold, rng: Random) -> Planted | None:
    return _in_a_call(gold, rng, lambda tool, name, _: name in tool.required, lambda call, name: _without(call, name))


def _wrong_type(gold: Gold, rng: Random) -> Planted | None:
    def wrong(call: ToolCall, name: str) -> dict[str, Any]:
        value = call.arguments[name]
        return call.arguments | {name: {"value": value} if isinstance(value, str) else str(value)}

    return _in_a_call(gold, rng, lambda tool, name, _: "type" in tool.properties.get(name, {}), wrong)


def _invented_identifier(gold: Gold, rng: Random) -> Planted | None:
    """An identifier that the call copied, with other digits; what answered is no real answer any more."""
    found = [
        source
        for source in ground(gold.dialogue, gold.tools)
        if source.identifier and source.state in ("grounded", "derived") and re.search(r"\d\d", str(source.value))
    ]
    if not found:
        return None
    source = rng.choice(found)
    at = gold.dialogue.position(source.turn_id)
    turns = list(gold.dialogue.turns)
    (call,) = turns[at].tool_calls
    name = source.path.partition(".arguments.")[2]
    if name not in call.arguments:
        return None
    digits = re.sub(r"\d", lambda each: str((int(each[0]) + rng.randint(1, 8)) % 10 or 7), str(source.value))
    value = int(digits) if isinstance(source.value, int) else digits
    turns[at] = _calling(turns[at], call.model_copy(update={"arguments": call.arguments | {name: value}}))
    answer = turns[at + 1].outputs[0].model_copy(update={"source": "simulated"})
    turns[at + 1] = turns[at + 1].model_copy(update={"outputs": (answer,)})
    return _made(gold, turns), frozenset({source.turn_id}), f"{name} of {call.name} is {value!r}"


def _renamed_tool(gold: Gold, rng: Random) -> Planted | None:
    places = _calls(gold)
    if not places:
        return None
    at, call = rng.choice(places)
    name = rng.choice((f"{call.name}s", f"get_{call.name}", call.name.replace("_", "-") + "-v2"))
    turns = list(gold.dialogue.turns)
    turns[at] = _calling(turns[at], call.model_copy(update={"name": name}))
    answer = turns[at + 1].outputs[0].model_copy(update={"name": name})
    turns[at + 1] = turns[at + 1].model_copy(update={"outputs": (answer,)})
    return _made(gold, turns), frozenset({turns[at].id}), f"{call.name} is called {name}"


def _unoffered_tool(gold: Gold, rng: Random) -> Planted | None:
    places = _calls(gold)
    if not places:
        return None
    _, call = rng.choice(places)
    kept = tuple(name for name in gold.dialogue.initial_tools if name != call.name)
    users = frozenset(turn.id for turn in gold.dialogue.turns for each in turn.tool_calls if each.name == call.name)
    return gold.dialogue.model_copy(update={"initial_tools": kept}), users, f"{call.name} is not offered"


def _swapped_results(gold: Gold, rng: Random) -> Planted | None:
    places = _calls(gold)
    turns = list(gold.dialogue.turns)
    pairs = [
        (one, other)
        for (one, _), (other, _) in pairwise(places)
        if other == one + 2 and turns[one + 1].outputs[0].content != turns[other + 1].outputs[0].content
    ]
    if not pairs:
        return None
    one, other = rng.choice(pairs)
    first, second = turns[one + 1].outputs[0], turns[other + 1].outputs[0]
    for at, kept, content in ((one + 1, first, second.content), (other + 1, second, first.content)):
        turns[at] = turns[at].model_copy(update={"outputs": (kept.model_copy(update={"content": content}),)})
    named = f"{first.name} and {second.name} have each other's results"
    return _made(gold, turns), frozenset({turns[one + 1].id, turns[other + 1].id}), named


def _dangling_call(gold: Gold, rng: Random) -> Planted | None:
    places = _calls(gold)
    if not places:
        return None
    at, call = rng.choice(places)
    turns = [turn for index, turn in enumerate(gold.dialogue.turns) if index != at + 1]
    return _made(gold, turns), frozenset({turns[at].id}), f"{call.name} is not answered"


def _altered_number(gold: Gold, rng: Random) -> Planted | None:
    turns = list(gold.dialogue.turns)
    places = [
        (at, found)
        for at, turn in enumerate(turns)
        if turn.role == "assistant" and not turn.is_call
        for found in re.finditer(r"(?<![\w.,:/-])\d[\d.]*\d(?![\w:/-])", turn.content)
    ]
    if not places:
        return None
    at, found = rng.choice(places)
    spots = [index for index, char in enumerate(found[0]) if char.isdigit()]
    spot = rng.choice(spots)
    digit = str((int(found[0][spot]) + rng.randint(1, 8)) % 10)
    digit = "1" if spot == 0 and digit == "0" else digit
    new = found[0][:spot] + digit + found[0][spot + 1 :]
    if new == found[0]:
        return None
    said = turns[at].content
    turns[at] = turns[at].model_copy(update={"content": said[: found.start()] + new + said[found.end() :]})
    return _made(gold, turns), frozenset({turns[at].id}), f"{found[0]} is said to be {new}"


def _in_a_call(
    gold: Gold,
    rng: Random,
    fits: Callable[[Tool, str, Any], bool],
    change: Callable[[ToolCall, str], dict[str, Any]],
) -> Planted | None:
    places = [
        (at, call, name)
        for at, call in _calls(gold)
        for name, value in call.arguments.items()
        if fits(gold.tools[call.name], name, value)
    ]
    if not places:
        return None
    at, call, name = rng.choice(places)
    arguments = change(call, name)
    turns = list(gold.dialogue.turns)
    turns[at] = _calling(turns[at], call.model_copy(update={"arguments": arguments}))
    # Nobody ran the changed call, so its output vouches for nothing.
    answer = turns[at + 1].outputs[0].model_copy(update={"source": "simulated"})
    turns[at + 1] = turns[at + 1].model_copy(update={"outputs": (answer,)})
    return _made(gold, turns), frozenset({turns[at].id}), f"{call.name}.{name}: {arguments.get(name, 'left out')!r}"


def _calls(gold: Gold) -> list[tuple[int, ToolCall]]:
    """Places of successful calls with the call; what failed is part of the story and spared by the rules."""
    turns = gold.dialogue.turns
    return [
        (at, turn.tool_calls[0])
        for at, turn in enumerate(turns)
        if turn.is_call and not turns[at + 1].outputs[0].is_error
    ]


def _without(call: ToolCall, name: str) -> dict[str, Any]:
    return {key: value for key, value in call.arguments.items() if key != name}


def _calling(turn: Turn, call: ToolCall) -> Turn:
    return turn.model_copy(update={"tool_calls": (call,)})


def _made(gold: Gold, turns: Sequence[Turn]) -> Dialogue:
    return gold.dialogue.model_copy(update={"turns": tuple(turns)})


MUTATIONS: dict[str, Mutation] = {
    "dropped required argument": _drop_required,
    "wrong type": _wrong_type,
    "renamed tool": _renamed_tool,
    "unoffered tool": _unoffered_tool,
    "dangling call": _dangling_call,
    "invented identifier": _invented_identifier,
    "swapped results": _swapped_results,
    "altered number in the reply": _altered_number,
}
RIGHT_CHECK = {
    "dropped required argument": "rule.arguments_schema",
    "wrong type": "rule.arguments_schema",
    "renamed tool": "rule.tool_known",
    "unoffered tool": "rule.tool_offered",
    "dangling call": "rule.call_ids",
    "invented identifier": "rule.grounding",
    "swapped results": "rule.results_swapped",
    "altered number in the reply": "rule.reply_faithfulness",
}
STRUCTURE = ("dropped required argument", "wrong type", "renamed tool", "unoffered tool", "dangling call")
"""Defects of form; the others are of content."""
