"""One operation of an OpenAPI description as a tool entry.

Belongs here: its name and texts, parameters of all places and the body merged
into one schema, and its result. Does not belong here: schemas and references
(``openapi_schemas``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pydantic import JsonValue

from toolace_dagster.entities import JsonObject, Provenance
from toolace_dagster.tool_pool.formats.document import Entry, Reading, a_list, an_object, text_of, writable
from toolace_dagster.tool_pool.formats.openapi_bodies import BODY, Body, body_of
from toolace_dagster.tool_pool.formats.openapi_schemas import (
    Located,
    SchemaTranslator,
    Specification,
    preferred_media,
)
from toolace_dagster.tool_pool.repairs import RepairLog, Unusable

PLACES = ("path", "query", "header", "cookie")
"""Where parameters stand, the first keeps a name that several have."""
# The specification says that parameters of these names are ignored, or they carry credentials.
_TRANSPORT = frozenset({"accept", "content-type", "authorization", "proxy-authorization", "cookie"})
_CREDENTIAL = re.compile(r"(x-)?(api|access|auth|session)[-_]?(key|token)", re.IGNORECASE)
_SCHEMA_KEYS_OF_SWAGGER = frozenset(
    "type format items enum default minimum maximum exclusiveMinimum exclusiveMaximum minLength maxLength pattern "
    "minItems maxItems uniqueItems multipleOf x-nullable".split()
)


@dataclass(frozen=True)
class Operation:
    """An operation as it stands in the description.

    Attributes:
        method: HTTP method in lower case; empty when the whole path item could not be read.
        path: Path template.
        given: The operation object.
        shared: Parameters of the path item.
        fault: Why the path item could not be read.
    """

    method: str
    path: str
    given: Located
    shared: Located
    fault: Unusable | None = None

    @property
    def place(self) -> str:
        """Method and path, such as ``GET /pets/{petId}``."""
        return writable(f"{self.method.upper()} {self.path}".strip())


@dataclass(frozen=True)
class _Parameter:
    name: str
    place: str
    required: bool
    schema: Located
    description: str
    deprecated: bool
    examples: list[JsonValue]


def entry_of_operation(operation: Operation, specification: Specification, reading: Reading, taken: set[str]) -> Entry:
    """Read one operation.

    Args:
        operation: The operation.
        specification: The description it stands in.
        reading: The file.
        taken: Names of the operations before it; the name of this one is added.

    Returns:
        The entry, or one with a fault.
    """
    given = operation.given.value
    if operation.fault or not isinstance(given, dict):
        fault = operation.fault or specification.why_lost(given)
        return Entry(given, name=operation.place, fault=fault)
    log = RepairLog()
    name = _name(given, operation, taken, log)
    tags = [text for tag in a_list(given.get("tags")) if (text := text_of(tag))]
    group = tags[0] if tags else ""
    if given.get("deprecated") is True:
        if reading.skip_deprecated:
            skipped = Unusable("the operation is deprecated, and such are left out", "keep deprecated operations")
            return Entry(given, name=name, group=group, fault=skipped)
        log.add("the operation is deprecated and was kept", "leave deprecated operations out")
    value: JsonObject = {"name": name, "description": _description(given, operation)}
    value["parameters"] = _parameters_schema(operation, given, specification, log)
    result = _result(given, operation.given.base, specification, log)
    if result is not None:
        value["result"] = result
    return Entry(
        value,
        group=group,
        log=log,
        provenance=Provenance(source=reading.source, operation=operation.place),
        original=[operation.place, given, operation.shared.value],
        own_references=True,
    )


def _name(given: JsonObject, operation: Operation, taken: set[str], log: RepairLog) -> str:
    derived = re.sub(r"[^A-Za-z0-9]+", "_", f"{operation.method} {operation.path}").strip("_")
    stated = given.get("operationId")
    name = stated if isinstance(stated, str) and stated.strip() else derived
    if name in taken:
        other = derived
        number = 2
        while other in taken:
            other, number = f"{derived}_{number}", number + 1
        log.add(
            f"another operation is called {name[:80]!r} already, so this one is {other!r}",
            "give each operation its own operationId",
        )
        name = other
    taken.add(name)
    return name


def _description(given: JsonObject, operation: Operation) -> str:
    summary, description = text_of(given.get("summary")), text_of(given.get("description"))
    if summary and description and not description.startswith(summary):
        ending = "" if summary.endswith((".", "!", "?")) else "."
        return f"{summary}{ending} {description}"
    return description or summary or operation.place


def _parameters_schema(
    operation: Operation, given: JsonObject, specification: Specification, log: RepairLog
) -> JsonObject:
    """All parameters and the body as one schema, with what they refer to under ``$defs``."""
    translator = SchemaTranslator(specification, "request", log)
    parameters = _parameters(operation, given, specification, log)
    body = body_of(given, operation.given.base, parameters.bodies, specification, translator, log)
    properties: JsonObject = {}
    required: list[JsonValue] = []
    for parameter in sorted(parameters.plain, key=lambda each: PLACES.index(each.place)):
        name = _free(parameter.name, parameter.place, properties, log)
        properties[name] = _schema_of(parameter, translator, name)
        if parameter.required:
            required.append(name)
    schema: JsonObject = {"type": "object", "properties": properties}
    _add_body(body, schema, required, log)
    if required:
        schema["required"] = required
    if translator.definitions:
        schema["$defs"] = translator.definitions
    return schema


def _add_body(body: Body, schema: JsonObject, required: list[JsonValue], log: RepairLog) -> None:
    properties = an_object(schema["properties"])
    new_names: dict[str, str] = {}
    for name, inner in body.properties.items():
        new_names[name] = _free(name, BODY, properties, log)
        properties[new_names[name]] = inner
    needed: list[JsonValue] = [new_names[name] for name in body.required]
    if body.is_required:
        required.extend(needed)
    elif needed and not (len(new_names) == 1 and BODY in body.properties):
        # Who leaves the body out need not fill it in.
        leaning: JsonObject = {name: needed for name in new_names.values() if [name] != needed}
        if leaning:
            schema["dependentRequired"] = leaning
    if body.is_closed:
        schema["additionalProperties"] = False
    if body.description and "description" not in schema:
        schema["description"] = body.description


def _free(name: str, place: str, properties: JsonObject, log: RepairLog) -> str:
    if name not in properties:
        return name
    wanted = free = f"{place}_{name}"
    number = 2
    while free in properties:
        free, number = f"{wanted}_{number}", number + 1
    log.add(
        f"the {place} parameter {name[:60]!r} is called {free[:80]!r}, since another place has the name too",
        "give parameters of one operation different names",
    )
    return free


@dataclass(frozen=True)
class _Parameters:
    """Parameters of an operation: plain ones, and those of Swagger 2.0 that make up the body."""

    plain: list[_Parameter]
    bodies: list[Located]


def _parameters(operation: Operation, given: JsonObject, specification: Specification, log: RepairLog) -> _Parameters:
    credentials = _credentials(specification)
    # A parameter of the operation stands for one of the path item with the same name and place.
    found: dict[tuple[str, str], _Parameter] = {}
    bodies: dict[tuple[str, str], Located] = {}
    lists = (Located(given.get("parameters"), operation.given.base), operation.shared)
    for listed in lists:
        for at, item in enumerate(a_list(listed.value)):
            located = specification.resolved(Located(item, listed.base))
            parameter = an_object(located.value)
            name, place = text_of(parameter.get("name")), parameter.get("in")
            if place in ("body", "formData") and name:
                bodies.setdefault((name, str(place)), located)
            elif place in PLACES and name:
                if _is_credential(name, str(place), credentials):
                    log.add(
                        f"the {place} parameter {name[:60]!r} carries credentials or is set by the client, "
                        "it was left out",
                        "nothing has to be done",
                    )
                else:
                    found.setdefault((name, str(place)), _parameter(parameter, name, str(place), located.base))
            else:
                log.add(
                    f"parameter {at + 1} of {'the operation' if listed is lists[0] else 'the path'} was left out: "
                    f"{_fault_of(item, name)}",
                    'give each parameter "name" and "in", or refer to one that has them',
                )
    return _Parameters(list(found.values()), list(bodies.values()))


def _fault_of(item: JsonValue, name: str) -> str:
    if isinstance(item, dict) and "$ref" in item:
        return f"the reference {str(item['$ref'])[:80]!r} leads to no parameter"
    return f"{name!r} stands in no known place" if name else "it has no name"


def _parameter(parameter: JsonObject, name: str, place: str, base: str) -> _Parameter:
    media = preferred_media(an_object(parameter.get("content")))
    schema = parameter.get("schema", media.get("schema"))
    if schema is None:
        # Swagger 2.0 keeps the schema in the parameter itself.
        schema = {key: value for key, value in parameter.items() if key in _SCHEMA_KEYS_OF_SWAGGER}
    examples = [an_object(each).get("value") for each in an_object(parameter.get("examples")).values()]
    if "example" in parameter:
        examples = [parameter["example"]]
    return _Parameter(
        name=name,
        place=place,
        required=place == "path" or parameter.get("required") is True,
        schema=Located(schema, base),
        description=text_of(parameter.get("description")),
        deprecated=parameter.get("deprecated") is True,
        examples=[example for example in examples if example is not None],
    )


def _schema_of(parameter: _Parameter, translator: SchemaTranslator, name: str) -> JsonValue:
    schema = translator.translated(parameter.schema.value, parameter.schema.base, f"parameters.properties.{name}")
    if not isinstance(schema, dict):
        return schema
    made: JsonObject = dict(schema)
    if parameter.description:
        made["description"] = parameter.description
    if parameter.examples and "examples" not in made:
        made["examples"] = parameter.examples
    if parameter.deprecated:
        made["deprecated"] = True
    return made


def _credentials(specification: Specification) -> set[tuple[str, str]]:
    """Name and place of each API key the description declares."""
    root = specification.root
    schemes = an_object(an_object(root.value.get("components")).get("securitySchemes"))
    schemes = {**schemes, **an_object(root.value.get("securityDefinitions"))}
    resolved = [an_object(specification.resolved(Located(each, root.base)).value) for each in schemes.values()]
    return {
        (text_of(each.get("name")).lower(), str(each.get("in"))) for each in resolved if each.get("type") == "apiKey"
    }


def _is_credential(name: str, place: str, credentials: set[tuple[str, str]]) -> bool:
    if (name.lower(), place) in credentials:
        return True
    return place == "header" and (name.lower() in _TRANSPORT or bool(_CREDENTIAL.fullmatch(name)))


def _result(given: JsonObject, base: str, specification: Specification, log: RepairLog) -> JsonObject | None:
    """The schema of the first 2xx response that has one."""
    responses = an_object(given.get("responses"))
    for status in sorted(status for status in responses if re.fullmatch(r"2(\d\d|XX)", status, re.IGNORECASE)):
        response = specification.resolved(Located(responses[status], base))
        value = an_object(response.value)
        schema = value.get("schema")
        if schema is None:
            schema = preferred_media(an_object(value.get("content"))).get("schema")
        if schema is None or schema == {}:
            continue
        translator = SchemaTranslator(specification, "response", log)
        made = translator.translated(schema, response.base, "result")
        if isinstance(made, dict):
            return {**made, "$defs": translator.definitions} if translator.definitions else made
    return None
