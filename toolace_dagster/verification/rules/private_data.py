"""What looks like a secret or like somebody's private data.

Made-up names, addresses and phone numbers are what dialogues are about; so only
forms are looked for that made-up data has no reason to take.

Belongs here: the patterns. Does not belong here: rules.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_SECRETS = {
    "a private key": r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----",
    "an AWS access key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "an API key": r"\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{20,}\b",
    "a GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})\b",
    "a Slack token": r"\bxox[abprs]-[A-Za-z0-9-]{12,}\b",
    "a Google API key": r"\bAIza[0-9A-Za-z_-]{35}\b",
    "a signed web token": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{8,}",
    "a key in an address": r"\bhttps?://[^\s/:@\"]+:[^\s/@\"]+@",
}
_CARD = r"(?<![\d-])(?:\d[ -]?){12,18}\d(?![\d-])"
_PERSONAL = {
    "a payment card's number": _CARD,
    "an IBAN": r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b",
    "a social security number": r"(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])",
    "a mailbox at a real provider": r"\b[\w.+-]+@(?:gmail|hotmail|outlook|yahoo|icloud|gmx|proton)\.[a-z]{2,4}\b",
}
_ALL = {name: re.compile(pattern) for name, pattern in (_SECRETS | _PERSONAL).items()}
_HINT = re.compile(
    r"-----BEGIN|A(?:KI|SI)A|sk-|gh[pousr]_|github_pat_|xox|AIza|eyJ|://|@"
    r"|\d{3}-\d{2}-|(?:\d[ -]?){12}|[A-Z]{2}\d{2}[ A-Z0-9]{8}"
)
"""What every one of them begins with or holds; most texts hold none of it."""
_TEST_CARDS = frozenset({"4111111111111111", "4242424242424242", "5555555555554444", "378282246310005"})


@dataclass(frozen=True)
class PrivateValue:
    """Something a training example should not hold.

    Attributes:
        kind: What it is, with its article.
        shown: Its beginning; the rest is not repeated.
        is_secret: Whether it opens something, so that it has no place in any text.
    """

    kind: str
    shown: str
    is_secret: bool


@lru_cache(maxsize=4096)
def private_values(text: str) -> tuple[PrivateValue, ...]:
    """Find secrets and private data by their forms.

    Args:
        text: Any text.

    Returns:
        Each value, with no more of it than tells which it is. Kept for texts seen last: versions of a dialogue that are
        compared differ in few turns.
    """
    if not _HINT.search(text):
        return ()
    return tuple(
        PrivateValue(kind, f"{found[0][:6]}…", is_secret=kind in _SECRETS)
        for kind, pattern in _ALL.items()
        for found in pattern.finditer(text)
        if _is_real(kind, found[0])
    )


def _is_real(kind: str, value: str) -> bool:
    digits = re.sub(r"\D", "", value)
    if kind == "a payment card's number":
        return digits not in _TEST_CARDS and digits[0] in "3456" and _luhn(digits)
    if kind == "an IBAN":
        return _iban(value.replace(" ", ""))
    return True


def _luhn(digits: str) -> bool:
    doubled = [int(d) * (1 + at % 2) for at, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0 and len(set(digits)) > 2


def _iban(value: str) -> bool:
    moved = value[4:] + value[:4]
    return 15 <= len(value) <= 34 and int("".join(str(int(c, 36)) for c in moved)) % 97 == 1
