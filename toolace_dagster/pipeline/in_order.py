"""Work on many parts in several processes, with the results in the parts' order.

Belongs here: the processes. Does not belong here: any work.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from multiprocessing.connection import Connection
from typing import TypeVar, cast

_MOST = 8
_LEAST_PARTS = 8
"""Below, a process of its own is not worth its start."""

_Part = TypeVar("_Part")
_Result = TypeVar("_Result")


def processes_for(parts: int) -> int:
    """How many processes work on so many parts: one for each CPU this process may use, none of its own for few parts.

    Args:
        parts: Number of parts.
    """
    # A daemonic process may have no children.
    if parts < _LEAST_PARTS or multiprocessing.current_process().daemon:
        return 1
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, _MOST)


def in_order(work: Callable[[_Part], _Result], parts: Sequence[_Part], processes: int) -> Generator[_Result]:
    """Work on parts in forked processes, each on every so manyeth part, and hand the results on in order.

    A process works one result ahead and no further, so memory does not grow with the number of parts. When this
    process is killed, the others end with their next result, as nobody is left to take it.

    Args:
        work: What is done with a part; it need not be pickled, its results and exceptions are.
        parts: The parts.
        processes: How many processes; 1 works in this one.

    Yields:
        A result for each part.

    Raises:
        RuntimeError: If a process ended before its work was done, as one that is out of memory does.
    """
    if processes <= 1:
        yield from map(work, parts)
        return
    context = multiprocessing.get_context("fork")
    with ExitStack() as stack:
        receivers: list[Connection] = []
        for number in range(processes):
            receiver, sender = context.Pipe(duplex=False)
            stack.callback(receiver.close)
            process = context.Process(
                target=_serve, args=(work, parts[number::processes], receiver, sender), daemon=True
            )
            process.start()
            sender.close()
            stack.callback(process.join)
            stack.callback(process.kill)
            receivers.append(receiver)
        for place in range(len(parts)):
            try:
                result, error = cast("tuple[_Result, Exception | None]", receivers[place % processes].recv())
            except EOFError:
                raise RuntimeError("a process that read dialogues ended before its work was done") from None
            if error is not None:
                raise error
            yield result


def _serve(work: Callable[[_Part], object], parts: Sequence[_Part], receiver: Connection, sender: Connection) -> None:
    # Held open here as well, it would keep the sender from noticing that nobody takes its results any more.
    receiver.close()
    # Ctrl-C reaches this process too; the one that takes the results is who ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Parts hold many objects and next to no cycles: looking for those after each part costs a tenth less time. What
    # came with the fork stays shared.
    gc.disable()
    gc.freeze()
    try:
        for part in parts:
            try:
                made: tuple[object, Exception | None] = (work(part), None)
            except Exception as error:
                made = (None, error)
            sender.send(made)
            del made
            gc.collect()
    except BrokenPipeError:
        return
