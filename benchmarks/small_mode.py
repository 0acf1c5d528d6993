"""What the preset ``small`` does for a weak model: pass rates and costs beside those of the defaults.

Runs the pipeline on shipped domains with the offline model at raised error rates, once with each preset and with the
same seed, in homes under a temporary folder, and prints a table. Pass rate counts all attempted dialogues; calls and
tokens are those of the whole run, rejected dialogues included, for each accepted dialogue.

    python benchmarks/small_mode.py [--dialogues 20] [--error-rates 3 5 7] [--domains museum_visits freight_logistics]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from toolace_dagster.reporting.summary import summarize
from toolace_dagster.warehouse import Warehouse

PRESETS = ("default", "small")


@dataclass(frozen=True)
class Outcome:
    """What a run came to.

    Attributes:
        attempted: Dialogues.
        accepted: Those that were accepted.
        calls: Model calls.
        tokens: Tokens of prompts and replies.
    """

    attempted: int
    accepted: int
    calls: int
    tokens: int

    @property
    def pass_rate(self) -> float:
        """Share of dialogues that were accepted."""
        return self.accepted / self.attempted if self.attempted else 0.0

    def each(self, amount: int) -> str:
        """An amount for each accepted dialogue."""
        return f"{amount / self.accepted:,.0f}" if self.accepted else "-"


def main() -> None:
    """Read the command line, run, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dialogues", type=int, default=20)
    parser.add_argument("--error-rates", type=float, nargs="+", default=[3.0, 5.0, 7.0])
    parser.add_argument("--domains", nargs="+", default=["museum_visits", "freight_logistics"])
    asked = parser.parse_args()
    print("| error rate | preset | accepted | pass rate | factor | calls an accepted dialogue | tokens |")
    print("| --- | --- | --- | --- | --- | --- | --- |", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for rate in asked.error_rates:
            made = {
                preset: run(Path(folder) / f"{preset}-{rate:g}", preset, rate, asked.dialogues, asked.domains)
                for preset in PRESETS
            }
            for preset, outcome in made.items():
                cells = [
                    f"{rate:g}",
                    f"`{preset}`",
                    f"{outcome.accepted} of {outcome.attempted}",
                    f"{outcome.pass_rate:.0%}",
                    factor(outcome, made["default"]),
                    outcome.each(outcome.calls),
                    outcome.each(outcome.tokens),
                ]
                print(f"| {' | '.join(cells)} |", flush=True)


def factor(outcome: Outcome, default: Outcome) -> str:
    """A pass rate as a multiple of that of the defaults."""
    return f"{outcome.pass_rate / default.pass_rate:.2f}" if default.pass_rate else "-"


def run(home: Path, preset: str, error_rate: float, dialogues: int, domains: list[str]) -> Outcome:
    """Run the pipeline in a home of its own and count."""
    command = [str(Path(sys.executable).with_name("toolace")), "run", "--home", str(home), "--preset", preset]
    command += ["--dialogues", str(dialogues), "--error-rate", str(error_rate)]
    command += [word for domain in domains for word in ("--domain", domain)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return outcome_of(home)


def outcome_of(home: Path) -> Outcome:
    """Count what a home holds."""
    warehouse = Warehouse(home)
    found = [summarize(warehouse, domain) for domain in warehouse.domains()]
    return Outcome(
        attempted=sum(each.attempted for each in found),
        accepted=sum(each.accepted for each in found),
        calls=sum(each.calls for each in found),
        tokens=sum(each.prompt_tokens + each.completion_tokens for each in found),
    )


if __name__ == "__main__":
    main()
