"""The words of a text, found without patterns, which take several times as long.

Belongs here: where words begin and end. Does not belong here: which form they are
compared in (``likeness``, ``grounding.folding``).
"""

from __future__ import annotations

import unicodedata


def words_of(text: str, *, underscores: bool = False, marks: bool = False) -> list[str]:
    r"""The runs of letters and digits of a text, in their order.

    Args:
        text: Any text.
        underscores: Whether an underscore is part of a word, as it is for ``\w`` in a pattern.
        marks: Whether combining marks are part of a word; several scripts write vowels with them.
    """
    if not text.isascii():
        for char in set(text):
            if char > "\x7f" and not (char.isalnum() or (marks and unicodedata.category(char)[0] == "M")):
                text = text.replace(char, " ")
    return text.encode().translate(_WITH_UNDERSCORES if underscores else _WITHOUT).decode().split()


def _table(kept: bytes) -> bytes:
    """All bytes, with a space for those of ASCII that are part of no word."""
    return bytes(code if code > 0x7F or chr(code).isalnum() or code in kept else 0x20 for code in range(256))


_WITHOUT = _table(b"")
_WITH_UNDERSCORES = _table(b"_")
