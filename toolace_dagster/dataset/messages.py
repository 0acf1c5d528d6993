"""A dialogue as chat messages, the form all exports derive from.

Belongs here: roles, tool calls as objects, tool outputs as text, and how a tool
that arrives later is announced. Does not belong here: any one trainer's wishes
(``formats``).

Four choices:

- **A tool that arrives later** is announced in the user message it comes with, as
  ``[A tool has been added: {definition}]`` after a blank line, and ``tools`` lists
  only what was offered from the start. The definition is written as the model
  gets to see those of ``tools``, so that it sees one form of tools. A system message in mid-dialogue would be the
  other way, but strict chat templates (gemma, cohere) refuse it. Listing the tool
  from the start would teach the model to refuse a tool that it can see.
- **The day** is told at the end of the first user message, as ``[Today is Friday, 2026-03-06.]``
  after a blank line, where a user names a day that only the day of the dialogue can tell
  ("tomorrow", "next Friday"): without it a model would learn to make dates up. Where
  nobody does, nothing is added.
- **A call turn has** ``content: ""``: ``null`` breaks several templates, and so does a
  ``tool_calls`` key on a message without calls.
- **No system message**: the trainer's template adds its own, and one that we made up
  would be learned.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from itertools import pairwise
from typing import Any

from toolace_dagster.dataset.exact_json import compact_json
from toolace_dagster.dataset.rows import DatasetRow
from toolace_dagster.entities import Dialogue, InjectionSubType, InjectionType, Tool, ToolOutput, Turn
from toolace_dagster.grounding.dates import speaks_of_today
from toolace_dagster.grounding.folding import folded
from toolace_dagster.prompts.views import day_view
from toolace_dagster.settings import MaskedTurn

ChatMessage = dict[str, Any]

ANNOUNCEMENT = "\n\n[A tool has been added: {definition}]"
"""What is appended to a user message for each tool that arrives with it, with its definition in JSON."""

DAY = "\n\n[Today is {day}.]"
"""What is appended to the first user message where the dialogue cannot be understood without its day."""


def openai_definition(tool: Tool) -> str:
    """A tool's OpenAI definition as compact JSON."""
    return compact_json(tool.as_openai())


def chat_messages(
    dialogue: Dialogue, tools: Mapping[str, Tool], definition: Callable[[Tool], str] = openai_definition
) -> list[ChatMessage]:
    """Render a dialogue as chat messages.

    Args:
        dialogue: The dialogue.
        tools: Tools by name; only those that arrive later are read.
        definition: Writes the definition of a tool that arrives later.

    Returns:
        Messages of the roles user, assistant and tool, one tool message per call. Arguments are objects.

    Raises:
        KeyError: If a tool arrives that ``tools`` does not hold.
    """
    offered = set(dialogue.initial_tools)
    messages: list[ChatMessage] = []
    day = _told_day(dialogue)
    for turn in dialogue.turns:
        arrived: list[str] = []
        if turn.tools_added:
            arrived = [name for name in dict.fromkeys(turn.tools_added) if name not in offered]
            offered.update(arrived)
        match turn.role:
            case "user":
                messages.append(
                    {"role": "user", "content": turn.content + day + _announced(arrived, tools, definition)}
                )
                day = ""
            case "assistant":
                messages.append(_assistant(turn))
            case "tool":
                messages.extend(_tool(output) for output in turn.outputs)
    return messages


def weighed_messages(row: DatasetRow, mask: Collection[MaskedTurn]) -> list[tuple[ChatMessage, bool]]:
    """A row's messages, each with whether training should learn it.

    Args:
        row: The row.
        mask: Assistant turns to keep out of the loss.

    Returns:
        Messages as of :func:`chat_messages`; those of user and tool are never learned.
    """
    masked = masked_turns(row.dialogue, mask) if mask else frozenset[str]()
    learned = iter([turn.id not in masked for turn in row.dialogue.turns if turn.role == "assistant"])
    messages = chat_messages(row.dialogue, row.tools)
    return [(message, next(learned) if message["role"] == "assistant" else False) for message in messages]


_MISTAKES = (InjectionSubType.INVALID_ARGUMENT, None)
"""Error simulations in which the call itself is at fault; earlier data names no sub-type."""


def masked_turns(dialogue: Dialogue, mask: Collection[MaskedTurn]) -> frozenset[str]:
    """Ids of the assistant turns that are kept out of the loss.

    A turn with parallel calls is masked when any of them failed: weights are per turn.

    Args:
        dialogue: The dialogue.
        mask: ``failed_calls``: calls answered by an error. ``injected_mistakes``: those of them that an error
            simulation made wrong; a sound call that met a fault of the service is worth learning.
    """
    found: set[str] = set()
    for acting, answer in pairwise(dialogue.turns):
        if not acting.is_call or not any(output.is_error for output in answer.outputs):
            continue
        origin = acting.origin
        mistaken = origin.injection is InjectionType.ERROR_SIMULATION and origin.sub_type in _MISTAKES
        if "failed_calls" in mask or ("injected_mistakes" in mask and mistaken):
            found.add(acting.id)
    return frozenset(found)


def listed_tools(row: DatasetRow) -> list[dict[str, Any]]:
    """The tools a row offers from the start as OpenAI definitions, in the order they are offered."""
    return [row.tools[name].as_openai() for name in row.dialogue.initial_tools]


def _told_day(dialogue: Dialogue) -> str:
    named = dialogue.today is not None and any(
        speaks_of_today(folded(turn.content)) for turn in dialogue.turns if turn.role == "user"
    )
    return DAY.format(day=day_view(dialogue.today)) if named and dialogue.today is not None else ""


def _announced(names: list[str], tools: Mapping[str, Tool], definition: Callable[[Tool], str]) -> str:
    return "".join(ANNOUNCEMENT.format(definition=definition(tools[name])) for name in names)


def _assistant(turn: Turn) -> ChatMessage:
    message: ChatMessage = {"role": "assistant", "content": turn.content}
    if turn.tool_calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in turn.tool_calls
        ]
    return message


def _tool(output: ToolOutput) -> ChatMessage:
    text = output.content if isinstance(output.content, str) else compact_json(output.content)
    return {"role": "tool", "tool_call_id": output.call_id, "name": output.name, "content": text}
