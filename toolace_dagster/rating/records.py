"""What people said, durably: a line of JSON each, in the home.

A text file, since DuckDB has one writer and a run may be it. ``toolace ratings``, metrics and
the report read it; a line that a crash cut off is left out.

Belongs here: the file. Does not belong here: which pairs there are (``pairs``).
"""

from __future__ import annotations

import fcntl
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from toolace_dagster.rating.pairs import Pair
from toolace_dagster.warehouse import Warehouse

Choice = Literal["left", "right", "tie"]
CHOICES: tuple[Choice, ...] = get_args(Choice)
LONGEST_REASON = 2_000


class RatingFault(ValueError):
    """A rating that can't be taken; the message says why."""


class Rating(BaseModel):
    """One preference.

    Attributes:
        pair: Name of the pair.
        domain: Tool domain.
        dialogue_id: Id of both dialogues.
        left: Label of the home whose dialogue stood on the left.
        right: Label of the other.
        own: Label of the home that the rating is kept in, one of the two.
        choice: What the person chose.
        preferred: Label of the home whose dialogue was preferred; None for a tie.
        reason: In the person's words; may be empty.
        left_content: Hash of the left dialogue.
        right_content: Hash of the right dialogue.
        at: When, in UTC.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    pair: str
    domain: str
    dialogue_id: str
    left: str
    right: str
    own: str
    choice: Choice
    preferred: str | None
    reason: str = Field(default="", max_length=LONGEST_REASON)
    left_content: str
    right_content: str
    at: datetime

    @property
    def other(self) -> str:
        """Label of the home it was compared with."""
        return self.left if self.right == self.own else self.right


def ratings_file(home: Warehouse) -> Path:
    """Where a home's ratings are."""
    return home.home / "ratings.jsonl"


def record_rating(home: Warehouse, pair: Pair, choice: str, reason: str) -> Rating:
    """Write a preference down; it is on disk when this returns. The first one of a pair counts.

    Args:
        home: The home that ratings are kept in.
        pair: What was compared.
        choice: left, right or tie.
        reason: Why, or nothing.

    Raises:
        RatingFault: If the choice is none, the reason is too long, or the pair was rated already.
    """
    if choice not in CHOICES:
        raise RatingFault(f"a choice is {', '.join(CHOICES)}")
    reason = reason.strip()
    if len(reason) > LONGEST_REASON:
        raise RatingFault(f"a reason has at most {LONGEST_REASON:,} characters")
    preferred = {"left": pair.left, "right": pair.right}.get(choice)
    rating = Rating(
        pair=pair.name,
        domain=pair.domain,
        dialogue_id=pair.dialogue_id,
        left=pair.left,
        right=pair.right,
        own=pair.own,
        choice=choice,
        preferred=preferred,
        reason=reason,
        left_content=pair.hashes[0],
        right_content=pair.hashes[1],
        at=datetime.now(UTC),
    )
    path = ratings_file(home)
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if any(known.pair == pair.name for known in read_ratings(home)):
            raise RatingFault("this pair was rated already")
        file.seek(0, os.SEEK_END)
        if file.tell():
            file.seek(-1, os.SEEK_END)
            # What a crash cut off must not swallow the next line.
            if file.read(1) != b"\n":
                file.write(b"\n")
        file.write(rating.model_dump_json().encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return rating


def read_ratings(home: Warehouse) -> list[Rating]:
    """All ratings of a home, oldest first; lines that are none are left out.

    Args:
        home: The home.
    """
    path = ratings_file(home)
    if not path.exists():
        return []
    found: dict[str, Rating] = {}
    for line in path.read_bytes().splitlines():
        try:
            rating = Rating.model_validate_json(line)
        except ValidationError:
            continue
        found.setdefault(rating.pair, rating)
    return list(found.values())
