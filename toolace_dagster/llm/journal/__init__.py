"""The write-ahead journal of model calls, and lookups in what was paid for.

A response is on disk before it is used. It goes to an append-only file first,
since DuckDB's readers block writers and a file append waits for nobody, and is
folded into the domain's DuckDB file when a stage ends or the next one begins.

Belongs here: durability and lookups. Does not belong here: making calls
(``gateway``), or the cache that homes share (``cache``).
"""

from toolace_dagster.llm.journal.calls import CallJournal, batches_beside
from toolace_dagster.llm.journal.file import JournalBroken
from toolace_dagster.llm.journal.hold import JournalInUse, UpkeepAtWork

__all__ = ["CallJournal", "JournalBroken", "JournalInUse", "UpkeepAtWork", "batches_beside"]
