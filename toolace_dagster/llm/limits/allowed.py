"""The limits of the settings.

Belongs here: their names and bounds. Does not belong here: keeping to them (``limiter``).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What an endpoint may be asked, by all processes together.

    Attributes:
        concurrency: Calls in flight at most.
        requests_per_minute: Calls started in a minute at most; None for no limit of our own.
        tokens_per_minute: Tokens of prompts and replies in a minute at most; None for no limit of our own.
        longest_hold: Seconds that everybody waits at most when the endpoint asks for it.
    """

    concurrency: int
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    longest_hold: float = 120.0

    def __post_init__(self) -> None:
        """Check.

        Raises:
            ValueError: If a limit leaves nothing.
        """
        for name in ("concurrency", "requests_per_minute", "tokens_per_minute"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} is {value}; it must be 1 or more")
