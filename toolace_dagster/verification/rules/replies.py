"""Rules on what the assistant tells the user.

Belongs here: numbers and identifiers in replies. Does not belong here: arguments
of calls (``grounding``), or how numbers are read and derived (``figures``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from toolace_dagster.entities import Turn, canonical_json
from toolace_dagster.verification.rules.figures import (
    Figures,
    Stated,
    longest_list,
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
        self._raw: list[str] = []
        self._joined = ""

    def add(self, turn: Turn) -> None:
        """Take a turn in: the user's words, what calls asked for, what tools returned."""
        if turn.role == "user":
            self.figures.begin_exchange()
            self._raw.append(turn.content)
            self.figures.add(numbers_in(turn.content))
        for call in turn.tool_calls:
            self._raw.append(canonical_json(call.arguments))
            self.figures.add(numbers_of(call.arguments))
        for output in turn.outputs:
            self._raw.append(canonical_json(output.content))
            self.figures.add(numbers_of(output.content))
            self.figures.most_counted = max(self.figures.most_counted, longest_list(output.content))

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
    for turn in subject.dialogue.turns:
        if turn.role == "assistant" and turn.content:
            yield from _identifiers(turn, said)
            yield from _numbers(turn, said)
        said.add(turn)


def _identifiers(turn: Turn, said: Said) -> Iterator[Defect]:
    for found in dict.fromkeys(_WORD.findall(turn.content)):
        token = found.strip(".,;:#-")
        if looks_like_identifier(token) and not said.holds(token):
            yield Defect(f"The assistant states {token!r}, which no result holds.", turn.id, "$.content", token)


def _numbers(turn: Turn, said: Said) -> Iterator[Defect]:
    loose: list[Stated] = []
    for stated in stated_numbers(turn.content):
        if (abs(stated.value) < 10 and not stated.decimals) or said.figures.explains(stated):
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
        yield Defect(message, turn.id, "$.content", loose[0].text, severity="soft")
