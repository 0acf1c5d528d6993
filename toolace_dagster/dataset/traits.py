"""What of a dialogue decides its side of the dataset.

Belongs here: reading a row's traits, and which rows are near-duplicates by them.
Does not belong here: choosing sides (``dealing``), or refusing near-duplicates
(``verification``).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict

import numpy as np
from numpy.typing import NDArray

from toolace_dagster.dataset.rows import DatasetRow
from toolace_dagster.entities import Dialogue, TaskSpec, canonical_json, content_hash, text_hash
from toolace_dagster.likeness import Signature, alike_pairs, normal_words, signatures

Apart = Literal["tasks", "tools", "domains"]
"""What never stands on two sides, besides near-duplicates: the same task, also any tool called, or any domain."""

_LENGTHS = ((8, "up to 8 turns"), (16, "9 to 16 turns"), (32, "17 to 32 turns"), (64, "33 to 64 turns"))
_LONGEST = "over 64 turns"


@dataclass(frozen=True)
class Outline:
    """What reports on the sides count.

    Attributes:
        dialogue_id: The dialogue.
        goals: The task's goals, hashed without the normal form that groups tasks, so that leakage can be counted
            without what assigned the sides.
        domain: Its tool domain.
        injections: Kinds injected, sorted, each once.
        length: Its length as a class of turns.
        tools: Tools it calls.
    """

    dialogue_id: str
    goals: str
    domain: str
    injections: tuple[str, ...]
    length: str
    tools: tuple[str, ...]

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """What the sides are balanced by: domain, each kind of injection, length."""
        kinds = self.injections or ("none",)
        return (("domain", self.domain), *(("injection", kind) for kind in kinds), ("length", self.length))


@dataclass(frozen=True)
class Traits(Outline):
    """What decides the side of one dialogue.

    Attributes:
        task: Its task group.
        user: Signature over what the user says.
        calls: Signature over its calls in their order; None where there are none.
    """

    task: str
    user: Signature | None
    calls: Signature | None

    def keys(self, apart: Apart) -> tuple[tuple[str, str], ...]:
        """What it must share its side with, by name."""
        further: Iterable[tuple[str, str]] = ()
        if apart == "tools":
            # By name over all domains: a tool that several domains share is one tool to whoever learns to call it.
            further = (("tool", name) for name in self.tools)
        elif apart == "domains":
            further = (("domain", self.domain),)
        return (("task", self.task), *further)


def task_group(spec: TaskSpec) -> str:
    """The group of a task: specs with the same goals are one group, whatever else differs.

    Goals alone decide. Specs that are identical have the same goals; and two specs
    with the same goals in another scenario, order or with other details ask the
    model for the same thing, so they must not stand on two sides. Case, spacing and
    Unicode form do not count. The domain and the tools do not either: a group is
    named by content alone, and no group's name depends on which others exist.

    Args:
        spec: A task spec.

    Returns:
        A content hash.
    """
    goals = (unicodedata.normalize("NFKC", " ".join(sub_task.goal.split())) for sub_task in spec.sub_tasks)
    return content_hash({" ".join(goal.casefold().split()) for goal in goals}, length=32)


def outline_of(row: DatasetRow) -> Outline:
    """Read what reports count of a row."""
    return Outline(**_outline(row))


def traits_of(rows: Sequence[DatasetRow]) -> list[Traits]:
    """Read what decides the sides of rows.

    Args:
        rows: The rows; a few dozen at once, since they take less time together.

    Returns:
        The traits of each.
    """
    users = signatures([user_words(row.dialogue) for row in rows])
    calls = signatures([call_items(row.dialogue) for row in rows], 2)
    return [
        Traits(**_outline(row), task=task_group(row.spec), user=said, calls=called)
        for row, said, called in zip(rows, users, calls, strict=True)
    ]


class _Outline(TypedDict):
    dialogue_id: str
    goals: str
    domain: str
    injections: tuple[str, ...]
    length: str
    tools: tuple[str, ...]


def _outline(row: DatasetRow) -> _Outline:
    dialogue = row.dialogue
    goals = sorted({" ".join(sub_task.goal.split()).lower() for sub_task in row.spec.sub_tasks})
    return {
        "dialogue_id": dialogue.id,
        "goals": text_hash("\n".join(goals)),
        "domain": dialogue.domain,
        "injections": tuple(sorted({record.type.value for record in dialogue.injections})),
        "length": length_class(len(dialogue.turns)),
        "tools": tuple(sorted({call.name for turn in dialogue.turns for call in turn.tool_calls})),
    }


def length_class(turns: int) -> str:
    """The class of a dialogue's length; classes double, so that adding data moves no border."""
    return next((name for most, name in _LENGTHS if turns <= most), _LONGEST)


def user_words(dialogue: Dialogue) -> list[str]:
    """Everything the user says, as words; what near-duplicates by text are found by."""
    return [word for turn in dialogue.turns if turn.role == "user" for word in normal_words(turn.content)]


def call_items(dialogue: Dialogue) -> list[str]:
    """The calls in their order, each with its arguments; what near-duplicates by calls are found by.

    The values count: in a domain of eight tools the names alone repeat all the time.
    """
    items: list[str] = []
    for turn in dialogue.turns:
        for call in turn.tool_calls:
            items.append(call.name)
            items += [f"{name}={canonical_json(value)}" for name, value in sorted(call.arguments.items())]
    return items


def near_duplicates(traits: Sequence[Traits], threshold: float) -> NDArray[np.int64]:
    """Find pairs that say nearly the same or call nearly the same.

    Args:
        traits: The dialogues.
        threshold: Likeness from which two are near-duplicates, 0 to 1.

    Returns:
        Pairs of places, the earlier first, sorted; shape ``(pairs, 2)``.
    """
    codes: list[NDArray[np.int64]] = []
    for signed in ([each.user for each in traits], [each.calls for each in traits]):
        places = np.array([place for place, made in enumerate(signed) if made is not None], dtype=np.int64)
        found = places[alike_pairs([made for made in signed if made is not None], threshold)]
        codes.append(found[:, 0] * len(traits) + found[:, 1])
    # Whole numbers sort many times as fast as rows do.
    both = np.sort(np.concatenate(codes))
    both = both[np.append(True, both[1:] != both[:-1])[: len(both)]]
    return np.stack([both // max(1, len(traits)), both % max(1, len(traits))], axis=1)
