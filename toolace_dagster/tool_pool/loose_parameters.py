"""Parameters that are described, but not as the schema of an object.

Belongs here: lists of parameters with their names, and bare properties without
the object around them. Does not belong here: ToolBench's two lists
(``formats.toolbench``).
"""

from __future__ import annotations

from pydantic import JsonValue

from toolace_dagster.entities import JsonObject
from toolace_dagster.tool_pool.keywords import ROOT_KEYWORDS
from toolace_dagster.tool_pool.repairs import RepairLog

_MEND = 'write {"type": "object", "properties": {...}, "required": [...]}'


def are_properties(given: JsonObject) -> bool:
    """Whether an object maps names to schemas where the schema of an object should stand."""
    return bool(given) and all(
        name not in ROOT_KEYWORDS and isinstance(each, dict) and isinstance(each.get("type"), str)
        for name, each in given.items()
    )


def parameters_of_properties(given: JsonObject, where: str, log: RepairLog) -> JsonObject:
    """Put the object around bare properties.

    Args:
        given: Schemas by name.
        where: Their place in notes.
        log: Takes what was changed.

    Returns:
        A schema; parameters with a default, or whose type says ``optional``, are not required.
    """
    log.add("the properties stood alone and were put into an object schema", _MEND, where)
    return _schema({name: dict(each) for name, each in given.items() if isinstance(each, dict)})


def parameters_of_list(given: list[JsonValue], where: str, log: RepairLog) -> JsonValue:
    """Make a schema of a list of parameters.

    Args:
        given: Objects with a name each.
        where: Their place in notes.
        log: Takes what was changed.

    Returns:
        A schema; the list itself when an item is no such object, which is for the caller to reject.
    """
    parameters: dict[str, JsonObject] = {}
    for each in given:
        name = each.get("name") if isinstance(each, dict) else None
        if not isinstance(each, dict) or not isinstance(name, str) or not name.strip() or name in parameters:
            return given
        parameters[name] = {key: value for key, value in each.items() if key != "name"}
    log.add("the parameters stood in a list and were put into an object schema", _MEND, where)
    return _schema(parameters)


def _schema(parameters: dict[str, JsonObject]) -> JsonObject:
    required: list[JsonValue] = []
    properties: JsonObject = {}
    for name, schema in parameters.items():
        stated = schema.pop("required", None)
        optional = "default" in schema or "optional" in str(schema.get("type")).lower()
        if stated is True or (stated is not False and not optional):
            required.append(name)
        properties[name] = schema
    made: JsonObject = {"type": "object", "properties": properties}
    return {**made, "required": required} if required else made
