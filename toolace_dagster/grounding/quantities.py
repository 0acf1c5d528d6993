"""Numbers that a text states: digits in any notation, number words, and what unit follows.

A notation that can be read in two ways (``1.234``) counts in both: a trace asks
whether a number was said, and may not reject what one reading gives.

Belongs here: finding numbers. Does not belong here: converting units
(``units``), dates and times (``dates``).

Number words are read in English up to the millions, and up to twelve in German, French, Spanish,
Italian, Portuguese and Dutch.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from toolace_dagster.grounding.folding import Span

_DIGITS = re.compile(
    r"(?<![\w.,])(?P<sign>-(?=[\d.]))?"
    r"(?P<digits>\d+(?:[.,' \u202f\u2009]\d{3})+(?:[.,]\d{1,2})?(?!\d)|\d+(?:[.,]\d+)*|\.\d+)"
    r"(?:\s?(?P<scale>k|thousand|mio|million|mrd|bn|billion|hundred|dozen)\b)?"
    r"(?:\s?-?(?P<unit>%|°\s?[cfk]?|[a-z][a-z/²]*))?"
)
_GROUPED = re.compile(r"\d{1,3}(?:[.,' \u202f\u2009]\d{3})+")
_SCALES = {
    "k": 1e3, "thousand": 1e3, "mio": 1e6, "million": 1e6, "mrd": 1e9, "bn": 1e9, "billion": 1e9, "hundred": 100.0,
    "dozen": 12.0,
}  # fmt: skip
_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split()
_SINGLES: dict[str, float] = {
    **{word: float(number) for number, word in enumerate(_UNITS)},
    **{word: float(number * 10) for number, word in enumerate(_TENS, start=2)},
    **{word: float(number) for number, word in enumerate(_ORDINALS, start=1)},
    "once": 1, "twice": 2, "thrice": 3, "single": 1, "couple": 2, "pair": 2, "both": 2, "double": 2, "triple": 3,
    "half": 0.5, "quarter": 0.25, "fortnight": 14,
}  # fmt: skip
_ELSEWHERE = {
    word: float(number)
    for row in (
        "eins zwei drei vier funf sechs sieben acht neun zehn elf zwolf",
        "une deux trois quatre cinq six sept huit neuf dix onze douze",
        "uno dos tres cuatro cinco seis siete ocho nueve diez once_ doce",
        "una due tre quattro cinque sei sette otto nove dieci undici dodici",
        "um dois tres quatro cinco seis sete oito nove dez onze doze",
        "een twee drie vier vijf zes zeven acht negen tien elf twaalf",
        "ein deux tres quatre cinq sechs sept acht neuf dix onze doce",
    )
    for number, word in enumerate(row.split(), start=1)
    if word not in _SINGLES
}
_SPELLED = _SINGLES | _ELSEWHERE
_BIG = {"hundred": 100.0, "thousand": 1e3, "million": 1e6, "billion": 1e9, "dozen": 12.0, "dozens": 12.0}
_WORD = re.compile(r"[a-z]+")
_AFTER = re.compile(r"[\s-]*([a-z%°]+)")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in a text.

    Attributes:
        value: The number.
        unit: The word or sign after it, folded; empty when there is none.
        span: Where it stands.
        spelled: Whether it is in words.
    """

    value: float
    unit: str
    span: Span
    spelled: bool = False


@lru_cache(maxsize=2048)
def quantities(text: str) -> tuple[Quantity, ...]:
    """All numbers of a folded text, each reading of a notation by itself.

    Args:
        text: Folded.
    """
    found: list[Quantity] = []
    for match in _DIGITS.finditer(text):
        sign = -1.0 if match["sign"] else 1.0
        scale = _SCALES.get(match["scale"] or "", 1.0)
        unit = (match["unit"] or "").replace(" ", "")
        span = match.start("digits") - bool(match["sign"]), match.end("scale" if match["scale"] else "digits")
        for value in readings(match["digits"]):
            found.append(Quantity(sign * value * scale, unit, span))
            if scale != 1.0:
                found.append(Quantity(sign * value, match["scale"], span))
            if match["sign"]:
                # A dash before a number is as often a dash as a minus.
                found.append(Quantity(value * scale, unit, span))
    found.extend(_spelled(text))
    return tuple(found)


@lru_cache(maxsize=8192)
def readings(digits: str) -> tuple[float, ...]:
    """What a notation of a number can mean: ``1,234.5`` one thing, ``1.234`` two."""
    found: list[float] = []
    marks = [mark for mark in ".," if mark in digits]
    bare = re.sub(r"[' \u202f\u2009]", "", digits)
    if not marks:
        return (float(bare),)
    if len(marks) == 2:
        last = max(marks, key=bare.rfind)
        other = "," if last == "." else "."
        if bare.count(last) == 1:
            found.append(float(bare.replace(other, "").replace(last, ".")))
    elif bare.count(marks[0]) == 1:
        found.append(float(bare.replace(marks[0], ".")))
    if _GROUPED.fullmatch(digits):
        found.append(float(re.sub(r"[.,]", "", bare)))
    if not found:
        # Several marks of one kind that part no thousands: a list, a version, an address.
        found.extend(float(part) for part in re.split(r"[.,]", bare) if part)
    return tuple(dict.fromkeys(found))


def _spelled(text: str) -> list[Quantity]:
    """Numbers in words: ``twenty-five``, ``two hundred and fifty``, ``one and a half``, ``half a dozen``."""
    words = [(match[0], match.span()) for match in _WORD.finditer(text)]
    found: list[Quantity] = []
    at = 0
    while at < len(words):
        word, (start, end) = words[at]
        if word not in _SPELLED and not (word in ("a", "an") and at + 1 < len(words) and words[at + 1][0] in _BIG):
            at += 1
            continue
        total = 0.0
        current = _SPELLED.get(word, 1.0)
        last = at
        while last + 1 < len(words):
            following = words[last + 1][0]
            if following in _BIG:
                current *= _BIG[following]
                if _BIG[following] >= 1e3:
                    total, current = total + current, 0.0
            elif following in ("and", "a") and last + 2 < len(words) and _goes_on(words, last + 2, current):
                pass
            elif _adds(words[last][0], current, following) or (
                following in ("half", "quarter") and words[last][0] in ("a", "and")
            ):
                current += _SPELLED[following]
            else:
                break
            last += 1
        end = words[last][1][1]
        after = _AFTER.match(text, end)
        found.append(Quantity(total + current, after[1] if after else "", (start, end), spelled=True))
        at = last + 1
    return found


def _goes_on(words: list[tuple[str, Span]], at: int, current: float) -> bool:
    """Whether a number in words goes on after ``and`` or ``a``."""
    word = words[at][0]
    if word in _BIG and current < 1:
        return True
    if word in ("half", "quarter"):
        return True
    if word == "a":
        return at + 1 < len(words) and words[at + 1][0] in ("half", "quarter", *_BIG)
    return current >= 100 and word in _SINGLES and _SINGLES[word] < 100


def _adds(before: str, current: float, word: str) -> bool:
    """Whether a word adds to the tens, hundreds or thousands before it, as in ``twenty-five``."""
    return (current >= 20 or before in _BIG) and word not in ("half", "quarter") and 0 < _SPELLED.get(word, 0) < 100
