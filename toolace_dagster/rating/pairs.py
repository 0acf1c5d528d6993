"""Pairs of dialogues to compare: the same task in two homes, the sides by lot.

The order of pairs and the sides follow from a secret that is kept in the home: the
same pair has the same sides whenever it is shown, and nobody can tell them from its
name.

Belongs here: which pairs there are, and which side is which. Does not belong here: what
somebody said of them (``records``).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from toolace_dagster.entities import Dialogue, TaskSpec
from toolace_dagster.warehouse import Warehouse, sql

Side = Literal["left", "right"]
_SECRET_BYTES = 32


@dataclass(frozen=True)
class Pair:
    """Two accepted dialogues of one task.

    Attributes:
        name: Says nothing of what is in it.
        domain: Tool domain.
        dialogue_id: Their id, the same in both homes.
        left: Label of the home whose dialogue stands on the left.
        right: Label of the other.
        hashes: Content of the left and of the right dialogue.
        own: Label of the home that ratings are kept in, one of the two.
    """

    name: str
    domain: str
    dialogue_id: str
    left: str
    right: str
    hashes: tuple[str, str]
    own: str


class Pairs:
    """All pairs of two homes."""

    def __init__(self, home: Warehouse, other: Warehouse) -> None:
        """Name the homes.

        Args:
            home: The one that ratings are kept in.
            other: The one it is compared with.
        """
        self.home, self.other = home, other
        # The same two names would not tell them apart.
        self.labels = _labels(home.home, other.home)

    def all(self) -> list[Pair]:
        """Every task of which both homes hold an accepted dialogue, and not the same one; by lot."""
        found: list[Pair] = []
        for domain in sorted(set(self.home.domains()) & set(self.other.domains())):
            mine, others = self._accepted(self.home, domain), self._accepted(self.other, domain)
            for dialogue_id in mine.keys() & others.keys():
                (task, content), (other_task, other_content) = mine[dialogue_id], others[dialogue_id]
                if task == other_task and content != other_content:
                    found.append(self._pair(domain, dialogue_id, (content, other_content)))
        return sorted(found, key=lambda pair: pair.name)

    def next(self, rated: Iterable[str]) -> tuple[Pair | None, int, int]:
        """The next pair that nobody rated, how many were, and how many there are.

        Args:
            rated: Names of pairs that were.
        """
        done, pairs = set(rated), self.all()
        left = [pair for pair in pairs if pair.name not in done]
        return (left[0] if left else None), len(pairs) - len(left), len(pairs)

    def find(self, name: str) -> Pair | None:
        """A pair by its name."""
        return next((pair for pair in self.all() if pair.name == name), None)

    def dialogues(self, pair: Pair) -> tuple[Dialogue, Dialogue]:
        """The left and the right dialogue."""
        homes = {self.labels[0]: self.home, self.labels[1]: self.other}
        left, right = (_read(homes[label], pair) for label in (pair.left, pair.right))
        return left, right

    def task(self, pair: Pair) -> TaskSpec:
        """The task of both."""
        rows = self.home.domain(pair.domain).read(sql("rating/task"), {"id": pair.dialogue_id})
        return TaskSpec.model_validate_json(rows[0]["payload"])

    def tools(self, pair: Pair, dialogues: Iterable[Dialogue]) -> list[tuple[str, str]]:
        """Names of all tools that the dialogues of a pair offer at some point, sorted, and what each does."""
        described = self.home.domain(pair.domain).read(sql("rating/tools"))
        known: dict[str, str] = {row["name"]: row["description"] or "" for row in described}
        offered = {
            name
            for dialogue in dialogues
            for name in (*dialogue.initial_tools, *(added for turn in dialogue.turns for added in turn.tools_added))
        }
        return [(name, known.get(name, "")) for name in sorted(offered)]

    def token(self) -> str:
        """What a form of ours holds and no other page can know."""
        return self._sign("form")

    def _pair(self, domain: str, dialogue_id: str, contents: tuple[str, str]) -> Pair:
        name = self._sign("pair", domain, dialogue_id, *contents)[:24]
        mine, other = self.labels
        if self._drawn_sides(domain, dialogue_id):
            return Pair(name, domain, dialogue_id, mine, other, contents, mine)
        return Pair(name, domain, dialogue_id, other, mine, (contents[1], contents[0]), mine)

    def _drawn_sides(self, domain: str, dialogue_id: str) -> bool:
        return int(self._sign("side", domain, dialogue_id)[:2], 16) % 2 == 0

    def _accepted(self, home: Warehouse, domain: str) -> dict[str, tuple[str, str]]:
        rows = home.domain(domain).read(sql("rating/accepted"))
        return {row["dialogue_id"]: (row["task"], row["content"]) for row in rows}

    def _sign(self, *words: str) -> str:
        text = "\0".join((*words, *self.labels))
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()

    @cached_property
    def _secret(self) -> bytes:
        path = self.home.home / "rating.key"
        try:
            file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            return path.read_bytes()
        with os.fdopen(file, "wb") as written:
            made = secrets.token_bytes(_SECRET_BYTES)
            written.write(made)
        return made


def _read(home: Warehouse, pair: Pair) -> Dialogue:
    rows = home.domain(pair.domain).read(sql("rating/dialogue"), {"id": pair.dialogue_id})
    return Dialogue.model_validate_json(rows[0]["payload"])


def _labels(home: Path, other: Path) -> tuple[str, str]:
    """Names of two homes, as short as tells them apart."""
    for depth in range(1, max(len(home.parts), len(other.parts)) + 1):
        one, two = ("/".join(path.parts[-depth:]) for path in (home, other))
        if one != two:
            return one, two
    return str(home), f"{other} (again)"
