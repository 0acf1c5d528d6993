"""The dataset stage: accepted dialogues become splits, training files and a dataset card.

Belongs here: everything trainers and readers of the dataset see. Does not belong
here: deciding which dialogues are good enough (``verification``).
"""

from toolace_dagster.dataset.card import render_card, write_card
from toolace_dagster.dataset.card_facts import (
    CardFacts,
    Contamination,
    Diversity,
    DomainCounts,
    PoolSource,
    ReasonCount,
    StageUsage,
)
from toolace_dagster.dataset.dealing import Dealt, deal
from toolace_dagster.dataset.export import ExportReport, export_rows, write_ready
from toolace_dagster.dataset.files import FileReport
from toolace_dagster.dataset.formats import (
    FEATURES,
    LINE_FORMATS,
    PREFERENCE_FEATURES,
    openai_example,
    openai_faults,
    read_lines,
    read_trl,
    write_lines,
    write_preferences,
    write_trl,
)
from toolace_dagster.dataset.messages import ANNOUNCEMENT, ChatMessage, chat_messages, listed_tools
from toolace_dagster.dataset.preferences import PairCounts, PreferencePair, preference_pairs
from toolace_dagster.dataset.ready import ReadyRow, made_ready, with_examples
from toolace_dagster.dataset.rows import SPLITS, DatasetRow, ExportError, Split, row_faults
from toolace_dagster.dataset.slices import slices_of, with_slices
from toolace_dagster.dataset.splits import SplitReport, SplitTally, report_splits
from toolace_dagster.dataset.traits import Apart, Traits, task_group, traits_of

__all__ = [
    "ANNOUNCEMENT",
    "FEATURES",
    "LINE_FORMATS",
    "PREFERENCE_FEATURES",
    "SPLITS",
    "Apart",
    "CardFacts",
    "ChatMessage",
    "Contamination",
    "DatasetRow",
    "Dealt",
    "Diversity",
    "DomainCounts",
    "ExportError",
    "ExportReport",
    "FileReport",
    "PairCounts",
    "PoolSource",
    "PreferencePair",
    "ReadyRow",
    "ReasonCount",
    "Split",
    "SplitReport",
    "SplitTally",
    "StageUsage",
    "Traits",
    "chat_messages",
    "deal",
    "export_rows",
    "listed_tools",
    "made_ready",
    "openai_example",
    "openai_faults",
    "preference_pairs",
    "read_lines",
    "read_trl",
    "render_card",
    "report_splits",
    "row_faults",
    "slices_of",
    "task_group",
    "traits_of",
    "with_examples",
    "with_slices",
    "write_card",
    "write_lines",
    "write_preferences",
    "write_ready",
    "write_trl",
]
