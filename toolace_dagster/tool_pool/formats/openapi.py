"""OpenAPI 3.0, 3.1 and Swagger 2.0: every operation is a tool.

Belongs here: the document as a whole, and which operations there are. Does not
belong here: one operation (``openapi_operation``), and schemas and references
(``openapi_schemas``).

Callbacks and webhooks are calls that the service makes, so they are no tools.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TypeGuard

from pydantic import JsonValue

from toolace_dagster.entities import JsonObject
from toolace_dagster.tool_pool.formats.document import (
    MAX_NESTING,
    Document,
    Reading,
    a_list,
    an_object,
    nests_deeper,
    text_of,
)
from toolace_dagster.tool_pool.formats.openapi_operation import Operation, entry_of_operation
from toolace_dagster.tool_pool.formats.openapi_schemas import Located, Specification
from toolace_dagster.tool_pool.repairs import Unusable

METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "trace", "query")


def is_openapi(value: JsonValue) -> TypeGuard[JsonObject]:
    """Whether a document says that it is an OpenAPI or Swagger description."""
    return isinstance(value, dict) and ("openapi" in value or "swagger" in value)


def read_openapi(document: JsonObject, reading: Reading, parse: Callable[[bytes, str], JsonValue]) -> Document:
    """Read all operations of a description.

    Args:
        document: The description, parsed.
        reading: The file; its siblings are read where references lead to them.
        parse: Parses a sibling file.

    Returns:
        An entry per operation, with its first tag as group.

    Raises:
        Unusable: The version is not known, the file nests too deep, or there are no operations.
    """
    version = _version(document)
    if nests_deeper(document, MAX_NESTING):
        raise Unusable(f"the file nests values more than {MAX_NESTING} deep", "flatten it")
    specification = Specification(document, version, reading.sibling, parse)
    operations = list(_operations(specification))
    if not operations:
        raise Unusable("the OpenAPI description has no operations under paths", "give it operations or delete it")
    described = {text_of(an_object(tag).get("name")): an_object(tag) for tag in a_list(document.get("tags"))}
    taken: set[str] = set()
    entries = [entry_of_operation(operation, specification, reading, taken) for operation in operations]
    info = an_object(document.get("info"))
    licence = an_object(info.get("license"))
    return Document(
        entries=tuple(entries),
        description=text_of(info.get("description")) or text_of(info.get("title")),
        licence=text_of(licence.get("identifier")) or text_of(licence.get("name")) or None,
        group_descriptions={name: text for name, tag in described.items() if (text := text_of(tag.get("description")))},
    )


def _version(document: JsonObject) -> str:
    """``2.0``, ``3.0`` or ``3.1``."""
    # Unquoted in YAML, 2.0 is a number.
    if "swagger" in document and str(document["swagger"]).startswith("2"):
        return "2.0"
    stated = str(document.get("openapi", document.get("swagger")))[:40]
    found = re.match(r"3\.(\d+)", stated)
    if not found:
        raise Unusable(
            f"version {stated!r} of OpenAPI is not read", "use Swagger 2.0 or OpenAPI 3, or convert the description"
        )
    # 3.2 has the schemas of 3.1.
    return "3.0" if found[1] == "0" else "3.1"


def _operations(specification: Specification) -> Iterator[Operation]:
    """Every operation, in the order of the document; the path item of each is resolved."""
    root = specification.root
    for path, given in an_object(root.value.get("paths")).items():
        if path.startswith("x-"):
            continue
        item = specification.resolved(Located(given, root.base))
        if not isinstance(item.value, dict):
            yield Operation("", path, Located(None, item.base), Located(None, item.base), specification.why_lost(given))
            continue
        for method in METHODS:
            if method in item.value:
                operation = specification.resolved(Located(item.value[method], item.base))
                yield Operation(method, path, operation, Located(item.value.get("parameters"), item.base))
