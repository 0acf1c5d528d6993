"""Preference pairs for TRL's conversational form: ``prompt``, ``chosen``, ``rejected`` and ``tools``.

Belongs here: the columns of a pair. Does not belong here: finding pairs
(``dataset.preferences``), or how files keep objects exact (``parquet``).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from toolace_dagster.dataset.exact_json import ExactWriter
from toolace_dagster.dataset.files import FileReport, replacing
from toolace_dagster.dataset.formats.parquet import BOOLEAN, JSON_LIST, STRING, ParquetAndLines, digest_of, line_of
from toolace_dagster.dataset.preferences import PreferencePair

PREFERENCE_FEATURES: dict[str, dict[str, Any]] = {
    "dialogue_id": STRING,
    "edit_id": STRING,
    "source": STRING,
    "reason": STRING,
    "same_context": BOOLEAN,
    "prompt": JSON_LIST,
    "chosen": JSON_LIST,
    "rejected": JSON_LIST,
    "tools": JSON_LIST,
}
"""Columns as the ``huggingface`` metadata of `datasets` describes them."""


def write_preferences(pairs: Iterable[PreferencePair], folder: Path) -> list[FileReport]:
    """Write ``preferences/train.parquet``, ``preferences/train.jsonl`` and the same of validation and test.

    Args:
        pairs: The pairs; their order is the files' order.
        folder: The export's folder.

    Returns:
        One report per file.

    Raises:
        ExportError: If a file read back differs. No file is changed then.
    """
    exact = ExactWriter()
    with replacing(folder) as files, ParquetAndLines(files, "preferences", PREFERENCE_FEATURES) as writer:
        for pair in pairs:
            texts = [[exact.text(each) for each in getattr(pair, name)] for name in _OBJECTS]
            cells = (pair.dialogue_id, pair.edit_id, pair.source, pair.reason, pair.same_context, *texts)
            writer.add(pair.split, line_of(PREFERENCE_FEATURES, cells), digest_of(cells))
        return writer.finish()


_OBJECTS = [name for name, column in PREFERENCE_FEATURES.items() if column["_type"] == "List"]
