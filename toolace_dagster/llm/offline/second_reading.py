"""Faults that show only when a dialogue is read for them: outputs, complications, coherence.

Belongs here: what experts look for besides the faults a judge weighs as well. Does
not belong here: how often a fault is overlooked (``expert``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from toolace_dagster.llm.offline.faults import Fault, normal, output_faults
from toolace_dagster.llm.offline.memory import Turn
from toolace_dagster.llm.offline.request import ToolView
from toolace_dagster.llm.offline.shapes import as_list, objects_in

_LONG = 6
"""Words from which on the same sentence twice is no coincidence."""


def second_reading(
    dialogue: list[Turn], tools: dict[str, ToolView], complications: list[dict[str, Any]]
) -> list[Fault]:
    """Faults of outputs, of complications and of the whole.

    Args:
        dialogue: Its turns.
        tools: All tools of the task.
        complications: Kind and turns of each, as the request shows them.
    """
    meant = {str(name) for complication in complications for name in as_list(complication.get("turns"))}
    return [
        *_implausible(dialogue, tools, meant),
        *_mishandled(dialogue, complications),
        *_repeated(dialogue, meant),
    ]


def _implausible(dialogue: list[Turn], tools: dict[str, ToolView], meant: set[str]) -> Iterator[Fault]:
    for at, turn in enumerate(dialogue):
        # An empty or broken result may be the complication itself.
        if turn.get("role") != "tool" or not at or str(turn.get("turn")) in meant:
            continue
        for fault in output_faults(str(turn.get("turn")), turn, dialogue[at - 1], tools):
            quote = fault.quote or _beginning(turn)
            # A field that is called like an argument need not be the same thing.
            if fault.weight > 1:
                yield Fault("result_plausibility", fault.turn, fault.weight, quote, fault.reason)


def _mishandled(dialogue: list[Turn], complications: list[dict[str, Any]]) -> Iterator[Fault]:
    by_id = {str(turn.get("turn")): turn for turn in dialogue}
    for complication in complications:
        turns = [by_id[str(name)] for name in as_list(complication.get("turns")) if str(name) in by_id]
        kind = str(complication.get("kind"))
        answer = next((turn for turn in turns if turn.get("role") == "assistant"), None)
        if answer is None:
            continue
        name, text = str(answer.get("turn")), str(answer.get("content") or "")
        if kind in ("clarification", "missing_value", "ambiguous_reference") and not answer.get("tool_calls"):
            if "?" not in text:
                reason = f"Turn {name} should ask for what is missing and asks nothing."
                yield Fault("complexity_handling", name, 3, text[:60], reason)
        elif kind in ("error_simulation", "invalid_argument") and _repeats_itself(turns):
            reason = f"After the error the call of turn {name} is repeated as it was."
            yield Fault(
                "complexity_handling", name, 3, str(objects_in(answer.get("tool_calls"))[0].get("name")), reason
            )


def _repeats_itself(turns: list[Turn]) -> bool:
    calls = [json.dumps(turn["tool_calls"], sort_keys=True) for turn in turns if turn.get("tool_calls")]
    said = any(turn.get("content") for turn in turns if turn.get("tool_calls"))
    return len(calls) > 1 and calls[0] == calls[-1] and not said


def _repeated(dialogue: list[Turn], meant: set[str]) -> Iterator[Fault]:
    seen: dict[str, str] = {}
    for turn in dialogue:
        text = normal(str(turn.get("content") or ""))
        name = str(turn.get("turn"))
        if len(text.split()) < _LONG:
            continue
        # In a complication somebody may have asked to hear it again.
        if text in seen and name not in meant:
            reason = f"Turn {name} says again what turn {seen[text]} said, word for word."
            yield Fault("coherence", name, 2, str(turn["content"])[:60], reason)
        seen.setdefault(text, name)


def _beginning(turn: Turn) -> str:
    outputs = objects_in(turn.get("outputs"))
    return str(outputs[0].get("name")) if outputs else ""
