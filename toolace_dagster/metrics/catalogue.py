"""The metrics by name: title, unit, and what each says in a sentence.

Belongs here: how a figure is called and explained wherever it is shown. Does not belong
here: measuring it; docs/metrics.md has the exact definitions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from toolace_dagster.llm.money import dollars

Unit = Literal["count", "number", "share", "ratio", "bits", "score", "dollars"]
Group = Literal["Size", "Shape", "Diversity", "Pool", "Interaction", "Coherence", "Verification", "Rating", "Cost"]


@dataclass(frozen=True)
class Metric:
    """What a metric is.

    Attributes:
        title: Its name for people.
        group: What it belongs with.
        unit: ``share`` and ``ratio`` are 0 to 1, and ``score`` 0 to 100; ``count`` is a whole number.
        meaning: What it says, in a sentence.
        parts: What its parts are, where it has any.
    """

    title: str
    group: Group
    unit: Unit
    meaning: str
    parts: str = ""


METRICS: dict[str, Metric] = {
    "dialogues": Metric("Dialogues", "Size", "count", "How many there are."),
    "user_turns": Metric("User turns a dialogue", "Size", "number", "Mean number of user turns."),
    "calls_per_user_turn": Metric(
        "Tool calls a user turn", "Size", "number", "Calls of all dialogues by their user turns."
    ),
    "steps": Metric("Steps a dialogue", "Size", "number", "Mean number of assistant turns that call tools."),
    "turns": Metric("Turns a dialogue", "Size", "number", "Mean number of turns of user, assistant and tools."),
    "characters": Metric("Characters a dialogue", "Size", "number", "Mean length of all texts, arguments and outputs."),
    "words_per_user_turn": Metric(
        "Tokens a user turn", "Size", "number", "Mean number of tokens the user says at once."
    ),
    "dialogues_by_user_turns": Metric(
        "Dialogues by user turns",
        "Size",
        "count",
        "How many dialogues have so many user turns.",
        "number of user turns",
    ),
    "dialogues_by_steps": Metric(
        "Dialogues by steps", "Size", "count", "How many dialogues have so many steps.", "number of steps"
    ),
    "injection_share": Metric(
        "Dialogues with an injection", "Shape", "share", "Share of dialogues that hold it.", "kind of injection"
    ),
    "shapes": Metric(
        "Different shapes", "Shape", "count", "Different sequences of roles, tools called and injections."
    ),
    "shape_repetition": Metric(
        "Repeated shapes", "Shape", "share", "Share of dialogues whose shape another dialogue has too."
    ),
    "largest_shape": Metric(
        "Most frequent shape", "Shape", "share", "Share of dialogues that have the most frequent shape."
    ),
    "token_entropy": Metric(
        "Token entropy", "Diversity", "bits", "Shannon entropy of the tokens of user turns; higher is more varied."
    ),
    "distinct_1": Metric("Distinct-1", "Diversity", "ratio", "Different tokens of user turns by all tokens."),
    "distinct_2": Metric("Distinct-2", "Diversity", "ratio", "Different pairs of neighbouring tokens by all pairs."),
    "distinct_3": Metric("Distinct-3", "Diversity", "ratio", "Different runs of three tokens by all such runs."),
    "self_bleu": Metric(
        "Self-BLEU",
        "Diversity",
        "score",
        "How much what one user says repeats what others say, over a sample; lower is better.",
    ),
    "distinct_3_by_domain": Metric(
        "Distinct-3 by domain",
        "Diversity",
        "ratio",
        "Distinct-3 of a domain, over as many accepted dialogues as of every other domain.",
    ),
    "self_bleu_by_domain": Metric(
        "Self-BLEU by domain",
        "Diversity",
        "score",
        "Self-BLEU of a domain, over as many accepted dialogues as of every other domain; lower is better.",
    ),
    "openings": Metric("Different openings", "Diversity", "count", "Different first five words of dialogues."),
    "opening_repetition": Metric(
        "Repeated openings", "Diversity", "share", "Share of dialogues that begin with the same five words as another."
    ),
    "largest_opening": Metric(
        "Most frequent opening",
        "Diversity",
        "share",
        "Share of dialogues that begin with the most frequent five words.",
    ),
    "tool_coverage": Metric("Tools used", "Pool", "share", "Share of the pool's tools that some dialogue calls."),
    "parameter_coverage": Metric(
        "Parameters used", "Pool", "share", "Share of the tools' parameters that some call gives."
    ),
    "value_diversity": Metric(
        "Value diversity",
        "Pool",
        "share",
        "Different values of a parameter by all values it was given; the mean over parameters given twice or more.",
        "tool and parameter",
    ),
    "clarification_rate": Metric(
        "Clarification rate", "Interaction", "share", "Share of requests on which the assistant asks back."
    ),
    "error_rate": Metric("Tool errors", "Interaction", "share", "Share of tool outputs that report an error."),
    "error_recovery_rate": Metric(
        "Error recovery rate",
        "Interaction",
        "share",
        "Share of errors after which the same tool is called with success.",
    ),
    "coherence_lexical": Metric(
        "Lexical coherence",
        "Coherence",
        "share",
        "Share of a reply's content words that the user or a tool said before; a proxy that knows words alone.",
    ),
    "coherence_entailment": Metric(
        "Entailment ratio",
        "Coherence",
        "share",
        "Share of replies that what they answer entails, by a model of entailment.",
    ),
    "pass_rate": Metric("Pass rate", "Verification", "share", "Accepted dialogues by all that came to an end."),
    "check_pass_rate": Metric(
        "Pass rate by check",
        "Verification",
        "share",
        "Share of the dialogues it looked at to which a check did not object.",
        "check",
    ),
    "human_preference": Metric(
        "Preferred by people",
        "Rating",
        "share",
        "Share of the blind pairs in which a person preferred this home's dialogue; ties are left out.",
        "home it was compared with",
    ),
    "human_ties": Metric(
        "Ties",
        "Rating",
        "share",
        "Share of the blind pairs in which neither dialogue was preferred.",
        "home it was compared with",
    ),
    "calls": Metric(
        "Model calls", "Cost", "number", "Calls for each dialogue, those for rejected ones included.", "stage"
    ),
    "prompt_tokens": Metric(
        "Prompt tokens", "Cost", "number", "Tokens of prompts for each dialogue, cached ones included.", "stage"
    ),
    "cached_tokens": Metric(
        "of these cached", "Cost", "number", "Prompt tokens that the endpoint had in its prompt cache.", "stage"
    ),
    "completion_tokens": Metric("Reply tokens", "Cost", "number", "Tokens of replies for each dialogue.", "stage"),
    "cost": Metric("Cost", "Cost", "dollars", "What the calls cost for each dialogue.", "stage"),
    "calls_left_out": Metric(
        "Calls of a former method",
        "Cost",
        "count",
        "Calls that a method made which the home was switched from; no other figure counts them.",
        "method",
    ),
}
"""In the order they are shown."""


def written(unit: Unit, value: float) -> str:
    """A value as people read it: shares in percent, dollars with as many digits as tell something."""
    if unit == "dollars":
        return dollars(value)
    if unit == "share":
        return f"{value:.1%}" if 0 < value < 1 else f"{value:.0%}"
    if unit == "count" or abs(value) >= 1000:
        return f"{value:,.0f}"
    digits = {"ratio": 3, "bits": 2, "score": 1}.get(unit, 2 if abs(value) < 100 else 1)
    return f"{value:,.{digits}f}"
