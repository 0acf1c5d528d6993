"""Rules on what the assistant tells the user.

Belongs here: numbers and identifiers in replies. Does not belong here: arguments
of calls (``grounding``), or how numbers are read and derived (``figures``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from toolace_dagster.entities import Turn
from toolace_dagster.verification.rules.figures import (
    Figures,
    Stated,
    numbers_in,
    numbers_of,
    stated_numbers,
)
from toolace_dagster.verification.rules.normalise import looks_like_identifier, normal
from toolace_dagster.verification.rules.registry import Defect, Subject, rule

_WORD = re.compile(r"[A-Za-z0-9_\-.#:]*\d[A-Za-z0-9_\-.#:]*")


class Said:
    """What was said, asked for and returned up to a point of the dialogue."""

    def __init__(self) -> None:
        self.figures = Figures()
        self.asked: set[float] = set()
        self._raw: list[str] = []
        self._joined = ""

    def add(self, turn: Turn, arguments: Iterable[str], outputs: Iterable[str]) -> None:
        """Take a turn in: the user's words, what calls asked for, what tools returned.

        Args:
            turn: The turn.
            arguments: Arguments of its calls as canonical JSON.
            outputs: Its outputs, likewise.
        """
        if turn.role == "user":
            self._raw.append(turn.content)
            self.figures.begin_exchange()
            self.asked = set(numbers_in(turn.content))
            self.figures.add(self.asked)
        for text in arguments:
            self._raw.append(text)
            self.figures.add(numbers_of(text))
        for output, text in zip(turn.outputs, outputs, strict=True):
            self._raw.append(text)
            self.figures.add(numbers_of(text), output.content)

    def holds(self, token: str) -> bool:
        """Whether an identifier was said, asked for or returned, in whatever case and with whatever dashes."""
        if any(token in text for text in self._raw):
            return True
        if self._raw:
            self._joined += " " + normal(" ".join(self._raw)) + " "
            self._raw.clear()
        return f" {normal(token)} " in self._joined or token in self._joined


@rule("rule.reply_faithfulness")
def reply_faithfulness(subject: Subject) -> Iterator[Defect]:
    """Replies state identifiers and numbers that were said or returned, or follow; a number rejects if miscopied."""
    said = Said()
    for turn, outputs in zip(subject.dialogue.turns, subject.output_texts, strict=True):
        if turn.role == "assistant" and turn.content:
            yield from _identifiers(turn, said)
            yield from _numbers(turn, said)
        said.add(turn, [subject.argument_texts[call.id] for call in turn.tool_calls], outputs)


def _identifiers(turn: Turn, said: Said) -> Iterator[Defect]:
    for found in dict.fromkeys(_WORD.findall(turn.content)):
        token = found.strip(".,;:#-")
        if looks_like_identifier(token) and not said.holds(token):
            yield Defect(f"The assistant states {token!r}, which no result holds.", turn.id, "$.content", token)


def _numbers(turn: Turn, said: Said) -> Iterator[Defect]:
    loose: list[Stated] = []
    all_stated = list(stated_numbers(turn.content))
    values = {abs(stated.value) for stated in all_stated} | said.asked
    for stated in all_stated:
        if (abs(stated.value) < 10 and not stated.decimals) or said.figures.explains(stated, values):
            continue
        source = said.figures.miscopied_from(stated)
        if source is None:
            loose.append(stated)
            continue
        message = f"The assistant states {stated.text}, where a result or the user has {source:,.10g}."
        yield Defect(message, turn.id, "$.content", stated.text)
    if loose:
        named = ", ".join(dict.fromkeys(stated.text for stated in loose))
        message = f"The assistant states {named}, which no result holds and which follows from none."
        yield Defect(message, turn.id, "$.content", named, severity="soft")
