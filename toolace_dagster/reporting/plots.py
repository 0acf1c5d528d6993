"""Plots as SVG texts that stand alone, in files as well as inside a page.

Belongs here: geometry, axes, labels and colours. Does not belong here: what is
plotted, or the explorer's own bars (``explorer.charts``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

COLOURS = ("#9db8d2", "#2f5d8c", "#d1793a", "#5f9e6e", "#a8507a")
"""Light and dark of the same colour first: the same thing before and after."""
_INK, _GRID = "#333", "#ddd"
_WIDTH = 760
_LEAST_SPAN = 1e-9


@dataclass(frozen=True)
class Bar:
    """One bar.

    Attributes:
        value: Its length.
        low: Lower end of its interval.
        high: Upper end.
        words: What stands behind it.
    """

    value: float
    low: float
    high: float
    words: str = ""


@dataclass(frozen=True)
class Group:
    """The bars of one thing, under its label; None leaves a place empty."""

    label: str
    bars: tuple[Bar | None, ...]


@dataclass(frozen=True)
class Point:
    """One point of a curve.

    Attributes:
        x: Place on the horizontal axis.
        y: Place on the vertical axis.
        low: Lower end of its interval.
        high: Upper end.
        words: What stands beside it.
    """

    x: float
    y: float
    low: float
    high: float
    words: str = ""


@dataclass(frozen=True)
class Curve:
    """A line through points.

    Attributes:
        label: What it is called in the legend.
        points: From left to right.
        joined: Whether a line joins them; marks of their own are not joined.
        ringed: Position of the point that is set off, if any.
    """

    label: str
    points: tuple[Point, ...]
    joined: bool = True
    ringed: int | None = None


def grouped_bars(title: str, legend: Sequence[str], groups: Sequence[Group], axis: str) -> str:
    """Horizontal bars in groups, with intervals: shares from 0 to at most 1.

    Args:
        title: A heading.
        legend: What the first, second ... bar of each group is.
        groups: From top to bottom.
        axis: What the length is.
    """
    left, right, top, row, gap = 190, 150, 62, 20, 16
    heights = [row * len(group.bars) + gap for group in groups]
    height = top + sum(heights) + 48
    ends = [bar.high for group in groups for bar in group.bars if bar is not None]
    most = _round_up(max([0.05, *ends]))
    scale = (_WIDTH - left - right) / most
    bottom = top + sum(heights)
    parts = [_text(16, 22, title, size=15, weight="bold")]
    for position, words in enumerate(legend):
        x = 16 + 250 * position
        parts.append(_rect(x, 34, 12, 12, COLOURS[position % len(COLOURS)]))
        parts.append(_text(x + 18, 44, words))
    for tick in _ticks(most):
        x = left + tick * scale
        parts.append(_line(x, top, x, bottom, _GRID))
        parts.append(_text(x, bottom + 16, f"{tick:.0%}", anchor="middle"))
    parts.append(_text(left + (_WIDTH - left - right) / 2, bottom + 36, axis, anchor="middle"))
    y = top
    for group, tall in zip(groups, heights, strict=True):
        parts.append(_text(left - 10, y + (tall - gap) / 2 + 4, group.label, anchor="end"))
        for position, bar in enumerate(group.bars):
            if bar is None:
                continue
            at = y + position * row
            parts.append(_rect(left, at + 2, bar.value * scale, row - 4, COLOURS[position % len(COLOURS)]))
            middle = at + row / 2
            parts.append(_line(left + bar.low * scale, middle, left + bar.high * scale, middle, _INK))
            whiskers = (left + bar.low * scale, left + bar.high * scale)
            parts += [_line(x, middle - 3, x, middle + 3, _INK) for x in whiskers]
            parts.append(_text(left + bar.high * scale + 8, middle + 4, bar.words))
        y += tall
    return _whole(parts, height, title)


def curves(title: str, lines: Sequence[Curve], across: str, up: str) -> str:
    """Curves of shares, from 0 to at most 1, against something that grows.

    Args:
        title: A heading.
        lines: The curves.
        across: What the horizontal axis is.
        up: What the vertical axis is.
    """
    left, right, top, bottom, height = 64, 24, 62, 370, 420
    points = [point for line in lines for point in line.points]
    widest = _round_up(max([1.0, *(point.x for point in points)]))
    most = _round_up(max([0.05, *(point.high for point in points)]))

    def place(point: Point, y: float) -> tuple[float, float]:
        return left + point.x / widest * (_WIDTH - left - right), bottom - y / most * (bottom - top)

    parts = [_text(16, 22, title, size=15, weight="bold")]
    for tick in _ticks(most):
        y = bottom - tick / most * (bottom - top)
        parts.append(_line(left, y, _WIDTH - right, y, _GRID))
        parts.append(_text(left - 8, y + 4, f"{tick:.0%}", anchor="end"))
    for tick in _ticks(widest):
        x = left + tick / widest * (_WIDTH - left - right)
        parts.append(_line(x, bottom, x, bottom + 4, _INK))
        parts.append(_text(x, bottom + 18, f"{tick:g}", anchor="middle"))
    parts.append(_text((left + _WIDTH) / 2, bottom + 38, across, anchor="middle"))
    parts.append(_text(left, top - 8, up))
    x = _WIDTH - right - 230
    for number, line in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        parts.append(_rect(x, top + 4 + 18 * number, 12, 12, colour))
        parts.append(_text(x + 18, top + 14 + 18 * number, line.label))
        places = [place(point, point.y) for point in line.points]
        if line.joined and len(places) > 1:
            path = " ".join(f"{px:.1f},{py:.1f}" for px, py in places)
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for position, (point, (px, py)) in enumerate(zip(line.points, places, strict=True)):
            parts.append(_line(px, place(point, point.low)[1], px, place(point, point.high)[1], colour))
            if line.joined:
                parts.append(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="4" fill="{colour}"/>')
            else:
                diamond = f"{px:.1f},{py - 7:.1f} {px + 7:.1f},{py:.1f} {px:.1f},{py + 7:.1f} {px - 7:.1f},{py:.1f}"
                parts.append(f'<polygon points="{diamond}" fill="{colour}"/>')
            if position == line.ringed:
                parts.append(
                    f'<circle cx="{px:.1f}" cy="{py:.1f}" r="9" fill="none" stroke="{_INK}" stroke-width="2"/>'
                )
            parts.append(_text(px + 8, py - 8, point.words, halo=True))
    return _whole(parts, height, title)


def _round_up(value: float) -> float:
    """The next number a scale may end at."""
    step = _step(max(value, _LEAST_SPAN))
    return math.ceil(value / step - _LEAST_SPAN) * step


def _ticks(most: float) -> list[float]:
    step = _step(most)
    return [number * step for number in range(round(most / step) + 1)]


def _step(value: float) -> float:
    """A round step of which four to eight make up a value."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step for step in (power / 10, power / 5, power / 4, power / 2, power, 2 * power) if value / step <= 8)


def _whole(parts: Sequence[str], height: float, title: str) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" width="{_WIDTH}" '
        f'height="{height:.0f}" font-family="sans-serif" font-size="12" role="img" aria-label="{_quoted(title)}">'
    )
    background = f'<rect width="{_WIDTH}" height="{height:.0f}" fill="white"/>'
    return "\n".join([head, background, *parts, "</svg>", ""])


def _text(
    x: float, y: float, words: str, *, anchor: str = "start", size: int = 12, weight: str = "normal", halo: bool = False
) -> str:
    # A pale rim keeps words readable on lines.
    rim = ' stroke="white" stroke-width="3" paint-order="stroke"' if halo else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" '
        f'fill="{_INK}"{rim}>{escape(words)}</text>'
    )


def _rect(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(0.0, width):.1f}" height="{height:.1f}" fill="{colour}"/>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _quoted(text: str) -> str:
    return escape(text, {'"': "&quot;"})
