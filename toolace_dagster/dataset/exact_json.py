"""JSON text whose numbers survive the parser that `datasets` reads it with.

`datasets` (5.2.0) decodes its ``Json`` columns with pandas' ujson in its fast mode,
which computes ``0.7`` as ``7 * 0.1 = 0.7000000000000001``. About one in a thousand
short decimals comes back changed, and the trainer then learns an argument that nobody
said (reported upstream: modelscope/ms-swift#10216, huggingface/datasets#8652). The
same number can be written in other ways, and some of them that parser gets right:
``0.70`` is 0.7 to every parser, this one included. So each float is written in the
first spelling that comes out exact.

Belongs here: spelling numbers, and finding them in a value. Does not belong here: what
the numbers mean.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

_MOST_DECIMALS = 15
_MOST_WHOLE_DIGITS = 18
_SURELY_NEAREST = Fraction(9, 20)
_POWERS = tuple(float(f"1e-{places}") for places in range(_MOST_DECIMALS + 1))


@dataclass
class ExactWriter:
    """Writes JSON text.

    Attributes:
        inexact: Floats that had no exact spelling so far; a rare value of 17 digits has none.
    """

    inexact: int = 0

    def text(self, value: Any) -> str:
        """Write a JSON value: no spaces, keys in their own order, non-ASCII kept.

        Raises:
            ValueError: On NaN and infinities.
        """
        floats = [] if _is_flat(value) else [each for each in numbers(value) if isinstance(each, float)]
        if not floats:
            return _without_floats(value)
        if all(_kind_of(each) is float and _is_usual(each) for each in floats):
            return _encode(value)
        match value:
            case dict():
                pairs = (f"{_plain(str(key))}:{self.text(item)}" for key, item in value.items())  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
                return "{" + ",".join(pairs) + "}"
            case list() | tuple():
                return "[" + ",".join(self.text(item) for item in value) + "]"  # pyright: ignore[reportUnknownVariableType]
            case float():
                return self._number(value)
            case _:
                return _plain(value)

    def _number(self, value: float) -> str:
        if not math.isfinite(value):
            raise ValueError(f"{value} is not JSON")
        spelled = exact_spelling(abs(value))
        if spelled is None:
            self.inexact += 1
            return repr(value)
        # The sign stands apart, as the cache can't tell -0.0 from 0.0.
        return f"-{spelled}" if math.copysign(1, value) < 0 else spelled


@lru_cache(maxsize=65536)
def exact_spelling(value: float) -> str | None:
    """Spell a float without a sign so that the fast parser of `datasets` reads exactly this float.

    Args:
        value: A finite float, not negative.

    Returns:
        JSON text of the same decimal value, or None when no spelling comes out exact.
    """
    for number in _spellings(value):
        if len(number.whole) <= _MOST_WHOLE_DIGITS and all(read == value for read in number.read_fast()):
            return number.text()
    return None


@dataclass(frozen=True)
class _Spelling:
    whole: str
    decimals: str
    exponent: int

    def text(self) -> str:
        text = f"{self.whole}.{self.decimals}" if self.decimals else self.whole
        return f"{text}e{self.exponent}" if self.exponent or not self.decimals else text

    def read_fast(self) -> Iterator[float]:
        """What the fast parser may make of it: compilers fuse multiply and add or not, and C libraries differ."""
        fraction = 0.0
        for digit in self.decimals[:_MOST_DECIMALS]:
            fraction = fraction * 10.0 + int(digit)
        whole = float(int(self.whole))
        power = _POWERS[min(len(self.decimals), _MOST_DECIMALS)]
        fused = float(Fraction(whole) + Fraction(fraction) * Fraction(power))
        for scale in _powers_of_ten(self.exponent):
            yield (whole + fraction * power) * scale
            yield fused * scale


@cache
def _powers_of_ten(exponent: int) -> tuple[float, ...]:
    """What C libraries' ``pow(10.0, exponent)`` may be: the nearest float, or the second nearest when about as near.

    Libraries promise a little more than half a unit in the last place; glibc takes the second nearest for 23 and 210.
    """
    # Powers past the range of a float read as 0 or infinity there.
    nearest = float(f"1e{exponent}")
    if not 0.0 < nearest < math.inf:
        return (nearest,)
    missing = Fraction(10) ** exponent - Fraction(nearest)
    second = math.nextafter(nearest, math.inf if missing > 0 else 0.0)
    if abs(missing) < _SURELY_NEAREST * abs(Fraction(second) - Fraction(nearest)):
        return (nearest,)
    return nearest, second


def _spellings(value: float) -> Iterator[_Spelling]:
    """Spellings of one decimal value: as usual first, then with trailing zeros, then with the point moved."""
    _, parts, exponent = Decimal(repr(value)).as_tuple()
    digits = "".join(map(str, parts))
    assert isinstance(exponent, int)
    if exponent >= 0:
        whole, decimals = digits + "0" * min(exponent, _MOST_WHOLE_DIGITS + 1), "0"
    else:
        padded = digits.rjust(1 - exponent, "0")
        whole, decimals = padded[:exponent], padded[exponent:]
    for zeros in range(_MOST_DECIMALS + 1 - len(decimals)):
        yield _Spelling(whole, decimals + "0" * zeros, 0)
    for zeros in range(4):
        longer = digits + "0" * zeros
        for point in range(1, len(longer) + 1):
            yield _Spelling(longer[:point], longer[point:], exponent - zeros + len(longer) - point)
        for lead in range(4):
            yield _Spelling("0", "0" * lead + longer, exponent - zeros + len(longer) + lead)


_kind_of: Callable[[object], object] = type
"""Without what a type checker makes of the type of anything."""


def numbers(value: Any) -> list[Any]:
    """All numbers inside a JSON value, in no order; a boolean is none."""
    # By kind, and no generator: it runs over every value of every row that is exported, most of which are text.
    open_values, found = [value], list[Any]()
    while open_values:
        each: Any = open_values.pop()
        kind = _kind_of(each)
        if kind is dict:
            open_values += [item for item in each.values() if _kind_of(item) is not str]
        elif kind is list or kind is tuple:
            open_values += [item for item in each if _kind_of(item) is not str]
        elif kind is int or (kind is not str and isinstance(each, float)):
            found.append(each)
    return found


def compact_json(value: Any) -> str:
    """JSON without spaces, keys in their own order, non-ASCII kept, each number as Python spells it.

    Raises:
        ValueError: On NaN and infinities, which are not JSON.
    """
    if any(isinstance(each, float) for each in numbers(value)):
        return _encode_finite(value)
    return _without_floats(value)


_FLAT = frozenset({str, int, bool})


def _is_flat(value: Any) -> bool:
    """Whether this is an object that holds only texts and whole numbers, as most messages are."""
    return _kind_of(value) is dict and _FLAT.issuperset(map(_kind_of, value.values()))


@lru_cache(maxsize=65536)
def _is_usual(value: float) -> bool:
    """Whether the usual spelling of a number comes out exact; nearly always it does."""
    return math.isfinite(value) and exact_spelling(abs(value)) == repr(abs(value))


def _without_floats(value: Any) -> str:
    # Twice as fast, and the same text but for floats and for halves of surrogate pairs, which it refuses.
    try:
        return to_json(value).decode()
    except PydanticSerializationError:
        return _encode(value)


# Made once: json.dumps makes an encoder for each call that asks for anything unusual.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_encode_finite = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def _plain(value: Any) -> str:
    return _encode(value)
