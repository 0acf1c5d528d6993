"""What the dataset card says of how dialogues came about, from the settings and from what was counted.

Belongs here: sentences that depend on the method, on what of it was switched off, and on
where tool results came from. Does not belong here: the card's other sections (``card``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolace_dagster.entities.dialogue import OutputSource

_INJECTION = "inject complexity (unclear requests, missing tools, failing calls, needs without a tool)"
_REFINEMENT = "mask turns, write them anew and let a judge choose between old and new"
_VERIFICATION = (
    "Verification: rules on structure, arguments and the source of values, then expert questions. "
    "One hard fault rejects."
)


def method_text(settings: Mapping[str, Any]) -> str:
    """The method in a sentence, and its stages as a numbered list.

    Args:
        settings: The run's settings as JSON values; what is missing counts as the default.
    """
    if settings.get("method") == "simulation":
        named = (
            "multi-agent simulation, the baseline that ToolACE-MT (arXiv 2508.12685) is compared with: agents write "
            "the dialogue turn by turn:"
        )
        stages = [
            "Initialization: sample tools from a pool, have a task with sub-tasks written.",
            "Simulation: a user, an assistant and a tool agent take turns over the task, and each reads all that was "
            "said; complications (unclear requests, missing tools, failing calls, needs without a tool) are played by "
            "plan.",
        ]
    else:
        named = "ToolACE-MT (arXiv 2508.12685), which writes whole dialogues, then improves them in place:"
        stages = [
            "Initialization: sample tools from a pool, have a task with sub-tasks written, then each sub-task's "
            "trajectory.",
        ]
        operations = settings.get("operations")
        done = [
            text
            for operation, text in (("complexity_injection", _INJECTION), ("reasonability_refinement", _REFINEMENT))
            if operations is None or operation in operations
        ]
        if done and settings.get("rounds") != 0:
            stages.append(f"Refinement, in rounds: {'; '.join(done)}.")
    numbered = "\n".join(f"{number}. {stage}" for number, stage in enumerate([*stages, _VERIFICATION], 1))
    return f"{named}\n\n{numbered}"


def results_text(outputs: Mapping[OutputSource, int]) -> str:
    """Where the tool results come from, in one sentence.

    Args:
        outputs: Tool results of the dialogues by source.
    """
    parts = [
        ("answered by tools that were really run", outputs.get("executed", 0)),
        ("made up by a model", outputs.get("simulated", 0)),
        ("failures simulated on purpose", outputs.get("injected", 0)),
    ]
    told = [f"{what}: {number:,}" for what, number in parts if number]
    return f"Tool results: {sum(outputs.values()):,}" + (f" ({', '.join(told)})." if told else ".")


def results_limits(outputs: Mapping[OutputSource, int]) -> list[str]:
    """What to bear in mind of the tool results."""
    limits: list[str] = []
    if outputs.get("simulated") or outputs.get("injected"):
        limits.append("Simulated tool results are made up, also where a real service of that name exists.")
    if outputs.get("executed"):
        limits.append("Results of tools that were run are those of that moment, and of the world the tools were given.")
    return limits
