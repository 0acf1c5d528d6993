"""What every format says in its own way: who speaks, what is called, what is answered.

Belongs here: the common form and a finding. Does not belong here: reading a format into
it (``readers``), or judging it (``checklist``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with an example.

    Attributes:
        check: Id of the check, such as ``call_unanswered``.
        message: A sentence: where, what, and how to mend it where that is short.
        severity: ``error``: training on it teaches something wrong, or fails. ``warning``: look at it.
        example: Number of the example in its file, from 1; 0 for the file as a whole.
    """

    check: str
    message: str
    severity: Severity = "error"
    example: int = 0


@dataclass(frozen=True)
class Call:
    """A call as a format holds it; ``id`` is None where the format has none."""

    name: str
    arguments: Any
    id: str | None = None


@dataclass(frozen=True)
class Answer:
    """A tool's answer; ``call_id`` is None where the format has none, and answers come in the order of the calls.

    ``name`` is the tool that it says it is of; None where it says nothing. ``name_is_certain`` is false where that
    stands among what is answered: ``{"name", "content"}`` may as well be the answer itself, such as a file.
    """

    content: str
    call_id: str | None = None
    name: str | None = None
    name_is_certain: bool = True


@dataclass
class Speech:
    """One turn: of the system, the user, the assistant, or the tools with all their answers.

    Attributes:
        role: Who speaks.
        where: The place, for messages.
        text: What is said.
        calls: What the assistant calls.
        answers: What tools answer.
        learned: Whether the format keeps the turn in the loss.
    """

    role: Literal["system", "user", "assistant", "tool"]
    where: str
    text: str = ""
    calls: list[Call] = field(default_factory=list[Call])
    answers: list[Answer] = field(default_factory=list[Answer])
    learned: bool = True


@dataclass
class Transcript:
    """An example in the common form.

    Attributes:
        speeches: In order.
        tools: Definitions as they stand: objects with name, description and parameters.
        wraps_tools: Whether definitions stand in ``{type: function, function: …}``; those of tools that arrive later
            must too. None: these may be either, since what the model sees is up to the template.
        has_ids: Whether calls and answers are joined by ids.
        object_types: What the type of an object is called in schemas.
        is_cut: Whether it may end with a call whatever came before, since a longer dialogue was cut there.
        last_may_be_wrong: Whether the calls of the last turn may be invalid: they are not to be learned.
    """

    speeches: list[Speech] = field(default_factory=list[Speech])
    tools: list[Any] = field(default_factory=list[Any])
    wraps_tools: bool | None = True
    has_ids: bool = True
    object_types: frozenset[str] = frozenset({"object"})
    is_cut: bool = False
    last_may_be_wrong: bool = False


Report = Callable[..., None]
"""Called with a check, a message and perhaps a severity."""
