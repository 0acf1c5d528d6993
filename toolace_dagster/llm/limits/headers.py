"""What the headers of an answer say about the limits of an endpoint.

Belongs here: reading them, whoever wrote them. Does not belong here: keeping to
them (``limiter``).

Sources: the rate-limit pages of OpenAI, Azure OpenAI, Anthropic, Groq, Cerebras and
Mistral. A limit of requests may be one of a day (Groq's, and OpenAI's for small
accounts) without saying so; only how slowly what was used comes back tells. Such a
limit is no pace: until it is used up, all of it may be used at once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d)")
_LONGEST_TEXT = 64
_NO_MINUTE = 3600.0
_EPOCH_SECONDS = 1e9
_EPOCH_MILLISECONDS = 1e12
_NAMES = {
    kind: {
        what: (
            f"x-ratelimit-{what}-{kind}",
            f"x-ratelimit-{what}-{kind}-minute",
            f"anthropic-ratelimit-{kind}-{what}",
            *((f"x-ratelimit-{what}-req-minute",) if kind == "requests" else ()),
        )
        for what in ("limit", "remaining", "reset")
    }
    for kind in ("requests", "tokens")
}


@dataclass(frozen=True)
class Allowance:
    """What is said about requests, or about tokens; None where nothing usable is said.

    Attributes:
        limit: Per minute; None for a limit of a longer time.
        remaining: Left of it.
        reset: Seconds until all of it is there again.
    """

    limit: float | None = None
    remaining: float | None = None
    reset: float | None = None

    def wait(self, need: float) -> float:
        """Seconds until so much is there again, were it to come back evenly; an endpoint may be slower.

        Args:
            need: Requests or tokens.
        """
        if self.remaining is None or self.reset is None or self.remaining >= need:
            return 0.0
        return min(self.reset, (need - self.remaining) * 60.0 / self.limit if self.limit else 1.0)


def read_allowances(headers: Mapping[str, str], now: float) -> tuple[Allowance, Allowance]:
    """What headers say about requests and about tokens.

    Args:
        headers: Of an answer; names in any case.
        now: Seconds since 1970, for dates.
    """
    lower = {name.lower(): value for name, value in headers.items()}

    def value(kind: str, what: str) -> str | None:
        return next((lower[name] for name in _NAMES[kind][what] if name in lower), None)

    def allowance(kind: str) -> Allowance:
        limit = read_count(value(kind, "limit"))
        return Allowance(limit or None, read_count(value(kind, "remaining")), read_reset(value(kind, "reset"), now))

    requests = allowance("requests")
    return replace(requests, limit=None) if _is_of_a_day(requests) else requests, allowance("tokens")


def _is_of_a_day(told: Allowance) -> bool:
    """Whether a limit can't be one of a minute, by the time in which all of it would come back.

    Where what was used comes back evenly that time is exact. Where all comes back at once it is too long while little
    was used; what the limit says does not matter then.
    """
    if told.limit is None or told.remaining is None or told.reset is None or told.remaining >= told.limit:
        return False
    return told.reset * told.limit / (told.limit - told.remaining) > _NO_MINUTE


def read_count(text: str | None) -> float | None:
    """A number of requests or tokens; None for anything else."""
    if text is None or len(text) > _LONGEST_TEXT:
        return None
    try:
        count = float(text)
    except ValueError:
        return None
    return count if math.isfinite(count) and count >= 0 else None


def read_reset(text: str | None, now: float) -> float | None:
    """Seconds from now: ``6m0s``, ``20ms``, ``1.5``, a date, or seconds or milliseconds since 1970.

    Args:
        text: The header's value.
        now: Seconds since 1970.

    Returns:
        Seconds, not negative; None if the text is none of these.
    """
    if text is None or len(text) > _LONGEST_TEXT:
        return None
    text = text.strip()
    plain = read_count(text)
    if plain is not None:
        if plain >= _EPOCH_MILLISECONDS:
            plain /= 1000.0
        return max(0.0, plain - now) if plain >= _EPOCH_SECONDS else plain
    parts = _PART.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return sum(float(number) * _UNITS[unit] for number, unit in parts)
    date = _date(text)
    return None if date is None else max(0.0, date - now)


def _date(text: str) -> float | None:
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            date = read(text)
            return date.replace(tzinfo=date.tzinfo or UTC).timestamp()
        except (ValueError, OverflowError, TypeError, IndexError):
            continue
    return None
