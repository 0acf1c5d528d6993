"""Lists of tools: our own format, OpenAI definitions, MCP answers, ACEBench, and rows that carry such lists.

Belongs here: finding the list in a document and the entries in it. Does not
belong here: what an entry means (``normal_form``).
"""

from __future__ import annotations

from pydantic import JsonValue, ValidationError

from toolace_dagster.entities import JsonObject, Provenance
from toolace_dagster.tool_pool.formats import bfcl, toolbench
from toolace_dagster.tool_pool.formats.document import POOL_FORMAT, Document, Entry, an_object, text_of
from toolace_dagster.tool_pool.formats.json_text import AmbiguousObject, Line, parse_json
from toolace_dagster.tool_pool.repairs import RepairLog, Unusable

KNOWN_FORMATS = (
    f"{POOL_FORMAT}, OpenAI tool definitions, the answer of an MCP server to tools/list, an OpenAPI description, "
    "BFCL function docs, ToolBench's api_list, or a Python module"
)
_LISTS = frozenset({"tools", "functions", "result", "api_list"})
_IN_ROW = ("function", "functions", "tools")


def read_tools(value: JsonValue) -> Document:
    """Pick the tool entries of a JSON document.

    Args:
        value: The document.

    Returns:
        The entries and what the document says about them as a whole.

    Raises:
        Unusable: It is in no known format, or lists no tools.
    """
    wrapper = _wrapper(value)
    listed = _listed(wrapper)
    for part in (value, wrapper):
        if isinstance(part, AmbiguousObject) and (lost := _LISTS & set(part.repeated)) and listed != [part]:
            raise Unusable(f"{min(lost)!r} stands in the file more than once", "join the lists into one")
    own = isinstance(wrapper, dict) and wrapper.get("format") == POOL_FORMAT
    entries = [entry for item in listed for entry in (_own_entry(item) if own else _entries(item))]
    if not entries:
        raise Unusable("the file lists no tools", "add tools to it or delete it")
    about: JsonObject = wrapper if isinstance(wrapper, dict) and "tools" in wrapper else {}
    return Document(
        entries=tuple(entries),
        domain=text_of(about.get("domain")) or None,
        description=text_of(about.get("description")),
        licence=text_of(about.get("licence")) or text_of(about.get("license")) or None,
    )


def read_lines(lines: list[Line]) -> Document:
    """Pick the tool entries of JSON lines.

    Args:
        lines: Tools, lists of tools, or rows that carry tools, one a line.

    Returns:
        The entries of all lines; a line that is no JSON is an entry with a fault.

    Raises:
        Unusable: No line holds a tool.
    """
    entries: list[Entry] = []
    for line in lines:
        if isinstance(line.value, Unusable):
            entries.append(Entry(value=None, name=f"line {line.number}", fault=line.value))
        else:
            try:
                found = _listed(_wrapper(line.value))
            except Unusable:
                found = [line.value]
            entries.extend(entry for item in found for entry in _entries(item))
    if not entries:
        raise Unusable("the file lists no tools", "add tools to it or delete it")
    return Document(entries=tuple(entries))


def _wrapper(value: JsonValue) -> JsonValue:
    """The part of a document that holds the list of tools."""
    if not isinstance(value, dict) or "tools" in value:
        return value
    result = value.get("result")
    if isinstance(result, dict) and "tools" in result:
        return result
    error = value.get("error")
    if "jsonrpc" in value and isinstance(error, dict):
        raise Unusable(
            f"the file is an error answer of an MCP server: {text_of(error.get('message'))[:200]}",
            "save the answer of a tools/list request that succeeded",
        )
    return value


def _listed(wrapper: JsonValue) -> list[JsonValue]:
    if isinstance(wrapper, list):
        return wrapper
    if not isinstance(wrapper, dict):
        raise Unusable("the file is in no known format", f"use {KNOWN_FORMATS}")
    stated = wrapper.get("format")
    if isinstance(stated, str) and stated.startswith("toolace-pool/") and stated != POOL_FORMAT:
        raise Unusable(f"the format {stated[:60]!r} is not known", f'write "format": "{POOL_FORMAT}"')
    if toolbench.is_collection(wrapper):
        return [wrapper]
    for key in ("tools", "functions"):
        if key in wrapper:
            listed = wrapper[key]
            if isinstance(listed, str):
                listed = _inner_json(listed, key)
            if not isinstance(listed, list):
                raise Unusable(f"{key} is not a list", f"write {key} as a list of tools")
            return listed
    if "name" in wrapper or "function" in wrapper:
        return [wrapper]
    raise Unusable("the file is in no known format", f"use {KNOWN_FORMATS}")


def _inner_json(text: str, key: str) -> JsonValue:
    """Data sets often keep the tools of a row as JSON in a string."""
    try:
        return parse_json(text)
    except Unusable as fault:
        raise Unusable(f"{key} is text and not JSON", f"write {key} as a list of tools") from fault


def _entries(item: JsonValue) -> list[Entry]:
    """The entries one item of a list stands for: itself, or the tools it carries."""
    if not isinstance(item, dict):
        return [Entry(item)]
    if toolbench.is_collection(item) and item["api_list"]:
        return toolbench.entries_of(item)
    if toolbench.is_api(item):
        return [toolbench.entry_of(item)]
    if "name" not in item:
        for key in _IN_ROW:
            carried = item.get(key)
            if isinstance(carried, str):
                try:
                    carried = parse_json(carried)
                except Unusable:
                    continue
            if isinstance(carried, list) and carried:
                return [entry for inner in carried for entry in _entry_of_row(inner)]
    return [bfcl.entry_of(item)]


def _entry_of_row(item: JsonValue) -> list[Entry]:
    # Rows do not carry rows, so that a document cannot send us round in circles.
    if isinstance(item, dict) and toolbench.is_api(item):
        return [toolbench.entry_of(item)]
    return [bfcl.entry_of(item)]


def _own_entry(item: JsonValue) -> list[Entry]:
    """An entry of our own format, which may carry the provenance of an earlier import."""
    if not isinstance(item, dict) or "provenance" not in item:
        return [Entry(item)]
    value: JsonObject = {key: inner for key, inner in item.items() if key != "provenance"}
    try:
        return [Entry(value, provenance=Provenance.model_validate(an_object(item["provenance"])))]
    except ValidationError:
        log = RepairLog()
        log.add("the provenance was not in the form an import writes and was left out", "delete it or import again")
        return [Entry(value, log=log)]
