"""The reader of each format.

Belongs here: which reads what. Does not belong here: reading (``messages``,
``sharegpt``), or what must hold whatever the format (``checklist``).
"""

from __future__ import annotations

from collections.abc import Callable

from toolace_dagster.dataset.checking import messages, sharegpt
from toolace_dagster.dataset.checking.reading import Example
from toolace_dagster.dataset.checking.transcript import Report, Transcript
from toolace_dagster.settings import CheckedFormat

Reader = Callable[[Example, Report], list[Transcript]]
"""Reads an example as the dialogues in it, nearly always one."""

READERS: dict[CheckedFormat, Reader] = {
    "trl": messages.read_trl_example,
    "openai": messages.read_openai_example,
    "axolotl": messages.read_axolotl_example,
    "preferences": messages.read_preference_pair,
    "llama_factory": sharegpt.read_llama_factory_example,
    "ms_swift": sharegpt.read_ms_swift_example,
    "hermes": sharegpt.read_hermes_example,
    "toolace": sharegpt.read_toolace_example,
}
