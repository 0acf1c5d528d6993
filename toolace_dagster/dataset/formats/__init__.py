"""The formats of training files, a module each.

Belongs here: what a trainer's files look like. Does not belong here: how a dialogue
becomes messages (``messages``), or which rows are exported (``export``).
"""

from toolace_dagster.dataset.formats.axolotl import AXOLOTL, axolotl_example
from toolace_dagster.dataset.formats.hermes import HERMES, hermes_example
from toolace_dagster.dataset.formats.lines import (
    LineFormat,
    LineWriter,
    count_lines,
    read_lines,
    write_lines,
    written_line,
)
from toolace_dagster.dataset.formats.llama_factory import LLAMA_FACTORY, llama_factory_example
from toolace_dagster.dataset.formats.ms_swift import MS_SWIFT, ms_swift_example
from toolace_dagster.dataset.formats.openai_jsonl import OPENAI, openai_example, openai_faults
from toolace_dagster.dataset.formats.preferences import PREFERENCE_FEATURES, write_preferences
from toolace_dagster.dataset.formats.toolace import TOOLACE, CallSyntaxError, read_calls, toolace_example
from toolace_dagster.dataset.formats.trl import FEATURES, TrlWriter, read_trl, trl_path, write_trl, written_trl
from toolace_dagster.dataset.formats.written import Written
from toolace_dagster.settings import FormatName

LINE_FORMATS: dict[FormatName, LineFormat] = {
    form.name: form for form in (OPENAI, LLAMA_FACTORY, AXOLOTL, MS_SWIFT, HERMES, TOOLACE)
}
"""Formats that are one JSON object a line, by name; TRL's Parquet files are written by their own writer."""

__all__ = [
    "AXOLOTL",
    "FEATURES",
    "HERMES",
    "LINE_FORMATS",
    "LLAMA_FACTORY",
    "MS_SWIFT",
    "OPENAI",
    "PREFERENCE_FEATURES",
    "TOOLACE",
    "CallSyntaxError",
    "LineFormat",
    "LineWriter",
    "TrlWriter",
    "Written",
    "axolotl_example",
    "count_lines",
    "hermes_example",
    "llama_factory_example",
    "ms_swift_example",
    "openai_example",
    "openai_faults",
    "read_calls",
    "read_lines",
    "read_trl",
    "toolace_example",
    "trl_path",
    "write_lines",
    "write_preferences",
    "write_trl",
    "written_line",
    "written_trl",
]
