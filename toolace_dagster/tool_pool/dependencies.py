"""Which tool hands out what another tool needs.

A link says that a value in one tool's result can fill a parameter of another. It
is found from names, types, patterns and descriptions alone, with a confidence:

====  =====================================================================================
1.00  identifiers of the same name and the same pattern with digits
0.90  identifiers of the same name
0.85  the parameter's description names the tool it comes from
0.80  an ``id`` in a list or object of the noun, or identifiers that only share their pattern
0.70  an identifier with a word before it (``source_account_id`` from ``account_id``); an ``id`` at
      the top of the result of a tool about the noun; a bare ``id`` whose noun is in its description
0.60  no described result: a tool that finds or makes the noun; 0.70 where its description speaks of ids
0.50  a plain value of the same name whose descriptions or choices agree
0.40  a plain value of the same name
0.30  the tool returns only what it was given itself; a plain value for a search
0.20  a plain value of a name that says little, such as ``date`` or ``status``
====  =====================================================================================

From ``SURE`` on, a tool is not planned before one of those that hand its identifier
out; from ``FEEDS`` on, a link counts as one result feeding another call.

Candidates come from an index of names, so the work grows with the number of
values and not with pairs of tools.

Belongs here: links, and what may be asked about them. Does not belong here: the
graph a sampler walks (``graph``) and values of actual calls (``verification``).
"""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from toolace_dagster.entities import Entity, JsonObject, Tool
from toolace_dagster.tool_pool.identifiers import (
    compatible,
    digit_pattern,
    identifier_parameters,
    is_identifier,
    noun_of,
    noun_of_tool,
    said_noun,
    single,
    types_of,
)
from toolace_dagster.tool_pool.naming import hands_out, snake, verb_of
from toolace_dagster.tool_pool.result_fields import result_fields

LINKS_VERSION = 1
"""Raised when other links are found in the same tools."""

SURE = 0.6
FEEDS = 0.5
MAX_SOURCES = 12
"""Links kept for one parameter, the surest first."""

_LONGEST_NAME = 80
_WINDOW = 48
"""Candidates of one name that are looked at for one parameter."""

_LITTLE_SAID = frozenset(
    "name date time type kind status state description title note notes reason message text content query limit count "
    "total page offset language currency amount price value start end start_date end_date url size unit units format "
    "summary comment comments success error data result category year".split()
)
_ASKED_FREELY = frozenset({"find", "list", "search", "browse", "query"})
_WORD = re.compile(r"[a-z]{4,}")
_TOKEN = re.compile(r"[A-Za-z0-9_.-]+")
_SPEAKS_OF_IDS = re.compile(r"\b(ids?|identifiers?|uuids?)\b", re.IGNORECASE)


class Link(Entity):
    """A value one tool returns that can fill a parameter of another.

    Attributes:
        producer: Name of the tool that returns it.
        result_path: Where it stands in the result, such as ``$.holds[].hold_id``; ``$`` where no result is described.
        consumer: Name of the tool that takes it.
        parameter: The parameter it fills.
        confidence: How sure the definitions make it, up to 1; the module's docstring tells how it is made.
        evidence: Why, in words.
    """

    producer: str
    result_path: str
    consumer: str
    parameter: str
    confidence: Annotated[float, Field(gt=0, le=1)]
    evidence: str = ""


@dataclass(frozen=True)
class _Offer:
    """A value some tool returns, ready to be compared; ``noun`` is set for identifiers."""

    tool: Tool
    path: str
    name: str
    schema: JsonObject
    noun: str
    noun_from: str
    echoed: bool


@dataclass(frozen=True)
class _Wish:
    """A parameter to be filled."""

    tool: Tool
    parameter: str
    name: str
    schema: JsonObject
    noun: str
    noun_from: str


def find_links(tools: Sequence[Tool]) -> tuple[Link, ...]:
    """Find which results can fill which parameters.

    Args:
        tools: Tools offered together, as a rule those of one domain.

    Returns:
        Links between two different tools, sorted by consumer, parameter and falling confidence. Of each pair of tools
        and parameter the surest one, and of each parameter the ``MAX_SOURCES`` surest.
    """
    index: dict[tuple[str, str], list[_Offer]] = defaultdict(list)
    named: dict[str, Tool] = {}
    for tool in sorted(tools, key=lambda tool: tool.name):
        named[snake(tool.name)] = tool
        for offer in _offers(tool):
            for key in _keys_of_offer(offer):
                index[key].append(offer)
    found: list[Link] = []
    for tool in tools:
        for wish in _wishes(tool):
            best: dict[str, Link] = {}
            for link in _candidates(wish, index, named):
                known = best.get(link.producer)
                if known is None or _surest(link) < _surest(known):
                    best[link.producer] = link
            found += sorted(best.values(), key=_surest)[:MAX_SOURCES]
    return tuple(sorted(found, key=lambda link: (link.consumer, link.parameter, *_surest(link))))


def producers_of(links: Sequence[Link], tool: Tool, parameter: str) -> tuple[Link, ...]:
    """Pick the links that can fill one parameter.

    Args:
        links: Result of ``find_links``.
        tool: The tool that takes the value.
        parameter: One of its parameters.

    Returns:
        The links, the surest first.
    """
    fitting = [link for link in links if link.consumer == tool.name and link.parameter == parameter]
    return tuple(sorted(fitting, key=_surest))


def _surest(link: Link) -> tuple[float, str, str]:
    return -link.confidence, link.producer, link.result_path


def _offers(tool: Tool) -> Iterator[_Offer]:
    """What a tool returns; one value without a name where its result is not described."""
    taken = {single(name, schema)[0] for name, schema in tool.properties.items() if name in tool.required}
    taken_nouns = {_noun_taken(tool, name) for name in identifier_parameters(tool) if name in tool.required}
    described = False
    for field in result_fields(tool.result or {}):
        described = True
        name, schema = single(field.name, field.schema)
        if not is_identifier(name, schema):
            yield _Offer(tool, field.path, name, schema, "", "", echoed=name in taken)
            continue
        noun, noun_from = noun_of(name), "its name"
        if not noun:
            noun, noun_from = (field.owner, "its list") if field.owner else (noun_of_tool(tool), "the tool's name")
        yield _Offer(tool, field.path, name, schema, noun, noun_from, echoed=name in taken or noun in taken_nouns)
    noun = noun_of_tool(tool)
    if not described and noun and hands_out(tool):
        yield _Offer(tool, "$", "", {}, noun, "no result described", echoed=noun in taken_nouns)


def _wishes(tool: Tool) -> Iterator[_Wish]:
    for parameter, given in tool.properties.items():
        name, schema = single(parameter, given)
        if not is_identifier(name, schema):
            yield _Wish(tool, parameter, name, schema, "", "")
            continue
        noun, noun_from = noun_of(name), "its name"
        if not noun:
            noun, noun_from = said_noun(schema), "its description"
        if not noun:
            noun, noun_from = noun_of_tool(tool), "the tool's name"
        yield _Wish(tool, parameter, name, schema, noun, noun_from)


def _noun_taken(tool: Tool, parameter: str) -> str:
    name, schema = single(parameter, tool.properties[parameter])
    return noun_of(name) or said_noun(schema) or noun_of_tool(tool)


def _keys_of_offer(offer: _Offer) -> Iterator[tuple[str, str]]:
    if offer.noun:
        yield "noun", offer.noun
        pattern = digit_pattern(offer.schema)
        if pattern:
            yield "pattern", pattern
    else:
        yield "name", offer.name


def _candidates(wish: _Wish, index: dict[tuple[str, str], list[_Offer]], named: dict[str, Tool]) -> Iterator[Link]:
    for source in _tools_named_in(wish, named):
        yield _link(source.name, "$", wish, 0.85, f"the description of {wish.parameter} names {source.name}")
    if not wish.noun:
        for offer in _window(index.get(("name", wish.name), []), wish):
            confidence, why = _plain(offer, wish)
            if confidence:
                yield _link(offer.tool.name, offer.path, wish, confidence, why)
        return
    words = wish.noun.split("_")
    for start in range(len(words)):
        noun = "_".join(words[start:])
        for offer in _window(index.get(("noun", noun), []), wish):
            confidence, why = _identifiers(offer, wish, whole=start == 0)
            if confidence:
                yield _link(offer.tool.name, offer.path, wish, confidence, why)
    pattern = digit_pattern(wish.schema)
    for offer in _window(index.get(("pattern", pattern), []), wish) if pattern else ():
        confidence, why = (0.3, _ECHO) if offer.echoed else (0.8, f"identifiers of the same pattern {pattern}")
        yield _link(offer.tool.name, offer.path, wish, confidence, why)


def _window(offers: list[_Offer], wish: _Wish) -> Iterator[_Offer]:
    """The offers of other tools; of very many some, other ones for each tool, so that no pool makes it quadratic."""
    if len(offers) > _WINDOW:
        start = zlib.crc32(wish.tool.name.encode()) % len(offers)
        offers = (offers[start:] + offers[:start])[:_WINDOW]
    for offer in offers:
        if offer.tool.name != wish.tool.name and compatible(offer.schema, wish.schema):
            yield offer


_ECHO = "it returns only what it was given itself"


def _identifiers(offer: _Offer, wish: _Wish, *, whole: bool) -> tuple[float, str]:
    about = f"both are of {offer.noun!r}"
    if offer.echoed:
        return 0.3, _ECHO
    if not offer.name:
        speaks = bool(_SPEAKS_OF_IDS.search(offer.tool.description))
        why = f"{offer.tool.name} by its name finds or makes {offer.noun!r}"
        return (0.7, f"{why} and speaks of ids") if speaks else (0.6, why)
    if offer.name == wish.name and offer.noun_from == wish.noun_from == "its name":
        pattern = digit_pattern(wish.schema)
        if pattern and pattern == offer.schema.get("pattern"):
            return 1.0, f"identifiers of the same name and pattern {pattern}"
        return 0.9, "identifiers of the same name"
    if not whole:
        return 0.7, f"an identifier of {offer.noun!r}, with a word before it"
    if wish.noun_from != "its name":
        return 0.7, f"{about}, as {wish.noun_from} says"
    if offer.noun_from == "the tool's name":
        return 0.7, f"{about}, as the name of {offer.tool.name} says"
    return 0.8, about


def _plain(offer: _Offer, wish: _Wish) -> tuple[float, str]:
    if not types_of(offer.schema) or not types_of(wish.schema):
        return 0, ""
    if offer.echoed:
        return 0.3, _ECHO
    if verb_of(wish.tool) in _ASKED_FREELY:
        return 0.3, "values of the same name, but a search is for what the user asks"
    if wish.name in _LITTLE_SAID:
        return 0.2, "values of the same name, which says little"
    for keyword in ("enum", "pattern", "format"):
        if keyword in wish.schema and wish.schema[keyword] == offer.schema.get(keyword):
            return 0.5, f"values of the same name and {keyword}"
    left, right = _said(offer.schema), _said(wish.schema)
    if left and right and 3 * len(left & right) >= len(left | right):
        return 0.5, "values of the same name with like descriptions"
    return 0.4, "values of the same name"


def _said(schema: JsonObject) -> set[str]:
    text = schema.get("description")
    return set(_WORD.findall(text.lower())) if isinstance(text, str) else set()


def _tools_named_in(wish: _Wish, named: dict[str, Tool]) -> Iterator[Tool]:
    text = wish.schema.get("description")
    if not isinstance(text, str):
        return
    for word in dict.fromkeys(_TOKEN.findall(text)):
        # A tool called `search` would be named by every second sentence.
        tool = named.get(snake(word)) if len(word) <= _LONGEST_NAME and "_" in snake(word) else None
        if tool is not None and tool.name != wish.tool.name:
            yield tool


def _link(producer: str, path: str, wish: _Wish, confidence: float, evidence: str) -> Link:
    return Link(
        producer=producer,
        result_path=path,
        consumer=wish.tool.name,
        parameter=wish.parameter,
        confidence=confidence,
        evidence=evidence,
    )
