"""What follows from a fault of a call: another try and when, a failed row, or the end of the run.

Belongs here: that decision, for one call, and what is known of the endpoint that it is
based on. Does not belong here: reading faults (``faults``), making the call (``endpoint``).
"""

from __future__ import annotations

import random
import time

from toolace_dagster.llm.faults import is_overload, is_transport_fault, is_unreachable, retry_after
from toolace_dagster.llm.protocol import CallError, EndpointBusy, EndpointUnusable
from toolace_dagster.settings import ModelSettings

_FIRST_WAIT = 0.1
_WAIT_FACTOR = 3
_STRAY_WAIT = 0.05
_STRAY_FACTOR = 2
"""The waits of a call that fails while others are answered: there is nothing that waiting would let recover."""
_LONGEST_WAIT = 60.0
_TRIES_TO_REACH = 2
_FREE_TRIES = 12
"""Refusals for there being too many calls that cost a row none of its tries, while others are answered."""
_STRAY_TRIES = 4
"""Tries again after a fault that is permanent by its status, at an endpoint that has answered before."""


class Health:
    """What an endpoint's answers tell.

    Attributes:
        answered_at: When the last one came, by the monotonic clock; 0 before the first.
        answered_from: When the latest call was sent that was answered.
        closed: Why the endpoint is asked nothing more in this run, if so.
    """

    __slots__ = ("answered_at", "answered_from", "closed")

    def __init__(self) -> None:
        """Nothing is known."""
        self.answered_at = 0.0
        self.answered_from = 0.0
        self.closed: EndpointBusy | None = None

    def answered(self, sent: float) -> None:
        """Note an answer to a call sent then."""
        self.answered_at = time.monotonic()
        self.answered_from = max(self.answered_from, sent)


class Tries:
    """The tries of one call.

    Attributes:
        retries: Tries again so far.
    """

    __slots__ = (
        "_begun",
        "_free",
        "_health",
        "_lost_since",
        "_settings",
        "_since",
        "_spent",
        "_strays",
        "_url",
        "retries",
    )

    def __init__(self, settings: ModelSettings, url: str, health: Health) -> None:
        """Start.

        Args:
            settings: How much patience there is.
            url: The endpoint as messages may show it.
            health: Of the endpoint.
        """
        self._settings = settings
        self._url = url
        self._health = health
        self._begun = self._since = self._lost_since = 0.0
        self._spent = self._free = self._strays = 0
        self.retries = 0

    def sends(self, now: float) -> None:
        """Note that the call is sent."""
        self._begun = self._begun or now
        self._since = self._since or now

    def wait(self, failure: Exception) -> float:
        """Seconds to wait before the next try: as long as the endpoint asks, else ever longer."""
        if self._health.answered_at > self._since and not is_overload(failure):
            return wait_after(failure, self.retries, _STRAY_WAIT, _STRAY_FACTOR)
        return wait_after(failure, self.retries)

    def after(self, failure: Exception, error: CallError) -> CallError | None:
        """Decide what follows from a fault.

        Args:
            failure: As it was raised.
            error: What it means.

        Returns:
            None when the call is to be tried again; else the error that the row ends with.

        Raises:
            EndpointUnusable: If no call can succeed.
            EndpointBusy: If the endpoint asks to wait for longer than the run does.
        """
        if error.permanent:
            return self._lost(failure, error)
        if not is_transport_fault(error):
            return error
        check_asked_wait(failure, error, self._settings, self._url)
        # While others are answered, the endpoint is only busy: waiting for a turn costs no try, up to a point.
        if error.kind == "rate_limit" and self._health.answered_at > self._since and self._free < _FREE_TRIES:
            self._free += 1
        else:
            self._spent += 1
        self._stop_if_gone(failure, error)
        self._since = time.monotonic()
        if self._spent > self._settings.transport_retries:
            return error
        self.retries += 1
        return None

    def _lost(self, failure: Exception, error: CallError) -> CallError | None:
        """A wrong key, an unknown model: for good, unless calls were answered before and others still are."""
        health = self._health
        if not health.answered_at:
            raise EndpointUnusable(error.message) from None
        if self._strays < _STRAY_TRIES and (retry_after(failure) or 0.0) <= self._settings.longest_retry_after:
            self._lost_since = self._lost_since or time.monotonic()
            self._strays += 1
            self.retries += 1
            return None
        if health.answered_from <= self._lost_since:
            raise EndpointUnusable(error.message) from None
        told = f"{error.message} Calls that were sent after it were answered, so only this one is given up."
        return CallError(kind="server", message=told)

    def _stop_if_gone(self, failure: Exception, error: CallError) -> None:
        """Give up on an endpoint where nobody is any more."""
        tries, answered_at = self._settings.transport_retries, self._health.answered_at
        if not answered_at:
            tries = min(tries, _TRIES_TO_REACH)
        if is_unreachable(failure) and self._spent > tries and answered_at <= self._begun:
            raise EndpointUnusable(error.message) from None


def wait_after(failure: Exception, retries: int, first: float = _FIRST_WAIT, factor: float = _WAIT_FACTOR) -> float:
    """Seconds to wait before the next try: as long as the endpoint asks, else ever longer.

    Args:
        failure: The fault.
        retries: Tries again so far.
        first: Seconds before the first of these.
        factor: How much longer each next wait is.
    """
    asked_for = retry_after(failure)
    if asked_for is not None:
        return asked_for * (1 + random.random() / 10)  # noqa: S311 - jitter, not a secret
    return min(_LONGEST_WAIT, first * factor ** min(retries, 10)) * (0.5 + random.random())  # noqa: S311 - jitter


def check_asked_wait(failure: Exception, error: CallError, settings: ModelSettings, url: str) -> None:
    """Make sure that the endpoint asks for no longer wait than the settings allow.

    Raises:
        EndpointBusy: If it does; waiting less would only have it refuse again.
    """
    asked_for = retry_after(failure)
    if asked_for is not None and asked_for > settings.longest_retry_after:
        raise EndpointBusy(
            f"The endpoint {url} asks to wait {_duration(asked_for)} before the next call of {settings.model} "
            f"({error.message}), and llm.longest_retry_after is {_duration(settings.longest_retry_after)}. Nothing is "
            "lost: the same command goes on from there later, or waits with a higher setting."
        )


def _duration(seconds: float) -> str:
    if seconds < 600:
        return f"{seconds:,.0f} s"
    return f"{seconds / 60:,.0f} min" if seconds < 6 * 3600 else f"{seconds / 3600:,.0f} h"
