"""BFCL function docs: dotted names, ``dict`` for objects, the result under ``response``.

Belongs here: what sets these entries apart from other lists of tools. Does not
belong here: their type words, which others use too (``old_keywords``).
"""

from __future__ import annotations

from pydantic import JsonValue

from toolace_dagster.tool_pool.formats.document import Entry, an_object


def entry_of(item: JsonValue) -> Entry:
    """Read one item of a list of tools.

    Args:
        item: Anything; only what looks like a BFCL function doc is treated as one.

    Returns:
        The entry; the class before the dot of a BFCL name is its group.
    """
    if not isinstance(item, dict) or an_object(item.get("parameters")).get("type") != "dict":
        return Entry(item)
    name = item.get("name")
    owner = name.rpartition(".")[0] if isinstance(name, str) else ""
    response = item.get("response")
    if "result" in item or not isinstance(response, dict):
        return Entry(item, group=owner)
    value = {"result" if key == "response" else key: inner for key, inner in item.items()}
    return Entry(value, group=owner, original=item)
