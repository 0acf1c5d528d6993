"""Rules: exact checks that need no model.

Belongs here: the registry and the rules, a module per subject. Does not belong
here: questions that need judgement (``experts``).
"""

from toolace_dagster.verification.rules import calls, grounding, structure
from toolace_dagster.verification.rules.registry import RULES, Defect, PlacedCall, Rule, Subject, rule, run_rules

__all__ = ["RULES", "Defect", "PlacedCall", "Rule", "Subject", "calls", "grounding", "rule", "run_rules", "structure"]
