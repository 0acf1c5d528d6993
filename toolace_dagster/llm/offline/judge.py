"""The reply to ``judge``: which of two versions is better.

Belongs here: putting both versions in place and comparing them. Does not belong
here: what counts as a fault (``faults``).
"""

from __future__ import annotations

import re
from typing import Any

from toolace_dagster.llm.offline.errors import Errors
from toolace_dagster.llm.offline.faults import Fault, faults_of
from toolace_dagster.llm.offline.memory import Turn
from toolace_dagster.llm.offline.request import Request

_CLEAR = 0.5
_CLOSE = 0.75
_TOLD = 4


def answer(request: Request, errors: Errors) -> dict[str, Any]:
    """Compare two versions.

    Args:
        request: The request.
        errors: Draws of mistakes; a judge that errs turns its verdict around.

    Returns:
        The reply's JSON object.
    """
    dialogue = request.items("dialogue")
    task = request.object("task")
    versions = [request.items(name) for name in ("version_a", "version_b")]
    whole = [_in_place(dialogue, version) for version in versions]
    differing = {str(turn.get("turn")) for version in versions for turn in version}
    found = [faults_of(turns, request.tools, task, differing) for turns in whole]
    weights = [
        sum(fault.weight for fault in faults) + _lost(dialogue, version)
        for faults, version in zip(found, versions, strict=True)
    ]
    better, reason = _decide(weights, found, versions, dialogue)
    if errors.hit("judge_errs"):
        better = {"A": "B", "B": "A"}.get(better) or errors.rng.choice(("A", "B"))
        reason = f"Version {better} reads better and follows more closely from what the user asked."
    told = [[fault.reason for fault in faults[:_TOLD]] for faults in found]
    return {"faults_of_a": told[0], "faults_of_b": told[1], "reason": reason, "better": better}


def _in_place(dialogue: list[Turn], version: list[Turn]) -> list[Turn]:
    by_id = {turn.get("turn"): turn for turn in version}
    holes = [turn for turn in dialogue if turn.get("masked")]
    if all(turn.get("turn") in by_id for turn in holes):
        return [by_id.get(turn.get("turn"), turn) if turn.get("masked") else turn for turn in dialogue]
    placed: list[Turn] = []
    done = False
    for turn in dialogue:
        if not turn.get("masked"):
            placed.append(turn)
        elif not done:
            placed += version
            done = True
    return placed


def _decide(
    weights: list[float], found: list[list[Fault]], versions: list[list[Turn]], dialogue: list[Turn]
) -> tuple[str, str]:
    if abs(weights[0] - weights[1]) >= _CLEAR:
        worse = 0 if weights[0] > weights[1] else 1
        better = "BA"[worse]
        only = _only_in(found[worse], found[1 - worse])
        if only:
            top = max(only, key=lambda fault: fault.weight)
            return better, f"Version {'AB'[worse]} has a fault that the other lacks. {top.reason}"
        return better, f"Version {'AB'[worse]} loses the complication that the dialogue is to show."
    nature = [_naturalness(version, dialogue) for version in versions]
    if abs(nature[0] - nature[1]) < _CLOSE:
        return "equal", "Both versions hold the same facts and read equally well."
    better = "A" if nature[0] > nature[1] else "B"
    turn = versions["AB".index(better)][0].get("turn", "")
    return better, f"The facts agree in both; version {better} is worded more naturally, beginning with turn {turn}."


def _only_in(mine: list[Fault], other: list[Fault]) -> list[Fault]:
    known = {(fault.turn, fault.quote) for fault in other}
    return [fault for fault in mine if (fault.turn, fault.quote) not in known] or mine


def _lost(dialogue: list[Turn], version: list[Turn]) -> float:
    """Weight of a complication that a version drops."""
    marks = {turn.get("turn"): turn for turn in dialogue if turn.get("masked")}
    lost = 0.0
    for turn in version:
        mark = marks.get(turn.get("turn"))
        if mark is None or not mark.get("complication"):
            continue
        content = str(turn.get("content") or "")
        if mark.get("complication") == "clarification" and mark.get("kind") == "reply" and "?" not in content:
            lost += 3
        if mark.get("complication") == "error_simulation" and mark.get("kind") == "call" and not turn.get("tool_calls"):
            lost += 3
    return lost


def _naturalness(version: list[Turn], dialogue: list[Turn]) -> float:
    """A rough measure: openings that differ from other turns', no list-like wording, moderate length."""
    openings = [_opening(turn) for turn in dialogue if turn.get("role") == "user" and turn.get("content")]
    score = 0.0
    for turn in version:
        text = str(turn.get("content") or "")
        if not text:
            continue
        if turn.get("role") == "user":
            score -= 1.0 * (_opening(turn) in openings)
        score -= 0.3 * len(re.findall(r"\b(\w+ \w+ \w+)\b(?=.*\b\1\b)", text[:600]))
        score -= max(0, len(text) - 420) / 160
    return score


def _opening(turn: Turn) -> str:
    return " ".join(re.findall(r"[a-z']+", str(turn.get("content") or "").lower())[:3])
