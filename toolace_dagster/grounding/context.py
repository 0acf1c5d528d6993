"""What was said and returned up to a point of a dialogue, indexed once and grown turn by turn.

Belongs here: keeping texts and results so that a value is found fast, and the
place of what was found. Does not belong here: what counts as a source
(``tracing``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import JsonValue

from toolace_dagster.entities import ToolCall, Turn
from toolace_dagster.grounding.folding import Span, Text, folded
from toolace_dagster.grounding.leaves import step
from toolace_dagster.grounding.quantities import Quantity, quantities
from toolace_dagster.grounding.sources import SourceKind

_PASSAGE = 20
"""From this length on, in characters, or with a space, a text of a result may hold a value inside it."""
_CONFIRMING = re.compile(
    r"^\W*(?:yes|yeah|yep|yup|sure|ok|okay|please|right|correct|exactly|perfect|great|good|fine|sounds|that|this|those"
    r"|these|go ahead|do (?:it|that|so)|let's|i(?:'ll| will) take|the (?:first|second|third|last|other|same|one)|both"
    r"|either|confirmed?|agreed|absolutely|definitely|all right|ja|genau|gerne|oui|d'accord|si|claro|vale|sim)\b"
)

Link = tuple[Any, str | int] | None
"""A place inside JSON: the link of what is around it, and the key or position in that."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A text of the dialogue.

    Attributes:
        turn_id: Its turn.
        sub_task: That turn's sub-task.
        path: JSON path of the text inside the turn.
        text: The text.
        kind: Who said it.
    """

    turn_id: str
    sub_task: int
    path: str
    text: Text
    kind: SourceKind = "user"


@dataclass(frozen=True, slots=True)
class Place:
    """A value in a result.

    Attributes:
        turn: The tool turn.
        output: Position of the output in it.
        link: The value's place inside the output's content.
    """

    turn: Turn
    output: int
    link: Link

    @property
    def path(self) -> str:
        """JSON path inside the turn."""
        return f"$.outputs[{self.output}].content{''.join(_steps(self.link))}"

    @property
    def name(self) -> str:
        """The nearest property name around it."""
        link = self.link
        while link is not None:
            around, key = link
            if isinstance(key, str):
                return key
            link = around
        return ""


class Context:
    """The past of a dialogue, as far as it was added.

    Attributes:
        said: What the user said, in order.
        agreed: What the assistant said and the user then agreed to.
        calls: By value of an argument of an earlier call that did not fail, where it stands.
    """

    def __init__(self) -> None:
        self.said: list[Heard] = []
        self.agreed: list[Heard] = []
        self._last_words: Turn | None = None
        self._pending: list[Turn] = []
        self._calls: dict[str, ToolCall] = {}
        self._scalars: dict[str | float, Place] = {}
        self._keys: dict[str, Place] = {}
        self._passages: list[tuple[Place, str]] = []
        self._heard: list[Heard] = []
        self._numbers: list[tuple[float, Place]] = []
        self._lists: list[tuple[list[JsonValue], Place]] = []

    def add(self, turn: Turn) -> None:
        """Add a turn; calls count only through what answers them."""
        if turn.role == "user":
            heard = Heard(turn.id, turn.sub_task, "$.content", Text(turn.content))
            self.said.append(heard)
            before = self._last_words
            if before is not None and _CONFIRMING.match(heard.text.folded):
                self.agreed.append(Heard(before.id, before.sub_task, "$.content", Text(before.content), "assistant"))
        elif turn.role == "tool":
            self._pending.append(turn)
        else:
            self._calls.update((call.id, call) for call in turn.tool_calls)
            self._last_words = turn if turn.content and not turn.tool_calls else None

    def scalar(self, key: str | float) -> Place | None:
        """Where a result holds a value as a whole, the latest place first.

        Args:
            key: A folded text, or a number.
        """
        self._read_pending()
        return self._scalars.get(key)

    def key(self, name: str) -> Place | None:
        """Where a result has a folded text as the name of a property, as records kept by their identifier do."""
        self._read_pending()
        return self._keys.get(name)

    @property
    def heard(self) -> list[Heard]:
        """Texts of results that may hold a value inside them, in order."""
        self._read_pending()
        while self._passages:
            # In order, each once: folding them is left until somebody looks inside.
            self._heard.extend(
                Heard(place.turn.id, place.turn.sub_task, place.path, Text(text), "result")
                for place, text in self._passages
            )
            self._passages = []
        return self._heard

    @property
    def numbers(self) -> list[tuple[float, Place]]:
        """Numbers of results, in order."""
        self._read_pending()
        return self._numbers

    @property
    def lists(self) -> list[tuple[list[JsonValue], Place]]:
        """Lists of results, in order."""
        self._read_pending()
        return self._lists

    @property
    def texts(self) -> list[str]:
        """Texts of results as they are, folded."""
        self._read_pending()
        return [key for key in self._scalars if isinstance(key, str)]

    def said_here_first(self, sub_task: int) -> Iterator[Heard]:
        """What the user said, the latest first, that of a sub-task before the rest."""
        yield from (heard for heard in reversed(self.said) if heard.sub_task == sub_task)
        yield from (heard for heard in reversed(self.said) if heard.sub_task != sub_task)

    def quantities_said(self) -> Iterator[tuple[Quantity, Heard]]:
        """Numbers the user said, the latest turn first."""
        for heard in reversed(self.said):
            for quantity in quantities(heard.text.folded):
                yield quantity, heard

    def _read_pending(self) -> None:
        if self._pending:
            for turn in self._pending:
                for position, output in enumerate(turn.outputs):
                    barred = self._asked(output.call_id) if output.is_error else frozenset[str]()
                    self._read(output.content, None, turn, position, barred)
            self._pending = []

    def _asked(self, call_id: str) -> frozenset[str]:
        """Texts a failed call was made with: an error that repeats them is no source for them."""
        call = self._calls.get(call_id)
        return frozenset(folded(text) for text in _strings(call.arguments)) if call else frozenset()

    def _read(self, value: JsonValue, link: Link, turn: Turn, output: int, barred: frozenset[str]) -> None:
        if isinstance(value, str):
            form = folded(value).strip()
            place = Place(turn, output, link)
            if form not in barred:
                self._scalars[form] = place
            if len(value) >= _PASSAGE or " " in value:
                if any(text in form for text in barred):
                    for text in barred:
                        value = re.sub(re.escape(text), lambda found: " " * len(found[0]), value, flags=re.IGNORECASE)
                self._passages.append((place, value))
        elif isinstance(value, dict):
            for key, item in value.items():
                inner = (link, key)
                if not key.isalpha():
                    self._keys[folded(key)] = Place(turn, output, inner)
                self._read(item, inner, turn, output, barred)
        elif isinstance(value, list):
            self._lists.append((value, Place(turn, output, link)))
            for place, item in enumerate(value):
                self._read(item, (link, place), turn, output, barred)
        elif value is not None and not isinstance(value, bool):
            number = float(value)
            found = Place(turn, output, link)
            self._scalars[number] = found
            self._numbers.append((number, found))


class Vocabulary:
    """All words of a context, for the question whether a value is made of them."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @cached_property
    def said(self) -> frozenset[str]:
        """Words the user said."""
        return frozenset(word for heard in self._context.said for word in heard.text.words)

    @cached_property
    def all(self) -> frozenset[str]:
        """Those, and the words of results."""
        found: set[str] = set(self.said)
        for text in self._context.texts:
            found.update(Text(text).words)
        return frozenset(found)


def _strings(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        if len(value) > 2:
            yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def _steps(link: Link) -> list[str]:
    steps: list[str] = []
    while link is not None:
        around, key = link
        steps.append(f"[{key}]" if isinstance(key, int) else step(key))
        link = around
    return steps[::-1]


def span_of(text: Text, value: str) -> Span | None:
    """Where a folded value stands in a text as a whole."""
    return text.find(value)
