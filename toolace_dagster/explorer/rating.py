"""The page on which a person compares two dialogues blind, and the page of results.

What is shown is what was said, called and answered: no ids, no origin, nothing that
differs between homes but the dialogues.

Belongs here: what these pages show, and reading what the form sends. Does not belong
here: pairs and records (``rating``).
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from toolace_dagster.entities import Turn
from toolace_dagster.explorer.rendering import page
from toolace_dagster.rating import Pairs, RatingFault, read_ratings, record_rating, tally_ratings

MOST_BYTES = 64_000
"""Of what the form may send."""


@dataclass(frozen=True)
class ShownTurn:
    """A turn as it is compared: who, words, calls, outputs, and tools that are offered from there on."""

    role: str
    content: str
    calls: tuple[str, ...]
    outputs: tuple[tuple[bool, str], ...]
    tools_added: tuple[str, ...]


def rate_page(pairs: Pairs, message: str = "") -> str:
    """The next pair that was not rated, or the word that all are.

    Args:
        pairs: What there is to compare.
        message: What to tell the person, if anything.
    """
    pair, done, of = pairs.next(rating.pair for rating in read_ratings(pairs.home))
    sides: list[list[ShownTurn]] = []
    requests: list[str] = []
    offered: list[tuple[str, str]] = []
    if pair is not None:
        dialogues = pairs.dialogues(pair)
        sides = [[_shown(turn) for turn in dialogue.turns] for dialogue in dialogues]
        requests = [part.goal for part in pairs.task(pair).sub_tasks]
        offered = pairs.tools(pair, dialogues)
    return page(
        "rate.html",
        **_frame("rate"),
        pair=pair.name if pair is not None else "",
        token=pairs.token(),
        requests=requests,
        offered=offered,
        sides=sides,
        done=done,
        of=of,
        message=message,
    )


def ratings_page(pairs: Pairs) -> str:
    """What the ratings came to."""
    ratings = read_ratings(pairs.home)
    reasons = [rating for rating in reversed(ratings) if rating.reason][:50]
    return page("ratings.html", **_frame("ratings"), tallies=tally_ratings(ratings), reasons=reasons)


def take_rating(pairs: Pairs, body: bytes) -> None:
    """Record what the form sent.

    Args:
        pairs: What there is to compare.
        body: The form, URL-encoded.

    Raises:
        RatingFault: If it is not from our page, names no pair, or can't be taken.
    """
    try:
        form = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=10, strict_parsing=bool(body))
    except (UnicodeDecodeError, ValueError):
        raise RatingFault("the form can't be read") from None

    def field(name: str) -> str:
        return form.get(name, [""])[0]

    if not hmac.compare_digest(field("token").encode(), pairs.token().encode()):
        raise RatingFault("the form is not from this page; load it again")
    pair = pairs.find(field("pair"))
    if pair is None:
        raise RatingFault("there is no such pair any more")
    record_rating(pairs.home, pair, field("choice"), field("reason"))


def is_from_our_page(headers: Mapping[str, str]) -> bool:
    """Whether a request that changes something was sent by a page of ours, as far as the browser tells.

    Args:
        headers: Of the request, by lower-case name.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site != "same-origin":
        return False
    # Our pages send no referrer, so their origin may be told as null; the token in the form then tells.
    return origin in (None, "null") or origin.partition("://")[2] == headers.get("host")


def _shown(turn: Turn) -> ShownTurn:
    return ShownTurn(
        role=turn.role,
        content=turn.content,
        calls=tuple(f"{call.name}({json.dumps(call.arguments, ensure_ascii=False)})" for call in turn.tool_calls),
        outputs=tuple(
            (output.is_error, json.dumps(output.content, ensure_ascii=False, indent=1)) for output in turn.outputs
        ),
        tools_added=turn.tools_added,
    )


def _frame(place: str) -> dict[str, object]:
    # The home's name is left out: it may say how its dialogues were made.
    return {"place": place, "home": "", "busy": (), "standalone": False, "rating": True}
