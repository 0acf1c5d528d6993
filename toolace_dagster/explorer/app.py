"""The explorer as an ASGI application: routes, headers, and which hosts it answers to.

A page shows what tools and models wrote, and lies on a port that any page in the
same browser can reach. So pages may load nothing but our own style and script,
nothing inline runs, and a request under a foreign host name, which DNS rebinding
would give it, is refused.

Belongs here: requests in, responses out. Does not belong here: what pages show
(``pages``).
"""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from toolace_dagster.explorer.catalogue import Catalogue, Filters
from toolace_dagster.explorer.pages import call_page, dialogue_page, dialogues_page, failures_page, missing_page
from toolace_dagster.explorer.rating_routes import rating_routes
from toolace_dagster.explorer.rendering import STATIC, static_text
from toolace_dagster.reporting.story import UnknownDialogue, find_dialogue, read_story
from toolace_dagster.warehouse import Warehouse, sql

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_LONGEST = 500


def make_app(warehouse: Warehouse, host: str = "127.0.0.1", other: Warehouse | None = None) -> ASGIApp:
    """The application over a home.

    Args:
        warehouse: The home's files; they are only read, but for ratings.
        host: The name it is served under, besides localhost and numeric addresses.
        other: A home whose dialogues are compared with those of this one, by people.
    """
    catalogue, home = Catalogue(warehouse), warehouse.home
    # The first look over a large home takes seconds; it begins before the first page is asked for.
    threading.Thread(target=catalogue.refresh).start()

    def dialogues(request: Request) -> Response:
        number = _number(request, "page") or 1
        order = request.query_params.get("order") or "id"
        return HTMLResponse(dialogues_page(catalogue, home, _filters(request), number, order))

    def dialogue(request: Request) -> Response:
        story = read_story(warehouse, _wanted(request, "id"))
        return HTMLResponse(dialogue_page(catalogue, home, story, _number(request, "step"), _filters(request)))

    def call(request: Request) -> Response:
        dialogue_id, domain = find_dialogue(warehouse, _wanted(request, "dialogue"))
        call_id = _wanted(request, "id")
        tries = warehouse.domain(domain).read(sql("queries/call_texts"), {"call": call_id})
        if not tries:
            raise UnknownDialogue(f"No call has the id {call_id!r} in {domain}.")
        return HTMLResponse(call_page(catalogue, home, dialogue_id, tries))

    def failures(request: Request) -> Response:
        return HTMLResponse(failures_page(catalogue, home, _filters(request)))

    def told_missing(handler: Callable[[Request], Response]) -> Callable[[Request], Response]:
        def handled(request: Request) -> Response:
            try:
                return handler(request)
            except UnknownDialogue as error:
                return HTMLResponse(missing_page(home, str(error)), status_code=404)

        return handled

    def nowhere(request: Request, error: Exception) -> Response:  # noqa: ARG001 - starlette's signature
        return HTMLResponse(missing_page(home, f"There is no page {request.url.path}."), status_code=404)

    app = Starlette(
        routes=[
            Route("/", dialogues),
            Route("/dialogue", told_missing(dialogue)),
            Route("/call", told_missing(call)),
            Route("/failures", failures),
            *rating_routes(warehouse, other),
            Route("/static/{name}", _static),
            Route("/favicon.ico", _no_icon),
        ],
        exception_handlers={404: nowhere},
    )
    return _guarded(app, host)


def _static(request: Request) -> Response:
    name = request.path_params["name"]
    try:
        return Response(static_text(name), media_type=STATIC[name])
    except KeyError:
        return Response("no such file", status_code=404, media_type="text/plain")


def _no_icon(request: Request) -> Response:  # noqa: ARG001 - starlette's signature
    return Response(status_code=204)


def _filters(request: Request) -> Filters:
    given = {name: request.query_params.get(name, "")[:_LONGEST] or None for name in Filters.names()}
    return Filters(**given)


def _wanted(request: Request, name: str) -> str:
    value = request.query_params.get(name)
    if not value:
        raise UnknownDialogue(f"The address names no {name}.")
    return value


def _number(request: Request, name: str) -> int | None:
    text = request.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None


def _guarded(app: ASGIApp, host: str) -> ASGIApp:
    """The application behind a look at the host name, with our headers on every response."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", []), *extra]}
            await send(message)

        names = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if len(names) != 1 or not is_our_host(names[0], host):
            refusal = Response("This host name is not the explorer's.", status_code=421, media_type="text/plain")
            await refusal(scope, receive, with_headers)
            return
        await app(scope, receive, with_headers)

    return guarded


def is_our_host(header: str, host: str) -> bool:
    """Whether a Host header names this machine: localhost, a numeric address, or the name it is served under.

    A foreign page reaches us only under a name that it controls, never under an address.
    """
    name = header.rpartition(":")[0] if header.rpartition(":")[2].isdigit() else header
    name = name.strip("[]").rstrip(".").lower()
    if name in ("localhost", host.lower()):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
