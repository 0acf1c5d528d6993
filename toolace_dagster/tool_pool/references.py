"""Local references written out in place.

Belongs here: resolving ``$ref`` inside one schema document and cutting cycles.
Does not belong here: any other repair (``schemas``), and references to other
documents, which are never fetched.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from pydantic import JsonValue

from toolace_dagster.entities import JsonObject
from toolace_dagster.tool_pool.keywords import (
    ANNOTATIONS,
    DEFINITIONS,
    MAX_DEPTH,
    REFERENCES,
    SCHEMA_LISTS,
    SCHEMA_MAPS,
    SILENT,
    SINGLE_SCHEMAS,
)
from toolace_dagster.tool_pool.repairs import RepairLog, Unusable

CYCLE_DEPTH = 6
"""Depth at which a schema that contains itself is cut."""

MAX_SCHEMAS = 2000
"""Schemas a document may grow to when its references are written out."""

MAX_CHAIN = 40
"""References that may be followed one inside the other."""


class _TooLarge(Exception):
    """Writing out the references made the document larger than ``MAX_SCHEMAS``."""


def inline_references(document: JsonObject, where: str, log: RepairLog, *, say_written: bool = True) -> JsonValue:
    """Write every local reference of a schema out in place.

    A schema that contains itself is unrolled to ``CYCLE_DEPTH`` and cut there,
    sooner when the result would be too large; if it still is, so are other
    references. A reference that leads nowhere,
    or to another document, allows any value.

    Args:
        document: The schema, with its own ``$defs`` or ``definitions``.
        where: Name of the document in notes, such as ``parameters``.
        log: Takes what was changed.
        say_written: Whether a reference that was written out is told of; what was cut always is.

    Returns:
        The schema without references down to ``MAX_DEPTH``; ``document`` itself when it has none.

    Raises:
        Unusable: The references expand to more than ``MAX_SCHEMAS`` schemas however early cycles are cut, or
            more than ``MAX_CHAIN`` follow one another.
    """
    depths = [(cycle, MAX_DEPTH) for cycle in range(CYCLE_DEPTH, -1, -1)]
    depths += [(0, depth) for depth in range(CYCLE_DEPTH, 0, -1)]
    for cycle_depth, depth in depths:
        attempt = RepairLog()
        writer = _Inliner(document, cycle_depth, depth, attempt, say_written=say_written)
        try:
            written = writer.schema(document, where, 0, {})
        except _TooLarge:
            continue
        if not writer.found:
            return document
        log.merge(attempt)
        return written
    raise Unusable(
        f"the references in {where} expand to more than {MAX_SCHEMAS} schemas",
        "define the nested objects once, in place, and leave out levels no caller fills in",
    )


class _Inliner:
    """One pass over one document."""

    def __init__(
        self, document: JsonObject, cycle_depth: int, reference_depth: int, log: RepairLog, *, say_written: bool
    ) -> None:
        self._reference_depth = reference_depth
        self.found = False
        self._say_written = say_written
        self._document = document
        self._cycle_depth = cycle_depth
        self._log = log
        self._written = 0

    def schema(self, node: JsonValue, where: str, depth: int, active: Mapping[str, int]) -> JsonValue:
        """Write out one schema; ``active`` holds the references being followed and the depth each was met at."""
        if not isinstance(node, dict) or depth > MAX_DEPTH:
            return node
        if active:
            self._written += 1
            if self._written > MAX_SCHEMAS:
                raise _TooLarge
        references = [key for key in node if key in REFERENCES]
        if not references:
            return self._children(node, where, depth, active)
        siblings = self._children(
            {key: value for key, value in node.items() if key not in REFERENCES}, where, depth, active
        )
        for key in references:
            target = self._follow(node[key], where, depth, active)
            siblings = _combined(siblings, target)
        return siblings

    def _children(self, node: JsonObject, where: str, depth: int, active: Mapping[str, int]) -> JsonObject:
        def below(child: JsonValue, place: str) -> JsonValue:
            return self.schema(child, f"{where}.{place}", depth + 1, active)

        written: JsonObject = {}
        for key, value in node.items():
            if isinstance(value, dict) and (key in SCHEMA_MAPS or key == "dependencies"):
                written[key] = {name: below(child, f"{key}.{name}") for name, child in value.items()}
            elif isinstance(value, list) and (key in SCHEMA_LISTS or key == "items"):
                written[key] = [below(child, f"{key}[{at}]") for at, child in enumerate(value)]
            elif key in SINGLE_SCHEMAS:
                written[key] = below(value, key)
            else:
                written[key] = value
        return written

    def _follow(self, reference: JsonValue, where: str, depth: int, active: Mapping[str, int]) -> JsonValue:
        self.found = True
        target = _resolve(self._document, reference)
        if not isinstance(target, (dict, bool)):
            self._log.add(
                f"the reference {_short(reference)} leads nowhere in this entry, so any value is allowed",
                "write the schema out in place",
                where,
            )
            return {}
        if isinstance(target, bool):
            self._log_written(reference, where)
            return {} if target else {"not": {}}
        name = str(reference)
        if name in active and (depth >= self._cycle_depth or active[name] == depth):
            self._log.add(
                f"the schema {_short(reference)} contains itself and was cut at depth {depth}",
                "nest it as deep as callers need it and no deeper",
                where,
            )
            return {key: target[key] for key in ("type", "description") if key in target}
        if depth > self._reference_depth:
            self._log.add(
                f"references below depth {self._reference_depth} were left out, since they expand to more than "
                f"{MAX_SCHEMAS} schemas",
                "define the nested objects once, in place, and leave out levels no caller fills in",
                where,
            )
            return {key: target[key] for key in ("type", "description") if key in target}
        if len(active) >= MAX_CHAIN:
            raise Unusable(f"{MAX_CHAIN} references lead to one another in {where}", "write the schemas out in place")
        self._log_written(reference, where)
        return self.schema(target, where, depth, {**active, name: depth})

    def _log_written(self, reference: JsonValue, where: str) -> None:
        if self._say_written:
            self._log.add(
                f"the reference {_short(reference)} was written out in place", "nothing has to be done", where
            )


def _combined(siblings: JsonObject, target: JsonValue) -> JsonObject:
    """What a reference and the keywords beside it mean together."""
    if not isinstance(target, dict):
        return siblings
    target = {key: value for key, value in target.items() if key not in SILENT}
    if all(key in ANNOTATIONS or key in SILENT for key in siblings):
        return {**target, **siblings}
    if not target:
        return siblings
    others = siblings.get("allOf")
    return {**siblings, "allOf": [target, *(others if isinstance(others, list) else [])]}


def _resolve(document: JsonObject, reference: JsonValue) -> JsonValue:
    """What a reference points at; None when that is nothing, which is no schema either."""
    if not isinstance(reference, str):
        return None
    if reference in ("#", ""):
        return document
    if reference.startswith("#/"):
        return at_pointer(document, unquote(reference[1:]))
    for key in DEFINITIONS:
        definitions = document.get(key)
        for definition in definitions.values() if isinstance(definitions, dict) else ():
            if isinstance(definition, dict) and reference in (
                definition.get("$id"),
                _anchor(definition, "$anchor"),
                _anchor(definition, "$dynamicAnchor"),
            ):
                return definition
    return None


def _anchor(definition: JsonObject, key: str) -> str | None:
    value = definition.get(key)
    return f"#{value}" if isinstance(value, str) else None


def at_pointer(document: JsonValue, pointer: str) -> JsonValue:
    """What a JSON pointer leads to.

    Args:
        document: Any JSON value.
        pointer: Such as ``/$defs/Pet``, without percent signs.

    Returns:
        The value there; None when there is nothing.
    """
    here: JsonValue = document
    for raw in pointer.split("/")[1:]:
        step = raw.replace("~1", "/").replace("~0", "~")
        if isinstance(here, dict) and step in here:
            here = here[step]
        elif isinstance(here, list) and step.isdecimal() and len(step) < 6 and int(step) < len(here):
            here = here[int(step)]
        else:
            return None
    return here


def _short(reference: JsonValue) -> str:
    text = repr(reference)
    return text if len(text) <= 80 else f"{text[:77]}..."
