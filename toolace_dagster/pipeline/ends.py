"""How the run of a domain ended, as its launcher is told.

Belongs here: the record. Does not belong here: launching runs (``orchestration``).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RunEnd:
    """How a Dagster run ended.

    Attributes:
        name: The domain, or the job when it spans domains.
        run_id: Dagster's run id; empty when the process died before it had one.
        error: Why it failed; empty when it succeeded.
        limit: The setting whose limit stopped it; empty when none did.
    """

    name: str
    run_id: str
    error: str = ""
    limit: str = ""
