"""Plots as figures: where each bar goes and what it leads to. The templates draw them as SVG.

Belongs here: geometry and labels. Does not belong here: counting, or markup.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from toolace_dagster.warehouse import Row

_ROW = 26
_LABELS = 230
_WIDTH = 380
_MOST_BARS = 15
_COLUMNS = 40
_HEIGHT = 150


@dataclass(frozen=True)
class Part:
    """A coloured part of a bar."""

    kind: str
    x: float
    y: float
    width: float
    height: float
    words: str


@dataclass(frozen=True)
class Bar:
    """A bar with its label, total and link."""

    label: str
    total: int
    href: str
    y: float
    parts: list[Part]
    end: float


@dataclass(frozen=True)
class BarChart:
    """Horizontal bars, largest first; ``left_out`` is the number of bars there was no room for."""

    title: str
    width: int
    height: int
    labels: int
    bars: list[Bar]
    left_out: int = 0


def bar_chart(title: str, counts: Sequence[tuple[str, int, int]], href: Callable[[str], str]) -> BarChart:
    """Bars of rejected and failed dialogues by some value.

    Args:
        title: What is counted.
        counts: Value, rejected and failed.
        href: Link of a value's bar.
    """
    shown = counts[:_MOST_BARS]
    most = max((rejected + failed for _, rejected, failed in shown), default=0) or 1
    bars: list[Bar] = []
    for number, (value, rejected, failed) in enumerate(shown):
        y, x, parts = number * _ROW, float(_LABELS), list[Part]()
        for kind, size in (("rejected", rejected), ("failed", failed)):
            if size:
                width = max(2.0, _WIDTH * size / most)
                parts.append(Part(kind, x, y + 4, round(width, 1), _ROW - 8, f"{value}: {size} {kind}"))
                x += width
        bars.append(Bar(value, rejected + failed, href(value), y, parts, round(x + 6, 1)))
    return BarChart(title, _LABELS + _WIDTH + 60, max(_ROW, len(shown) * _ROW), _LABELS, bars, len(counts) - len(shown))


@dataclass(frozen=True)
class Column:
    """One moment of a plot over time."""

    label: str
    parts: list[Part]
    words: str
    x: float
    width: float


@dataclass(frozen=True)
class TimeChart:
    """Stacked columns in the order of time."""

    width: int
    height: int
    columns: list[Column]
    most: int


def time_chart(runs: Iterable[Row]) -> TimeChart:
    """Ends by run, in the order of time; the oldest runs are put together when there are too many columns."""
    rows = [row for row in runs if row["accepted"] or row["rejected"] or row["failed"]]
    moments: dict[str, dict[str, int]] = {}
    shape = _moment(rows)
    for row in rows:
        into = moments.setdefault(f"{row['finished_at']:{shape}}", {"accepted": 0, "rejected": 0, "failed": 0})
        for kind in into:
            into[kind] += row[kind]
    latest = list(moments.items())[-_COLUMNS:]
    most = max((sum(ends.values()) for _, ends in latest), default=0) or 1
    step = min(64.0, 660 / max(1, len(latest)))
    columns: list[Column] = []
    for number, (label, ends) in enumerate(latest):
        x, y, parts = number * step, float(_HEIGHT), list[Part]()
        for kind, size in ends.items():
            if size:
                height = max(1.5, _HEIGHT * size / most)
                y -= height
                parts.append(
                    Part(kind, round(x, 1), round(y, 1), round(step - 4, 1), round(height, 1), f"{size} {kind}")
                )
        words = f"{label}: " + ", ".join(f"{size} {kind}" for kind, size in ends.items() if size)
        columns.append(Column(label, parts, words, round(x, 1), round(step - 4, 1)))
    return TimeChart(660, _HEIGHT, columns, most)


def _moment(rows: Sequence[Row]) -> str:
    """How finely time is told, so that the columns are few enough: by minute, hour or day."""
    for shape in ("%Y-%m-%d %H:%M", "%Y-%m-%d %Hh"):
        if len({f"{row['finished_at']:{shape}}" for row in rows}) <= _COLUMNS:
            return shape
    return "%Y-%m-%d"
