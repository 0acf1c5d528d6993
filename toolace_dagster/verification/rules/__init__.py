"""Rules: exact checks that need no model.

Belongs here: the registry and the rules, a module per subject. Does not belong
here: questions that need judgement (``experts``).
"""

# In the order they run: form first, then calls, then what they say, then the whole.
# isort: off
from toolace_dagster.verification.rules import structure, calls, grounding, results, replies, speech, coverage, overlap

# isort: on
from toolace_dagster.verification.rules.configured import RuleFileError, RuleSet, configured_rules
from toolace_dagster.verification.rules.facts import Bounds, Facts
from toolace_dagster.verification.rules.registry import (
    RULES,
    Defect,
    PlacedCall,
    Rule,
    RuleFailed,
    RuleGrade,
    Subject,
    rule,
    run_rules,
)

__all__ = [
    "RULES",
    "Bounds",
    "Defect",
    "Facts",
    "PlacedCall",
    "Rule",
    "RuleFailed",
    "RuleFileError",
    "RuleGrade",
    "RuleSet",
    "Subject",
    "calls",
    "configured_rules",
    "coverage",
    "grounding",
    "overlap",
    "replies",
    "results",
    "rule",
    "run_rules",
    "speech",
    "structure",
]
