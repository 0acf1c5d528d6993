"""Reproducible randomness.

Belongs here: making a random generator from content. Does not belong here: what
is drawn from it.
"""

from __future__ import annotations

import random
from typing import Any

from toolace_dagster.entities.base import content_hash


def generator(*parts: Any) -> random.Random:
    """A random generator seeded by content: the same parts give the same draws on every machine.

    Args:
        *parts: JSON-able values that name the draw, such as a dialogue id and a round.
    """
    return random.Random(int(content_hash(*parts), 16))  # noqa: S311 - reproducible sampling, not a secret


def request_seed(*parts: Any) -> int:
    """A seed for a model request, within 31 bits, as all endpoints accept it."""
    return int(content_hash(*parts), 16) % (2**31)
