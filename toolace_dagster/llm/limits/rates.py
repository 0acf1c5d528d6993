"""Requests and tokens per minute: our part of them, from the settings and from what the endpoint says.

Belongs here: which limits per minute hold, and what is left of them. Does not belong
here: the pace itself (``bucket``), reading headers (``headers``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from toolace_dagster.llm.limits.board import (
    REQUEST_RATE,
    REQUESTS,
    REQUESTS_AT,
    TOKEN_RATE,
    TOKENS,
    TOKENS_AT,
    Board,
)
from toolace_dagster.llm.limits.bucket import Bucket
from toolace_dagster.llm.limits.headers import Allowance, read_allowances
from toolace_dagster.llm.limits.shares import fair_rate, stricter

_TOLD_FOR = 600.0
_TOLD_AGAIN = 60.0
_READ_EVERY = 0.05
_LONGEST_DRY = 60.0
_MEMORY = 2.0


class _Limit:
    """One of the two: its bucket, and where the board keeps what is known of it."""

    def __init__(self, board: Board, own: float | None, fields: tuple[int, int, int]) -> None:
        self.bucket = Bucket()
        self.wanted = 0.0
        self.started = 0.0
        self._board = board
        self._own = own
        self._told, self._told_at, self._rate = fields

    def refresh(self, now: float, elapsed: float, starved: bool) -> None:
        """Take the share of the limit that is ours now."""
        recent = math.exp(-elapsed / _MEMORY)
        measured = 0.0 if self.wanted == math.inf else self.wanted
        self.wanted = math.inf if starved else measured * recent + self.started / elapsed * (1 - recent)
        self.started = 0.0
        board = self._board
        told: float | None = board.numbers[self._told]
        if not told > 0 or not abs(now - board.numbers[self._told_at]) < _TOLD_FOR:
            told = None
        limit = stricter(self._own, told)
        if limit < math.inf:
            others = [board.detail(place, self._rate) * 60 for place in board.peers]
            # A rate of 0 would be for ever.
            limit = max(limit / 1000, fair_rate(limit, [want if want >= 0 else math.inf for want in others]))
        self.bucket.set_limit(limit, now)

    def hear(self, told: Allowance, now: float) -> bool:
        """Note what the endpoint says.

        Returns:
            Whether it changes anything.
        """
        if told.limit is None:
            return False
        known = self._board.numbers[self._told]
        if known == told.limit and abs(now - self._board.numbers[self._told_at]) < _TOLD_AGAIN:
            return False
        self._board.set(self._told_at, now)
        self._board.set(self._told, told.limit)
        return known != told.limit


class Rates:
    """Both limits per minute, as one limiter keeps to them.

    Attributes:
        paced: Whether there is any limit.
    """

    def __init__(self, board: Board, requests: int | None, tokens: int | None) -> None:
        """Take the limits of the settings; None is none."""
        self._board = board
        self._requests = _Limit(board, requests, (REQUESTS, REQUESTS_AT, REQUEST_RATE))
        self._tokens = _Limit(board, tokens, (TOKENS, TOKENS_AT, TOKEN_RATE))
        self._starved = [False, False]
        self._refreshed = 0.0
        self._read_at = -math.inf
        self._dry_until = 0.0
        self._typical = 0.0
        self.paced = False

    @property
    def told(self) -> tuple[float, float, float, float]:
        """What others should know: requests and tokens a second that we want, requests and tokens we still owe."""
        requests, tokens = self._requests, self._tokens
        return requests.wanted, tokens.wanted, requests.bucket.debt, tokens.bucket.debt

    def refresh(self, now: float) -> None:
        """Take the shares that are ours now."""
        elapsed = min(60.0, max(0.001, now - self._refreshed))
        self._refreshed = now
        for limit, starved in zip((self._requests, self._tokens), self._starved, strict=True):
            limit.refresh(now, elapsed, starved)
        self._starved = [False, False]
        inherited, self._board.inherited = self._board.inherited, None
        for limit, debt in zip((self._requests, self._tokens), inherited or (), strict=False):
            bucket = limit.bucket
            if inherited and bucket.rate < math.inf and 0 < debt < math.inf and inherited[2] <= now:
                bucket.take(max(0.0, debt - bucket.rate * (now - inherited[2])))
        self.paced = min(self._requests.bucket.rate, self._tokens.bucket.rate) < math.inf

    def wait(self, now: float) -> float:
        """Seconds until the next call may start; 0 or less for now."""
        dry = self._dry_until - now
        if dry > _LONGEST_DRY:
            # A clock that was put back.
            dry = 0.0
        if not self.paced:
            return dry
        requests = self._requests.bucket.wait(now)
        tokens = self._tokens.bucket.wait(now)
        if requests > 0:
            self._starved[0] = True
        if tokens > 0:
            self._starved[1] = True
        return max(requests, tokens, dry)

    def start(self, tokens: int) -> None:
        """Note the start of a call that is thought to use so many tokens."""
        self._requests.started += 1
        self._tokens.started += tokens
        if self.paced:
            self._requests.bucket.take(1)
            self._tokens.bucket.take(tokens)

    def give_back(self, requests: int, tokens: int) -> None:
        """Note what was not used after all; negative when it was more."""
        self._tokens.started -= tokens
        if self.paced:
            if requests:
                self._requests.bucket.give_back(requests)
            self._tokens.bucket.give_back(tokens)

    def used(self, tokens: int) -> None:
        """Note what an answered call used."""
        self._typical += (tokens - self._typical) / 8

    def hear(self, headers: Mapping[str, str], now: float) -> bool:
        """Note what the headers of an answer say; a few times a second, since it changes little.

        Returns:
            Whether other limits hold now.
        """
        if self._read_at <= now < self._read_at + _READ_EVERY:
            return False
        self._read_at = now
        requests, tokens = read_allowances(headers, now)
        # Another machine may use the same account up.
        dry = max(requests.wait(1.0), tokens.wait(max(1.0, self._typical)))
        if dry > 0:
            self._dry_until = now + min(_LONGEST_DRY, dry)
        changed = self._requests.hear(requests, now)
        return self._tokens.hear(tokens, now) or changed
