"""Live progress of a run in the terminal; one line a domain when it is no terminal.

Belongs here: showing progress. Does not belong here: measuring it.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.live import Live
from rich.table import Table
from rich.text import Text

from toolace_dagster.cli.console import err, warn
from toolace_dagster.pipeline.progress import StageProgress
from toolace_dagster.pipeline.stages import domain_stages
from toolace_dagster.settings import Settings


class ProgressDisplay:
    """Shows, per domain, the stage it is at and its calls."""

    def __init__(self, settings: Settings) -> None:
        """Prepare; shown once entered."""
        self._order = [stage.name for stage in domain_stages(settings)]
        self._latest: dict[str, StageProgress] = {}
        self._warned: set[str] = set()
        # No refresh thread: processes are forked while this is shown.
        self._live = Live(console=err, auto_refresh=False, transient=True) if err.is_terminal else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def update(self, progress: StageProgress) -> None:
        """Take in news of a stage; a warning is shown once, however many stages give it."""
        if progress.warning:
            if progress.warning not in self._warned:
                self._warned.add(progress.warning)
                warn(progress.warning)
            return
        before = self._latest.get(progress.domain)
        self._latest[progress.domain] = progress
        if self._live:
            self._live.update(self._table(), refresh=True)
        elif before is None:
            err.print(Text(f"{progress.domain}: started"))

    def _table(self) -> Table:
        table = Table("domain", "stage", "rows", "calls done", "in flight", "retried", "tokens", box=None)
        for domain, latest in self._latest.items():
            position = self._order.index(latest.stage) + 1 if latest.stage in self._order else 0
            calls = latest.calls
            figures = (
                (calls.done, calls.in_flight, calls.retried, calls.prompt_tokens + calls.completion_tokens)
                if calls
                else (0, 0, 0, 0)
            )
            stage = f"{position}/{len(self._order)} {latest.stage}"
            table.add_row(domain, stage, str(latest.rows), *(f"{figure:,}" for figure in figures))
        return table
