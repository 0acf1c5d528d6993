"""What each sub-type of complexity injection needs of a place, and what it is told there.

Belongs here: one finder per sub-type; each says whether a turn fits and names the
details for the prompt and for the check of the fill. Does not belong here: limits
between injections (``anchors``), checking a fill (``injected``).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from pydantic import JsonValue

from toolace_dagster.entities import Dialogue, InjectionSubType, Tool, Turn
from toolace_dagster.entities.base import JsonObject
from toolace_dagster.grounding import looks_like_identifier
from toolace_dagster.refinement.alternatives import Alternatives, alternatives
from toolace_dagster.refinement.values import Known, Scalar, lists_in, says, scalars

_MOST_CANDIDATES = 4
_ALIKE = 0.34
"""Share of common words from which an offered tool may well do what another does."""


@dataclass(frozen=True)
class Anchor:
    """A place for an injection.

    Attributes:
        turn: The turn to mask.
        sub_type: What the injection does.
        instruction: What the prompt's ``<injection>`` says beside type and sub-type.
        withheld_tool: The tool that arrives later.
        withheld: Values that the first message leaves out and the last one gives.
        kept: Values of the masked message that later calls take; the new messages have to give them.
        seen: Values of earlier results, of which the assistant's answer has to name one.
        full: Output that the masked call gets; a partial one holds some of it.
    """

    turn: Turn
    sub_type: InjectionSubType
    instruction: dict[str, Any]
    withheld_tool: str | None = None
    withheld: tuple[Scalar, ...] = ()
    kept: tuple[Scalar, ...] = ()
    seen: tuple[Scalar, ...] = ()
    full: JsonValue = None


Finder = Callable[[Dialogue, int, tuple[str, ...], Mapping[str, Tool], random.Random], list[Anchor]]


def _anchor(
    dialogue: Dialogue, index: int, sub_type: InjectionSubType, instruction: dict[str, Any] | None = None
) -> Anchor:
    turn = dialogue.turns[index]
    kept = tuple(needed_values(dialogue, index)) if turn.role == "user" else ()
    return Anchor(turn, sub_type, instruction or {}, kept=kept)


def needed_values(dialogue: Dialogue, index: int, only: frozenset[str] | None = None) -> list[Scalar]:
    """Values of a user turn that later calls take and that nothing before it holds.

    Args:
        dialogue: The dialogue.
        index: Position of the user turn.
        only: Names of the tools whose calls count; None for all.
    """
    known = Known(dialogue.turns[:index])
    text = Known()
    text.add_text(dialogue.turns[index].content)
    values = (
        value
        for turn in dialogue.turns[index + 1 :]
        for call in turn.tool_calls
        if only is None or call.name in only
        for value in scalars(call.arguments)
        if len(str(value)) > 1
    )
    return list(dict.fromkeys(value for value in values if text.holds(value) and not known.holds(value)))


def _answering(dialogue: Dialogue, index: int) -> Iterator[Turn]:
    """The calls that answer a user turn."""
    for turn in dialogue.turns[index + 1 :]:
        if turn.role == "user":
            return
        if turn.is_call:
            yield turn


def _withholdable(dialogue: Dialogue, index: int, tools: Mapping[str, Tool]) -> dict[str, Scalar]:
    """Required text or number arguments of the calls this user turn leads to, whose value it alone states."""
    turn = dialogue.turns[index]
    if turn.role != "user" or turn.tools_added:
        return {}
    text = turn.content.casefold()
    known = " ".join(_said(earlier) for earlier in dialogue.turns[:index]).casefold()
    stated: dict[str, Scalar] = {}
    for acting in _answering(dialogue, index):
        for call in acting.tool_calls:
            tool = tools.get(call.name)
            for name, value in call.arguments.items():
                required = tool is not None and name in tool.required
                if not required or isinstance(value, bool) or not isinstance(value, (str, int, float)):
                    continue
                words = str(value).casefold()
                # A value that the conversation gives away, such as a name in an e-mail address, can't be withheld.
                if len(words) > 1 and text.count(words) == 1 and words not in known and not _is_hinted(words, text):
                    stated[name] = value
    return stated


def _said(turn: Turn) -> str:
    return " ".join([turn.content, *(str(value) for output in turn.outputs for value in scalars(output.content))])


def _is_hinted(words: str, text: str) -> bool:
    """Whether a longer word of the value stands in the text a second time, alone or inside another word."""
    return any(text.count(word) > 1 for word in words.split() if len(word) >= 4)


def _one_value(
    sub_type: InjectionSubType,
    dialogue: Dialogue,
    index: int,
    _offered: tuple[str, ...],
    tools: Mapping[str, Tool],
    rng: random.Random,
) -> list[Anchor]:
    """A value that the user leaves out at first, or has wrong."""
    stated = _withholdable(dialogue, index, tools)
    if not stated:
        return []
    name = rng.choice(sorted(stated))
    anchor = _anchor(dialogue, index, sub_type, {"values": [{"name": name, "value": stated[name]}]})
    return [replace(anchor, withheld=(stated[name],))]


def _ambiguous(
    dialogue: Dialogue, index: int, _offered: tuple[str, ...], _tools: Mapping[str, Tool], rng: random.Random
) -> list[Anchor]:
    """A message that leads to a call for one of several things which the assistant has told the user of."""
    turn = dialogue.turns[index]
    if turn.role != "user" or turn.tools_added:
        return []
    earlier = dialogue.turns[:index]
    told = " ".join(each.content for each in earlier if each.role == "assistant")
    found: dict[str, list[Alternatives]] = {}
    for acting in _answering(dialogue, index):
        for call in acting.tool_calls:
            for value in call.arguments.values():
                if isinstance(value, str) and len(value) > 2:
                    for each in alternatives(earlier, value, told):
                        # Who names another one of them as well compares, and points at nothing.
                        if not any(says(turn.content, other) for other in each.others):
                            found.setdefault(each.key, []).append(each)
    if not found:
        return []
    key = rng.choice(sorted(found))
    chosen = found[key][0]
    candidates = sorted([chosen.name, *chosen.others[: _MOST_CANDIDATES - 1]])
    shown = {"values": [{"name": key, "value": chosen.name}], "candidates": candidates}
    return [replace(_anchor(dialogue, index, InjectionSubType.AMBIGUOUS_REFERENCE, shown), withheld=(chosen.name,))]


def _tool_arrives(
    dialogue: Dialogue, index: int, offered: tuple[str, ...], tools: Mapping[str, Tool], rng: random.Random
) -> list[Anchor]:
    """A sub-task's first message; one of its tools, not used before, is withheld until the last new turn."""
    turn = dialogue.turns[index]
    if not _opens(dialogue, index):
        return []
    used_before = {call.name for earlier in dialogue.turns[:index] for call in earlier.tool_calls}
    served = [
        call.name for later in dialogue.turns[index:] for call in later.tool_calls if later.sub_task == turn.sub_task
    ]
    fresh = [
        name
        for name in dict.fromkeys(served)
        if name in dialogue.initial_tools and name in tools and name in offered and name not in used_before
    ]
    # At least one tool stays on offer from the start.
    if not fresh or len(dialogue.initial_tools) < 2:
        return []
    name = rng.choice(fresh)
    own = needed_values(dialogue, index, frozenset({name}))
    possible = frozenset(served) - {name}
    # What other tools could do at once is asked for after the tool is there, or the refusal would be of too much.
    later = [value for value in needed_values(dialogue, index, possible) if value not in own] if possible else []
    told = {"tool": name, **({"leave_for_later": later} if later else {})}
    anchor = _anchor(dialogue, index, InjectionSubType.TOOL_ARRIVES_LATER, told)
    return [replace(anchor, withheld_tool=name, withheld=tuple(later))]


def _tool_never_arrives(
    dialogue: Dialogue, index: int, offered: tuple[str, ...], tools: Mapping[str, Tool], rng: random.Random
) -> list[Anchor]:
    """A user turn before which the user asks for what a tool that is never offered would do."""
    if dialogue.turns[index].role != "user" or dialogue.turns[index].tools_added:
        return []
    absent = absent_tools(dialogue.domain, offered, tools)
    if not absent:
        return []
    tool = rng.choice(absent)
    told = {"absent_tool": {"name": tool.name, "description": tool.description}}
    return [_anchor(dialogue, index, InjectionSubType.TOOL_NEVER_ARRIVES, told)]


def absent_tools(domain: str, offered: tuple[str, ...], tools: Mapping[str, Tool]) -> list[Tool]:
    """Tools that are not offered and do what no offered one may well do.

    Args:
        domain: Tool domain; what people ask for beyond the tools mostly lies near them, so its own come first.
        offered: Names of all tools that are offered at some point.
        tools: Tools of the domain by name.
    """
    shown = [_words(tools[name]) for name in offered if name in tools]
    absent = [
        tool
        for name, tool in sorted(tools.items())
        if name not in offered and tool.description and not any(_alike(_words(tool), other) for other in shown)
    ]
    return [tool for tool in absent if tool.domain == domain] or absent


def _words(tool: Tool) -> frozenset[str]:
    found = re.findall(r"[a-z]{3,}", f"{tool.name} {tool.description}".casefold())
    return frozenset(word.removesuffix("s") for word in found)


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    return len(one & other) > _ALIKE * len(one | other)


def _opens(dialogue: Dialogue, index: int) -> bool:
    """Whether a turn is the first message of a sub-task."""
    turn = dialogue.turns[index]
    starts = index == 0 or dialogue.turns[index - 1].sub_task != turn.sub_task
    return turn.role == "user" and starts


def _user_turn(
    sub_type: InjectionSubType,
    dialogue: Dialogue,
    index: int,
    _offered: tuple[str, ...],
    _tools: Mapping[str, Tool],
    _rng: random.Random,
) -> list[Anchor]:
    turn = dialogue.turns[index]
    return [_anchor(dialogue, index, sub_type)] if turn.role == "user" and not turn.tools_added else []


def _failing_call(
    sub_type: InjectionSubType,
    dialogue: Dialogue,
    index: int,
    _offered: tuple[str, ...],
    tools: Mapping[str, Tool],
    rng: random.Random,
) -> list[Anchor]:
    turn = dialogue.turns[index]
    if not turn.is_call or any(call.name not in tools for call in turn.tool_calls):
        return []
    refused = sub_type is InjectionSubType.INVALID_ARGUMENT
    if refused and not any(call.arguments for call in turn.tool_calls):
        return []
    told = {"how": rng.choice(("refused_form", "not_found"))} if refused else {}
    return [_anchor(dialogue, index, sub_type, told)]


def _poor_result(
    sub_type: InjectionSubType,
    dialogue: Dialogue,
    index: int,
    _offered: tuple[str, ...],
    tools: Mapping[str, Tool],
    _rng: random.Random,
) -> list[Anchor]:
    """A single call that lists something: the list can be empty at first, or cut short."""
    turn = dialogue.turns[index]
    if len(turn.tool_calls) != 1 or index + 1 >= len(dialogue.turns) or turn.tool_calls[0].name not in tools:
        return []
    (call,) = turn.tool_calls
    outputs = dialogue.turns[index + 1].outputs
    if not outputs or outputs[0].is_error:
        return []
    longest = max((len(entries) for entries in lists_in(outputs[0].content)), default=0)
    if sub_type is InjectionSubType.PARTIAL_RESULT:
        return [replace(_anchor(dialogue, index, sub_type), full=outputs[0].content)] if longest > 1 else []
    vary = _takeable_too_narrowly(tools[call.name], call.arguments)
    if not longest or not vary:
        return []
    return [replace(_anchor(dialogue, index, sub_type, {"vary": vary}), full=outputs[0].content)]


def _takeable_too_narrowly(tool: Tool, arguments: JsonObject) -> list[str]:
    """Arguments that a search may well have had otherwise at first: words, dates, limits; no choices, no codes."""
    views = {name: tool.properties.get(name, {}) for name in arguments}
    return sorted(
        name
        for name, value in arguments.items()
        if isinstance(value, (str, int, float))
        and not isinstance(value, bool)
        and not {"enum", "const"} & views[name].keys()
        and not looks_like_identifier(str(value))
        and not str(views[name].get("description", "")).lower().startswith("identifier")
    )


def _about_results(
    sub_type: InjectionSubType,
    dialogue: Dialogue,
    index: int,
    _offered: tuple[str, ...],
    _tools: Mapping[str, Tool],
    _rng: random.Random,
) -> list[Anchor]:
    """A user turn after results; a summary needs a sub-task that is done."""
    turn = dialogue.turns[index]
    if turn.role != "user" or turn.tools_added:
        return []
    if sub_type is InjectionSubType.SUMMARY_REQUEST and not _opens(dialogue, index):
        return []
    seen = [
        value
        for earlier in dialogue.turns[:index]
        for output in earlier.outputs
        if not output.is_error
        for value in scalars(output.content)
        if len(str(value)) > 1
    ]
    return [replace(_anchor(dialogue, index, sub_type), seen=tuple(dict.fromkeys(seen)))] if seen else []


PLACES: dict[InjectionSubType, Finder] = {
    InjectionSubType.MISSING_VALUE: partial(_one_value, InjectionSubType.MISSING_VALUE),
    InjectionSubType.AMBIGUOUS_REFERENCE: _ambiguous,
    InjectionSubType.USER_CORRECTION: partial(_one_value, InjectionSubType.USER_CORRECTION),
    InjectionSubType.TOOL_ARRIVES_LATER: _tool_arrives,
    InjectionSubType.TOOL_NEVER_ARRIVES: _tool_never_arrives,
    InjectionSubType.IRRELEVANT_REQUEST: partial(_user_turn, InjectionSubType.IRRELEVANT_REQUEST),
    InjectionSubType.INVALID_ARGUMENT: partial(_failing_call, InjectionSubType.INVALID_ARGUMENT),
    InjectionSubType.SERVICE_ERROR: partial(_failing_call, InjectionSubType.SERVICE_ERROR),
    InjectionSubType.EMPTY_RESULT: partial(_poor_result, InjectionSubType.EMPTY_RESULT),
    InjectionSubType.PARTIAL_RESULT: partial(_poor_result, InjectionSubType.PARTIAL_RESULT),
    InjectionSubType.CHIT_CHAT: partial(_user_turn, InjectionSubType.CHIT_CHAT),
    InjectionSubType.QUESTION_ABOUT_RESULTS: partial(_about_results, InjectionSubType.QUESTION_ABOUT_RESULTS),
    InjectionSubType.SUMMARY_REQUEST: partial(_about_results, InjectionSubType.SUMMARY_REQUEST),
}
"""A finder for each sub-type: the places a turn offers, none or one."""
