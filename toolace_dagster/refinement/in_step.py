"""Which turns fall out of step when tool outputs are no longer what they were.

When a call is answered otherwise than before, the reply that reported the old answer
tells of something that never happened, and a user may go on to name a thing
that nobody offered. These texts have to be written anew.

Belongs here: finding them, and whether a text still tells the old answer. Does not
belong here: running tools (``real_outputs``), asking for fills (``reasonability``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from toolace_dagster.entities import ToolOutput, Turn
from toolace_dagster.initialization.rebinding import is_specific


@dataclass(frozen=True)
class Stale:
    """What new outputs leave behind.

    Attributes:
        lost: Values of the old outputs that nothing gives any more, as they stand in a text.
        texts: Ids of the user's turns and replies to write anew, in order.
        stuck: Ids of calls and outputs that hold a lost value; writing texts anew does not help these.
    """

    lost: frozenset[str]
    texts: tuple[str, ...]
    stuck: tuple[str, ...]


def find_stale(turns: Sequence[Turn], replaced: Mapping[str, ToolOutput]) -> Stale:
    """Find what is out of step.

    Args:
        turns: The dialogue with the new outputs in place.
        replaced: The old outputs by call id, of those that are another now.

    Returns:
        The texts and other turns out of step. The reply that follows a new output always is.
    """
    moved = [i for i, turn in enumerate(turns) if any(output.call_id in replaced for output in turn.outputs)]
    if not moved:
        return Stale(frozenset(), (), ())
    # What was said before is not the old outputs' doing; after them, only what a tool really answered is not.
    given = _words(
        held
        for index, turn in enumerate(turns)
        for held in (
            turn.content if turn.role == "user" and index < moved[0] else "",
            *(each.content for each in turn.outputs if index < moved[0] or each.source == "executed"),
        )
    )
    old = {str(v) for output in replaced.values() for v in _values(output.content) if is_specific(v)}
    lost = frozenset(old.difference(told(old, given)))
    reporting = {next((j for j in range(i, len(turns)) if _is_reply(turns[j])), -1) for i in moved}
    holding = {i for i in range(moved[0], len(turns)) if told(lost, _said(turns[i]))}
    texts = [i for i in sorted(reporting | holding) if i >= 0 and (turns[i].role == "user" or _is_reply(turns[i]))]
    return Stale(lost, tuple(turns[i].id for i in texts), tuple(turns[i].id for i in sorted(holding) if i not in texts))


def left_behind(old: Sequence[Turn], new: Sequence[Turn]) -> list[tuple[str, str]]:
    """Find replies that tell of values which outputs gave before a change, and nothing before them does after it.

    Args:
        old: The turns before the change.
        new: The same turns after it, some with other contents.

    Returns:
        Ids of the replies, each with a value. What the user named is nobody's invention, nor what another output gives.
    """
    before = {output.call_id: output for turn in old for output in turn.outputs}
    lost: set[str] = set()
    words, unread = "", list[JsonValue]()
    found: list[tuple[str, str]] = []
    for turn in new:
        for output in turn.outputs:
            unread.append(output.content)
            if output.call_id in before and before[output.call_id].content != output.content:
                lost |= {str(value) for value in _values(before[output.call_id].content) if is_specific(value)}
        if turn.role == "user":
            unread.append(turn.content)
        elif lost and _is_reply(turn) and (values := told(lost, turn.content)):
            # Most changes leave no such value behind, so what was given is put together only here.
            words += "\n" + _words(unread)
            unread.clear()
            found += [(turn.id, value) for value in values if not told([value], words)]
    return found


def told(values: Iterable[str], text: str) -> list[str]:
    """The values that stand in a text, sorted; a part of a longer word or number does not count."""
    return sorted(
        value for value in values if re.search(rf"(?<![\w.]){re.escape(value)}(?!\w|\.\d)", text, re.IGNORECASE)
    )


def _is_reply(turn: Turn) -> bool:
    return turn.role == "assistant" and not turn.is_call


def _said(turn: Turn) -> str:
    held: list[JsonValue] = [call.arguments for call in turn.tool_calls]
    return _words([turn.content, *held, *(output.content for output in turn.outputs)])


def _words(values: Iterable[JsonValue]) -> str:
    return "\n".join(str(part) for value in values for part in _values(value))


def _values(value: JsonValue) -> Iterator[str | int | float]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _values(item)
    elif isinstance(value, list):
        for item in value:
            yield from _values(item)
    elif isinstance(value, (str, int, float)) and not isinstance(value, bool):
        yield value
