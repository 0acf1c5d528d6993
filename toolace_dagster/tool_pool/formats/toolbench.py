"""RapidAPI tools as ToolBench keeps them: an ``api_list``, parameters as two lists.

Belongs here: turning the lists of parameters into a schema. Does not belong
here: type words such as ``NUMBER`` (``old_keywords``).
"""

from __future__ import annotations

from pydantic import JsonValue

from toolace_dagster.entities import JsonObject
from toolace_dagster.tool_pool.formats.document import Entry, a_list, an_object, text_of
from toolace_dagster.tool_pool.repairs import RepairLog

_REQUIRED = "required_parameters"
_OPTIONAL = "optional_parameters"
_MEND = "write the parameters as JSON Schema"


def is_collection(value: JsonObject) -> bool:
    """Whether an object holds the APIs of one RapidAPI tool."""
    return isinstance(value.get("api_list"), list)


def is_api(value: JsonObject) -> bool:
    """Whether an object is one API of such a tool."""
    return isinstance(value.get(_REQUIRED), list) or isinstance(value.get(_OPTIONAL), list)


def entries_of(collection: JsonObject) -> list[Entry]:
    """Read all APIs of one RapidAPI tool.

    Args:
        collection: The object with ``api_list``.

    Returns:
        An entry per API, with the tool as its group.
    """
    group = next((text for key in ("tool_name", "standardized_name", "title", "name", "category_name")
                  if (text := text_of(collection.get(key)))), "")  # fmt: skip
    about = text_of(collection.get("tool_description"))
    return [
        entry_of(api, group=group, about=about) if isinstance(api, dict) else Entry(api, group=group)
        for api in a_list(collection.get("api_list"))
    ]


def entry_of(api: JsonObject, *, group: str = "", about: str = "") -> Entry:
    """Read one API.

    Args:
        api: The object with ``required_parameters`` and ``optional_parameters``.
        group: The RapidAPI tool it belongs to.
        about: What that tool does, for an API that does not say it itself.

    Returns:
        The entry; what of the lists could not be read is in its log.
    """
    log = RepairLog()
    properties: JsonObject = {}
    required: list[JsonValue] = []
    for key in (_REQUIRED, _OPTIONAL):
        listed = api.get(key)
        if not isinstance(listed, list) and listed is not None:
            log.add(f"{key} was no list and was left out", "list the parameters")
        read_listed(a_list(listed), key, properties, required if key == _REQUIRED else None, log)
    schema: JsonObject = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    value: JsonObject = {
        "name": api.get("name") if api.get("name") is not None else api.get("api_name"),
        "description": text_of(api.get("description")) or text_of(api.get("api_description")) or about,
        "parameters": schema,
    }
    template = an_object(api.get("template_response"))
    if template.get("type") == "object":
        value["result"] = template
    group = group or text_of(api.get("tool_name"))
    return Entry(value, group=group, log=log, original=api)


def read_listed(
    listed: list[JsonValue], where: str, properties: JsonObject, required: list[JsonValue] | None, log: RepairLog
) -> None:
    """Add parameters that stand in a list, each with its name, to a schema.

    Args:
        listed: The list.
        where: Its key, for notes.
        properties: Takes the schema of each parameter.
        required: Takes the names of required parameters; None when all are optional.
        log: Takes what could not be read.
    """
    for at, parameter in enumerate(listed):
        if not isinstance(parameter, dict):
            log.add("a parameter was no object and was left out", _MEND, f"{where}[{at}]")
            continue
        name = text_of(parameter.get("name"))
        if not name:
            log.add("a parameter without a name was left out", _MEND, f"{where}[{at}]")
            continue
        if name in properties:
            log.add(f"the parameter {name[:60]!r} stands twice, the first one counts", "delete one", where)
            continue
        properties[name] = {key: value for key, value in parameter.items() if key not in ("name", "required")}
        if required is not None and parameter.get("required") is not False:
            required.append(name)
        _without_empty_default(properties, name)
        _with_options(properties, name)


def _without_empty_default(properties: JsonObject, name: str) -> None:
    """RapidAPI fills in ``""`` where nobody gave a default; it says nothing, whatever the type."""
    schema = properties[name]
    if isinstance(schema, dict) and schema.get("default") in ("", None) and "default" in schema:
        properties[name] = {key: value for key, value in schema.items() if key != "default"}


def _with_options(properties: JsonObject, name: str) -> None:
    """The values of an ``ENUM`` stand under ``options`` or ``enum_values``."""
    schema = an_object(properties[name])
    for key in ("options", "enum_values"):
        options = schema.get(key)
        if "enum" not in schema and isinstance(options, list) and options:
            properties[name] = {**{k: v for k, v in schema.items() if k != key}, "enum": options}
