"""The report's tables: what stands in each, for both forms.

Belongs here: choosing and wording cells. Does not belong here: plots, or markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolace_dagster.experiments.pages import OFFLINE_NOTE, conclusions, made_with, tables
from toolace_dagster.llm.money import counted
from toolace_dagster.metrics import METRICS
from toolace_dagster.metrics.by_domain import LEAST
from toolace_dagster.metrics.catalogue import Unit, written
from toolace_dagster.metrics.keeping import DEFAULT_METHOD, SIMULATION
from toolace_dagster.rating import Tally
from toolace_dagster.reporting.report.facts import (
    METHOD_NAMES,
    ExperimentFigures,
    MethodFigures,
    Overlap,
    ReportFacts,
)
from toolace_dagster.reporting.report.paper import CALL_RATIO, COLUMNS, TABLES, PaperTable, cell

_USAGE = ("calls", "prompt_tokens", "cached_tokens", "completion_tokens", "cost")
_BY_DOMAIN = (
    "dialogues",
    "pass_rate",
    "user_turns",
    "steps",
    "calls",
    "distinct_3_by_domain",
    "self_bleu_by_domain",
    "tool_coverage",
    "parameter_coverage",
    "clarification_rate",
    "coherence_lexical",
)


@dataclass(frozen=True)
class Table:
    """A table of texts.

    Attributes:
        title: What it shows; may be empty.
        columns: Headings; the first column names the row.
        rows: Cells.
        note: What to know when reading it.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


def report_tables(facts: ReportFacts) -> list[tuple[str, list[Table]]]:
    """The tables by section, in order; a section without any is left out."""
    sections = [
        ("Beside the paper", [paper_table(each, facts) for each in TABLES] if facts.methods else []),
        ("Methods side by side", [methods_table(facts)] if len(facts.methods) > 1 else []),
        ("Where calls and tokens go", [usage_table(method) for method in facts.methods]),
        ("Checks", [checks_table(method) for method in facts.methods]),
        ("Human rating", [ratings_table(facts.ratings)]),
        ("Experiments", [each for experiment in facts.experiments for each in experiment_tables(experiment)]),
        ("By domain", [domains_table(facts.own, facts.domains)] if facts.own and len(facts.domains) > 1 else []),
        ("All metrics", [metrics_table(method) for method in facts.methods]),
    ]
    return [(name, kept) for name, tables in sections if (kept := [each for each in tables if each.rows])]


def paper_table(found: PaperTable, facts: ReportFacts) -> Table:
    """A table of the paper with our columns beside its own."""
    rows: list[list[str]] = []
    for row in found.rows:
        theirs = [_paper_text(row.unit, value) for value in row.values]
        ours = [cell(row.unit, row.ours(method.rows)) for method in facts.methods]
        rows.append([row.title, *theirs, *ours])
    notes = [f"{row.title}: {row.remark}" for row in found.rows if row.remark]
    return Table(
        found.title,
        ("", *(f"{name} (paper)" for name in COLUMNS), *(f"{m.name} (this home)" for m in facts.methods)),
        rows,
        " ".join(notes),
    )


def _paper_text(unit: Unit, value: float | None) -> str:
    if value is not None and unit in ("dollars", "score"):
        return f"${value:,.0f}" if unit == "dollars" else f"{value:.2f}"
    return cell(unit, value)


def methods_table(facts: ReportFacts) -> Table:
    """Each metric by method."""
    rows: list[list[str]] = []
    for name, metric in METRICS.items():
        cells = [method.text(name, over=_over(name)) for method in facts.methods]
        if any(cell != "–" for cell in cells):
            rows.append([metric.title, *cells])
    return Table("Accepted dialogues", ("", *(method.name for method in facts.methods)), rows, ratio_note(facts))


def ratio_note(facts: ReportFacts) -> str:
    """Whether both methods had the same tasks, and if any, how many calls ours makes for each of simulation's."""
    own = facts.own
    if own is None:
        return ""
    sentences: list[str] = []
    for other in facts.others:
        shared = other.overlap or Overlap(0, 0, 0)
        ours, theirs = own.value("calls"), other.value("calls")
        if not shared.common:
            sentences.append(f"{own.name} and {other.name} have no task in common, so they can't be compared.")
            continue
        if ours and theirs:
            # The paper's ratio is of these two methods.
            as_in_paper = (own.method, other.method) == (DEFAULT_METHOD, SIMULATION)
            paper = f" (the paper: {CALL_RATIO:.2f} ×)" if as_in_paper else ""
            sentences.append(
                f"For each accepted dialogue {own.name} makes {ours / theirs:.2f} × the calls of {other.name}{paper}."
            )
        if shared.common == shared.own == shared.other:
            sentences.append(f"Both are over the same {shared.own:,} tasks.")
        else:
            tasks = "task is" if shared.common == 1 else "tasks are"
            sentences.append(
                f"Only {shared.common:,} {tasks} the same: {own.name} has {shared.own:,}, {other.name} "
                f"{shared.other:,}. What differs besides may come from the tasks."
            )
    return " ".join(sentences)


def usage_table(method: MethodFigures) -> Table:
    """Calls, tokens and cost of each stage for each accepted dialogue."""
    stages: list[str | None] = [*method.stages, None]
    rows = [
        [stage.replace("_", " ") if stage else "all stages", *(method.text(name, part=stage) for name in _USAGE)]
        for stage in stages
    ]
    columns = ("stage", *(METRICS[name].title.lower() for name in _USAGE))
    note = " ".join(["For each accepted dialogue; what rejected ones cost is in it.", *left_out(method)])
    return Table(method.name, columns, rows if method.stages else [], note)


def left_out(method: MethodFigures) -> list[str]:
    """What is in no figure of cost, in sentences."""
    return [
        f"Left out: {counted(row.count, 'call')} of "
        f"{METHOD_NAMES.get(row.part or '', row.part)}, which the home was switched from."
        for row in method.rows
        if row.metric == "calls_left_out" and row.domain is None
    ]


def checks_table(method: MethodFigures) -> Table:
    """The pass rate of each check, the one that objects most first."""
    found = [row for row in method.rows if row.metric == "check_pass_rate" and row.domain is None]
    rows = [
        [row.part or "", f"{row.count:,}", written("share", row.value)]
        for row in sorted(found, key=lambda row: (row.value, row.part or ""))
    ]
    return Table(method.name, ("check", "dialogues it looked at", "pass"), rows)


def experiment_tables(experiment: ExperimentFigures) -> list[Table]:
    """The tables of the experiment's own page, with what it was made with and what it comes to."""
    notes = " ".join([f"Made with {made_with(experiment.arms)}.", *conclusions(experiment.declared, experiment.arms)])
    return [
        Table(
            f"{experiment.title}: {title}",
            list(rows[0]),
            [list(row.values()) for row in rows],
            " ".join(each for each in (notes if place == 0 else "", note) if each),
        )
        for place, (title, rows, note) in enumerate(tables(experiment.arms))
    ]


def experiments_note(facts: ReportFacts) -> str:
    """What the experiments of the offline model can show, and which these are; empty where there is none."""
    found = [each.title for each in facts.experiments if each.offline]
    names = "" if len(found) == len(facts.experiments) else f"{', '.join(found)}: "
    return f"{names}{' '.join(OFFLINE_NOTE.split())}" if found else ""


def ratings_table(ratings: Sequence[Tally]) -> Table:
    """How often people preferred which home, and whether that may be chance."""
    rows: list[list[str]] = []
    for each in ratings:
        low, high = each.interval
        share = "–" if each.share is None else f"{each.share:.0%} ({low:.0%} to {high:.0%})"
        chance = "–" if each.share is None else f"{each.p_value:.3g}"
        left = f"{each.left} of {each.wins + each.losses}"
        rows.append([f"{each.one} / {each.other}", f"{each.wins} / {each.losses}", str(each.ties), share, chance, left])
    columns = ("homes", "preferred", "ties", "share of the first (95 % interval)", "sign test p", "the left one")
    note = "Blind pairs of one task, sides by lot. Where sides don't sway, left is preferred about half the time."
    return Table("What people preferred", columns, rows, note)


def domains_table(own: MethodFigures, domains: Sequence[str]) -> Table:
    """The main figures of each domain."""
    rows = [[domain, *(own.text(name, domain=domain, over=_over(name)) for name in _BY_DOMAIN)] for domain in domains]
    columns = ("domain", *(METRICS[name].title.lower() for name in _BY_DOMAIN))
    note = f"{domains_note(own, domains)} Tools and parameters used are over all dialogues; more dialogues use more."
    return Table("Accepted dialogues", columns, rows, note)


def domains_note(own: MethodFigures, domains: Sequence[str]) -> str:
    """Over how many dialogues the variety of domains is compared, and which have too few."""
    sizes = {row.domain: row.count for row in own.rows if row.metric == "distinct_3_by_domain"}
    if not sizes:
        return f"Distinct-3 and self-BLEU are compared where two domains or more have {LEAST} accepted dialogues."
    told = (
        f"Distinct-3 and self-BLEU depend on the number of dialogues, so they are over {max(sizes.values()):,} of each "
        "domain, always the same ones."
    )
    few = [domain for domain in domains if domain not in sizes]
    return f"{told} Left out, with under {LEAST} accepted: {', '.join(few)}." if few else told


def _over(name: str) -> str:
    return "attempted" if name == "pass_rate" else "accepted"


def metrics_table(method: MethodFigures) -> Table:
    """Every metric with what it says."""
    rows: list[list[str]] = []
    for name, metric in METRICS.items():
        cells = [method.text(name, over=over) for over in ("attempted", "accepted")]
        if any(cell != "–" for cell in cells):
            rows.append([metric.title, *cells, metric.meaning])
    return Table(method.name, ("metric", "attempted", "accepted", "what it says"), rows)
