"""Which JSON Schema keywords hold schemas, and which only annotate.

Belongs here: tables over the keywords of JSON Schema 2020-12 and the older
ones importers meet. Does not belong here: changing a schema.
"""

from __future__ import annotations

MAX_DEPTH = 10
"""Levels of schemas below the root that are kept."""

SCHEMA_MAPS = frozenset({"properties", "patternProperties", "dependentSchemas"})
"""Keywords whose value maps names to schemas."""

SCHEMA_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
"""Keywords whose value is a list of schemas."""

SINGLE_SCHEMAS = frozenset(
    {
        "additionalItems",
        "additionalProperties",
        "contains",
        "contentSchema",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
"""Keywords whose value is one schema."""

APPLICATORS = SCHEMA_MAPS | SCHEMA_LISTS | SINGLE_SCHEMAS

SAME_VALUE = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"})
"""Applicators whose schemas judge the same value as the schema they stand in."""

REFERENCES = frozenset({"$ref", "$dynamicRef", "$recursiveRef"})

DEFINITIONS = ("$defs", "definitions")

# Once references are written out these say nothing about a value, and a foreign `$schema` or `$id` would make
# a validator look for documents elsewhere.
SILENT = frozenset({"$schema", "$id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$vocabulary", *DEFINITIONS})
"""Keywords that are left out without calling it a repair."""

ANNOTATIONS = frozenset(
    {"title", "description", "default", "examples", "example", "deprecated", "readOnly", "writeOnly", "$comment"}
)
"""Keywords that judge no value."""

ROOT_KEYWORDS = (
    APPLICATORS
    | REFERENCES
    | SILENT
    | ANNOTATIONS
    | frozenset({"type", "required", "minProperties", "maxProperties", "dependentRequired", "dependencies", "strict"})
)
"""Keywords that show that an object was meant as the schema of an object."""
