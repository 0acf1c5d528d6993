"""Who is told how far a stage is.

A stage runs deep inside an asset, and its caller may be a terminal in another
process. So the listener of a process is set once, and stages report to it.

Belongs here: the listener of this process and what it is told. Does not belong
here: showing it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

from toolace_dagster.llm.progress import Progress


@dataclass(frozen=True)
class StageProgress:
    """How far one stage of one domain is.

    Attributes:
        domain: Tool domain.
        stage: Stage.
        rows: Rows the stage is making.
        calls: Progress of its model calls; None when the stage begins.
        warning: Something the user should know that stops nothing; empty otherwise.
    """

    domain: str
    stage: str
    rows: int
    calls: Progress | None = None
    warning: str = ""


Listener = Callable[[StageProgress], None]
_listeners: list[Listener] = []


@contextmanager
def listening(listener: Listener) -> Generator[None]:
    """Have a listener told of all stages that this process runs."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def tell(progress: StageProgress) -> None:
    """Tell all listeners; a warning that nobody listens to is logged."""
    if progress.warning and not _listeners:
        logging.getLogger(__name__).warning("%s, %s: %s", progress.domain, progress.stage, progress.warning)
    for listener in _listeners:
        listener(progress)
