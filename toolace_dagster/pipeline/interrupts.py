"""Stopping a stage while it waits for calls.

A signal handler raises its exception wherever the program happens to be, and so does
Dagster's. Inside an event loop that may be any task, and when it is the one that
writes the journal, the others wait for it for ever. The event loop's own way is
to cancel its main task.

Belongs here: signal handlers while a stage runs. Does not belong here: stopping
the processes that runs are in (``processes``).
"""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def orderly_interrupts() -> Generator[None]:
    """Let SIGINT and SIGTERM cancel an event loop instead of breaking into one of its tasks.

    Raises:
        KeyboardInterrupt: When one of them came; Dagster takes it for an interrupted step.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    # With this very handler in place, asyncio.run puts its own there for as long as it runs.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _as_interrupt(_number: int, _frame: FrameType | None) -> None:
    signal.raise_signal(signal.SIGINT)
