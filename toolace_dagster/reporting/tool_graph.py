"""The dependency graph of a domain's tools as text: a table of links, a Mermaid picture, DOT.

Belongs here: rendering links. Does not belong here: finding them
(``tool_pool.dependencies``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from toolace_dagster.entities import Tool
from toolace_dagster.tool_pool import Link
from toolace_dagster.tool_pool.dependencies import FEEDS, SURE

MOST_LINKS = 40
"""Links shown where space is bounded."""


def link_rows(links: Sequence[Link], limit: int = MOST_LINKS) -> list[dict[str, Any]]:
    """The surest links as rows of a table.

    Args:
        links: Links of a domain.
        limit: Rows at most.
    """
    ordered = sorted(links, key=lambda link: (-link.confidence, link.producer, link.consumer, link.parameter))
    return [
        {"result of": link.producer, "path": link.result_path, "feeds": link.consumer, "parameter": link.parameter}
        | {"confidence": link.confidence, "evidence": link.evidence[:160]}
        for link in ordered[:limit]
    ]


def mermaid(tools: Sequence[Tool], links: Sequence[Link], limit: int = MOST_LINKS) -> str:
    """The graph as a fenced Mermaid picture, which GitHub and many Markdown viewers draw.

    Names of tools and parameters are written in letters, digits, ``_`` and ``-`` alone, so that nothing in a pool can
    become markup.

    Args:
        tools: Tools of the domain.
        links: Their links; those that are relied on (``FEEDS`` and up) are drawn, dotted below ``SURE``.
        limit: Arrows at most, the surest first; how many are left out is said below the picture.

    Returns:
        Markdown.
    """
    arrows, left_out = _arrows(links, limit)
    numbers = {tool.name: number for number, tool in enumerate(sorted(tools, key=lambda tool: tool.name))}
    drawn = {name for producer, consumer in arrows for name in (producer, consumer)}
    alone = [name for name in numbers if name not in drawn]
    lines = ["```mermaid", "flowchart LR"]
    lines += [f'    t{numbers[name]}["{_plain(name)}"]' for name in numbers if name in drawn]
    lines += [f'    t{numbers[name]}["{_plain(name)}"]' for name in alone[: max(0, limit - len(drawn))]]
    for (producer, consumer), (parameters, sure) in arrows.items():
        arrow = "-->" if sure else "-.->"
        label = ", ".join(_plain(parameter) for parameter in parameters)
        lines.append(f'    t{numbers[producer]} {arrow}|"{label}"| t{numbers[consumer]}')
    lines.append("```")
    return "\n".join([*lines, *_remark(left_out)])


def dot(tools: Sequence[Tool], links: Sequence[Link], limit: int = 10_000) -> str:
    """The graph in DOT, for Graphviz.

    Args:
        tools: Tools of the domain.
        links: Their links, as in ``mermaid``.
        limit: Arrows at most.
    """
    arrows, _ = _arrows(links, limit)
    lines = ["digraph tools {", "  rankdir=LR; node [shape=box];"]
    lines += [f'  "{_plain(tool.name)}";' for tool in sorted(tools, key=lambda tool: tool.name)]
    for (producer, consumer), (parameters, sure) in arrows.items():
        label = ", ".join(_plain(parameter) for parameter in parameters)
        style = "solid" if sure else "dotted"
        lines.append(f'  "{_plain(producer)}" -> "{_plain(consumer)}" [label="{label}", style={style}];')
    return "\n".join([*lines, "}"])


def _arrows(links: Sequence[Link], limit: int) -> tuple[dict[tuple[str, str], tuple[list[str], bool]], int]:
    """One arrow a pair of tools, with the parameters it fills and whether one of its links is sure."""
    found: dict[tuple[str, str], tuple[list[str], bool]] = {}
    for link in sorted(links, key=lambda link: (-link.confidence, link.producer, link.consumer, link.parameter)):
        if link.confidence < FEEDS:
            break
        parameters, sure = found.get((link.producer, link.consumer), ([], False))
        found[link.producer, link.consumer] = ([*parameters, link.parameter], sure or link.confidence >= SURE)
    kept = dict(sorted(list(found.items())[:limit]))
    return kept, len(found) - len(kept)


def _plain(text: str) -> str:
    return "".join(char if char.isascii() and (char.isalnum() or char in "_-") else "_" for char in text)[:64]


def _remark(left_out: int) -> list[str]:
    return [f"\n{left_out} weaker arrows are left out."] if left_out else []
