"""What a trace says of one argument value.

Belongs here: the result type and its states. Does not belong here: finding a
source (``tracing``).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from pydantic import JsonValue

GroundingState = Literal["grounded", "derived", "ungrounded", "undecided"]
"""``grounded``: the value stands in a source, in this notation or an equal one. ``derived``: it follows from one, the
reason says how. ``ungrounded``: nothing in sight gives it. ``undecided``: only someone who understands the words can
tell (free text, yes or no, a choice among fixed values)."""

GROUNDING_STATES: tuple[GroundingState, ...] = get_args(GroundingState)

SourceKind = Literal["user", "result", "assistant", "call", "default", "constant", "choice", "today", "none"]
"""Where a value comes from: words of the user, an earlier tool result, words of the assistant that the user agreed
to, an earlier call, the schema (its default, a constant, one of its choices), the day of the dialogue, or nowhere."""


@dataclass(frozen=True, slots=True)
class ArgumentSource:
    """Where one value inside a call's arguments comes from.

    Attributes:
        turn_id: The turn that calls.
        call_id: The call.
        tool: Name of the tool.
        path: JSON path inside the turn, such as ``$.tool_calls[0].arguments.guests[1].name``.
        value: The value: text, a number, true or false.
        state: Whether it has a source.
        kind: What that is.
        identifier: Whether the value is one that a system hands out, and therefore has to be copied.
        source_turn: The turn it comes from, when it comes from one.
        source_path: JSON path inside that turn: ``$.content`` of words, ``$.outputs[0].content.items[2].sku``
            of a result, ``$.tool_calls[0].arguments.name`` of an earlier call.
        span: Start and end, in characters, inside the text at ``source_path``, when the source is a part of it.
        reason: How it follows from the source, or what is missing; empty for a plain copy.
    """

    turn_id: str
    call_id: str
    tool: str
    path: str
    value: JsonValue
    state: GroundingState
    kind: SourceKind
    identifier: bool = False
    source_turn: str | None = None
    source_path: str = ""
    span: tuple[int, int] | None = None
    reason: str = ""

    def as_row(self) -> dict[str, Any]:
        """Its fields as JSON values."""
        row = asdict(self)
        return row | {"span": list(self.span) if self.span else None}
