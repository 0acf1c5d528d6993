"""Texts in a form in which they can be compared, with the way back to the original's characters.

Folding takes away case and diacritics and leaves every character in its place, so
that a place in the folded text is the same place in the original. Words are runs
of letters and digits; comparing words leaves out punctuation, dashes, underscores
and spaces.

Belongs here: folding, words, finding a phrase. Does not belong here: what numbers
and dates in a text mean (``quantities``, ``dates``).
"""

from __future__ import annotations

import re
import unicodedata
from functools import cached_property, lru_cache
from itertools import accumulate

Span = tuple[int, int]

_WORD = re.compile(r"[^\W_]+")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\ua4cf\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f]")
"""Scripts that are written without spaces between words (and Korean, which puts endings on its words)."""


class _Folds(dict[int, str]):
    """Folded characters by code point, made when they are first met; always one character for one."""

    def __missing__(self, code: int) -> str:
        plain = unicodedata.normalize("NFKD", chr(code))
        base = next((char for char in plain if not unicodedata.combining(char)), chr(code))
        if base.isspace() and not chr(code).isspace():
            # A diacritic by itself, such as a cedilla, is taken apart into a space and one to be combined.
            base = chr(code)
        lowered = base.lower()
        self[code] = folded = lowered if len(lowered) == 1 else base
        return folded


_FOLDS = _Folds(
    {0x2019: "'", 0x2018: "'", 0x2013: "-", 0x2014: "-", 0x2212: "-", 0x00DF: "s", 0x0130: "i", 0x00A0: " "}
)


def folded(text: str) -> str:
    """A text without case and diacritics, as long as it was."""
    return text.lower() if text.isascii() else text.translate(_FOLDS)


@lru_cache(maxsize=16384)
def phrase_of(text: str) -> str:
    """The words of a text, folded, with single spaces between them."""
    return " ".join(_WORD.findall(folded(text)))


def squeezed(text: str) -> str:
    """Letters and digits alone, folded."""
    return "".join(_WORD.findall(folded(text)))


def is_unspaced(text: str) -> bool:
    """Whether a text is in a script that does not part words by spaces."""
    return not text.isascii() and _UNSPACED.search(text) is not None


class Text:
    """A text that values are looked for in; its forms are made when they are first needed.

    Attributes:
        folded: The text folded, character for character.
    """

    def __init__(self, text: str) -> None:
        """Take a text.

        Args:
            text: Any text.
        """
        self.folded = folded(text)

    @cached_property
    def words(self) -> list[str]:
        """Its words in order."""
        return _WORD.findall(self.folded)

    @cached_property
    def word_set(self) -> frozenset[str]:
        """Its words."""
        return frozenset(self.words)

    @cached_property
    def phrase(self) -> str:
        """All words with single spaces around and between them."""
        return f" {' '.join(self.words)} "

    @cached_property
    def squeezed(self) -> str:
        """All words run together."""
        return "".join(self.words)

    @cached_property
    def _spans(self) -> list[Span]:
        return [found.span() for found in _WORD.finditer(self.folded)]

    def find(self, value: str) -> Span | None:
        """Where a folded value stands as a whole: no letter or digit goes on on either side.

        Args:
            value: Folded.
        """
        at = self.folded.find(value)
        while at >= 0:
            end = at + len(value)
            if self._is_whole(at, end):
                return at, end
            at = self.folded.find(value, at + 1)
        return None

    def find_identifier(self, value: str) -> Span | None:
        """Where a folded identifier stands as a whole: ``GR-77`` is no part of ``GR-771``, nor of ``GR-77-B``.

        Args:
            value: Folded.
        """
        text = self.folded
        at = text.find(value)
        while at >= 0:
            end = at + len(value)
            if self._is_whole(at, end) and not (_joins(text, at - 1, -1) or _joins(text, end, 1)):
                return at, end
            at = text.find(value, at + 1)
        return None

    def find_phrase(self, phrase: str) -> Span | None:
        """Where words stand one after the other, whatever is between them.

        Args:
            phrase: Folded words with single spaces between them.
        """
        if not phrase:
            return None
        if is_unspaced(phrase) and (at := self.folded.find(phrase)) >= 0:
            return at, at + len(phrase)
        at = self.phrase.find(f" {phrase} ")
        if at < 0:
            return None
        first = self.phrase.count(" ", 0, at)
        return self._spans[first][0], self._spans[first + phrase.count(" ")][1]

    def find_squeezed(self, value: str) -> Span | None:
        """Where words run together give a value, from the beginning of a word to the end of one.

        Args:
            value: Letters and digits, folded.
        """
        at = self.squeezed.find(value)
        if at < 0:
            return None
        ends = list(accumulate(len(word) for word in self.words))
        starts = [end - len(word) for end, word in zip(ends, self.words, strict=True)]
        while at >= 0:
            if at in starts and at + len(value) in ends:
                return self._spans[starts.index(at)][0], self._spans[ends.index(at + len(value))][1]
            at = self.squeezed.find(value, at + 1)
        return None

    def _is_whole(self, at: int, end: int) -> bool:
        text = self.folded
        before = at == 0 or not (text[at - 1].isalnum() and text[at].isalnum()) or is_unspaced(text[at - 1 : at + 1])
        return before and (
            end == len(text)
            or not (text[end].isalnum() and text[end - 1].isalnum())
            or is_unspaced(text[end - 1 : end + 1])
        )


def _joins(text: str, at: int, step: int) -> bool:
    """Whether the character at a place ties an identifier to more of it on that side."""
    further = at + step
    return 0 <= at < len(text) and text[at] in "-_" and 0 <= further < len(text) and text[further].isalnum()
