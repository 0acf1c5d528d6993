"""What can be seen to be wrong with a dialogue without asking a model.

It is cheap, so it comes before the judge: a fill that breaks something is not
compared, turns at fault are masked first, and a dialogue at fault has not converged.

Belongs here: these faults, and which fills of several bring new ones in. Does not
belong here: rejecting dialogues (``verification``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from toolace_dagster.entities import Dialogue, Replacement, Tool, Turn
from toolace_dagster.error_answers import says_error
from toolace_dagster.grounding import looks_like_identifier, ungrounded
from toolace_dagster.refinement.in_step import left_behind
from toolace_dagster.refinement.intact import lapses
from toolace_dagster.refinement.values import Known
from toolace_dagster.tool_pool.arguments import argument_faults


@dataclass(frozen=True)
class Fault:
    """Something wrong.

    Attributes:
        turn_id: The turn it is seen in.
        what: What is wrong, as the beginning of a sentence without a capital letter; equal for the same fault.
    """

    turn_id: str
    what: str


HardRules = Callable[[Dialogue], frozenset[Fault]]
"""What rejecting rules find in a dialogue; given from outside, as the rules belong to a later stage."""


def faults_of(
    dialogue: Dialogue, tools: Mapping[str, Tool], today: date | None = None, rules: HardRules | None = None
) -> frozenset[Fault]:
    """Find what is wrong: tools that are not offered, invalid arguments, values without a source, undone failures.

    Args:
        dialogue: The dialogue.
        tools: Tools of the domain by name.
        today: The day it happens on, when its task names one.
        rules: Finds what rejects besides.

    Returns:
        The faults. Calls that the tool answers with an error are spared: what is wrong with them is part of the story.
    """
    failed = {output.call_id for turn in dialogue.turns for output in turn.outputs if output.is_error}
    found: set[Fault] = set()
    for index, turn in enumerate(dialogue.turns):
        for call in turn.tool_calls:
            if call.id in failed:
                continue
            if call.name not in tools or call.name not in dialogue.offered_at(index):
                found.add(Fault(turn.id, f"the call names {call.name!r}, which is not offered there"))
                continue
            for fault in argument_faults(tools[call.name], call.arguments):
                found.add(Fault(turn.id, f"the call of {call.name} is not valid: {fault.message.rstrip('.')}"))
    found |= {
        Fault(source.turn_id, f"nothing gives the {source.value!r} of {source.tool} in turn {source.turn_id}")
        for source in ungrounded(dialogue, tools, today=today)
    }
    found |= _undone(dialogue) | _unfounded(dialogue)
    return frozenset(found | rules(dialogue) if rules is not None else found)


def _unfounded(dialogue: Dialogue) -> set[Fault]:
    """Identifiers in replies that nobody gave."""
    found: set[Fault] = set()
    known = Known()
    unread: list[Turn] = []
    for turn in dialogue.turns:
        if turn.role == "assistant" and (identifiers := _identifiers_in(turn.content)):
            for earlier in unread:
                known.add(earlier)
            unread.clear()
            found |= {
                Fault(turn.id, f"the assistant states {word!r}, which nothing gives")
                for word in identifiers
                if not known.holds(word)
            }
        unread.append(turn)
    return found


@lru_cache(maxsize=4096)
def _identifiers_in(text: str) -> tuple[str, ...]:
    """Words of a text that look like identifiers; versions of a dialogue share most of their texts."""
    words = (word.strip(".,;:!?()[]{}'\"*`“”’") for word in text.split())
    return tuple(word for word in words if looks_like_identifier(word))


def _undone(dialogue: Dialogue) -> set[Fault]:
    """Injections that do not do any more what they were made for."""
    found: set[Fault] = set()
    for turn in dialogue.turns:
        for output in turn.outputs:
            sub_type = turn.origin.sub_type
            if output.source != "injected" or sub_type is None:
                continue
            if output.is_error is not sub_type.fails:
                found.add(
                    Fault(turn.id, f"the output of the {sub_type.value} is {'an' if output.is_error else 'no'} error")
                )
            elif output.is_error and not says_error(output.content):
                found.add(Fault(turn.id, f"the output of the {sub_type.value} does not read as an error"))
    return found | {
        Fault(record.turn_ids[lapse.place], f"the {record.label} injection is undone: {lapse.what}")
        for record in dialogue.injections
        for lapse in lapses(dialogue, record)
    }


def new_faults(
    old: Dialogue,
    new: Dialogue,
    tools: Mapping[str, Tool],
    today: date | None = None,
    rules: HardRules | None = None,
) -> frozenset[Fault]:
    """What a change of turns brings in: faults that were not there, and replies that tell of what outputs held before.

    Args:
        old: The dialogue before.
        new: The dialogue after, with the same turns in other words.
        tools: Tools of the domain by name.
        today: The day it happens on, when its task names one.
        rules: Finds what rejects besides.
    """
    return (faults_of(new, tools, today, rules) - faults_of(old, tools, today, rules)) | _stale(old, new)


def _stale(old: Dialogue, new: Dialogue) -> set[Fault]:
    return {
        Fault(turn_id, f"the assistant tells of {value!r}, which no output gives any more")
        for turn_id, value in left_behind(old.turns, new.turns)
    }


def replaced(dialogue: Dialogue, replacements: Sequence[Replacement]) -> Dialogue:
    """The dialogue with some fills in place."""
    fills = {replacement.before.id: replacement.after[0] for replacement in replacements}
    return dialogue.model_copy(update={"turns": tuple(fills.get(turn.id, turn) for turn in dialogue.turns)})


def breaking(
    dialogue: Dialogue,
    units: Mapping[str, Sequence[Replacement]],
    tools: Mapping[str, Tool],
    today: date | None = None,
    rules: HardRules | None = None,
    old: frozenset[Fault] | None = None,
) -> dict[str, tuple[str, ...]]:
    """Which fills bring in a fault that the dialogue did not have.

    A fault can show in a turn that was not masked: a value that a later call takes has vanished from a fill. So fills
    are left out one after the other, each time the one without which the fewest new faults remain. Where two bring in
    a fault together, leaving out either alone may take nothing away, and sound fills go before them; so in the end each
    is put back that brings in no fault beside those that are in.

    Args:
        dialogue: The dialogue before the edit.
        units: Fills by masked turn.
        tools: Tools of the domain by name.
        today: The day the dialogue happens on, when its task names one.
        rules: Finds what rejects besides.
        old: Faults of the dialogue before the edit, where they are known; found here by default.

    Returns:
        By masked turn, the faults that its fill brings in beside the fills that are not named; empty when nothing
        breaks. Those not named bring in none together.
    """
    before = faults_of(dialogue, tools, today, rules) if old is None else old
    seen: dict[frozenset[str], frozenset[Fault]] = {}

    def new(names: Iterable[str]) -> frozenset[Fault]:
        chosen = frozenset(names)
        if chosen not in seen:
            tried = replaced(dialogue, [each for name, unit in units.items() if name in chosen for each in unit])
            seen[chosen] = (faults_of(tried, tools, today, rules) - before) | _stale(dialogue, tried)
        return seen[chosen]

    kept = list(units)
    found = new(kept)
    while found and kept:
        seen_in = {fault.turn_id for fault in found}
        shows = {each: any(fill.before.id in seen_in for fill in units[each]) for each in kept}
        without: dict[str, frozenset[Fault]] = {}
        # Those that a fault shows in come first: one without which none is left is left out, whatever the others are.
        for name in sorted(kept, key=lambda each: not shows[each]):
            without[name] = new(other for other in kept if other != name)
            if shows[name] and not without[name]:
                break
        name = min((each for each in kept if each in without), key=lambda each: (len(without[each]), not shows[each]))
        kept.remove(name)
        found = without[name]
    broken: dict[str, tuple[str, ...]] = {}
    left = [name for name in units if name not in kept]
    while left:
        broken = {}
        for name in left:
            if brought := new([*kept, name]):
                broken[name] = tuple(sorted({fault.what for fault in brought}))
            else:
                kept.append(name)
        # One that went back in may be what another needs.
        if len(broken) == len(left):
            break
        left = list(broken)
    return broken
