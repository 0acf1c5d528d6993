"""Pages of a list, as OpenAI cuts them.

Belongs here: cursor and limit. Does not belong here: what is listed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toolace_dagster.llm.offline.server.refusals import Refusal


def page(items: Sequence[dict[str, Any]], query: Mapping[str, str], *, limit: int, most: int) -> dict[str, Any]:
    """One page of objects.

    Args:
        items: All of them, in order, each with an ``id``.
        query: The query of the request: ``after`` and ``limit``.
        limit: Objects on a page when the query names no limit.
        most: Highest limit there is.

    Raises:
        Refusal: If the limit is out of bounds or the cursor unknown.
    """
    wanted = query.get("limit", str(limit))
    if not wanted.isascii() or not wanted.isdigit() or not 1 <= int(wanted) <= most:
        raise Refusal(400, f"Invalid 'limit': expected a whole number from 1 to {most}, not {wanted!r}.", param="limit")
    start = 0
    after = query.get("after")
    if after is not None:
        start = next((at + 1 for at, item in enumerate(items) if item["id"] == after), -1)
        if start < 0:
            raise Refusal(400, f"No object with the id {after!r} to list after.", param="after")
    shown = list(items[start : start + int(wanted)])
    return {
        "object": "list",
        "data": shown,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
        "has_more": start + len(shown) < len(items),
    }
