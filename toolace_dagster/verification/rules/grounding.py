"""Rules on where values come from.

Parameter hallucination is the method's named bottleneck: 51 % of rule failures in
the paper. A value is grounded when it was said by the user, returned by an
earlier call, or given by the tool's own schema. Free text and other values that
a person may rephrase are left to an expert.

Belongs here: sources of argument values. Does not
belong here: how values are compared (``normalise``).
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import JsonValue

from toolace_dagster.entities import JsonObject, Turn, canonical_json
from toolace_dagster.tool_pool.identifiers import identifier_parameters
from toolace_dagster.verification.rules.normalise import looks_like_identifier, normal, numbers, scalars, spoken_dates
from toolace_dagster.verification.rules.registry import Defect, Subject, rule


class Context:
    """What was said and returned up to a point of the dialogue, in normal form."""

    def __init__(self) -> None:
        self._text = " "
        self._numbers: set[float] = set()

    def add(self, turn: Turn) -> None:
        """Add a turn: a user's or assistant's words, or a tool's outputs."""
        if turn.content:
            self._add_text(turn.content)
        for output in turn.outputs:
            for value in scalars(output.content):
                if isinstance(value, str):
                    self._add_text(value)
                elif not isinstance(value, bool):
                    self._numbers.add(float(value))
                    self._text += f"{value} "

    def _add_text(self, text: str) -> None:
        self._text += normal(text) + " "
        self._numbers |= numbers(text)

    def holds(self, value: str | int | float | bool) -> bool:
        """Whether a scalar was said or returned, in any of its normal forms."""
        if isinstance(value, bool):
            return True
        if isinstance(value, (int, float)):
            return float(value) in self._numbers
        form = normal(value)
        if not form or f" {form} " in self._text:
            return True
        return any(f" {spoken} " in self._text for spoken in spoken_dates(value))

    def holds_number(self, value: float) -> bool:
        """Whether a number was said or returned."""
        return value in self._numbers


@rule("rule.grounding")
def grounding(subject: Subject) -> Iterator[Defect]:
    """Each argument value has a source; an identifier without one rejects, anything else is left to an expert."""
    context = Context()
    for turn_index, turn in enumerate(subject.dialogue.turns):
        for placed in (p for p in subject.calls if p.turn_index == turn_index):
            tool = subject.tools.get(placed.call.name)
            handed_out = identifier_parameters(tool) if tool else ()
            for name, value in placed.call.arguments.items():
                given = set(_given_by_schema(tool.properties.get(name, {}))) if tool else set[str]()
                for scalar in scalars(value):
                    if context.holds(scalar) or canonical_json(scalar) in given:
                        continue
                    identifier = name in handed_out or looks_like_identifier(scalar)
                    if placed.failed and not identifier:
                        continue
                    yield Defect(
                        f"The argument {name} of {placed.call.name} is {scalar!r}, "
                        "which nobody said and no earlier result holds.",
                        turn_id=turn.id,
                        path=placed.path("arguments", name),
                        evidence=str(scalar),
                        severity="hard" if identifier and not placed.spoiled else "soft",
                    )
        # An assistant's own words are no source.
        if turn.role != "assistant":
            context.add(turn)


def _given_by_schema(schema: JsonObject) -> Iterator[str]:
    """Values a schema itself names: default, constant, choices; also of nested schemas."""
    for key in ("default", "const"):
        if key in schema:
            yield canonical_json(schema[key])
    choices = schema.get("enum")
    if isinstance(choices, list):
        yield from (canonical_json(choice) for choice in choices)
    for nested in _nested(schema):
        yield from _given_by_schema(nested)


def _nested(schema: JsonObject) -> Iterator[JsonObject]:
    candidates: list[JsonValue] = [schema.get("items"), schema.get("additionalProperties")]
    properties = schema.get("properties")
    candidates += list(properties.values()) if isinstance(properties, dict) else []
    for keyword in ("anyOf", "oneOf", "allOf"):
        options = schema.get(keyword)
        candidates += options if isinstance(options, list) else []
    yield from (candidate for candidate in candidates if isinstance(candidate, dict))
