"""The facts that a dataset card tells.

Belongs here: what they are. Does not belong here: collecting them (``pipeline.card``), or
telling them (``card``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from toolace_dagster.dataset.rows import DatasetRow, RowKind
from toolace_dagster.dataset.splits import SplitReport
from toolace_dagster.entities.dialogue import OutputSource
from toolace_dagster.llm.money import Bill
from toolace_dagster.settings import OFFLINE_MODEL


@dataclass(frozen=True)
class DomainCounts:
    """How the dialogues attempted in one domain ended."""

    domain: str
    attempted: int
    accepted: int
    rejected: int
    failed: int


@dataclass(frozen=True)
class ReasonCount:
    """How many dialogues one check rejected, or one kind of error failed."""

    stage: str
    state: str
    check: str
    dialogues: int


@dataclass(frozen=True)
class StageUsage:
    """Model calls of one stage, their tokens and what they cost."""

    stage: str
    bill: Bill


@dataclass(frozen=True)
class PoolSource:
    """A file that tools came from; ``source`` is relative to the pool."""

    domain: str
    source: str
    tools: int
    licence: str | None = None


@dataclass(frozen=True)
class Diversity:
    """How varied the accepted dialogues are.

    Attributes:
        tools_called: Tools that some dialogue calls.
        tools_offered: Tools that some dialogue offers.
        turns: Turns of all dialogues.
        calls: Calls of all dialogues.
        words: Words the users say.
        different_words: How many of them are different.
        different_openings: Different first five words among the dialogues' first messages.
    """

    tools_called: int
    tools_offered: int
    turns: int
    calls: int
    words: int
    different_words: int
    different_openings: int


@dataclass(frozen=True)
class Contamination:
    """What comparing with evaluation benchmarks found.

    Attributes:
        benchmarks: Names of the files that were compared.
        rejected: Dialogues rejected for repeating one.
    """

    benchmarks: tuple[str, ...]
    rejected: int


@dataclass(frozen=True)
class CardFacts:
    """Everything a card says; the caller fills it.

    Attributes:
        model: Name of the model that wrote the dialogues; several are joined by commas.
        settings: The run's settings as JSON values.
        splits: The split report of the export.
        withheld: Why accepted dialogues are in no file, by id.
        outputs: Tool results of the dialogues by where they come from.
        rows: By format, the rows of its files by kind: dialogues, and examples cut out of them.
        made_with: By format, the settings of its export.
        earlier: Folders of exports that were made of other splits, so that what they hold is not told.
        pairs: Preference pairs that stand in ``preferences``; None where there is no such folder.
        domains: Ends of all attempted dialogues.
        reasons: Why dialogues were rejected or failed.
        usage: Calls and tokens per stage, in stage order.
        sources: Where the tools came from.
        injections: Injections in the accepted dialogues, by type and by ``type: sub-type``.
        prompts: Content hash of each prompt, by name.
        diversity: How varied the dialogues are; None where there is none.
        contamination: What comparing with benchmarks found.
        formats: Formats that stand beside the card, by folder, in words.
        example: The row to show: the first by id.
        title: The card's heading.
    """

    model: str
    settings: Mapping[str, Any]
    splits: SplitReport
    withheld: Mapping[str, str] = field(default_factory=dict[str, str])
    outputs: Mapping[OutputSource, int] = field(default_factory=dict[OutputSource, int])
    rows: Mapping[str, Mapping[RowKind, int]] = field(default_factory=dict[str, Mapping[RowKind, int]])
    made_with: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    earlier: tuple[str, ...] = ()
    pairs: int | None = None
    domains: tuple[DomainCounts, ...] = ()
    reasons: tuple[ReasonCount, ...] = ()
    usage: tuple[StageUsage, ...] = ()
    sources: tuple[PoolSource, ...] = ()
    injections: Mapping[str, int] = field(default_factory=dict[str, int])
    prompts: Mapping[str, str] = field(default_factory=dict[str, str])
    diversity: Diversity | None = None
    contamination: Contamination = Contamination((), 0)
    formats: Mapping[str, str] = field(default_factory=dict[str, str])
    example: DatasetRow | None = None
    title: str = "Multi-turn tool-calling dialogues"

    @property
    def dialogues(self) -> int:
        """Dialogues that the files hold."""
        return sum(self.splits.sizes.values())

    @property
    def offline(self) -> bool:
        """Whether the offline model wrote the data."""
        return OFFLINE_MODEL in self.model.split(", ")
