"""Whether an injection still does its job after what was changed around it.

A fill of one of its turns, or of the call that it leads to, can undo it unseen: the
value that the user left out stands in the first message again, the call that was
refused is the corrected one, the partial result is the whole.

Belongs here: what is asked of an injection at any time, of one just made too. Does
not belong here: what only a fill of an injection is asked (``injected``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pydantic import JsonValue

from toolace_dagster.entities import (
    Dialogue,
    InjectionRecord,
    InjectionSubType,
    InjectionType,
    ToolOutput,
    Turn,
    canonical_json,
)
from toolace_dagster.refinement.values import Scalar, is_empty, is_part, says, scalars

_WORD = re.compile(r"[^\W_]+(?:[-'’.:/][^\W_]+)*")
_BEGINS = re.compile(r"(?:^|[.!?…]\W*)\W*$")
_LEAST_LETTERS = 4


class Lapse(NamedTuple):
    """Something that an injection was to do and does not.

    Attributes:
        place: Which of its three turns it is seen in, from 0.
        what: What is wrong, as the beginning of a sentence without a capital letter.
    """

    place: int
    what: str


def lapses(dialogue: Dialogue, record: InjectionRecord) -> Iterator[Lapse]:
    """What an injection of a dialogue does not do any more.

    Args:
        dialogue: The dialogue.
        record: An entry of its log. One that agents played, whose words nobody laid down, is not looked at, and of one
            made before its values were logged only what is seen without them.
    """
    positions = {turn.id: index for index, turn in enumerate(dialogue.turns)}
    if record.round == 0 or len(record.turn_ids) != 3 or not positions.keys() >= set(record.turn_ids):
        return
    turns = [dialogue.turns[positions[turn_id]] for turn_id in record.turn_ids]
    following = dialogue.turns[positions[turns[2].id] + 1 :]
    if record.type is not InjectionType.ERROR_SIMULATION:
        yield from _talk_lapses(turns, record, following)
    elif record.sub_type is not None and turns[0].is_call and turns[1].outputs and turns[2].is_call:
        output = following[0].outputs[0] if following and following[0].outputs else None
        yield from retry_lapses(record.sub_type, turns[0], turns[1].outputs, turns[2], output)


def retry_lapses(
    sub_type: InjectionSubType, first: Turn, answers: Sequence[ToolOutput], meant: Turn, output: ToolOutput | None
) -> Iterator[Lapse]:
    """What keeps a call, its answer and the call made again from being an error simulation.

    Args:
        sub_type: Which one.
        first: The first call.
        answers: What comes back.
        meant: The call as it should be.
        output: What that is answered; None where nothing is known of it.
    """
    same = calls_of(first) == calls_of(meant)
    match sub_type:
        case InjectionSubType.INVALID_ARGUMENT if same:
            yield Lapse(0, "the call that is refused has the same arguments as the corrected one")
        case InjectionSubType.SERVICE_ERROR if not same:
            yield Lapse(0, "the call that the service does not answer differs from the repeated one")
        case InjectionSubType.EMPTY_RESULT:
            if not is_empty(answers[0].content):
                yield Lapse(1, "the first result is not empty")
            if same:
                yield Lapse(0, "the call that finds nothing is the same as the one that finds something")
        case InjectionSubType.PARTIAL_RESULT if output is not None and not output.is_error:
            if not is_part(answers[0].content, output.content):
                yield Lapse(1, "the first result is not a part of what the following turn holds")
        case _:
            pass


def withheld_lapses(
    turns: Sequence[Turn], sub_type: InjectionSubType | None, values: Iterable[Scalar]
) -> Iterator[Lapse]:
    """Values that are to come up in the last of three turns, and do not there, or do before.

    Args:
        turns: The user's first message, the assistant's answer, the user's second message.
        sub_type: What the injection does.
        values: The values.
    """
    first, answer, last = turns
    for value in values:
        if says(first.content, value) or str(value).casefold() in first.content.casefold():
            yield Lapse(0, f"the value {value!r} is still in the first message")
        if sub_type is InjectionSubType.USER_CORRECTION and says(answer.content, value):
            yield Lapse(1, f"the assistant repeats the value {value!r}, which is the right one")
        if not says(last.content, value):
            yield Lapse(2, f"the value {value!r} is not given in the last message")


def mistaken_words(masked: str, turns: Sequence[Turn]) -> tuple[str, ...]:
    """The words of what a user has wrong and an assistant repeats: in both messages, and not in what is right.

    Args:
        masked: The message before the injection.
        turns: The three turns of the injection.

    Returns:
        Those that look like values, in order; all others of some length where none does, which may be none.
    """
    first, answer, last = (turn.content for turn in turns)
    right = _words(masked) | _words(last)
    said = _words(first) - right
    shared = {match[0]: match.start() for match in _WORD.finditer(answer) if match[0].casefold() in said}
    # A capital letter says nothing where a sentence begins.
    specific = [
        word
        for word, at in shared.items()
        if any(char.isdigit() for char in word) or (word != word.lower() and not _BEGINS.search(answer[:at]))
    ]
    long = [word for word in shared if len(word) >= _LEAST_LETTERS]
    return tuple(dict.fromkeys(word.casefold() for word in specific or long))


def calls_of(turn: Turn) -> list[str]:
    """The calls of a turn in a form that can be compared."""
    return [canonical_json([call.name, call.arguments]) for call in turn.tool_calls]


def _talk_lapses(turns: Sequence[Turn], record: InjectionRecord, following: Sequence[Turn]) -> Iterator[Lapse]:
    last = turns[2].content
    taken = {_form(value) for turn in following for call in turn.tool_calls for value in scalars(call.arguments)}
    # A value that an edit has replaced where it is given and where it is taken is none to look for any more.
    values = [each for each in record.withheld if _form(each) in taken or says(last, each)]
    yield from withheld_lapses(turns, record.sub_type, values)
    if record.mistaken and not set(record.mistaken) & _words(turns[0].content) & _words(turns[1].content):
        yield Lapse(1, "the assistant does not repeat what the user has wrong")


def _words(text: str) -> set[str]:
    return {word.casefold() for word in _WORD.findall(text)}


def _form(value: JsonValue) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).casefold()
