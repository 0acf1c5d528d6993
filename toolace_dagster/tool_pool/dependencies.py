"""Which tool hands out what another tool needs.

Belongs here: links between results and parameters, found in the schemas alone,
and what a task sampler asks about them. Does not belong here: sampling
(``initialization``) and values of actual calls (``verification``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, JsonValue

from toolace_dagster.entities import Entity, JsonObject, Tool

SAME_IDENTIFIER_PATTERN = 1.0
SAME_IDENTIFIER_NAME = 0.9
IDENTIFIER_OF_NOUN = 0.8
SAME_NAME = 0.4

_SAME_VALUE_LISTS = ("allOf", "anyOf", "oneOf")
# A person knows these by heart, digits or not; no tool has to hand them out first.
_KNOWN_TO_PEOPLE = frozenset({"postal", "post", "zip", "phone", "house", "country", "currency", "area", "dial"})
_IDENTIFIER_LIST = re.compile(r"(^|_)(ids|uuids|guids|numbers|refs|references|codes)$")
_DIGITS = re.compile(r"\\d|0-9|\[[^\]]*\d[^\]]*\]|(?<![{,\d])\d(?![\d,]*\})")


class Link(Entity):
    """A value one tool returns that can fill a parameter of another.

    Attributes:
        producer: Name of the tool that returns it.
        result_path: Where it stands in the result, such as ``$.holds[].hold_id``.
        consumer: Name of the tool that takes it.
        parameter: The parameter it fills.
        confidence: How sure the schemas make it, up to 1.
    """

    producer: str
    result_path: str
    consumer: str
    parameter: str
    confidence: Annotated[float, Field(gt=0, le=1)]


@dataclass(frozen=True)
class _Field:
    """A named value in a result; ``owner`` is the noun of the object or list it stands in."""

    path: str
    name: str
    owner: str
    schema: JsonObject


def find_links(tools: Sequence[Tool]) -> tuple[Link, ...]:
    """Find which results can fill which parameters.

    Args:
        tools: Tools offered together, as a rule those of one domain.

    Returns:
        Every link between two different tools, sorted by consumer, parameter and falling confidence.
    """
    fields = {tool.name: tuple(_fields(tool.result or {})) for tool in tools}
    found: list[Link] = []
    for consumer in tools:
        for parameter, schema in consumer.properties.items():
            for producer in tools:
                if producer.name == consumer.name:
                    continue
                for field in fields[producer.name]:
                    confidence = _confidence(field, parameter, schema)
                    if confidence:
                        found.append(
                            Link(
                                producer=producer.name,
                                result_path=field.path,
                                consumer=consumer.name,
                                parameter=parameter,
                                confidence=confidence,
                            )
                        )
    return tuple(sorted(set(found), key=lambda x: (x.consumer, x.parameter, -x.confidence, x.producer, x.result_path)))


def identifier_parameters(tool: Tool) -> tuple[str, ...]:
    """Name the parameters that look like identifiers a system hands out.

    Args:
        tool: Any tool.

    Returns:
        Parameter names in the order of the schema; those from a fixed list (``enum``) are not among them.
    """
    return tuple(name for name, schema in tool.properties.items() if _is_identifier(*_single(name, schema)))


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
    return tuple(sorted(fitting, key=lambda link: (-link.confidence, link.producer, link.result_path)))


def reachable(tools: Sequence[Tool], links: Sequence[Link]) -> tuple[Tool, ...]:
    """Order tools so that each can be called with what the ones before it returned.

    A required identifier that no tool returns has to come from the user, so it
    holds up nothing.

    Args:
        tools: Tools offered together.
        links: Result of ``find_links`` on them.

    Returns:
        The tools that can be reached, in such an order; a tool that waits on itself through others is left out.
    """
    needs = {
        tool.name: [
            {link.producer for link in sources if link.confidence >= IDENTIFIER_OF_NOUN}
            for name in identifier_parameters(tool)
            if name in tool.required and (sources := producers_of(links, tool, name))
        ]
        for tool in tools
    }
    ordered: list[Tool] = []
    reached: set[str] = set()
    while True:
        ready = [t for t in tools if t.name not in reached and all(not s or s & reached for s in needs[t.name])]
        if not ready:
            return tuple(ordered)
        ordered.extend(ready)
        reached.update(tool.name for tool in ready)


def _confidence(field: _Field, parameter: str, schema: JsonObject) -> float:
    name, wanted = _single(parameter, schema)
    field_name, offered = _single(field.name, field.schema)
    if not _compatible(offered, wanted):
        return 0
    same_name = field_name == name
    identifier = _is_identifier(name, wanted)
    if same_name and identifier:
        pattern = wanted.get("pattern")
        same_pattern = isinstance(pattern, str) and bool(_DIGITS.search(pattern)) and pattern == offered.get("pattern")
        return SAME_IDENTIFIER_PATTERN if same_pattern else SAME_IDENTIFIER_NAME
    if identifier and field_name == "id" and field.owner and name == f"{field.owner}_id":
        return IDENTIFIER_OF_NOUN
    typed = bool(_types(offered)) and bool(_types(wanted))
    # A tool that returns `id` at the top says too little about whose identifier it is.
    return SAME_NAME if same_name and typed and not identifier else 0


def _is_identifier(name: str, schema: JsonObject) -> bool:
    types = _types(schema)
    if "enum" in schema or "const" in schema or (types and not types & {"string", "integer", "number"}):
        return False
    words = name.split("_")
    if words[-1] in ("id", "uuid", "guid"):
        return True
    if words[-1] not in ("number", "ref", "reference", "code") or _KNOWN_TO_PEOPLE & set(words):
        return False
    pattern = schema.get("pattern")
    return isinstance(pattern, str) and bool(_DIGITS.search(pattern))


def _compatible(offered: JsonObject, wanted: JsonObject) -> bool:
    left, right = _types(offered), _types(wanted)
    if left and right and not left & right and not (left == {"integer"} and "number" in right):
        return False
    for keyword in ("pattern", "format"):
        if keyword in offered and keyword in wanted and offered[keyword] != wanted[keyword]:
            return False
    some, others = offered.get("enum"), wanted.get("enum")
    if isinstance(some, list) and isinstance(others, list):
        return any(value in others for value in some)
    return True


def _types(schema: JsonObject) -> set[str]:
    """The types a schema allows, without null; empty when it does not say."""
    given = schema.get("type")
    words: list[JsonValue] = given if isinstance(given, list) else [given]
    return {word for word in words if isinstance(word, str) and word != "null"}


def _single(name: str, schema: JsonObject) -> tuple[str, JsonObject]:
    """Name and schema of one value: a list of identifiers is looked at as one of them, ``X | null`` as X."""
    snake = _snake(name)
    branches = schema.get("anyOf", schema.get("oneOf"))
    if "type" not in schema and isinstance(branches, list):
        real = [branch for branch in branches if isinstance(branch, dict) and branch.get("type") != "null"]
        if len(real) == 1:
            return _single(name, real[0])
    items = schema.get("items")
    if _types(schema) == {"array"} and isinstance(items, dict) and _IDENTIFIER_LIST.search(snake):
        return snake[:-1], items
    return snake, schema


def _snake(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip("_")


def _fields(schema: JsonObject, path: str = "$", owner: str = "") -> Iterator[_Field]:
    """Walk through everything a result can hold; schemas are bounded in depth by the normal form."""
    properties = schema.get("properties")
    for name, inner in properties.items() if isinstance(properties, dict) else ():
        if isinstance(inner, dict):
            here = f"{path}.{name}"
            yield _Field(_item_path(here, inner), name, owner, inner)
            yield from _fields(inner, here, _singular(_snake(name)))
    items = schema.get("items")
    if isinstance(items, dict):
        yield from _fields(items, f"{path}[]", owner)
    for key in _SAME_VALUE_LISTS:
        branches = schema.get(key)
        for branch in branches if isinstance(branches, list) else ():
            if isinstance(branch, dict):
                yield from _fields(branch, path, owner)


def _item_path(path: str, schema: JsonObject) -> str:
    items = schema.get("items")
    holds_values = isinstance(items, dict) and bool(_types(items)) and not _types(items) & {"object", "array"}
    return f"{path}[]" if "array" in _types(schema) and holds_values else path


def _singular(noun: str) -> str:
    for ending, single in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh")):
        if noun.endswith(ending):
            return noun.removesuffix(ending) + single
    return noun if noun.endswith("ss") else noun.removesuffix("s")
