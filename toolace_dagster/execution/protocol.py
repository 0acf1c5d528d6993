"""Tool runs and their outcomes: the contract between row programs and what runs tools.

The semantics are replay: a run names *all* executable calls of a dialogue up to
the one wanted, and they are run in order in a fresh session. So a changed call
is handled by running the dialogue's calls again, and no session outlives a run.

Belongs here: runs, outcomes, failures, the executor's interface. Does not belong
here: any way to run a tool.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from pydantic import JsonValue

from toolace_dagster.entities import Entity
from toolace_dagster.entities.base import JsonObject


class ExecutedCall(Entity):
    """A call to run: tool and arguments."""

    tool: str
    arguments: JsonObject


class ToolRun(Entity):
    """Calls of one dialogue, to be run in order in a fresh session.

    Attributes:
        domain: Tool domain.
        dialogue_id: The dialogue; it also fixes the seed a stateful backend starts from.
        calls: From the dialogue's first executable call on.
        today: The day the dialogue happens on, which a stateful backend begins at; None leaves it open.
    """

    domain: str
    dialogue_id: str
    calls: tuple[ExecutedCall, ...]
    today: date | None = None


class Outcome(Entity):
    """What a tool answered.

    Attributes:
        content: Any JSON value; for an error an object with the key ``error``.
        is_error: Whether the tool reported a failure, which is legitimate content of a dialogue.
        seconds: Time the call took.
    """

    content: JsonValue
    is_error: bool = False
    seconds: float = 0.0


class ExecutionFailed(Exception):
    """A run that gave no outcomes: the tool hung, crashed or answered what can't be used. Its row fails.

    Attributes:
        kind: ``timeout``, ``memory``, ``recursion``, ``crashed``, ``confined``, ``not_json``, ``too_large``,
            ``protocol``, ``not_allowed`` or ``unavailable``.
        message: A sentence with tool and cause, free of this machine's paths.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message


class BackendUnusable(Exception):
    """A backend that can run nothing: no such module, no such server, a missing extra. The message names the mend."""


@dataclass(frozen=True)
class ToolRunResult:
    """What became of a run: ``outcomes``, one per call, or ``error``."""

    outcomes: tuple[Outcome, ...] = ()
    error: ExecutionFailed | None = None


class ToolExecutor(Protocol):
    """What runs tools. Entered and left once per stage and domain."""

    @property
    def executes(self) -> frozenset[str]:
        """Names of the tools it can run."""
        ...

    async def __aenter__(self) -> ToolExecutor: ...

    async def __aexit__(self, *exc_info: object) -> None: ...

    async def run(self, tool_run: ToolRun) -> tuple[Outcome, ...]:
        """Run calls in a fresh session.

        Args:
            tool_run: The calls; all of tools in ``executes``.

        Returns:
            One outcome per call, in order.

        Raises:
            ExecutionFailed: If the run gave no outcomes.
        """
        ...


def error_content(text: str) -> JsonValue:
    """The content of an error, in the one form dialogues have."""
    return {"error": text}


def reports_error(content: JsonValue) -> bool:
    """Whether a value that was returned normally says that the call failed.

    Tools do it in two ways: an object whose only key is ``error``, or a text that begins with ``Error``.
    """
    if isinstance(content, dict):
        return set(content) == {"error"} and content["error"] not in (None, "", False)
    return isinstance(content, str) and content.lstrip().lower().startswith(("error:", "error executing", "error -"))


async def differing_calls(executor: ToolExecutor, tool_run: ToolRun) -> tuple[int, ...]:
    """Run the same calls twice, in fresh sessions, and compare.

    Returns:
        Positions of the calls that answered differently; none for tools that are deterministic here.

    Raises:
        ExecutionFailed: If a run gave no outcomes.
    """
    first = await executor.run(tool_run)
    second = await executor.run(tool_run)
    return tuple(_unequal(zip(first, second, strict=True)))


def _unequal(pairs: Iterable[tuple[Outcome, Outcome]]) -> Iterable[int]:
    for position, (one, other) in enumerate(pairs):
        if (one.content, one.is_error) != (other.content, other.is_error):
            yield position
