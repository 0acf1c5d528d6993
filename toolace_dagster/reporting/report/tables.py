"""The report's tables: what stands in each, for both forms.

Belongs here: choosing and wording cells. Does not belong here: plots, or markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolace_dagster.metrics import METRICS
from toolace_dagster.metrics.catalogue import Unit, written
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
    "distinct_3",
    "self_bleu",
    "tool_coverage",
    "parameter_coverage",
    "clarification_rate",
    "coherence_lexical",
)
_SHARES = ("rate", "share", "defective", "rule_failing")
_EXPERIMENT_TITLES = {
    "attempted": "Dialogues attempted",
    "refined": "Dialogues refined",
    "accepted": "Dialogues accepted",
    "handed_over": "Dialogues handed over",
    "defective.attempted": "With a defect, before verification",
    "defective.accepted": "With a defect, accepted all the same",
    "defective": "With a defect, as handed over",
    "rule_failing.attempted": "Breaking a rule, before verification",
    "calls_per_dialogue": "Model calls a dialogue",
    "tokens_per_dialogue": "Tokens a dialogue",
    "calls_unverified": "Model calls a dialogue, without verification",
    "calls_verified": "Model calls a dialogue, with verification",
    "passes": "Refinement passes a dialogue",
}
"""Of metrics that experiments alone have."""


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
        ("Experiments", [experiment_table(each) for each in facts.experiments]),
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
            sentences.append(
                f"For each accepted dialogue {own.name} makes {ours / theirs:.2f} × the calls of {other.name} "
                f"(the paper: {CALL_RATIO:.2f} ×)."
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
        f"Left out: {row.count:,} {'call' if row.count == 1 else 'calls'} of "
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


def experiment_table(experiment: ExperimentFigures) -> Table:
    """Each metric that several arms have, by arm."""
    rows = [
        [metric_title(name), *(experiment_text(name, arm.values.get(name)) for arm in experiment.arms)]
        for name in experiment.metrics
        if "." not in name or name.split(".")[-1] in ("attempted", "accepted")
    ]
    return Table(experiment.title, ("", *(arm.label for arm in experiment.arms)), rows)


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


def metric_title(name: str) -> str:
    """A metric of an experiment for people: its title where it is one of ours."""
    if name in _EXPERIMENT_TITLES:
        return _EXPERIMENT_TITLES[name]
    base, _, rest = name.partition(".")
    title = METRICS[base].title if base in METRICS else base.replace("_", " ")
    return f"{title}, {rest.replace('.', ', ')}" if rest else title


def experiment_text(name: str, value: float | None) -> str:
    """A value of an experiment as people read it."""
    if value is None:
        return "–"
    base = name.partition(".")[0]
    unit: Unit = METRICS[base].unit if base in METRICS else "share" if base.endswith(_SHARES) else "number"
    return written(unit, value)


def domains_table(own: MethodFigures, domains: Sequence[str]) -> Table:
    """The main figures of each domain."""
    rows = [[domain, *(own.text(name, domain=domain, over=_over(name)) for name in _BY_DOMAIN)] for domain in domains]
    return Table("Accepted dialogues", ("domain", *(METRICS[name].title.lower() for name in _BY_DOMAIN)), rows)


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
