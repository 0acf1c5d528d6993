"""Tracing each argument of a dialogue's calls to where it comes from.

A value is looked for in what the user said, in earlier results, in the schema, and
in what the assistant said and the user agreed to: first as it stands, then in any
notation that means the same, then as something that follows by arithmetic. What is
left is ungrounded, or undecided where only someone who understands the words
can tell. An identifier has to be copied, so for it only notation counts.

``ungrounded`` is the screen for any stage that writes calls: it costs about a
millisecond a dialogue, and needs no model.

Belongs here: the walk over a dialogue and the order in which sources are tried.
Does not belong here: notations (``folding``, ``quantities``, ``dates``, ``codes``), arithmetic (``derivation``).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from toolace_dagster.entities import Dialogue, Tool, Turn
from toolace_dagster.grounding import dated, derivation
from toolace_dagster.grounding.codes import explained, is_offered_in_words, is_sign, names_of
from toolace_dagster.grounding.context import Context, Heard, Vocabulary
from toolace_dagster.grounding.dates import moment_of
from toolace_dagster.grounding.finding import Found, derived, from_heard, from_place, undecided
from toolace_dagster.grounding.folding import folded, is_unspaced, phrase_of, squeezed
from toolace_dagster.grounding.identifiers import looks_like_identifier, takes_identifier, words_of
from toolace_dagster.grounding.leaves import Leaf, leaves
from toolace_dagster.grounding.quantities import quantities, readings
from toolace_dagster.grounding.sources import ArgumentSource

_NUMERIC = re.compile(r"-?\d+(?:[.,]\d+)*")
_FREE_TEXT = frozenset(
    "body comment comments content description details explanation feedback goal instructions keyword keywords memo "
    "message note notes prompt purpose query question reason remark remarks request review search statement subject "
    "summary symptoms text title topic tweet".split()
)
_FREE_WORDS = 4
"""From this many words on a value is free text."""
_CODE = re.compile(r"[A-Z]{2,5}")
_LIST = re.compile(r"\s*[,;|\n]\s*")
_PHONE = re.compile(r"[+(]?\d[\d\s().\-/]{5,}\d")
_FILLERS = frozenset(
    "a an and any at by for from has have in is it its my of on or our that the their to use user with your".split()
)
_NEGATED = re.compile(
    r"\b(?:no|not|without|don't|do not|doesn't|never|skip|non|nicht|kein\w*|ohne|pas|sans|sin|off|disable|unless"
    r"|needn't)\b"
)
_SERIAL = re.compile(r"\d+")
_PIECES = re.compile(r"\d+|[^\W\d_]+")


def ground(
    dialogue: Dialogue,
    tools: Mapping[str, Tool],
    today: date | None = None,
    turn_ids: Collection[str] | None = None,
) -> tuple[ArgumentSource, ...]:
    """Trace the arguments of a dialogue's calls.

    Args:
        dialogue: The dialogue, finished or not.
        tools: Tools by name, for their schemas; calls of others are traced by their values alone.
        today: The day the dialogue happens on; the dialogue's own by default.
        turn_ids: Call turns to trace; all by default.

    Returns:
        One entry per single value inside arguments, in the order of turns and calls.
    """
    return Tracer(tools, today or dialogue.today).trace(dialogue.turns, turn_ids)


def ungrounded(
    dialogue: Dialogue,
    tools: Mapping[str, Tool],
    turn_ids: Collection[str] | None = None,
    today: date | None = None,
) -> tuple[ArgumentSource, ...]:
    """The arguments that nothing in sight gives: the screen to put new turns through before a judge sees them.

    A new user turn or result can take away the source of a later call, so look at all calls (the default) and compare
    with the dialogue as it was, or name the later call turns too. Of calls that a tool refused only identifiers are
    looked at, and of those whose error is simulated on purpose nothing: what is wrong with them is their story.

    Args:
        dialogue: The dialogue with the new turns in it.
        tools: Tools by name.
        turn_ids: Call turns to look at; all by default.
        today: The day the dialogue happens on; the dialogue's own by default.

    Returns:
        The ungrounded arguments; those with ``identifier`` reject a dialogue, the others are remarked on.
    """
    failed = {output.call_id: output for turn in dialogue.turns for output in turn.outputs if output.is_error}

    def counts(source: ArgumentSource) -> bool:
        refusal = failed.get(source.call_id)
        return refusal is None or (source.identifier and refusal.source != "injected")

    traced = ground(dialogue, tools, today, turn_ids)
    return tuple(source for source in traced if source.state == "ungrounded" and counts(source))


@dataclass
class _Asked:
    """One value to be traced, with what several ways of looking need."""

    leaf: Leaf
    turn: Turn
    identifier: bool

    @property
    def value(self) -> Any:
        return self.leaf.value


class Tracer:
    """Walks over turns and traces the calls among them.

    Args:
        tools: Tools by name.
        today: The day the dialogue happens on, when it is known.
    """

    def __init__(self, tools: Mapping[str, Tool], today: date | None = None) -> None:
        self._tools = tools
        self._today = today
        self._context = Context()
        self._words = Vocabulary(self._context)
        self._known: dict[Any, tuple[int, ArgumentSource]] = {}
        self._failed: set[str] = set()

    def trace(self, turns: tuple[Turn, ...], turn_ids: Collection[str] | None = None) -> tuple[ArgumentSource, ...]:
        """Trace the calls of turns in order.

        Args:
            turns: From the dialogue's first.
            turn_ids: Call turns to report; all by default.
        """
        self._failed = {output.call_id for turn in turns for output in turn.outputs if output.is_error}
        found: list[ArgumentSource] = []
        for turn in turns:
            if turn.tool_calls:
                traced = self._calls(turn)
                if turn_ids is None or turn.id in turn_ids:
                    found.extend(traced)
            self._context.add(turn)
            if turn.role != "assistant":
                self._words = Vocabulary(self._context)
        return tuple(found)

    def _calls(self, turn: Turn) -> list[ArgumentSource]:
        found: list[ArgumentSource] = []
        for index, call in enumerate(turn.tool_calls):
            for leaf in leaves(call.arguments, self._tools.get(call.name)):
                identifier = takes_identifier(leaf.name, leaf.schema) or (
                    isinstance(leaf.value, str) and "enum" not in leaf.schema and looks_like_identifier(leaf.value)
                )
                result = self._source(_Asked(leaf, turn, identifier))
                found.append(
                    ArgumentSource(
                        turn_id=turn.id,
                        call_id=call.id,
                        tool=call.name,
                        path=f"$.tool_calls[{index}].arguments{leaf.steps}",
                        value=leaf.value,
                        state=result.state,
                        kind=result.kind,
                        identifier=identifier,
                        source_turn=result.turn_id,
                        source_path=result.path,
                        span=result.span,
                        reason=result.reason,
                    )
                )
        # Only now: parallel calls are no sources for each other.
        for source in found:
            if source.call_id not in self._failed and not isinstance(source.value, bool):
                self._known.setdefault((type(source.value), source.value), (len(self._context.said), source))
        return found

    def _source(self, asked: _Asked) -> Found:
        value = asked.value
        if isinstance(value, bool):
            return self._yes_or_no(asked, value)
        if isinstance(value, str):
            if not value.strip():
                return derived("constant", "an empty text says nothing")
            found = self._text(asked, value)
        else:
            found = self._number(asked, float(value))
        found = found or self._schema(asked)
        if found is not None:
            return found
        earlier = self._known.get((type(value), value))
        if earlier is not None:
            return _as_before(earlier[1])
        return self._last_resort(asked)

    # What is in sight as it stands, or in another notation.

    def _text(self, asked: _Asked, value: str) -> Found | None:
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
        number = float(value) if _NUMERIC.fullmatch(value) and "," not in value and value.count(".") < 2 else None
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
        context = self._context
        for heard in reversed(context.heard):
            if span := heard.text.find_identifier(form):
                return from_heard(heard, span)
        if place := context.key(form):
            return from_place(place, "the name of a property")
        for heard in reversed(context.agreed):
            if span := heard.text.find_identifier(form):
                return from_heard(heard, span, "the user agreed to it")
        return self._notated_identifier(value, form)

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

    def _other_notation(self, asked: _Asked, value: str, form: str) -> Found | None:
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

    def _rearranged(self, asked: _Asked, value: str, phrase: str) -> Found | None:
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
            sources = [self._text(replace_value(asked, part), part) for part in parts]
            if all(source is not None and source.state != "undecided" for source in sources):
                first = sources[0]
                assert first is not None
                return replace(first, state="derived", reason="a list of values in sight", span=None)
        words = phrase.split()
        if len(words) > 1 and not is_unspaced(phrase):
            kept = [word for word in words if word not in _FILLERS] or words
            for heard in (*said, *reversed(context.heard)):
                if all(word in heard.text.word_set for word in kept):
                    return from_heard(heard, None, "its words in another order", state="derived")
        return None

    # Numbers.

    def _number(self, asked: _Asked, value: float) -> Found | None:
        if found := self._counted(asked, value):
            return found
        text = f"{value:g}" if value % 1 else str(int(value))
        if place := self._context.scalar(text):
            return from_place(place, "a number as text")
        if asked.identifier:
            for heard in reversed(self._context.heard):
                if span := heard.text.find_identifier(text):
                    return from_heard(heard, span)
            if place := self._context.key(text):
                return from_place(place, "the name of a property")
            for heard in reversed(self._context.agreed):
                if span := heard.text.find_identifier(text):
                    return from_heard(heard, span, "the user agreed to it")
        return None

    def _counted(self, asked: _Asked, value: float) -> Found | None:
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

    # Yes or no, choices, what the schema gives.

    def _yes_or_no(self, asked: _Asked, value: bool) -> Found:
        if "default" in asked.leaf.schema and asked.leaf.schema["default"] is value:
            return Found("grounded", "default", reason="the default")
        words = [word for word in words_of(asked.leaf.name) if word not in _FILLERS and len(word) > 2]
        for heard in self._context.said_here_first(asked.turn.sub_task):
            if heard.sub_task != asked.turn.sub_task:
                break
            for word in words:
                span = heard.text.find(word) or _stem_span(heard, word)
                if span is None:
                    continue
                negated = bool(_NEGATED.search(heard.text.folded[max(0, span[0] - 40) : span[0]]))
                if negated != value:
                    return from_heard(heard, span, "by its wording")
        return undecided("whether it is wanted is a matter of words")

    def _schema(self, asked: _Asked) -> Found | None:
        value, schema = asked.value, asked.leaf.schema
        if "default" in schema and _same(schema["default"], value):
            return Found("grounded", "default", reason="the default")
        if "const" in schema and _same(schema["const"], value):
            return Found("grounded", "constant", reason="the schema allows nothing else")
        examples = schema.get("enum")
        offered = isinstance(examples, list) and any(_same(choice, value) for choice in examples)
        if offered and len(examples) == 1:  # pyright: ignore[reportArgumentType]
            return Found("grounded", "constant", reason="the schema allows nothing else")
        label = explained(value, schema)
        if label:
            for heard in self._context.said_here_first(asked.turn.sub_task):
                if span := heard.text.find_phrase(label):
                    return from_heard(heard, span, f"the schema says that it stands for {label!r}", state="derived")
        if not offered and not (isinstance(value, str) and _is_listed(value, schema)):
            return None
        if isinstance(value, str):
            words = [word for word in phrase_of(value).split() if word not in _FILLERS]
            for heard in self._context.said_here_first(asked.turn.sub_task):
                for word in words:
                    if len(word) > 2 and (span := heard.text.find(word) or _stem_span(heard, word)):
                        return from_heard(heard, span, "a choice by its wording", state="derived")
        return undecided("one of the choices of the schema; whether it is the right one is a matter of words", "choice")

    # Arithmetic, and what is left.

    def _last_resort(self, asked: _Asked) -> Found:
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

    def _unfound_text(self, asked: _Asked, value: str) -> Found:
        moment = moment_of(value)
        if moment is not None:
            return dated.left_open(moment, self._context, self._today)
        if asked.identifier:
            return self._unfound_identifier(asked, value)
        if _NUMERIC.fullmatch(value):
            for number in readings(value.lstrip("-")):
                if found := derivation.number(number, self._context):
                    return found
            return Found("ungrounded", reason="nobody said it and no earlier result holds it")
        words = phrase_of(value).split()
        kept = [word for word in words if word not in _FILLERS]
        if kept and all(word in self._words.all for word in kept):
            return derived("result", "made of words in sight")
        if kept and all(word in self._words.all or _has_stem(word, self._words.all) for word in kept):
            return derived("result", "made of words in sight, in another form")
        if len(value.split()) >= _FREE_WORDS or _FREE_TEXT & set(words_of(asked.leaf.name)):
            return undecided("free text")
        if is_unspaced(value):
            return undecided("words of a script without spaces")
        if _CODE.fullmatch(value):
            return undecided("a code, which may stand for a name in sight")
        return Found("ungrounded", reason="nobody said it and no earlier result holds it")

    def _unfound_identifier(self, asked: _Asked, value: str) -> Found:
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


def replace_value(asked: _Asked, value: str) -> _Asked:
    """The same question for another value."""
    return replace(asked, leaf=replace(asked.leaf, value=value), identifier=looks_like_identifier(value))


def _as_before(source: ArgumentSource) -> Found:
    if source.state == "ungrounded":
        return Found("ungrounded", reason=f"as in turn {source.turn_id}, where nothing gives it either")
    reason = f"the same value as in turn {source.turn_id}"
    state = "undecided" if source.state == "undecided" else "derived"
    return Found(state, "call", source.turn_id, source.path, None, reason)


def _same(left: Any, right: Any) -> bool:
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def _is_listed(value: str, schema: Mapping[str, Any]) -> bool:
    description = schema.get("description")
    examples = schema.get("examples")
    if isinstance(examples, list) and value in examples:
        return False
    return isinstance(description, str) and is_offered_in_words(value, description)


def _long_enough(pieces: list[str]) -> bool:
    """Whether parts said one by one can only mean this identifier."""
    return len(pieces) > 1 and any(piece.isdigit() and len(piece) >= 3 for piece in pieces)


def _goes_on(text: str, span: tuple[int, int]) -> bool:
    start, end = span
    before = start > 1 and text[start - 1] in "-_" and text[start - 2].isalnum()
    return before or (end + 1 < len(text) and text[end] in "-_" and text[end + 1].isalnum())


def _sign_span(heard: Heard, sign: str) -> tuple[int, int] | None:
    at = heard.text.folded.find(sign)
    return (at, at + 1) if at >= 0 else None


def _stem(word: str) -> str:
    for ending in ("ations", "ation", "ings", "ing", "ies", "ed", "es", "er", "ly", "s", "e", "y"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word


def _has_stem(word: str, words: frozenset[str]) -> bool:
    stem = _stem(word)
    return len(stem) >= 4 and any(other.startswith(stem) and len(other) <= len(word) + 4 for other in words)


def _stem_span(heard: Heard, word: str) -> tuple[int, int] | None:
    stem = _stem(word)
    if len(stem) < 4:
        return None
    found = re.search(rf"\b{re.escape(stem)}\w{{0,5}}\b", heard.text.folded)
    return found.span() if found else None
