"""A value that stands nowhere: what follows by arithmetic, what only an expert can tell, and what is ungrounded.

Belongs here: the verdict on what was not found. Does not belong here: looking for it (``in_sight``, ``by_schema``).
"""

from __future__ import annotations

import re
from datetime import date

from toolace_dagster.grounding import dated, derivation
from toolace_dagster.grounding.asked import Asked
from toolace_dagster.grounding.context import Context, Vocabulary
from toolace_dagster.grounding.dates import moment_of
from toolace_dagster.grounding.finding import Found, derived, from_heard, undecided
from toolace_dagster.grounding.folding import folded, is_unspaced, phrase_of
from toolace_dagster.grounding.identifiers import words_of
from toolace_dagster.grounding.in_sight import NUMERIC
from toolace_dagster.grounding.quantities import readings
from toolace_dagster.grounding.wording import FILLERS, has_stem

_FREE_TEXT = frozenset(
    "body comment comments content description details explanation feedback goal instructions keyword keywords memo "
    "message note notes prompt purpose query question reason remark remarks request review search statement subject "
    "summary symptoms text title topic tweet".split()
)
_FREE_WORDS = 4
"""From this many words on a value is free text."""
_CODE = re.compile(r"[A-Z]{2,5}")
_SERIAL = re.compile(r"\d+")


class LastResort:
    """Judges values that neither a text nor a result nor the schema gives.

    Args:
        context: What was said and returned.
        today: The day the dialogue happens on, when it is known.
    """

    def __init__(self, context: Context, today: date | None) -> None:
        self._context = context
        self._today = today
        self._words = Vocabulary(context)

    def renew(self) -> None:
        """Take in what the context has gained."""
        self._words = Vocabulary(self._context)

    def find(self, asked: Asked) -> Found:
        """What is to be said of a value that was not found."""
        value = asked.value
        if isinstance(value, str):
            return self._unfound_text(asked, value)
        number = float(value)
        if asked.identifier:
            return Found("ungrounded", reason="an identifier that nobody said and no earlier result holds")
        if found := derivation.number(number, self._context):
            return found
        if number in (0.0, 1.0):
            return undecided("one thing, or none, can be meant without its number")
        return Found(
            "ungrounded", reason="nobody said it, no earlier result holds it, and it follows from none by arithmetic"
        )

    def _unfound_text(self, asked: Asked, value: str) -> Found:
        moment = moment_of(value)
        if moment is not None:
            return dated.left_open(moment, self._context, self._today)
        if asked.identifier:
            return self._unfound_identifier(asked, value)
        if NUMERIC.fullmatch(value):
            for number in readings(value.lstrip("-")):
                if found := derivation.number(number, self._context):
                    return found
            return Found("ungrounded", reason="nobody said it and no earlier result holds it")
        words = phrase_of(value).split()
        kept = [word for word in words if word not in FILLERS]
        if kept and all(word in self._words.all for word in kept):
            return derived("result", "made of words in sight")
        if kept and all(word in self._words.all or has_stem(word, self._words.all) for word in kept):
            return derived("result", "made of words in sight, in another form")
        if len(value.split()) >= _FREE_WORDS or _FREE_TEXT & set(words_of(asked.leaf.name)):
            return undecided("free text")
        if is_unspaced(value):
            return undecided("words of a script without spaces")
        if _CODE.fullmatch(value):
            return undecided("a code, which may stand for a name in sight")
        return Found("ungrounded", reason="nobody said it and no earlier result holds it")

    def _unfound_identifier(self, asked: Asked, value: str) -> Found:
        serial = max(_SERIAL.findall(value), key=len, default="")
        prefix = folded(value[: value.find(serial)]) if serial else ""
        shown = folded(f"{asked.leaf.schema.get('pattern', '')} {asked.leaf.schema.get('description', '')}")
        if len(serial) >= 3 and value.endswith(serial) and prefix.strip("-_#. ") and prefix.strip("-_#. ") in shown:
            for heard in reversed(self._context.said):
                if span := heard.text.find_identifier(serial):
                    return from_heard(heard, span, "its number, with the prefix that the schema names", state="derived")
        if not any(char.isdigit() for char in value) and len(value.split()) >= _FREE_WORDS:
            return undecided("free text where an identifier is expected")
        return Found("ungrounded", reason="an identifier that nobody said and no earlier result holds")
