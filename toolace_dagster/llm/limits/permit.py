"""Leave to make one call.

Belongs here: how a call may end. Does not belong here: what follows (``limiter``).
"""

from __future__ import annotations

from typing import Protocol


class Ends(Protocol):
    """Who gave the permit, and hears of its end."""

    def on_answered(self, permit: Permit, tokens: int | None) -> None:
        """An answer came."""
        ...

    def on_refused(self, permit: Permit, wait: float) -> None:
        """The endpoint said that there are too many calls."""
        ...

    def on_failed(self) -> None:
        """Something else happened."""
        ...


class Permit:
    """Leave to make one call; its first end counts, later ones do nothing.

    ``try: ... finally: permit.failed()`` is therefore safe. A permit that is lost ends as failed.

    Attributes:
        sent: When it was given, in seconds since 1970.
        load: Calls in flight then, this one included.
        tokens: What the call was thought to use.
        over: Whether it has ended.
    """

    __slots__ = ("_giver", "load", "over", "sent", "tokens")

    def __init__(self, giver: Ends, sent: float, load: int, tokens: int) -> None:
        """Give leave."""
        self._giver = giver
        self.sent = sent
        self.load = load
        self.tokens = tokens
        self.over = False

    def answered(self, tokens: int | None = None) -> None:
        """The endpoint answered.

        Args:
            tokens: What the call used, prompt and reply; None when nobody says.
        """
        if not self.over:
            self.over = True
            self._giver.on_answered(self, tokens)

    def refused(self, wait: float) -> None:
        """The endpoint said that there are too many calls: status 429, 503 or 529.

        Args:
            wait: Seconds to wait, as it asks or as we would.
        """
        if not self.over:
            self.over = True
            self._giver.on_refused(self, wait)

    def failed(self) -> None:
        """The call came to nothing for a reason that says nothing of the load."""
        if not self.over:
            self.over = True
            self._giver.on_failed()

    def __del__(self) -> None:
        """Give the slot of a lost permit back."""
        if not self.over:
            self.failed()
