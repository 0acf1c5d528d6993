"""The report's plots as geometry: where each bar and line goes. The template draws them as SVG.

Belongs here: places, sizes and labels. Does not belong here: choosing what is plotted
(``page``), colours (the style sheet), or markup.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

_ROW = 28
_BAR = 16
_VALUE = 76
_LEAST = 1.5
_CHARACTER = 6.6
"""Width of a character at the size of labels, about."""


@dataclass(frozen=True)
class Segment:
    """A coloured part of a bar; ``series`` picks the colour."""

    series: int
    x: float
    width: float
    words: str


@dataclass(frozen=True)
class Bar:
    """A bar with its label on the left and its value on the right."""

    label: str
    full: str
    value: str
    y: float
    segments: Sequence[Segment]
    end: float


@dataclass(frozen=True)
class BarPlot:
    """Horizontal bars on one scale from 0.

    Attributes:
        title: What is shown.
        width: Of the picture.
        height: Of the picture.
        labels: Where the bars begin.
        bars: From top to bottom.
        legend: Series and names, where colours mean something.
        note: A sentence below.
    """

    title: str
    width: int
    height: int
    labels: int
    bars: Sequence[Bar]
    legend: Sequence[tuple[int, str]] = ()
    note: str = ""


@dataclass(frozen=True)
class BarRow:
    """What a bar shows: its parts by series, and its value in words."""

    label: str
    parts: Sequence[tuple[int, float, str]]
    value: str


def bar_plot(
    title: str,
    rows: Sequence[BarRow],
    *,
    most: float | None = None,
    width: int = 390,
    labels: int = 168,
    legend: Sequence[tuple[int, str]] = (),
    note: str = "",
) -> BarPlot:
    """Horizontal bars.

    Args:
        title: What is shown.
        rows: From top to bottom.
        most: Value of a bar of full width; the largest when None.
        width: Of the picture.
        labels: Room for the labels.
        legend: Series and names.
        note: A sentence below.
    """
    most = most or max((sum(part for _, part, _ in row.parts) for row in rows), default=0) or 1
    room = width - labels - _VALUE
    bars: list[Bar] = []
    for number, row in enumerate(rows):
        x, segments = float(labels), list[Segment]()
        for series, part, words in row.parts:
            if part > 0:
                size = max(_LEAST, room * part / most)
                segments.append(Segment(series, round(x, 1), round(size, 1), words))
                x += size
        bars.append(Bar(_cut(row.label, labels), row.label, row.value, number * _ROW, segments, round(x + 6, 1)))
    return BarPlot(title, width, max(1, len(rows)) * _ROW, labels, bars, legend, note)


def _cut(label: str, room: int) -> str:
    most = int((room - 10) / _CHARACTER)
    return label if len(label) <= most else label[: most - 1] + "…"


@dataclass(frozen=True)
class Column:
    """A column of a histogram."""

    label: str
    x: float
    y: float
    width: float
    height: float
    words: str


@dataclass(frozen=True)
class ColumnPlot:
    """Columns on one scale from 0; ``every`` is how many columns share a label."""

    title: str
    width: int
    height: int
    columns: Sequence[Column]
    every: int
    most: str
    note: str = ""


def column_plot(title: str, counts: Sequence[tuple[int, float]], unit: str, note: str = "") -> ColumnPlot:
    """A histogram over whole numbers; numbers without a count are empty places.

    Args:
        title: What is shown.
        counts: Number and how many.
        unit: What is counted, in the plural.
        note: A sentence below.
    """
    width, height = 420, 140
    held = dict(counts)
    numbers = range(min(held, default=0), max(held, default=0) + 1)
    most = max(held.values(), default=0) or 1
    step = min(48.0, width / max(1, len(numbers)))
    columns = [
        Column(
            str(number),
            round(place * step, 1),
            round(height - height * held.get(number, 0) / most, 1),
            round(max(1.0, step - 3), 1),
            round(height * held.get(number, 0) / most, 1),
            f"{number}: {held.get(number, 0):,.0f} {unit}",
        )
        for place, number in enumerate(numbers)
    ]
    every = max(1, -(-len(columns) // 12))
    return ColumnPlot(title, width, height, columns, every, f"{most:,.0f}", note)


@dataclass(frozen=True)
class LinePlot:
    """A line through measurements, in their order."""

    title: str
    width: int
    height: int
    points: Sequence[tuple[float, float, str]]
    first: str
    last: str
    highest: str
    lowest: str


def line_plot(title: str, values: Sequence[tuple[str, float]], write: Callable[[float], str]) -> LinePlot:
    """A value over time.

    Args:
        title: What is shown.
        values: Moment and value, oldest first.
        write: Writes a value.
    """
    width, height = 360, 90
    low, high = min(value for _, value in values), max(value for _, value in values)
    span = (high - low) or 1
    step = (width - 20) / max(1, len(values) - 1)
    points = [
        (
            round(10 + place * step, 1),
            round(height - 12 - (height - 24) * (value - low) / span, 1),
            f"{moment}: {write(value)}",
        )
        for place, (moment, value) in enumerate(values)
    ]
    return LinePlot(title, width, height, points, values[0][0], values[-1][0], write(high), write(low))
