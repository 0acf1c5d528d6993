"""A row as the text of its line: made in any process, written in order by one.

Belongs here: what goes from making a line to writing it. Does not belong here: either.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Written:
    """A row's line. It has no slots: frozen, it would take many times as long to get from one process to another.

    Attributes:
        line: The text, without the line's end.
        digest: A hash over its cells, where the file is read back and compared; otherwise empty.
        inexact: Numbers of its messages that a reader will find a little off.
        inexact_tools: Fingerprints of its tools that hold such numbers, with how many.
    """

    line: str
    digest: str = ""
    inexact: int = 0
    inexact_tools: tuple[tuple[str, int], ...] = ()
