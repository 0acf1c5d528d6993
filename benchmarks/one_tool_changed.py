"""One tool's description changes in a domain of 60 tools and 200 dialogues: what is made again, and at what cost.

What `toolace plan` names beforehand must be just the dialogues that offer the tool, the run after it must make just
these, and what it pays for must be within 5 % of the calls that were forecast.

Run: ``python -m benchmarks.one_tool_changed [DIALOGUES] [ROUNDS] [TOOL...]``
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from toolace_dagster.entities import Tool, ToolDomain
from toolace_dagster.llm.money import load_prices
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.estimate import make_estimate, past_evidence
from toolace_dagster.pipeline.estimate.work import work_of
from toolace_dagster.pipeline.pool import write_pool
from toolace_dagster.pipeline.regeneration import plan_domain
from toolace_dagster.pipeline.stage_run import run_stage
from toolace_dagster.pipeline.stages import domain_stages
from toolace_dagster.settings import Settings
from toolace_dagster.tool_pool import load_pool
from toolace_dagster.warehouse import Warehouse

DOMAIN, TOOLS = "everything", 60
NEAR = 0.05
ROUNDS = 5


class Site:
    """A home with one domain of many tools."""

    def __init__(self, home: Path, settings: Settings) -> None:
        """Take the tools of all shipped domains as those of one.

        Args:
            home: Home folder.
            settings: Settings of its runs.
        """
        tools = {tool.name: tool for domain in load_pool(settings.pool).domains for tool in domain.tools}
        self.domain = ToolDomain(name=DOMAIN, tools=tuple(tools[name] for name in sorted(tools)[:TOOLS]))
        self.home, self.settings = Warehouse(home), settings

    def make(self, run_id: str) -> StageContext:
        """Bring the domain up to date."""
        context = StageContext(DOMAIN, self.settings, self.home, run_id)
        write_pool(context.store, self.domain)
        for stage in domain_stages(self.settings):
            run_stage(stage, context)
        return context

    def describe(self, name: str, text: str) -> None:
        """Change the description of a tool."""
        tools = [
            Tool.model_validate(tool.model_dump() | {"description": text}) if tool.name == name else tool
            for tool in self.domain.tools
        ]
        self.domain = ToolDomain(name=DOMAIN, tools=tuple(tools))

    def offering(self, name: str) -> set[str]:
        """Dialogues whose plan offers a tool."""
        rows = self.home.domain(DOMAIN).read("SELECT dialogue_id, plan FROM drawn_plans")
        return {row["dialogue_id"] for row in rows if f'"{name}"' in row["plan"]}

    def made_in(self, run_id: str) -> set[str]:
        """Dialogues of which a run made a row of any stage."""
        rows = self.home.domain(DOMAIN).read("SELECT DISTINCT dialogue_id FROM stage_rows WHERE run_id = ?", [run_id])
        return {row["dialogue_id"] for row in rows}

    def paid(self, run_id: str) -> int:
        """Calls that a run paid for."""
        return int(
            self.home.domain(DOMAIN).read("SELECT count(*) AS n FROM model_calls WHERE run_id = ?", [run_id])[0]["n"]
        )


def main() -> int:
    """Try and print; 1 when another dialogue was made, or the forecast was off by more than 5 %."""
    dialogues = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder), Settings(dialogues=dialogues, rounds=rounds))
        began = time.monotonic()
        site.make("first")
        print(
            f"{len(site.domain.tools)} tools, {dialogues} dialogues, {rounds} rounds: {site.paid('first'):,} calls, "
            f"{time.monotonic() - began:.0f} s"
        )
        names = sys.argv[3:] or [tool.name for tool in site.domain.tools[:: max(1, len(site.domain.tools) // 6)]]
        print(
            f"{'changed tool':30s} {'offered by':>10s} {'planned':>8s} {'made':>5s} {'forecast':>9s} {'paid':>6s}   off"
        )
        for number, name in enumerate(names):
            offering = site.offering(name)
            site.describe(name, f"Something quite different, number {number}.")
            plan = plan_domain(site.domain, site.settings, site.home)
            planned = {stale.dialogue_id for stale in plan.stale}
            evidence = past_evidence(site.home, [DOMAIN], site.settings)
            assert evidence is not None
            calls = make_estimate([work_of(plan)], evidence, site.settings, load_prices(None)).whole.calls
            site.make(name)
            made, paid = site.made_in(name), site.paid(name)
            off = paid / calls.value - 1 if calls.value else float(paid > 0)
            counts = f"{len(offering):10d} {len(planned):8d} {len(made):5d} {calls.value:9.0f} {paid:6d}"
            print(f"{name:30s} {counts} {off:+.1%}", flush=True)
            wrong += not offering == planned == made or abs(off) > NEAR
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
