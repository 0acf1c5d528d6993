"""Request bodies of OpenAPI operations, laid out as parameters where that loses nothing.

Belongs here: request bodies of OpenAPI 3, ``body`` and ``formData`` parameters of
Swagger 2.0. Does not belong here: other parameters (``openapi_operation``).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import JsonValue

from toolace_dagster.entities import JsonObject
from toolace_dagster.tool_pool.formats.document import a_list, an_object, text_of
from toolace_dagster.tool_pool.formats.openapi_schemas import (
    Located,
    SchemaTranslator,
    Specification,
    preferred_media,
)
from toolace_dagster.tool_pool.repairs import RepairLog

BODY = "body"
"""Name of the parameter that takes a body which is no plain object."""
MAX_LEVELS = 20

# Only an object that says no more than this can be laid out: its properties become parameters beside others.
_PLAIN = frozenset(
    "type properties required description title additionalProperties examples allOf $ref deprecated default "
    "readOnly writeOnly".split()
)


@dataclass(frozen=True)
class Body:
    """What a body adds to the parameters.

    Attributes:
        properties: Schemas by name.
        required: Names that a body which is given must have.
        is_required: The body has to be given.
        is_closed: No other properties are allowed.
        description: What the body is.
    """

    properties: JsonObject = field(default_factory=dict[str, JsonValue])
    required: tuple[str, ...] = ()
    is_required: bool = False
    is_closed: bool = False
    description: str = ""


def body_of(
    operation: JsonObject,
    base: str,
    swagger: list[Located],
    specification: Specification,
    translator: SchemaTranslator,
    log: RepairLog,
) -> Body:
    """Read the body of an operation.

    Args:
        operation: The operation object.
        base: The file it stands in.
        swagger: Its ``body`` and ``formData`` parameters.
        specification: The description.
        translator: Translates schemas of requests.
        log: Takes what could not be read.

    Returns:
        The body; an empty one when the operation has none.
    """
    if swagger:
        return _swagger_body(swagger, translator)
    given = operation.get("requestBody")
    if given is None:
        return Body()
    located = specification.resolved(Located(given, base))
    if not isinstance(located.value, dict):
        log.add("the request body leads nowhere and was left out", "write it out in place")
        return Body()
    media = preferred_media(an_object(located.value.get("content")))
    schema = translator.translated(media.get("schema", {}), located.base, f"parameters.properties.{BODY}")
    return _laid_out(
        schema,
        translator,
        is_required=located.value.get("required") is True,
        description=text_of(located.value.get("description")),
    )


def _swagger_body(parameters: list[Located], translator: SchemaTranslator) -> Body:
    for parameter in parameters:
        value = an_object(parameter.value)
        if value.get("in") == "body":
            schema = translator.translated(value.get("schema", {}), parameter.base, f"parameters.properties.{BODY}")
            return _laid_out(
                schema,
                translator,
                is_required=value.get("required") is True,
                description=text_of(value.get("description")),
            )
    properties: JsonObject = {}
    required: list[str] = []
    for parameter in parameters:
        value = an_object(parameter.value)
        name = text_of(value.get("name"))
        schema = {key: inner for key, inner in value.items() if key not in ("name", "in", "required", *_NOT_SCHEMA)}
        properties[name] = translator.translated(schema, parameter.base, f"parameters.properties.{name}")
        if value.get("required") is True:
            required.append(name)
    return Body(properties, tuple(required), is_required=True)


_NOT_SCHEMA = ("collectionFormat", "allowEmptyValue")


def _laid_out(schema: JsonValue, translator: SchemaTranslator, *, is_required: bool, description: str) -> Body:
    fields = _Fields()
    if not _gather(schema, translator, fields, level=0, outermost=True) or not fields.properties:
        whole: JsonValue = schema
        if isinstance(schema, dict) and description and "description" not in schema:
            whole = {**schema, "description": description}
        return Body({BODY: whole}, (BODY,), is_required)
    for name in fields.required:
        if name not in fields.properties and name not in translator.hidden:
            fields.properties[name] = {}
    required = tuple(dict.fromkeys(name for name in fields.required if name in fields.properties))
    return Body(fields.properties, required, is_required, fields.is_closed, fields.description or description)


@dataclass
class _Fields:
    properties: JsonObject = field(default_factory=dict[str, JsonValue])
    required: list[str] = field(default_factory=list[str])
    is_closed: bool = False
    description: str = ""


def _gather(schema: JsonValue, translator: SchemaTranslator, fields: _Fields, *, level: int, outermost: bool) -> bool:
    """Add the properties of an object schema; False when it says more than properties can say."""
    if not isinstance(schema, dict) or level > MAX_LEVELS or any(key not in _PLAIN for key in schema):
        return False
    if schema.get("type", "object") != "object" or not isinstance(schema.get("properties", {}), dict):
        return False
    extra = schema.get("additionalProperties", True)
    if extra is not True and not (extra is False and outermost and "allOf" not in schema):
        return False
    reference = schema.get("$ref")
    if reference is not None:
        target = translator.definitions.get(str(reference).removeprefix("#/$defs/"))
        # A reference alone is what it leads to, so that what is closed there is closed here.
        alone = outermost and not any(key in schema for key in ("properties", "required", "allOf"))
        if not _gather(target, translator, fields, level=level + 1, outermost=alone):
            return False
    for branch in a_list(schema.get("allOf")):
        if not _gather(branch, translator, fields, level=level + 1, outermost=False):
            return False
    for name, inner in an_object(schema.get("properties")).items():
        other = fields.properties.get(name)
        fields.properties[name] = inner if other is None or other == inner else {"allOf": [other, inner]}
    fields.required += [name for name in a_list(schema.get("required")) if isinstance(name, str)]
    fields.is_closed = fields.is_closed or extra is False
    fields.description = text_of(schema.get("description")) or fields.description
    return True
