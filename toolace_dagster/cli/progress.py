"""Live progress of a run in the terminal; one line a domain when it is no terminal.

Belongs here: showing progress. Does not belong here: measuring it (``llm.progress``),
or working out what is left (``forecast``).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from toolace_dagster.cli.console import err, warn
from toolace_dagster.cli.forecast import Forecast
from toolace_dagster.llm.money import dollars
from toolace_dagster.llm.progress import Progress
from toolace_dagster.pipeline.progress import StageProgress


class ProgressDisplay:
    """Shows, per domain, the stage it is at and its calls, and below them the whole run."""

    def __init__(self, weights: Mapping[str, float], domains: Sequence[str]) -> None:
        """Prepare; shown once entered.

        Args:
            weights: Expected calls for a row of each stage, in the order the stages are run.
            domains: The domains it makes.
        """
        self._order = list(weights)
        self._latest: dict[str, StageProgress] = {}
        self._before: dict[str, Progress] = {}
        self._warned: set[str] = set()
        self._forecast = Forecast(weights, domains)
        self._begun = time.monotonic()
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
        """Take in news of a stage; the same warning of several domains is shown once."""
        if progress.warning:
            if progress.warning not in self._warned:
                self._warned.add(progress.warning)
                warn(f"{progress.domain}: {progress.warning}")
            return
        before = self._latest.get(progress.domain)
        self._latest[progress.domain] = progress
        self._forecast.update(progress)
        if before is not None and before.stage != progress.stage and before.calls is not None:
            earlier = self._before.get(progress.domain, Progress())
            self._before[progress.domain] = earlier.plus(before.calls)
        if self._live:
            self._live.update(Group(self._table(), self._summary()), refresh=True)
        elif before is None:
            err.print(Text(f"{progress.domain}: started"))

    def _table(self) -> Table:
        headings = ("domain", "stage", "rows", "calls", "in flight", "retried", "failed", "tokens", "cost")
        table = Table(*headings, box=None)
        for domain, latest in self._latest.items():
            position = self._order.index(latest.stage) + 1 if latest.stage in self._order else 0
            now = latest.calls or Progress()
            total = now.plus(self._before.get(domain, Progress()))
            figures = (total.done, now.in_flight, total.retried, total.failed, total.tokens)
            stage = f"{position}/{len(self._order)} {latest.stage}"
            table.add_row(
                domain, stage, f"{now.rows}/{latest.rows}", *(f"{figure:,}" for figure in figures), _cost(total)
            )
        return table

    def _summary(self) -> Text:
        whole = Progress()
        for domain, latest in self._latest.items():
            whole = whole.plus(self._before.get(domain, Progress())).plus(latest.calls or Progress())
        elapsed = time.monotonic() - self._begun
        left = self._forecast.seconds_left(elapsed)
        parts = [
            f"{self._forecast.share:.0%} done in {duration(elapsed)}",
            f"about {duration(left)} left" if left is not None else "time left not known yet",
            f"{whole.done:,} calls ({whole.cached:,} from the cache)",
            f"{whole.tokens / elapsed if elapsed else 0:,.0f} tokens/s",
            f"cost {_cost(whole)}",
        ]
        return Text("  ".join(parts), style="bold")


def _cost(progress: Progress) -> str:
    if not progress.unpriced:
        return dollars(progress.cost)
    return f"over {dollars(progress.cost)}" if progress.cost else "unknown"


def duration(seconds: float) -> str:
    """Seconds as a person reads them: ``42 s``, ``3 min 05 s`` or ``2 h 10 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
