"""Finding a value in what was said and returned: as it stands, or in another notation that means the same.

Belongs here: the order in which places and notations are tried. Does not belong here: the notations themselves
(``folding``, ``quantities``, ``dates``, ``codes``), or what the schema gives (``by_schema``).
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

from toolace_dagster.grounding import dated
from toolace_dagster.grounding.asked import Asked
from toolace_dagster.grounding.codes import is_sign, names_of
from toolace_dagster.grounding.context import Context, Heard
from toolace_dagster.grounding.dates import moment_of
from toolace_dagster.grounding.finding import Found, derived, from_heard, from_place
from toolace_dagster.grounding.folding import Span, folded, is_unspaced, phrase_of, squeezed
from toolace_dagster.grounding.identifiers import words_of
from toolace_dagster.grounding.quantities import quantities
from toolace_dagster.grounding.wording import FILLERS

NUMERIC = re.compile(r"-?\d+(?:[.,]\d+)*")
_LIST = re.compile(r"\s*[,;|\n]\s*")
_PHONE = re.compile(r"[+(]?\d[\d\s().\-/]{5,}\d")
_PIECES = re.compile(r"\d+|[^\W\d_]+")


class InSight:
    """Looks through a dialogue's texts and results up to a call.

    Args:
        context: What was said and returned; it may grow afterwards.
        today: The day the dialogue happens on, when it is known.
    """

    def __init__(self, context: Context, today: date | None) -> None:
        self._context = context
        self._today = today

    def text(self, asked: Asked, value: str) -> Found | None:
        """Look for a text, or a part of one."""
        form = folded(value.strip())
        sub_task = asked.turn.sub_task
        for heard in reversed(self._context.said):
            if heard.sub_task == sub_task and (found := self._in_words(heard, form, asked.identifier)):
                return found
        if place := self._context.scalar(form):
            return from_place(place)
        for heard in reversed(self._context.said):
            if heard.sub_task != sub_task and (found := self._in_words(heard, form, asked.identifier)):
                return found
        number = float(value) if NUMERIC.fullmatch(value) and "," not in value and value.count(".") < 2 else None
        if number is not None and (found := self._counted(asked, number)):
            return found
        moment = moment_of(value)
        if moment is not None and (found := dated.source(moment, self._context, self._today, sub_task)):
            return found
        if asked.identifier:
            return self._identifier(value, form)
        return self._other_notation(asked, value, form)

    def _in_words(self, heard: Heard, form: str, identifier: bool) -> Found | None:
        span = heard.text.find_identifier(form) if identifier else heard.text.find(form)
        return from_heard(heard, span) if span else None

    def _identifier(self, value: str, form: str) -> Found | None:
        """An identifier inside a text, as a key, in other case or with other separators, or said in parts."""
        return self._copied_identifier(form) or self._notated_identifier(value, form)

    def _copied_identifier(self, form: str) -> Found | None:
        """An identifier inside a text of a result, as a key, or in what the user agreed to."""
        for heard in reversed(self._context.heard):
            if span := heard.text.find_identifier(form):
                return from_heard(heard, span)
        if place := self._context.key(form):
            return from_place(place, "the name of a property")
        for heard in reversed(self._context.agreed):
            if span := heard.text.find_identifier(form):
                return from_heard(heard, span, "the user agreed to it")
        return None

    def _notated_identifier(self, value: str, form: str) -> Found | None:
        phrase, run = phrase_of(value), squeezed(value)
        pieces = _PIECES.findall(form)
        for heard in (*reversed(self._context.said), *reversed(self._context.heard)):
            if len(run) < 4:
                break
            span = heard.text.find_phrase(phrase) or heard.text.find_squeezed(run)
            # `GR-77` is part of the words of `GR-77-B`, and still another identifier.
            if span and not _goes_on(heard.text.folded, span):
                return from_heard(heard, span, "other separators")
            if heard.kind == "user" and _long_enough(pieces) and all(map(heard.text.find_identifier, pieces)):
                return from_heard(heard, heard.text.find(pieces[-1]), "put together from its parts", state="derived")
        parts = [segment for segment in re.split(r"[/#:@?&=]", form) if segment]
        if len(parts) > 1 and all(self._stands_somewhere(part) for part in parts):
            return derived("result", "put together from values in sight")
        return None

    def _stands_somewhere(self, form: str) -> bool:
        context = self._context
        return (
            context.scalar(form) is not None
            or any(heard.text.find_identifier(form) for heard in context.said)
            or any(heard.text.find_identifier(form) for heard in context.heard)
        )

    def _other_notation(self, asked: Asked, value: str, form: str) -> Found | None:
        context = self._context
        phrase = phrase_of(value)
        texts = [*context.said_here_first(asked.turn.sub_task)]
        for heard in texts:
            if span := heard.text.find_phrase(phrase):
                return from_heard(heard, span, "" if phrase == form else "other punctuation")
        for heard in reversed(context.heard):
            if span := heard.text.find(form) or heard.text.find_phrase(phrase):
                return from_heard(heard, span)
        if place := context.key(form):
            return from_place(place, "the name of a property")
        for heard in reversed(context.agreed):
            if span := heard.text.find_phrase(phrase):
                return from_heard(heard, span, "the user agreed to it")
        for name in names_of(value, words_of(asked.leaf.name)):
            for heard in texts:
                span = heard.text.find(name) if not is_sign(name) else _sign_span(heard, name)
                if span:
                    return from_heard(heard, span, "a code and its name", state="derived")
            if place := context.scalar(name):
                return from_place(place, "a code and its name", state="derived")
        return self._rearranged(asked, value, phrase)

    def _rearranged(self, asked: Asked, value: str, phrase: str) -> Found | None:
        """Words run together, digits grouped otherwise, a list in one text, a name turned around."""
        context = self._context
        run = phrase.replace(" ", "")
        said = list(context.said_here_first(asked.turn.sub_task))
        if len(run) >= 5:
            for heard in (*said, *reversed(context.heard)):
                if span := heard.text.find_squeezed(run):
                    return from_heard(heard, span, "its words run together")
        if _PHONE.fullmatch(value.strip()):
            digits = re.sub(r"\D", "", value)
            for heard in said:
                if digits[-7:] in heard.text.squeezed and (
                    digits in heard.text.squeezed or digits[2:] in heard.text.squeezed
                ):
                    return from_heard(heard, None, "digits grouped otherwise", state="derived")
        parts = [part for part in _LIST.split(value) if part]
        if 1 < len(parts) <= 20 and len(parts) * 4 <= len(value) + 8:
            sources = [self.text(asked.part(part), part) for part in parts]
            if all(source is not None and source.state != "undecided" for source in sources):
                first = sources[0]
                assert first is not None
                return replace(first, state="derived", reason="a list of values in sight", span=None)
        words = phrase.split()
        if len(words) > 1 and not is_unspaced(phrase):
            kept = [word for word in words if word not in FILLERS] or words
            for heard in (*said, *reversed(context.heard)):
                if all(word in heard.text.word_set for word in kept):
                    return from_heard(heard, None, "its words in another order", state="derived")
        return None

    def number(self, asked: Asked, value: float) -> Found | None:
        """Look for a number, also inside identifiers and names."""
        if found := self._counted(asked, value):
            return found
        text = f"{value:g}" if value % 1 else str(int(value))
        if place := self._context.scalar(text):
            return from_place(place, "a number as text")
        return self._copied_identifier(text) if asked.identifier else None

    def _counted(self, asked: Asked, value: float) -> Found | None:
        """A number that the user said or a result holds, in any notation."""
        sub_task = asked.turn.sub_task
        late: Found | None = None
        for heard in self._context.said_here_first(sub_task):
            for quantity in quantities(heard.text.folded):
                if quantity.value == value:
                    found = from_heard(heard, quantity.span, "in words" if quantity.spelled else "")
                    if heard.sub_task == sub_task:
                        return found
                    late = late or found
                    break
        if place := self._context.scalar(value):
            return from_place(place)
        if late is not None:
            return late
        for heard in (*reversed(self._context.heard), *reversed(self._context.agreed)):
            for quantity in quantities(heard.text.folded):
                if quantity.value == value:
                    return from_heard(heard, quantity.span)
        return None


def _long_enough(pieces: list[str]) -> bool:
    """Whether parts said one by one can only mean this identifier."""
    return len(pieces) > 1 and any(piece.isdigit() and len(piece) >= 3 for piece in pieces)


def _goes_on(text: str, span: Span) -> bool:
    start, end = span
    before = start > 1 and text[start - 1] in "-_" and text[start - 2].isalnum()
    return before or (end + 1 < len(text) and text[end] in "-_" and text[end + 1].isalnum())


def _sign_span(heard: Heard, sign: str) -> Span | None:
    at = heard.text.folded.find(sign)
    return (at, at + 1) if at >= 0 else None
