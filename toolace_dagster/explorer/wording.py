"""Two texts, word by word.

Belongs here: the difference as pieces. Does not belong here: how pieces are marked
on a page.
"""

from __future__ import annotations

import difflib
import re
from typing import Literal, NamedTuple

_LONGEST = 3000
"""Words beyond which two texts are shown one after the other: the comparison grows with the square."""


class Piece(NamedTuple):
    """A piece of text: kept, taken out or put in."""

    kind: Literal["kept", "out", "in"]
    text: str


def word_diff(old: str, new: str) -> list[Piece]:
    """The pieces that lead from one text to another, in order."""
    before, after = _words(old), _words(new)
    if len(before) + len(after) > _LONGEST:
        return [Piece("out", old), Piece("in", new)]
    pieces: list[Piece] = []
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            pieces.append(Piece("kept", "".join(before[i1:i2])))
            continue
        if i1 < i2:
            pieces.append(Piece("out", "".join(before[i1:i2])))
        if j1 < j2:
            pieces.append(Piece("in", "".join(after[j1:j2])))
    return pieces


def _words(text: str) -> list[str]:
    return re.findall(r"\w+|\s+|[^\w\s]", text)
