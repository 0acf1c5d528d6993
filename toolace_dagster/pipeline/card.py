"""The facts of the dataset card, collected in one pass over the rows.

Belongs here: reading what the card says from the warehouse. Does not belong here: how
it says it (``dataset.card``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from pathlib import Path

from toolace_dagster.dataset import (
    LINE_FORMATS,
    CardFacts,
    Contamination,
    DatasetRow,
    Diversity,
    DomainCounts,
    FileReport,
    PoolSource,
    ReasonCount,
    StageUsage,
    write_card,
)
from toolace_dagster.entities import Tool
from toolace_dagster.entities.dialogue import OutputSource
from toolace_dagster.likeness import normal_words
from toolace_dagster.llm.money import Bill
from toolace_dagster.pipeline.dataset import (
    SplitOutcome,
    dataset_facts,
    exported_content,
    remember,
    split_rows,
)
from toolace_dagster.pipeline.exports import EXPORT_SETTINGS, export_reports, is_of_present_rows, part_of
from toolace_dagster.pipeline.preferences import PreferenceReport
from toolace_dagster.pipeline.stages import domain_stages
from toolace_dagster.pipeline.verified import dataset_domains
from toolace_dagster.prompts import PROMPT_NAMES, prompt_hash
from toolace_dagster.reporting.costs import bills_by
from toolace_dagster.reporting.summary import DomainSummary, summarize
from toolace_dagster.settings import Settings
from toolace_dagster.settings.operation import OPERATION_SETTINGS
from toolace_dagster.warehouse import Warehouse, sql

_OVERLAP = "rule.benchmark_overlap"
_OPENING = 5

_NamedSource = tuple[str, str, str | None, str]
"""Domain, source, licence and name of a tool."""


def make_card(warehouse: Warehouse, settings: Settings) -> FileReport:
    """Write the dataset card of the exports."""
    report = write_card(card_facts(warehouse, settings), warehouse.exports)
    # It counts the rows of the exports.
    remember(warehouse, settings, "card", report, *EXPORT_SETTINGS)
    return report


def card_facts(warehouse: Warehouse, settings: Settings) -> CardFacts:
    """Everything the card says, read from the warehouse."""
    domains = dataset_domains(warehouse, settings)
    summaries = [summarize(warehouse, domain) for domain in domains]
    facts = dataset_facts(warehouse)
    tally = _Tally()
    for row in split_rows(warehouse, settings):
        tally.add(row)
    models = {
        row["model"] for domain in domains for row in warehouse.domain(domain).read(sql("queries/models_of_dataset"))
    }
    reasons = _reasons(summaries)
    outcome = SplitOutcome.model_validate_json(facts["splits"]["facts"])
    made = export_reports(warehouse)
    splits, content = facts["splits"]["fingerprint"], exported_content(warehouse, settings)
    present = {
        name: report
        for name, report in made.items()
        if is_of_present_rows(report, content, facts[part_of(name)]["fingerprint"], splits)
    }
    pairs, pairs_are_present = None, True
    if told := facts.get("preferences"):
        pairs = PreferenceReport.model_validate_json(told["facts"])
        pairs_are_present = told["fingerprint"] == splits if pairs.made_of is None else pairs.made_of == content
    earlier = [*(made.keys() - present.keys()), *([] if pairs_are_present else ["preferences"])]
    return CardFacts(
        model=", ".join(sorted(models)) or settings.llm.model,
        settings=settings.model_dump(mode="json", exclude={"cache", *OPERATION_SETTINGS}),
        splits=outcome.report,
        withheld=outcome.withheld,
        outputs=tally.outputs,
        rows={
            name: {"dialogue": report.rows - sum(report.slices.values()), **report.slices}
            for name, report in present.items()
        },
        made_with={name: report.made_with or {} for name, report in present.items()},
        earlier=tuple(sorted(earlier)),
        pairs=pairs.rows if pairs is not None and pairs_are_present else None,
        domains=tuple(DomainCounts(s.domain, s.attempted, s.accepted, s.rejected, s.failed) for s in summaries),
        reasons=reasons,
        usage=_usage(warehouse, domains, settings),
        sources=_sources(warehouse, domains, tally.sources),
        injections=tally.injections,
        prompts={name: prompt_hash(name) for name in PROMPT_NAMES},
        diversity=tally.diversity(),
        contamination=Contamination(
            tuple(sorted(Path(path).name for path in settings.benchmarks)),
            sum(reason.dialogues for reason in reasons if reason.check == _OVERLAP),
        ),
        formats={name: form.title for name, form in LINE_FORMATS.items() if name in present},
        example=tally.example,
    )


def _source_of(tool: Tool) -> _NamedSource:
    return tool.domain, tool.provenance.source, tool.provenance.licence, tool.name


def _sources(warehouse: Warehouse, domains: list[str], offered: Collection[_NamedSource]) -> tuple[PoolSource, ...]:
    """Where tools came from: the domains' own, and all others that a row offers, such as borrowed ones."""
    own = {
        (domain, str(row["source"]), row["licence"], str(row["name"]))
        for domain in domains
        for row in warehouse.domain(domain).read(sql("queries/tool_sources"))
    }
    counts = Counter((domain, source, licence) for domain, source, licence, _ in own.union(offered))
    return tuple(PoolSource(domain, source, number, licence) for (domain, source, licence), number in counts.items())


class _Tally:
    """Counts what the card says of the rows; what it holds grows with words and tools, not with dialogues."""

    def __init__(self) -> None:
        self.injections: Counter[str] = Counter()
        self.outputs: Counter[OutputSource] = Counter()
        self.example: DatasetRow | None = None
        self._called: set[str] = set()
        self._offered: set[str] = set()
        self.sources: set[_NamedSource] = set()
        self._words: set[str] = set()
        self._openings: set[int] = set()
        self._spoken = self._turns = self._calls = 0

    def add(self, row: DatasetRow) -> None:
        dialogue = row.dialogue
        if self.example is None or dialogue.id < self.example.dialogue.id:
            self.example = row
        self.injections.update(record.type.value for record in dialogue.injections)
        self.injections.update(f"{r.type}: {r.sub_type}" for r in dialogue.injections if r.sub_type)
        self._offered.update(f"{dialogue.domain}/{name}" for name in row.tools)
        self.sources.update(map(_source_of, row.tools.values()))
        self._turns += len(dialogue.turns)
        for turn in dialogue.turns:
            self._calls += len(turn.tool_calls)
            self.outputs.update(output.source for output in turn.outputs)
            self._called.update(f"{dialogue.domain}/{call.name}" for call in turn.tool_calls)
            if turn.role == "user":
                words = normal_words(turn.content)
                self._spoken += len(words)
                self._words.update(words)
        self._openings.add(hash(tuple(normal_words(dialogue.turns[0].content)[:_OPENING])))

    def diversity(self) -> Diversity | None:
        if self.example is None:
            return None
        return Diversity(
            tools_called=len(self._called),
            tools_offered=len(self._offered),
            turns=self._turns,
            calls=self._calls,
            words=self._spoken,
            different_words=len(self._words),
            different_openings=len(self._openings),
        )


def _reasons(summaries: list[DomainSummary]) -> tuple[ReasonCount, ...]:
    counts: Counter[tuple[str, str, str]] = Counter()
    for summary in summaries:
        for row in summary.reasons:
            counts[row["stage"], row["state"], row["check_id"]] += row["dialogues"]
    return tuple(ReasonCount(stage, state, check, number) for (stage, state, check), number in sorted(counts.items()))


def _usage(warehouse: Warehouse, domains: list[str], settings: Settings) -> tuple[StageUsage, ...]:
    bills = {stage.name: Bill() for stage in domain_stages(settings)}
    bills |= {stage: bill for (stage,), bill in bills_by(warehouse, domains, "stage").items()}
    return tuple(StageUsage(stage, bill) for stage, bill in bills.items() if bill.calls)
