"""SIGTERM stops a command as Ctrl-C does: in order, and with a word on how to go on.

Belongs here: the handler and the exit codes. Does not belong here: what a command
does when it is stopped.
"""

from __future__ import annotations

import signal
from types import FrameType

_stopped_by: list[int] = []


def stop_in_order_on_sigterm() -> None:
    """Have SIGTERM raise KeyboardInterrupt in this process; forked runs set handlers of their own."""
    signal.signal(signal.SIGTERM, _interrupt)


def stopped_code() -> int:
    """Exit code of a stopped command, as shells give it: 130 after Ctrl-C, 143 after SIGTERM."""
    return 128 + (_stopped_by[-1] if _stopped_by else signal.SIGINT)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    _stopped_by.append(number)
    raise KeyboardInterrupt
