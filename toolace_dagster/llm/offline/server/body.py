"""Reading the body of a request.

Belongs here: JSON that may be none. Does not belong here: what it should hold.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from toolace_dagster.llm.offline.server.refusals import Refusal


async def read_json(request: web.Request) -> Any:
    """The body of a request.

    Raises:
        Refusal: If it is no JSON.
    """
    try:
        return await request.json()
    except ValueError:
        raise Refusal(400, "The body of the request is not valid JSON.") from None
