"""Counts of an arm's dialogues, and the figures that follow from them.

Belongs here: what is counted of an arm. Does not belong here: storing figures
(``measures``), or examining dialogues (``examination``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from toolace_dagster.experiments.declared import Arm, Experiment
from toolace_dagster.experiments.homes import arm_home, examined_store
from toolace_dagster.warehouse import Row, Warehouse, sql

_VERIFYING = "verification"
_USED = ("calls", "tokens", "cached", "replies", "costs", "unpriced")


@dataclass
class Tally:
    """Counts of an arm's dialogues.

    Attributes:
        attempted: Dialogues attempted.
        refined: Those that verification was handed.
        accepted: Those that it accepted.
        defects: Dialogues with a defect as refinement left them.
        rule_failures: Those of them in which a rule found it.
        accepted_defects: Accepted dialogues with a defect.
        passes: Refinement passes made.
        calls: Model calls by stage.
        tokens: Tokens of prompts and replies by stage.
        cached: Those of prompts that the endpoint had in its cache, by stage.
        replies: Those of replies, by stage.
        costs: Dollars by stage, of the calls whose price is known.
        unpriced: Calls whose price is not known, by stage.
    """

    attempted: int = 0
    refined: int = 0
    accepted: int = 0
    defects: int = 0
    rule_failures: int = 0
    accepted_defects: int = 0
    passes: int = 0
    calls: dict[str, int] = field(default_factory=dict[str, int])
    tokens: dict[str, int] = field(default_factory=dict[str, int])
    cached: dict[str, int] = field(default_factory=dict[str, int])
    replies: dict[str, int] = field(default_factory=dict[str, int])
    costs: dict[str, float] = field(default_factory=dict[str, float])
    unpriced: dict[str, int] = field(default_factory=dict[str, int])

    def plus(self, other: Tally) -> Tally:
        """The sum of two."""
        made = Tally()
        for name in ("attempted", "refined", "accepted", "defects", "rule_failures", "accepted_defects", "passes"):
            setattr(made, name, getattr(self, name) + getattr(other, name))
        for name in _USED:
            setattr(made, name, _sums(getattr(self, name), getattr(other, name)))
        return made

    def figures(self, arm: Arm) -> dict[str, float]:
        """The counts as metrics; a share or mean over nothing is left out.

        Args:
            arm: What it hands over decides: what was accepted, or all that was refined.
        """
        handed = self.accepted if arm.verified else self.refined
        defective = self.accepted_defects if arm.verified else self.defects
        whole = {name: sum(getattr(self, name).values()) for name in _USED}
        making = {name: whole[name] - getattr(self, name).get(_VERIFYING, 0) for name in _USED}
        charged = whole if arm.verified else making
        shares: dict[str, tuple[float, int]] = {
            "pass_rate": (self.accepted, self.attempted),
            "defective.attempted": (self.defects, self.refined),
            "rule_failing.attempted": (self.rule_failures, self.refined),
            "defective.accepted": (self.accepted_defects, self.accepted),
            "defective": (defective, handed),
            "calls_unverified": (making["calls"], self.refined),
            "calls_verified": (whole["calls"], self.accepted),
            "tokens_unverified": (making["tokens"], self.refined),
            "tokens_verified": (whole["tokens"], self.accepted),
            "passes": (self.passes, self.refined),
            **{f"{name}_per_dialogue": (charged[name], handed) for name in ("calls", "tokens", "cached", "replies")},
        }
        counts: dict[str, float] = {
            "attempted": self.attempted,
            "refined": self.refined,
            "accepted": self.accepted,
            "handed_over": handed,
            **{f"{name}_made": whole[name] for name in ("calls", "tokens", "cached", "replies")},
        }
        # A sum without some of its calls would look like less.
        if not whole["unpriced"]:
            counts["cost_made"] = whole["costs"]
        if not charged["unpriced"]:
            shares["cost_per_dialogue"] = (charged["costs"], handed)
        return {
            **{name: float(value) for name, value in counts.items()},
            **{name: value / of for name, (value, of) in shares.items() if of},
        }


def _sums(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}


def tally(home: Warehouse, experiment: Experiment, arm: Arm, domain: str) -> Tally:
    """Count an arm's dialogues of one domain.

    Args:
        home: The home that the experiments belong to.
        experiment: The experiment.
        arm: The arm, made and examined.
        domain: Tool domain.
    """
    made = Tally()
    for row in arm_dialogues(home, experiment, arm, domain):
        made.attempted += 1
        made.accepted += row["state"] == "accepted"
        before, after = row["defects_before"], row["defects_after"]
        made.refined += before is not None
        made.defects += bool(before)
        made.rule_failures += any(check.startswith("rule.") for check in before or ())
        made.accepted_defects += bool(after)
    store = arm_home(home, experiment, arm).domain(domain)
    with store.reading():
        for row in store.read(sql("experiments/usage")):
            for name in ("calls", "tokens", "cached", "replies", "unpriced"):
                getattr(made, name)[row["stage"]] = row[name]
            made.costs[row["stage"]] = row["cost"]
        made.passes = store.read(sql("experiments/passes"))[0]["passes"]
    return made


def arm_dialogues(home: Warehouse, experiment: Experiment, arm: Arm, domain: str) -> list[Row]:
    """What became of an arm's dialogues of one domain: state, and defects before and after verification."""
    place = {"experiment": experiment.name, "arm": arm.name}
    return examined_store(home, domain).read(sql("experiments/arm_dialogues"), place)
