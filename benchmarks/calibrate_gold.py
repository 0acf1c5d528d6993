"""How well the rules tell good dialogues from bad ones, on public gold dialogues with and without planted defects.

The 200 base multi-turn tasks of bfcl-eval are executed into dialogues, with replies made from
the outputs by template. They should be free of hard findings. Then one defect is planted in each
of 200 copies, for eight kinds of defects; a defect counts as caught if the check that is made for
it reports it at its turn and reported nothing there before, or nothing as grave.

Usage: python -m benchmarks.calibrate_gold [--count 200] [--show KIND]
(needs pip install --no-deps bfcl-eval==2026.3.23 mpmath)
"""

from __future__ import annotations

import argparse
from collections import Counter

from tests.gold import Gold, gold_dialogues
from tests.mutants import MUTATIONS, RIGHT_CHECK, STRUCTURE, mutants, with_replies
from toolace_dagster.entities import Dialogue, Finding
from toolace_dagster.settings import Settings
from toolace_dagster.verification.checks import Checks

CHECKS = Checks.of(Settings())


def findings(dialogue: Dialogue, gold: Gold) -> list[Finding]:
    """What the rules find in a dialogue."""
    return CHECKS.findings(dialogue, gold.spec, gold.tools)


def places(found: list[Finding]) -> set[tuple[str, str | None, str]]:
    """Which checks report which turns, and how gravely."""
    return {(finding.check, finding.turn_id, finding.severity) for finding in found}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200, help="mutants of each kind")
    parser.add_argument("--seed", type=int, default=0, help="seed of the draws")
    parser.add_argument("--show", default="", help="print the uncaught of this kind, or the findings of 'gold'")
    options = parser.parse_args()
    golds = [with_replies(gold) for gold in gold_dialogues()]
    before = {gold.dialogue.id: findings(gold.dialogue, gold) for gold in golds}
    hard = [key for key, found in before.items() if any(f.severity == "hard" for f in found)]
    print(f"gold dialogues          {len(golds)}")
    print(f"free of hard findings   {1 - len(hard) / len(golds):.1%}")
    soft = Counter(f.check for found in before.values() for f in {(f.check): f for f in found}.values())
    print("dialogues with findings", dict(soft.most_common()))
    if options.show == "gold":
        for key, found in before.items():
            for finding in found:
                print(f"  {key} {finding.severity} {finding.check} {finding.turn_id}: {finding.message[:200]}")
    print(f"\n{'planted defect':30}{'of':>10}{'mutants':>9}{'caught':>9}{'rejected':>10}  by")
    for kind in MUTATIONS:
        made = mutants(golds, kind, options.count, options.seed)
        caught = rejected = 0
        for mutant in made:
            found = findings(mutant.dialogue, mutant.gold)
            fresh = places(found) - places(before[mutant.gold.dialogue.id])
            if any(check == RIGHT_CHECK[kind] and turn in mutant.turns for check, turn, _ in fresh):
                caught += 1
            elif options.show == kind:
                print(
                    f"  {mutant.dialogue.id} {sorted(mutant.turns)}: {mutant.planted}; found {sorted(map(str, fresh))}"
                )
            rejected += any(severity == "hard" for _, _, severity in fresh)
        what = "structure" if kind in STRUCTURE else "content"
        total = max(1, len(made))
        print(f"{kind:30}{what:>10}{len(made):>9}{caught / total:>9.1%}{rejected / total:>10.1%}  {RIGHT_CHECK[kind]}")


if __name__ == "__main__":
    main()
