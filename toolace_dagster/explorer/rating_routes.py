"""Requests of the rating pages: the only ones that write, so the only ones that look at who sent them.

Belongs here: requests in, responses out. Does not belong here: what the pages show
(``explorer.rating``).
"""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from toolace_dagster.explorer.pages import missing_page
from toolace_dagster.explorer.rating import MOST_BYTES, is_from_our_page, rate_page, ratings_page, take_rating
from toolace_dagster.rating import Pairs, RatingFault
from toolace_dagster.warehouse import Warehouse

_NOT_COMPARED = "There is no other home to compare this one with: toolace explore --against HOME names one."


def rating_routes(home: Warehouse, other: Warehouse | None) -> list[Route]:
    """The pages on which people compare two homes.

    Args:
        home: The home that ratings are kept in.
        other: The one it is compared with; without one the pages say how to name one.
    """
    if other is None:

        def missing(request: Request) -> Response:  # noqa: ARG001 - starlette's signature
            return HTMLResponse(missing_page(home.home, _NOT_COMPARED), status_code=404)

        return [Route("/rate", missing), Route("/ratings", missing)]
    pairs = Pairs(home, other)

    def show(request: Request) -> Response:  # noqa: ARG001 - starlette's signature
        return HTMLResponse(rate_page(pairs))

    async def take(request: Request) -> Response:
        if not is_from_our_page(request.headers):
            return Response("This form was not sent by the explorer.", status_code=403, media_type="text/plain")
        try:
            await run_in_threadpool(take_rating, pairs, await _body(request))
        except RatingFault as fault:
            return HTMLResponse(await run_in_threadpool(rate_page, pairs, f"Not taken: {fault}."), status_code=400)
        return RedirectResponse("/rate", status_code=303)

    def results(request: Request) -> Response:  # noqa: ARG001 - starlette's signature
        return HTMLResponse(ratings_page(pairs))

    return [
        Route("/rate", show, methods=["GET"]),
        Route("/rate", take, methods=["POST"]),
        Route("/ratings", results),
    ]


async def _body(request: Request) -> bytes:
    """What a form sends.

    Raises:
        RatingFault: If it is too long.
    """
    parts = bytearray()
    async for part in request.stream():
        parts += part
        if len(parts) > MOST_BYTES:
            raise RatingFault("the form is too long")
    return bytes(parts)
