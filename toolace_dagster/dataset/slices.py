"""Single-turn examples cut out of verified dialogues.

Models trained on long dialogues alone lose on single requests (paper, section 5). Three
kinds of examples make up for it, each a user message and the assistant's next turn:

- **single_turn**: a request that one call answers. It takes nothing from earlier sub-tasks and
  points at nothing, and every value of the call follows from it alone.
- **parallel_calls**: the same with several calls in one turn.
- **irrelevance**: a message that no offered tool serves, with the reply: small talk, a request
  quite outside, or one for a tool that the dialogue never offers. What asks about earlier
  results is none: out of its dialogue only an invented answer would be left.

Calls that failed, and turns that were written to go wrong, are never cut; nor are requests
that further calls answer, of which the first call would be but a part.

Belongs here: finding and cutting, and keeping to a proportion. Does not belong here:
whether a message can be understood alone (``standalone``), or writing files (``formats``).
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from toolace_dagster.dataset.rows import DatasetRow, Split
from toolace_dagster.dataset.splits import require_split
from toolace_dagster.dataset.standalone import gives_all_values, is_new_request, stands_alone, tells_nothing_of_before
from toolace_dagster.entities import Dialogue, InjectionSubType
from toolace_dagster.settings import SliceKind

ExampleT = TypeVar("ExampleT")
_WAITING = 500
"""Examples of a kind that a side keeps for later."""
_NO_TOOL_FITS = (
    InjectionSubType.CHIT_CHAT,
    InjectionSubType.IRRELEVANT_REQUEST,
    InjectionSubType.TOOL_NEVER_ARRIVES,
)


def with_slices(rows: Iterable[DatasetRow], shares: Mapping[SliceKind, float]) -> Iterator[DatasetRow]:
    """The rows, with examples cut from them as the shares ask for, behind their dialogue.

    The share is kept on each side of the dataset as rows pass by, as far as the dialogues
    offer examples: each gives at most one of a kind, its first.

    Args:
        rows: Dialogues with splits.
        shares: Examples of a kind for each dialogue, 0 to 1.

    Yields:
        Dialogues and examples.
    """
    kept = SliceShares[DatasetRow](shares)
    for row in rows:
        yield row
        offered: dict[SliceKind, DatasetRow] = {
            kind: example for kind in shares for example in list(slices_of(row, kind))[:1]
        }
        yield from kept.take(require_split(row), offered)


class SliceShares(Generic[ExampleT]):
    """Which examples are taken so that each side has its share of each kind.

    An example that is not needed yet waits: a later stretch of dialogues may offer none. Only so many wait
    that memory does not grow with the dataset.
    """

    def __init__(self, shares: Mapping[SliceKind, float]) -> None:
        """Start with nothing.

        Args:
            shares: Examples of a kind for each dialogue, 0 to 1.
        """
        self._shares = shares
        self._seen: Counter[Split] = Counter()
        self._cut: Counter[tuple[Split, SliceKind]] = Counter()
        self._waiting: defaultdict[tuple[Split, SliceKind], deque[ExampleT]] = defaultdict(_held)

    def take(self, split: Split, offered: Mapping[SliceKind, ExampleT]) -> Iterator[ExampleT]:
        """Count a dialogue of a side, and take an example of each kind that the side now lacks, the newest first.

        Args:
            split: The dialogue's side.
            offered: What the dialogue offers by kind.

        Yields:
            Examples of this dialogue, or of earlier ones of its side.
        """
        self._seen[split] += 1
        for kind, share in self._shares.items():
            waiting = self._waiting[split, kind]
            if kind in offered:
                waiting.append(offered[kind])
            if waiting and self._cut[split, kind] + 1 <= share * self._seen[split] + 1e-9:
                self._cut[split, kind] += 1
                yield waiting.pop()


def _held() -> deque[Any]:
    return deque(maxlen=_WAITING)


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
        if asked.role == "user" and answered.role == "assistant" and _is_kind(row, place, kind):
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


def _is_kind(row: DatasetRow, place: int, kind: SliceKind) -> bool:
    if kind == "irrelevance":
        return _is_irrelevance(row, place)
    turns = row.dialogue.turns
    asked, answered = turns[place : place + 2]
    if not answered.is_call or (len(answered.tool_calls) > 1) != (kind == "parallel_calls"):
        return False
    if asked.origin.injection is not None or answered.origin.injection is not None:
        return False
    if any(turn.is_call and turn is not answered for turn in turns if turn.sub_task == asked.sub_task):
        return False
    failed = any(output.is_error for output in turns[place + 2].outputs)
    return not failed and is_new_request(row, place) and stands_alone(row, place) and gives_all_values(row, place)


def _is_irrelevance(row: DatasetRow, place: int) -> bool:
    asked, answered = row.dialogue.turns[place : place + 2]
    sub_type = asked.origin.sub_type
    if answered.is_call or sub_type not in _NO_TOOL_FITS or answered.origin.sub_type is not sub_type:
        return False
    return stands_alone(row, place) and tells_nothing_of_before(row, place)
