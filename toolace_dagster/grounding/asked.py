"""One value that is to be traced.

Belongs here: what several ways of looking need to know of it. Does not belong here: any search.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from toolace_dagster.entities import Turn
from toolace_dagster.grounding.identifiers import looks_like_identifier
from toolace_dagster.grounding.leaves import Leaf


@dataclass(frozen=True)
class Asked:
    """A value inside the arguments of a call.

    Attributes:
        leaf: The value, its name and its schema.
        turn: The turn that calls.
        identifier: Whether it names a thing, so that it has to be copied.
    """

    leaf: Leaf
    turn: Turn
    identifier: bool

    @property
    def value(self) -> Any:
        """The value itself."""
        return self.leaf.value

    def part(self, value: str) -> Asked:
        """The same question for a part of the value."""
        return replace(self, leaf=replace(self.leaf, value=value), identifier=looks_like_identifier(value))
