"""From one tool entry of any known format to a tool in normal form.

Belongs here: finding the parts of an entry, the name rule, and what a tool's
``parameters`` must be. Does not belong here: files (``formats``, ``pool``) and
repairs inside a schema (``schemas``, ``references``).
"""

from __future__ import annotations

import re
import unicodedata

from pydantic import JsonValue

from toolace_dagster.entities import TOOL_NAME, ImportNote, JsonObject, Provenance, Tool, content_hash
from toolace_dagster.tool_pool.bounds import bounded
from toolace_dagster.tool_pool.formats.document import MAX_NESTING, Entry, writable
from toolace_dagster.tool_pool.formats.json_text import AmbiguousObject
from toolace_dagster.tool_pool.keywords import ROOT_KEYWORDS
from toolace_dagster.tool_pool.loose_parameters import (
    are_properties,
    parameters_of_list,
    parameters_of_properties,
)
from toolace_dagster.tool_pool.old_keywords import type_of_word
from toolace_dagster.tool_pool.references import inline_references
from toolace_dagster.tool_pool.repairs import RepairLog, Unusable
from toolace_dagster.tool_pool.schemas import mend_schema, schema_fault

PARAMETER_KEYS = ("parameters", "inputSchema", "input_schema", "arguments")
RESULT_KEYS = ("result", "outputSchema", "output_schema")
MAX_NAME = 64


def import_entry(
    entry: Entry,
    *,
    position: int,
    domain: str,
    source: str,
    licence: str | None,
) -> tuple[Tool | None, ImportNote]:
    """Bring one entry into normal form.

    Args:
        entry: The entry as its reader gives it.
        position: Its place in the file, from 1.
        domain: Normalised name of its domain.
        source: The file, relative to the pool.
        licence: Licence of the file.

    Returns:
        The tool, or None when the entry is rejected, and the note on it.
    """
    log = RepairLog()
    item = writable(entry.name) or f"entry {position}"
    try:
        if entry.fault:
            raise entry.fault
        log.merge(entry.log)
        value = _checked(entry.value, log)
        item = _given_name(value) or item
        provenance = entry.provenance or Provenance(source=source)
        known = {
            "licence": provenance.licence or licence,
            "entry_hash": provenance.entry_hash or _hash(value if entry.original is None else entry.original),
        }
        tool = _tool(value, domain, provenance.model_copy(update=known), log, own_references=entry.own_references)
    except Unusable as fault:
        return None, ImportNote(
            domain=domain, source=source, item=item, status="rejected", reason=fault.reason, mend=fault.mend
        )
    return tool, ImportNote(
        domain=domain,
        source=source,
        item=item,
        status="repaired" if log else "accepted",
        reason=log.reason,
        mend=log.mend,
    )


def portable_name(name: str) -> str:
    """Turn a name into one that every trainer accepts.

    Args:
        name: Name in the source.

    Returns:
        The name itself when it matches ``TOOL_NAME``; otherwise one made from it, unique enough to stay apart
        from names that differ only in what was cut off.
    """
    if TOOL_NAME.fullmatch(name):
        return name
    plain = unicodedata.normalize("NFKD", name)
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    made = re.sub(r"[^A-Za-z0-9_-]+", "_", plain).strip("_")
    if not made:
        return f"tool_{content_hash(name, length=8)}"
    return made if len(made) <= MAX_NAME else f"{made[: MAX_NAME - 9]}_{content_hash(name, length=8)}"


def _all_writable(value: JsonValue) -> JsonValue:
    """Replace what no UTF-8 file can hold; the value itself when there is nothing to replace."""
    if isinstance(value, str):
        return writable(value)
    if isinstance(value, list):
        return [_all_writable(item) for item in value]
    if isinstance(value, dict):
        return {writable(key): _all_writable(item) for key, item in value.items()}
    return value


def _checked(entry: JsonValue, log: RepairLog) -> JsonObject:
    """The entry as an object that is safe to walk through and to write to a file."""
    if not isinstance(entry, dict):
        raise Unusable(f"the entry is {_kind(entry)}, not an object", "write each tool as a JSON object")
    twice: list[str] = []
    level: list[JsonValue] = [entry]
    for _ in range(MAX_NESTING):
        below: list[JsonValue] = []
        for value in level:
            if isinstance(value, dict):
                twice.extend(value.repeated if isinstance(value, AmbiguousObject) else ())
                below.extend(value.values())
            elif isinstance(value, list):
                below.extend(value)
        level = below
    if level:
        raise Unusable(f"the entry nests values more than {MAX_NESTING} deep", "flatten it")
    for key in dict.fromkeys(twice):
        log.add(f"the key {key[:60]!r} stands twice in one object, the last one counts", "delete one of them")
    clean = _all_writable(entry)
    if clean != entry:
        log.add("half a surrogate pair was replaced by '?'", r"correct the \u escape")
    assert isinstance(clean, dict)
    return clean


def _tool(entry: JsonObject, domain: str, provenance: Provenance, log: RepairLog, *, own_references: bool) -> Tool:
    function = _function(entry)
    given = _given_name(entry)
    if not given:
        raise Unusable("the entry has no name", 'give it a "name"')
    name = portable_name(given)
    if name != given:
        log.add(
            f"the name {_cut(given)!r} was changed to {name!r}",
            f"use letters, digits, _ and - only, at most {MAX_NAME}",
        )
    if name != given:
        provenance = provenance.model_copy(update={"original_name": given})
    return Tool(
        name=name,
        description=_description(function, log),
        parameters=_parameters(function, log, say_written=not own_references),
        result=_result(function, log, say_written=not own_references),
        domain=domain,
        provenance=provenance,
    )


def _function(entry: JsonObject) -> JsonObject:
    """The object that holds name and parameters: ``function`` of an OpenAI definition, else the entry."""
    inner = entry.get("function")
    if isinstance(inner, dict):
        return inner
    if "function" in entry and "name" not in entry:
        raise Unusable(f"function is {_kind(inner)}, not an object", 'give "function" a name and parameters')
    return entry


def _hash(original: JsonValue) -> str:
    return content_hash(_all_writable(original))


def _given_name(entry: JsonObject) -> str:
    inner = entry.get("function")
    name = (inner if isinstance(inner, dict) else entry).get("name")
    return name if isinstance(name, str) and name.strip() else ""


def _description(function: JsonObject, log: RepairLog) -> str:
    description = function.get("description")
    if description is None or isinstance(description, str):
        return description or ""
    log.add(f"the description was {_kind(description)} and was left out", "write the description as text")
    return ""


def _parameters(function: JsonObject, log: RepairLog, *, say_written: bool) -> JsonObject:
    key = next((key for key in PARAMETER_KEYS if function.get(key) is not None), None)
    if key is None:
        log.add(
            "no parameters were given, the tool takes none",
            f"give a JSON Schema under one of {', '.join(PARAMETER_KEYS)}",
        )
        return {"type": "object", "properties": {}}
    given = function[key]
    if isinstance(given, list):
        given = parameters_of_list(given, key, log)
    elif isinstance(given, dict) and are_properties(given):
        given = parameters_of_properties(given, key, log)
    if not isinstance(given, dict):
        raise Unusable(f"{key} is {_kind(given)}, no JSON Schema of an object", _OBJECT_SCHEMA)
    schema = inline_references(given, key, log, say_written=say_written)
    assert isinstance(schema, dict)
    mended = mend_schema(_as_object_schema(schema, key, log), key, log)
    assert isinstance(mended, dict)
    if fault := schema_fault(mended):
        raise Unusable(f"{key} is not valid JSON Schema: {fault}", "correct the schema")
    return bounded(mended, key, log)


_OBJECT_SCHEMA = 'write {"type": "object", "properties": {...}}'


def _as_object_schema(schema: JsonObject, where: str, log: RepairLog) -> JsonObject:
    """Give the root of a schema ``type`` and ``properties``, or refuse a schema of something else."""
    given = schema.get("type")
    result = dict(schema)
    if given is None:
        if schema and not any(key in ROOT_KEYWORDS for key in schema):
            raise Unusable(f"{where} is no JSON Schema of an object", _OBJECT_SCHEMA)
        log.add(f"{where} had no type", _OBJECT_SCHEMA)
        result = {"type": "object", **{key: value for key, value in schema.items() if key != "type"}}
    elif given != "object":
        words = given if isinstance(given, list) else [given]
        if "object" not in [type_of_word(word) for word in words]:
            raise Unusable(f"{where} is a schema of {_cut(str(given))}, not of an object", _OBJECT_SCHEMA)
        log.add(f"the type {_cut(str(given))!r} of {where} was read as 'object'", _OBJECT_SCHEMA)
        result["type"] = "object"
    # OpenAPI's way to allow null makes no sense for the arguments of a call.
    result.pop("nullable", None)
    properties = result.get("properties")
    if properties is None:
        log.add(f"{where} had no properties", _OBJECT_SCHEMA)
        result["properties"] = {}
    elif not isinstance(properties, dict):
        raise Unusable(f"properties in {where} is {_kind(properties)}, not an object", _OBJECT_SCHEMA)
    return result


def _result(function: JsonObject, log: RepairLog, *, say_written: bool) -> JsonObject | None:
    key = next((key for key in RESULT_KEYS if function.get(key) is not None), None)
    if key is None:
        return None
    given = function[key]
    fault = f"it is {_kind(given)}"
    if isinstance(given, dict):
        attempt = RepairLog()
        try:
            mended = mend_schema(inline_references(given, key, attempt, say_written=say_written), key, attempt)
        except Unusable as error:
            fault = error.reason
        else:
            fault = schema_fault(mended) if isinstance(mended, dict) else "it is no schema object"
            if isinstance(mended, dict) and not fault:
                try:
                    mended = bounded(mended, key, attempt)
                except Unusable as error:
                    fault = error.reason
                else:
                    log.merge(attempt)
                    return mended
    log.add(f"the result schema under {key} was left out: {fault}", "correct it or delete it")
    return None


def _kind(value: JsonValue) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    names: dict[type, str] = {str: "text", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names[type(value)]


def _cut(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."
