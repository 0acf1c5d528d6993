"""The figures that the paper (ToolACE-MT, arXiv 2508.12685) reports, and which of ours stands beside each.

Belongs here: its tables as data. Does not belong here: ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolace_dagster.metrics import MetricRow, Over, figure
from toolace_dagster.metrics.catalogue import Unit, written

COLUMNS = ("Simulation (MAS)", "ToolACE-MT, GPT-4o", "ToolACE-MT, GPT-4o-mini")
KEPT = 8000
"""Dialogues that the paper's totals are for."""
CALL_RATIO = 188 / 275
"""Calls of ToolACE-MT to those of simulation for the same number of kept dialogues."""


@dataclass(frozen=True)
class PaperRow:
    """A row of its tables.

    Attributes:
        title: What it is.
        values: By column; None where the paper has no figure.
        unit: Of the values.
        metric: Our metric; empty where we have none.
        over: Over which dialogues ours is.
        times: What ours is multiplied by to be of the same kind.
        remark: What to know before comparing.
        plotted: Whether it is worth a plot.
    """

    title: str
    values: tuple[float | None, float | None, float | None]
    unit: Unit
    metric: str = ""
    over: Over = "accepted"
    times: float = 1
    remark: str = ""
    plotted: bool = True

    def ours(self, rows: Sequence[MetricRow]) -> float | None:
        """Our figure beside it."""
        value = figure(rows, self.metric, over=self.over) if self.metric else None
        return None if value is None else value * self.times


@dataclass(frozen=True)
class PaperTable:
    """One of its tables, as far as we can lay ours beside it."""

    title: str
    rows: tuple[PaperRow, ...]


TABLES: tuple[PaperTable, ...] = (
    PaperTable(
        "What the data costs",
        (
            PaperRow(
                f"Model calls for {KEPT:,} kept dialogues", (275_000, 188_000, 394_000), "number", "calls", times=KEPT
            ),
            PaperRow(
                f"Price of {KEPT:,} kept dialogues", (1737, 1380, 148), "dollars", "cost", times=KEPT, plotted=False
            ),
            PaperRow("Verification pass rate", (0.611, 0.723, 0.487), "share", "pass_rate", "attempted"),
        ),
    ),
    PaperTable(
        "What the data is like",
        (
            PaperRow("User turns a dialogue", (5.8, 3.4, None), "number", "user_turns"),
            PaperRow("Tool calls a user turn", (2.3, 3.7, None), "number", "calls_per_user_turn"),
            PaperRow(
                "Entropy, bits",
                (7.92, 9.28, None),
                "bits",
                "token_entropy",
                remark="The paper does not say of what; ours is of the tokens of user turns.",
            ),
            PaperRow(
                "Distinct-3",
                (0.319, 0.357, None),
                "ratio",
                "distinct_3",
                remark="Falls with the amount of text, whoever wrote it; the paper's is over more dialogues.",
            ),
            PaperRow(
                "Coherence (entailment ratio)",
                (0.436, 0.5071, None),
                "share",
                "coherence_entailment",
                remark="The paper names neither model nor pairs; ours needs one (toolace metrics --entailment).",
                plotted=False,
            ),
        ),
    ),
    PaperTable(
        "What a model learns from it (BFCL-v3, Llama-3.1-8B-Instruct)",
        (
            PaperRow("Overall", (64.17, 65.41, 60.13), "score", remark="Needs a model trained on the data."),
            PaperRow("Multi-turn", (31.38, 40.25, None), "score", remark="9.25 before training."),
        ),
    ),
)


def cell(unit: Unit, value: float | None) -> str:
    """A value, a dash for none; what costs nothing is free."""
    if value is None:
        return "–"
    return "free" if unit == "dollars" and value == 0 else written(unit, value)
