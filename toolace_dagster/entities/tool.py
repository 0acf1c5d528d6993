"""Tools and the import report of a pool.

Belongs here: what a tool is once it is in normal form, and what an importer
says about each entry it read. Does not belong here: reading files
(``tool_pool``) or choosing tools for a task (``initialization``).
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any, Literal

from pydantic import Field, field_validator

from toolace_dagster.entities.backend import ToolBackend
from toolace_dagster.entities.base import Entity, JsonObject, canonical_json, content_hash

TOOL_NAME = re.compile(r"^[A-Za-z0-9_-]{1,64}$")
"""Name rule of the strictest trainer (OpenAI fine-tuning)."""


class Provenance(Entity):
    """Where a tool came from.

    Attributes:
        source: File the tool was read from, relative to the pool.
        original_name: Name in the source, when the normal form had to change it.
        licence: Licence of the source, when it states one.
        entry_hash: Content hash of the entry as it stood in the source.
        operation: Method and path, for an operation of an OpenAPI description.
        module: Dotted name, or path of the file, for a function of a Python module.
        qualified_name: Its name in that module, such as ``Cart.add``.
    """

    source: str
    original_name: str | None = None
    licence: str | None = None
    entry_hash: str | None = None
    operation: str | None = None
    module: str | None = None
    qualified_name: str | None = None


class Tool(Entity):
    """One callable tool in normal form.

    Attributes:
        name: Unique in its domain, matching ``TOOL_NAME``.
        description: What it does, in plain words; may be empty.
        parameters: JSON Schema (2020-12) of type object with ``properties``.
        result: JSON Schema of the returned value, when the source describes it.
        domain: The tool domain, which is also the Dagster partition.
        provenance: Source, original name, licence.
    """

    name: str
    description: str = ""
    parameters: JsonObject
    result: JsonObject | None = None
    domain: str
    provenance: Provenance

    @field_validator("name")
    @classmethod
    def _name_is_portable(cls, name: str) -> str:
        if not TOOL_NAME.match(name):
            raise ValueError(f"tool name {name!r} must match {TOOL_NAME.pattern}")
        return name

    @field_validator("parameters")
    @classmethod
    def _parameters_are_an_object_schema(cls, schema: JsonObject) -> JsonObject:
        if schema.get("type") != "object" or not isinstance(schema.get("properties"), dict):
            raise ValueError("parameters must be a JSON Schema of type object with properties")
        return schema

    @cached_property
    def properties(self) -> dict[str, JsonObject]:
        """The schema of each parameter, by name."""
        found = self.parameters["properties"]
        assert isinstance(found, dict)
        return {name: schema if isinstance(schema, dict) else {} for name, schema in found.items()}

    @cached_property
    def required(self) -> frozenset[str]:
        """Names of the parameters a call must give."""
        listed = self.parameters.get("required", [])
        return frozenset(str(name) for name in listed) if isinstance(listed, list) else frozenset()

    @cached_property
    def parameters_json(self) -> str:
        """The parameters' schema as canonical JSON."""
        return canonical_json(self.parameters)

    @cached_property
    def result_json(self) -> str:
        """The result's schema as canonical JSON; of any value when the source describes none."""
        return canonical_json({} if self.result is None else self.result)

    @cached_property
    def fingerprint(self) -> str:
        """Content hash of what a model can see of the tool; provenance does not count."""
        return content_hash(self.name, self.description, self.parameters, self.result)

    def as_openai(self) -> dict[str, Any]:
        """The tool as an OpenAI definition (``{"type": "function", "function": ...}``)."""
        return {
            "type": "function",
            "function": {"name": self.name, "description": self.description, "parameters": self.parameters},
        }

    def for_prompt(self) -> dict[str, Any]:
        """The tool as prompts show it: the OpenAI function plus the described result."""
        shown: dict[str, Any] = {"name": self.name, "description": self.description, "parameters": self.parameters}
        return shown | {"result": self.result} if self.result is not None else shown


class ImportNote(Entity):
    """What became of one entry of a pool source.

    Attributes:
        domain: Domain the entry belongs to (or would have).
        source: File, relative to the pool.
        item: The entry by name, or by position when it has none.
        status: ``accepted``, ``repaired`` (in use, changed) or ``rejected`` (not in use).
        reason: What was wrong and, for a repair, what was changed. Empty when accepted.
        mend: What the user can do about it. Empty when accepted.
    """

    domain: str
    source: str
    item: str
    status: Literal["accepted", "repaired", "rejected"]
    reason: str = ""
    mend: str = ""


class ToolDomain(Entity):
    """All tools of one domain, with the report of their import.

    Attributes:
        name: Domain name: letters, digits, ``_`` and ``-``; a Dagster partition key.
        description: What an assistant with these tools is for; may be empty.
        tools: Sorted by name.
        notes: One per entry read, in source order.
        borrowed: Tools of other domains that may be offered here as distractors, sorted by name; their names are
            none of the domain's own.
        backends: What runs its tools; of several that name a tool, the last counts.
    """

    name: str
    description: str = ""
    tools: tuple[Tool, ...] = Field(default=())
    borrowed: tuple[Tool, ...] = ()
    notes: tuple[ImportNote, ...] = ()
    backends: tuple[ToolBackend, ...] = ()

    @cached_property
    def fingerprint(self) -> str:
        """Content hash over the tools."""
        return content_hash([tool.fingerprint for tool in self.tools])
