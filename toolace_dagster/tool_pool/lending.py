"""Tools that one domain lends to another, to be offered where no task needs them.

Belongs here: which tools a domain borrows. Does not belong here: offering them
(``initialization.distractors``).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import chain

from toolace_dagster.entities import Tool, ToolDomain, content_hash
from toolace_dagster.tool_pool.naming import nouns_of, snake, verb_of

MOST_BORROWED = 32


def with_borrowed(domains: Sequence[ToolDomain], limit: int = MOST_BORROWED) -> list[ToolDomain]:
    """Let the domains of a pool lend each other tools.

    All tools of the pool lie on a ring by the hash of domain and name; a domain takes those that follow its own hash.
    So a tool that is added, changed or taken away matters to few domains, and the choice needs no seed.

    Args:
        domains: All domains of a pool.
        limit: Tools that one domain borrows at most.

    Returns:
        The domains with what they borrow. No borrowed tool has the name of one of the domain's own, or does by its
        name the same to the same: a task could then be done with the distractor.
    """
    ring = sorted(
        ((content_hash("lends", domain.name, tool.name), tool) for domain in domains for tool in domain.tools),
        key=lambda place: place[0],
    )
    return [domain.model_copy(update={"borrowed": _borrowed(domain, ring, limit)}) for domain in domains]


def _borrowed(domain: ToolDomain, ring: list[tuple[str, Tool]], limit: int) -> tuple[Tool, ...]:
    names = {snake(tool.name) for tool in domain.tools}
    deeds = {(verb_of(tool), nouns_of(tool)) for tool in domain.tools}
    start = bisect_left(ring, content_hash("borrows", domain.name), key=lambda place: place[0])
    chosen: dict[str, Tool] = {}
    for _, tool in chain(ring[start:], ring[:start]):
        if len(chosen) >= limit:
            break
        name = snake(tool.name)
        if tool.domain != domain.name and name not in names and (verb_of(tool), nouns_of(tool)) not in deeds:
            chosen.setdefault(name, tool)
    return tuple(sorted(chosen.values(), key=lambda tool: tool.name))
