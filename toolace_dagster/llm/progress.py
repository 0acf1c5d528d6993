"""How far the calls of a stage are: counted here, shown elsewhere.

Belongs here: the counters, and telling a listener a few times a second. Does not
belong here: what is counted when (``gateway``, ``endpoint``), or showing it (``cli``).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace

_TOLD_EVERY = 0.2


@dataclass
class Progress:
    """How far the calls of a stage are.

    Attributes:
        rows: Rows that have ended, whatever their end.
        done: Requests answered, from the cache or not.
        in_flight: Calls under way.
        retried: Tries after transport faults and unusable replies.
        failed: Requests without a usable reply.
        cached: Requests answered from the cache.
        prompt_tokens: Paid for so far.
        completion_tokens: Paid for so far.
        cost: Dollars paid so far, for calls with a known price.
        unpriced: Calls without one.
        seconds: Since the gateway was opened; does not count when two are compared.
    """

    rows: int = 0
    done: int = 0
    in_flight: int = 0
    retried: int = 0
    failed: int = 0
    cached: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    unpriced: int = 0
    seconds: float = field(default=0.0, compare=False)

    @property
    def tokens(self) -> int:
        """Tokens paid for so far, of prompts and replies."""
        return self.prompt_tokens + self.completion_tokens

    def plus(self, other: Progress) -> Progress:
        """The sum of two, such as of two stages."""
        return Progress(**{part.name: getattr(self, part.name) + getattr(other, part.name) for part in fields(self)})


class Meter:
    """Counts, and tells a listener now and then.

    Attributes:
        now: The counters; whoever changes one calls :meth:`tell` after it.
    """

    def __init__(self, listener: Callable[[Progress], None] | None) -> None:
        """Start at nothing.

        Args:
            listener: Told of progress a few times a second; gets a copy each time.
        """
        self.now = Progress()
        self._listener = listener
        self._begun = time.monotonic()
        self._told = 0.0

    def tell(self, *, force: bool = False) -> None:
        """Tell the listener, unless it was told a moment ago."""
        if self._listener is None:
            return
        moment = time.monotonic()
        if not force and moment - self._told < _TOLD_EVERY:
            return
        self._told = moment
        self.now.seconds = moment - self._begun
        try:
            self._listener(replace(self.now))
        except Exception:
            # Rows must not fail because nobody listens any more.
            self._listener = None
