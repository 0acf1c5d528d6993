"""Single-turn examples cut out of verified dialogues.

Models trained on long dialogues alone lose on single requests (paper, section 5). Three
kinds of examples make up for it, each a user message and the assistant's next turn:

- **single_turn**: one call. Every text and number among its arguments stands in the
  user's message, so nothing of the dialogue before is missed.
- **parallel_calls**: the same with several calls at once.
- **irrelevance**: a request that needs no tool, or that no tool fits, with the reply.

Calls that failed, and turns that were written to go wrong, are never cut.

Belongs here: finding and cutting, and keeping to a proportion. Does not belong here:
writing files (``formats``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from pydantic import JsonValue

from toolace_dagster.dataset.rows import DatasetRow, Split
from toolace_dagster.dataset.splits import require_split
from toolace_dagster.entities import Dialogue, InjectionType, Turn
from toolace_dagster.likeness import normal_words
from toolace_dagster.settings import SliceKind


def with_slices(rows: Iterable[DatasetRow], shares: Mapping[SliceKind, float]) -> Iterator[DatasetRow]:
    """The rows, with examples cut from them as the shares ask for, right behind their dialogue.

    The share is kept on each side of the dataset as rows pass by, as far as the dialogues
    offer examples: each gives at most one of a kind, its first.

    Args:
        rows: Dialogues with splits.
        shares: Examples of a kind for each dialogue, 0 to 1.

    Yields:
        Dialogues and examples.
    """
    kept = SliceShares(shares)
    for row in rows:
        yield row
        split = require_split(row)
        for kind in kept.lacking(split):
            for example in slices_of(row, kind):
                kept.count(split, kind)
                yield example
                break


class SliceShares:
    """How many examples of a kind each side has, and whether it lacks one."""

    def __init__(self, shares: Mapping[SliceKind, float]) -> None:
        """Start with nothing.

        Args:
            shares: Examples of a kind for each dialogue, 0 to 1.
        """
        self._shares = shares
        self._seen: Counter[Split] = Counter()
        self._cut: Counter[tuple[Split, SliceKind]] = Counter()

    def lacking(self, split: Split) -> list[SliceKind]:
        """Count a dialogue of a side, and name the kinds of which the side now lacks an example."""
        self._seen[split] += 1
        return [
            kind
            for kind, share in self._shares.items()
            if self._cut[split, kind] + 1 <= share * self._seen[split] + 1e-9
        ]

    def count(self, split: Split, kind: SliceKind) -> None:
        """Count an example that was taken."""
        self._cut[split, kind] += 1


def slices_of(row: DatasetRow, kind: SliceKind) -> Iterator[DatasetRow]:
    """All examples of one kind in a dialogue, in its order.

    Args:
        row: The dialogue.
        kind: The kind.

    Yields:
        Rows with an id of their own that begins with the dialogue's.
    """
    dialogue = row.dialogue
    for place, asked in enumerate(dialogue.turns[:-1]):
        answered = dialogue.turns[place + 1]
        if asked.role == "user" and answered.role == "assistant" and _is_kind(dialogue, place, kind):
            yield row.model_copy(
                update={
                    "dialogue": dialogue.model_copy(
                        update={
                            "id": f"{dialogue.id}/{kind}/{asked.id}",
                            "initial_tools": _offered(dialogue, place),
                            "turns": (asked.model_copy(update={"tools_added": ()}), answered),
                            "injections": (),
                        }
                    ),
                    "kind": kind,
                    "cut_from": dialogue.id,
                }
            )


def _offered(dialogue: Dialogue, place: int) -> tuple[str, ...]:
    added = (name for turn in dialogue.turns[: place + 1] for name in turn.tools_added)
    return tuple(dict.fromkeys((*dialogue.initial_tools, *added)))


def _is_kind(dialogue: Dialogue, place: int, kind: SliceKind) -> bool:
    asked, answered = dialogue.turns[place], dialogue.turns[place + 1]
    if kind == "irrelevance":
        injected = InjectionType.NON_FUNCTION_CALLING
        return not answered.is_call and asked.origin.injection is injected and answered.origin.injection is injected
    if not answered.is_call or (len(answered.tool_calls) > 1) != (kind == "parallel_calls"):
        return False
    failed = any(output.is_error for output in dialogue.turns[place + 2].outputs)
    return not failed and answered.origin.injection is None and _is_said(asked, answered)


def _is_said(asked: Turn, answered: Turn) -> bool:
    said = " ".join(normal_words(asked.content))
    padded = f" {said} "
    return all(
        f" {' '.join(normal_words(value))} " in padded
        for call in answered.tool_calls
        for value in _values(call.arguments)
    )


def _values(value: JsonValue) -> Iterator[str]:
    match value:
        case dict():
            for item in value.values():
                yield from _values(item)
        case list():
            for item in value:
                yield from _values(item)
        case bool() | None:
            # Words for yes and no are too many to look for.
            return
        case _:
            yield str(value)
