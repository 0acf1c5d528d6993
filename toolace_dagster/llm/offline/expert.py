"""The reply to ``expert``: answers to sub-questions of quality.

Belongs here: turning faults into answers, with the documented share of faults
overlooked and of false alarms. Does not belong here: what counts as a fault
(``faults``).
"""

from __future__ import annotations

from typing import Any

from toolace_dagster.llm.offline.errors import Errors
from toolace_dagster.llm.offline.faults import Fault, faults_of
from toolace_dagster.llm.offline.memory import Turn
from toolace_dagster.llm.offline.request import Request
from toolace_dagster.llm.offline.second_reading import second_reading

_READ_MOST = 64
_READ: dict[tuple[str, ...], list[Fault]] = {}
_PASSES = {
    "user_realism": "The user's turns fit one person and hold only what that person can know.",
    "tool_choice": "Each call uses an offered tool that fits the request at that point.",
    "argument_extraction": "Every argument can be traced to the user, an earlier output or a default.",
    "result_plausibility": "Each output is what its tool could have answered to its call.",
    "reply_faithfulness": "The replies repeat what the outputs say.",
    "task_completion": "Every part of the task is asked for, acted on and answered.",
    "complexity_handling": "What is out of the ordinary is handled as it should be.",
    "coherence": "Each turn follows from those before it.",
}
_DOUBTS = {
    "user_realism": "This turn sounds scripted rather than like the person in the rest of the dialogue.",
    "tool_choice": "It is doubtful whether this call was needed at this point.",
    "argument_extraction": "The argument does not quite say what the user meant.",
    "result_plausibility": "The output is thinner than what such a tool would return.",
    "reply_faithfulness": "The reply leaves room for a reading that the output does not support.",
    "task_completion": "This part was answered, but not as fully as it was asked.",
    "complexity_handling": "The assistant could have taken this hurdle more directly.",
    "coherence": "This turn takes up what was said before only loosely.",
}


def answer(request: Request, errors: Errors) -> dict[str, Any]:
    """Answer the questions.

    Args:
        request: The request.
        errors: Draws of oversights and false alarms.

    Returns:
        The reply's JSON object.
    """
    dialogue = request.items("dialogue")
    # Each question may come in a request of its own about the same dialogue, which is read once.
    read = request.shown[:4]
    faults = _READ.get(read)
    if faults is None:
        faults = faults_of(dialogue, request.tools, request.object("task"), ())
        faults += second_reading(dialogue, request.tools, request.items("complications"))
        while len(_READ) >= _READ_MOST:
            _READ.pop(next(iter(_READ)), None)
        _READ[read] = faults
    asked = [str(question.get("name")) for question in request.items("questions")]
    return {"answers": [_one(name, faults, dialogue, errors) for name in asked]}


def _one(name: str, faults: list[Fault], dialogue: list[Turn], errors: Errors) -> dict[str, Any]:
    mine = [fault for fault in faults if fault.question == name]
    seen = [fault for fault in mine if not errors.hit("expert_misses")]
    if seen:
        worst = max(seen, key=lambda fault: fault.weight)
        return {
            "question": name,
            "reason": worst.reason,
            "passes": False,
            "turn": worst.turn or None,
            "quote": worst.quote,
        }
    alarm = errors.hit("expert_false_alarm")
    if alarm and not mine and name in _DOUBTS:
        spoken = [turn for turn in dialogue if turn.get("content")]
        if spoken:
            turn = errors.rng.choice(spoken)
            quote = " ".join(str(turn["content"]).split()[:8])
            return {
                "question": name,
                "reason": _DOUBTS[name],
                "passes": False,
                "turn": str(turn.get("turn")),
                "quote": quote,
            }
    return {
        "question": name,
        "reason": _PASSES.get(name, "Nothing speaks against it."),
        "passes": True,
        "turn": None,
        "quote": "",
    }
