"""A shared cache as a holder of texts.

Belongs here: listing and pruning its file. Does not belong here: what is chosen
(``upkeep``). A removed response is paid for again by whoever asks for it next;
homes that used it have a copy.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from toolace_dagster.llm.cache.shared import FILE_NAME, SharedCache
from toolace_dagster.llm.cache.upkeep import Candidate, Holding, Pruned, Selection, chosen
from toolace_dagster.warehouse import sql

_AT_ONCE = 5_000


class CacheFolder:
    """A folder that homes share."""

    def __init__(self, folder: Path) -> None:
        """Name it."""
        self._folder = folder

    def holdings(self) -> list[Holding]:
        """What it holds.

        Raises:
            CacheUnusable: If there is no shared cache, or it is of a later version.
            sqlite3.Error: If it can't be read.
        """
        with self._open() as cache:
            rows = cache.rows(sql("cache/holdings"), {"now": datetime.now(UTC).isoformat()})
        return [Holding(**row) for row in rows]

    def disk(self) -> int:
        """Bytes of its files."""
        return sum(path.stat().st_size for path in self._folder.glob(f"{FILE_NAME}*"))

    def prune(self, selection: Selection, *, dry_run: bool) -> Pruned:
        """Remove responses, and give their room back to the disk.

        Raises:
            CacheUnusable: If there is no shared cache, or it is of a later version.
            sqlite3.Error: If it can't be read or written.
        """
        with self._open() as cache:
            before = self.disk()
            held = sum(row["size"] for row in cache.rows(sql("cache/holdings"), {"now": datetime.now(UTC).isoformat()}))
            rows = cache.rows(sql("cache/prunable"), selection.conditions)
            removed = chosen([Candidate(row["id"], row["size"], row["last_used"]) for row in rows], selection, held)
            if not dry_run:
                # In parts, so that runs get their turn to write in between.
                for first in range(0, len(removed), _AT_ONCE):
                    ids = [candidate.place for candidate in removed[first : first + _AT_ONCE]]
                    cache.change(["cache/prune_calls", "cache/prune_texts"], {"ids": json.dumps(ids)})
                cache.give_back()
            size = sum(candidate.size for candidate in removed)
            return Pruned(len(removed), size, disk_before=before, disk_after=self.disk())

    @contextmanager
    def _open(self) -> Generator[SharedCache]:
        cache = SharedCache(self._folder, make=False)
        try:
            yield cache
        finally:
            cache.close()
