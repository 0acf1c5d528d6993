"""Replies narrowed to tools: what the schemas allow, and what is said of calls that are not valid."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from tests.builders import BOOK, FIND, RATE, TOOLS, drive, spec, tool
from tests.initialization.test_initialization import PLAN
from tests.llm.strict_subset import refusal
from toolace_dagster.entities import SubTask
from toolace_dagster.initialization.replies import CallReply, OutputReply, SubTrajectoryReply
from toolace_dagster.initialization.task_initialization import task_program
from toolace_dagster.initialization.tool_calling import call_faults, call_schemas, told
from toolace_dagster.initialization.trajectory_initialization import skeleton_program
from toolace_dagster.llm.protocol import ModelRequest
from toolace_dagster.llm.schema import to_strict
from toolace_dagster.refinement.replies import InjectionReply, MaskFillReply
from toolace_dagster.settings import Settings
from toolace_dagster.tool_pool import load_pool

SETTINGS = Settings(trajectory="by_sub_task", ground_arguments=False)
POOL = load_pool(SETTINGS.pool)
GOOD = {"name": "book_service", "arguments": {"garage_id": "GR-1", "date": "2026-07-14"}}


def trajectory(*calls: dict[str, Any], is_error: bool = False) -> dict[str, Any]:
    """A sub-trajectory of one step."""
    outputs = [{"content": {"ok": [True]}, "is_error": is_error} for _ in calls]
    return {"query": "Hi.", "steps": [{"calls": list(calls), "outputs": outputs}], "reply": "Done."}


@pytest.mark.parametrize("domain", [domain.name for domain in POOL.domains])
@pytest.mark.parametrize("reply_type", [SubTrajectoryReply, InjectionReply, MaskFillReply])
def test_schemas_of_the_shipped_tools_are_accepted_as_strict_ones(domain: str, reply_type: Any) -> None:
    schemas = call_schemas(reply_type, POOL.domain(domain).tools)
    for schema in (schemas.full, schemas.names):
        jsonschema_rs.Draft202012Validator(schema)
        for bare in (False, True):
            assert refusal(to_strict(schema, bare=bare).schema) is None


@pytest.mark.parametrize(
    ("call", "full", "names"),
    [
        (GOOD, True, True),
        ({"name": "find_garage", "arguments": {"city": "Ghent"}}, True, True),
        ({"name": "find_garage", "arguments": GOOD["arguments"]}, False, True),
        ({"name": "find_garage", "arguments": {"city": 5}}, False, True),
        ({"name": "find_garage", "arguments": {"city": "Ghent", "verbose": True}}, False, True),
        ({"name": "find_garages", "arguments": {"city": "Ghent"}}, False, False),
    ],
)
def test_a_call_is_one_of_the_tools_with_its_own_arguments(call: dict[str, Any], full: bool, names: bool) -> None:
    schemas = call_schemas(SubTrajectoryReply, TOOLS.values())
    assert jsonschema_rs.is_valid(schemas.full, trajectory(call)) == full
    assert jsonschema_rs.is_valid(schemas.names, trajectory(call)) == names
    if full:
        for schema in (schemas.full, schemas.names):
            strict = to_strict(schema)
            assert strict.restore(strict.encode(trajectory(call))) == trajectory(call)


def test_equal_sets_of_tools_give_equal_schemas_without_words() -> None:
    one = call_schemas(MaskFillReply, [FIND, BOOK, RATE])
    assert one == call_schemas(MaskFillReply, [RATE, FIND, BOOK])
    described = FIND.model_copy(
        update={"parameters": {**FIND.parameters, "properties": {"description": {"description": "words"}}}}
    )
    call = call_schemas(MaskFillReply, [described]).full["$defs"]["CallReply"]["anyOf"][0]
    assert call["properties"]["arguments"]["properties"] == {"description": {}}, "a name is no word"


def test_references_and_silence_of_a_tools_schema() -> None:
    part: dict[str, Any] = {"type": "object", "properties": {"size": {"type": "integer"}, "of": {"$ref": "#/$defs/p"}}}
    nested = tool("fit", {"part": {"$ref": "#/$defs/p"}}, ["part"])
    silent = {key: value for key, value in nested.parameters.items() if key != "additionalProperties"}
    nested = nested.model_copy(update={"parameters": {**silent, "$defs": {"p": part}}})
    schema = call_schemas(SubTrajectoryReply, [BOOK, nested]).full
    deep = {"name": "fit", "arguments": {"part": {"size": 1, "of": {"size": 2}}}}
    assert jsonschema_rs.is_valid(schema, trajectory(deep))
    assert not jsonschema_rs.is_valid(schema, trajectory({"name": "fit", "arguments": {"part": {"of": {"size": "x"}}}}))
    assert not jsonschema_rs.is_valid(schema, trajectory({"name": "fit", "arguments": {"part": {}, "more": 1}}))
    strict = to_strict(schema)
    assert refusal(strict.schema) is None
    assert strict.restore(strict.encode(trajectory(deep))) == trajectory(deep)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (GOOD, None),
        ({"name": "fix_it", "arguments": {}}, "There is no tool 'fix_it' to call; there are book_service, find_garage"),
        ({"name": "rate_garage", "arguments": {}}, "There is no tool 'rate_garage'"),
        ({"name": "find_garage", "arguments": {}}, '"city" is a required property'),
        ({"name": "find_garage", "arguments": {"city": ["Ghent"]}}, "(at ['city'])"),
        ({"name": "find_garage", "arguments": {"city": "Ghent", "x": 1}}, "'x'"),
        ({"name": "book_service", "arguments": {"garage_id": "G", "date": "soon"}}, "date"),
    ],
)
def test_faults_of_calls_are_said(call: dict[str, Any], said: str | None) -> None:
    offered = ("find_garage", "book_service")
    calls = [CallReply.model_validate(call)]
    message = told(call_faults(calls, [OutputReply(content=1)], TOOLS, offered))
    assert (message is None) if said is None else (message is not None and said in message)
    failing = [OutputReply(content="no", is_error=True)]
    assert told(call_faults(calls, failing, TOOLS, offered)) is None, "a call that fails may be wrong"


def test_a_long_list_of_faults_is_cut() -> None:
    message = told(f"Fault {number}." for number in range(9))
    assert message == "Fault 0. Fault 1. Fault 2. Fault 3. Fault 4. And 4 more."
    assert told(["same"] * 3) == "same"


def test_a_skeleton_asks_for_valid_calls_of_the_offered_tools() -> None:
    asked: list[ModelRequest[Any]] = []

    def answer(request: ModelRequest[Any]) -> dict[str, Any]:
        asked.append(request)
        return trajectory(GOOD)

    one = SubTask(index=0, goal="A slot.", tools=("book_service",), steps=1)
    drive(skeleton_program(spec().model_copy(update={"sub_tasks": (one,)}), TOOLS, SETTINGS), answer)
    assert asked
    for request in asked:
        assert jsonschema_rs.is_valid(request.schema, trajectory(GOOD))
        assert request.wide_schema is not None
        assert request.check is not None
        assert request.check(SubTrajectoryReply.model_validate(trajectory(GOOD))) is None
        bad = trajectory({"name": "book_service", "arguments": {"garage_id": "GR-1"}})
        assert "date" in str(request.check(SubTrajectoryReply.model_validate(bad)))


VALUES = [{"name": name, "value": value} for name, value in (("city", "Ghent"), ("date", "2026-07-14"), ("stars", 4))]


def test_a_task_is_narrowed_to_its_plan() -> None:
    asked: list[ModelRequest[Any]] = []
    written = [
        {"goal": f"Goal {n}.", "details": VALUES, "tools": list(part.tools), "steps": part.steps}
        for n, part in enumerate(PLAN.sub_tasks)
    ]

    def answer(request: ModelRequest[Any]) -> dict[str, Any]:
        asked.append(request)
        return {"scenario": "A visit.", "sub_tasks": written}

    drive(task_program(PLAN, TOOLS, SETTINGS), answer)
    (request,) = asked
    assert refusal(to_strict(request.schema).schema) is None
    assert jsonschema_rs.is_valid(request.schema, {"scenario": "A visit.", "sub_tasks": written})
    other = {**written[0], "tools": ["open_sesame"]}
    for wrong in (written[1:], [*written[:-1], other], [*written, written[0]]):
        assert not jsonschema_rs.is_valid(request.schema, {"scenario": "A visit.", "sub_tasks": wrong})
