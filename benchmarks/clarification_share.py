"""How the share of clarifying turns follows ``clarification_share``: a table.

Makes dialogues with the offline model, one home per value, and counts the requests of sub-tasks that the assistant
answers with a question about a value, and these questions among all turns of the assistant in words.

    python benchmarks/clarification_share.py WORK [--shares 0.1 0.3 0.6] [--dialogues 10] [--domain NAME ...]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from toolace_dagster.entities import Dialogue, InjectionType
from toolace_dagster.warehouse import Warehouse


def main() -> None:
    """Read the command line, make the dialogues and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.1, 0.3, 0.6])
    parser.add_argument("--dialogues", type=int, default=10)
    parser.add_argument("--domain", nargs="*", default=["library_lending", "home_energy", "freight_logistics"])
    asked = parser.parse_args()
    print("| clarification_share | dialogues | clarifications | of all requests | of all replies |")
    print("|---|---|---|---|---|")
    for share in asked.shares:
        home = asked.work / f"share-{share:g}"
        made = ["--home", str(home), "--dialogues", str(asked.dialogues), "--set", f"clarification_share={share:g}"]
        domains = [part for name in asked.domain for part in ("--domain", name)]
        command = [str(Path(sys.executable).with_name("toolace")), "run", *made, *domains]
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
        print(row(share, Warehouse(home)))


def row(share: float, warehouse: Warehouse) -> str:
    """One line of the table."""
    dialogues = clarifying = requests = replies = 0
    for domain in warehouse.domains():
        rounds = "SELECT dialogue FROM refinement_rounds QUALIFY round = max(round) OVER ()"
        for each in warehouse.domain(domain).read(rounds):
            text = each["dialogue"]
            dialogue = Dialogue.model_validate(json.loads(text) if isinstance(text, str) else text)
            dialogues += 1
            requests += len({turn.sub_task for turn in dialogue.turns})
            replies += sum(turn.role == "assistant" and not turn.is_call for turn in dialogue.turns)
            clarifying += sum(record.type is InjectionType.CLARIFICATION for record in dialogue.injections)
    of_requests, of_replies = clarifying / max(1, requests), clarifying / max(1, replies)
    return f"| {share:g} | {dialogues} | {clarifying} | {of_requests:.0%} | {of_replies:.0%} |"


if __name__ == "__main__":
    main()
