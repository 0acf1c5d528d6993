"""What operations of OpenAPI and Swagger descriptions become; each oddity has a small description of its own."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.tool_pool.pools import WritePool
from toolace_dagster.entities import ImportNote, Tool
from toolace_dagster.tool_pool import PoolError, PoolOptions, ToolPool, load_pool
from toolace_dagster.tool_pool.addresses import fetch
from toolace_dagster.tool_pool.repairs import Unusable

Described = Callable[..., tuple[dict[str, Tool], dict[str, ImportNote]]]


def all_tools(pool: ToolPool) -> dict[str, Tool]:
    return {tool.name: tool for domain in pool.domains for tool in domain.tools}


@pytest.fixture
def described(write_pool: WritePool) -> Described:
    """Import one path item, or all paths; give tools and notes by name."""

    def run(
        paths: dict[str, Any], *, openapi: str = "3.0.3", options: PoolOptions | None = None, **more: Any
    ) -> tuple[dict[str, Tool], dict[str, ImportNote]]:
        version = {"swagger": "2.0"} if openapi == "2.0" else {"openapi": openapi}
        document = {**version, "info": {"title": "Shop", "version": "1"}, "paths": paths, **more}
        pool = load_pool(write_pool({"shop.json": document}) / "shop.json", options or PoolOptions())
        return all_tools(pool), {note.item: note for note in pool.notes}

    return run


def query(name: str, schema: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, **more}


def json_body(schema: Any, **more: Any) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}, **more}


TEXT: dict[str, Any] = {"type": "string"}


def test_one_operation_in_full(described: Described) -> None:
    tools, notes = described(
        {
            "/carts/{cart}/items": {
                "parameters": [{"name": "cart", "in": "path", "schema": TEXT, "required": True}],
                "post": {
                    "operationId": "addItem",
                    "summary": "Add an item",
                    "description": "Puts a product into a cart.",
                    "parameters": [
                        query("notify", {"type": "boolean"}, description="Tell the owner", example=True),
                        {"name": "X-Trace", "in": "header", "schema": TEXT},
                    ],
                    "requestBody": json_body(
                        {
                            "type": "object",
                            "properties": {"sku": TEXT, "count": {"type": "integer"}},
                            "required": ["sku"],
                        },
                        required=True,
                    ),
                    "responses": {
                        "201": {"description": "x", "content": {"application/json": {"schema": {"type": "number"}}}},
                        "400": {"description": "x", "content": {"application/json": {"schema": TEXT}}},
                    },
                },
            }
        },
        info={"title": "Shop", "version": "1", "description": "Sells things.", "license": {"name": "MIT"}},
    )

    tool = tools["addItem"]
    assert tool.description == "Add an item. Puts a product into a cart."
    assert tool.parameters == {
        "type": "object",
        "properties": {
            "cart": TEXT,
            "notify": {"type": "boolean", "description": "Tell the owner", "examples": [True]},
            "X-Trace": TEXT,
            "sku": TEXT,
            "count": {"type": "integer"},
        },
        "required": ["cart", "sku"],
    }
    assert tool.result == {"type": "number"}
    assert tool.provenance.operation == "POST /carts/{cart}/items"
    assert tool.provenance.licence == "MIT"
    assert len(tool.provenance.entry_hash or "") == 16
    assert notes["addItem"].status == "accepted"


def test_operation_without_id_is_named_by_method_and_path(described: Described) -> None:
    tools, notes = described({"/pets/{petId}/toys": {"get": {"responses": {}}}})

    assert tools["get_pets_petId_toys"].description == "GET /pets/{petId}/toys"
    assert notes["get_pets_petId_toys"].status == "accepted"


def test_operation_id_given_twice(described: Described) -> None:
    tools, notes = described({"/a": {"get": {"operationId": "same"}}, "/b": {"get": {"operationId": "same"}}})

    assert {*tools} == {"same", "get_b"}
    assert "another operation is called 'same'" in notes["get_b"].reason


def test_names_in_several_places_stay_apart(described: Described) -> None:
    tools, notes = described(
        {
            "/users/{id}": {
                "put": {
                    "operationId": "f",
                    "parameters": [
                        {"name": "id", "in": "header", "schema": {"type": "integer"}},
                        query("id", {"type": "boolean"}),
                        {"name": "id", "in": "path", "schema": TEXT, "required": True},
                    ],
                    "requestBody": json_body(
                        {"type": "object", "properties": {"id": {"type": "number"}}, "required": ["id"]}, required=True
                    ),
                }
            }
        }
    )

    assert tools["f"].properties == {
        "id": TEXT,
        "query_id": {"type": "boolean"},
        "header_id": {"type": "integer"},
        "body_id": {"type": "number"},
    }
    assert tools["f"].required == {"id", "body_id"}
    assert "'id' is called 'body_id'" in notes["f"].reason


def test_parameter_of_the_operation_stands_for_that_of_the_path(described: Described) -> None:
    tools, _ = described(
        {
            "/a": {
                "parameters": [query("q", TEXT)],
                "get": {"operationId": "f", "parameters": [query("q", {"enum": [1]})]},
            }
        }
    )

    assert tools["f"].properties == {"q": {"enum": [1]}}


def test_credentials_are_no_parameters(described: Described) -> None:
    headers = ["Authorization", "X-API-Key", "Accept", "X-Tenant"]
    tools, notes = described(
        {
            "/a": {
                "get": {
                    "operationId": "f",
                    "parameters": [*({"name": name, "in": "header", "schema": TEXT} for name in headers),
                                   query("token", TEXT), query("page", TEXT)],
                }
            }
        },
        components={"securitySchemes": {"key": {"type": "apiKey", "in": "query", "name": "token"}}},
    )  # fmt: skip

    assert {*tools["f"].properties} == {"X-Tenant", "page"}
    assert notes["f"].status == "repaired"
    assert "'Authorization'" in notes["f"].reason
    assert "query parameter 'token' carries credentials" in notes["f"].reason


def test_callbacks_and_webhooks_are_no_tools(described: Described) -> None:
    tools, _ = described(
        {"/a": {"post": {"operationId": "f", "callbacks": {"c": {"{$url}": {"post": {"operationId": "g"}}}}}}},
        webhooks={"w": {"post": {"operationId": "h"}}},
        openapi="3.1.0",
    )

    assert {*tools} == {"f"}


def test_deprecated_operation_is_kept_with_a_note_or_left_out(described: Described) -> None:
    paths = {"/a": {"get": {"operationId": "f", "deprecated": True}}, "/b": {"get": {"operationId": "g"}}}

    kept, notes = described(paths)
    left, after = described(paths, options=PoolOptions(skip_deprecated=True))

    assert {*kept} == {"f", "g"}
    assert "deprecated and was kept" in notes["f"].reason
    assert {*left} == {"g"}
    assert (after["f"].status, "deprecated" in after["f"].reason) == ("rejected", True)


BODIES: dict[str, tuple[Any, Any]] = {
    "list": ({"type": "array", "items": TEXT}, {"body": {"type": "array", "items": TEXT}}),
    "choice": ({"oneOf": [{"type": "object"}, TEXT]}, {"body": {"oneOf": [{"type": "object"}, TEXT]}}),
    "map": (
        {"type": "object", "additionalProperties": TEXT},
        {"body": {"type": "object", "additionalProperties": TEXT}},
    ),
    "all of": (
        {"allOf": [{"type": "object", "properties": {"a": TEXT}}, {"properties": {"b": {}}, "required": ["a"]}]},
        {"a": TEXT, "b": {}},
    ),
    "same name twice": (
        {"allOf": [{"properties": {"a": TEXT}}, {"properties": {"a": {"minLength": 1}}}]},
        {"a": {"allOf": [TEXT, {"minLength": 1}]}},
    ),
    "closed part": (
        {"allOf": [{"properties": {"a": TEXT}, "additionalProperties": False}]},
        {"body": {"allOf": [{"properties": {"a": TEXT}, "additionalProperties": False}]}},
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_body_is_laid_out_only_where_that_loses_nothing(name: str, described: Described) -> None:
    schema, expected = BODIES[name]

    tools, _ = described({"/a": {"post": {"operationId": "f", "requestBody": json_body(schema, required=True)}}})

    assert tools["f"].properties == expected


def test_body_that_may_be_left_out(described: Described) -> None:
    schema = {"type": "object", "properties": {"a": TEXT, "b": TEXT}, "required": ["a"]}

    tools, _ = described({"/a": {"post": {"operationId": "f", "requestBody": json_body(schema)}}})

    validator = jsonschema_rs.Draft202012Validator(tools["f"].parameters)
    assert [validator.is_valid(each) for each in ({}, {"a": "x"}, {"b": "x"}, {"a": "x", "b": "x"})] == [
        True,
        True,
        False,
        True,
    ]


def test_closed_body_closes_the_parameters(described: Described) -> None:
    schema = {"type": "object", "properties": {"a": TEXT}, "additionalProperties": False}
    operation = {"operationId": "f", "parameters": [query("q", TEXT)], "requestBody": json_body(schema)}

    tools, _ = described({"/a": {"post": operation}})

    validator = jsonschema_rs.Draft202012Validator(tools["f"].parameters)
    assert validator.is_valid({"a": "x", "q": "y"})
    assert not validator.is_valid({"a": "x", "z": "y"})


def test_words_of_openapi_3_0_are_translated_without_calling_it_a_repair(described: Described) -> None:
    schema = {"type": "integer", "nullable": True, "minimum": 0, "exclusiveMinimum": True, "example": 3, "xml": {}}

    tools, notes = described({"/a": {"get": {"operationId": "f", "parameters": [query("n", schema)]}}})

    assert tools["f"].properties["n"] == {"type": ["integer", "null"], "exclusiveMinimum": 0, "examples": [3]}
    assert notes["f"].status == "accepted"


def test_read_only_properties_are_left_out_of_parameters_and_write_only_ones_of_results(described: Described) -> None:
    user = {
        "type": "object",
        "properties": {"id": {**TEXT, "readOnly": True}, "name": TEXT, "password": {**TEXT, "writeOnly": True}},
        "required": ["id", "name"],
    }
    reference = {"$ref": "#/components/schemas/User"}
    operation = {
        "operationId": "f",
        "requestBody": json_body(reference, required=True),
        "responses": {"200": {"content": {"application/json": {"schema": reference}}}},
    }

    tools, notes = described({"/a": {"post": operation}}, components={"schemas": {"User": user}})

    assert tools["f"].parameters["properties"] == {"name": TEXT, "password": {**TEXT, "writeOnly": True}}
    assert tools["f"].required == {"name"}
    assert tools["f"].result is not None
    assert tools["f"].result["properties"] == {"id": {**TEXT, "readOnly": True}, "name": TEXT}
    assert "read-only properties were left out of the parameters: id" in notes["f"].reason


def test_discriminator_says_which_branch_a_value_is_for(described: Described) -> None:
    def animal(extra: str) -> dict[str, Any]:
        return {"type": "object", "properties": {"kind": TEXT, extra: TEXT}, "required": ["kind"]}

    pets = {
        "oneOf": [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}],
        "discriminator": {"propertyName": "kind", "mapping": {"a-dog": "Dog"}},
    }
    tools, notes = described(
        {"/a": {"post": {"operationId": "f", "requestBody": json_body(pets, required=True)}}},
        components={"schemas": {"Cat": animal("lives"), "Dog": animal("tricks")}},
    )

    validator = jsonschema_rs.Draft202012Validator(tools["f"].parameters)
    assert validator.is_valid({"body": {"kind": "Cat"}})
    assert validator.is_valid({"body": {"kind": "a-dog"}})
    assert not validator.is_valid({"body": {"kind": "Horse"}})
    assert "discriminator 'kind'" in notes["f"].reason


def test_cycle_is_cut_and_said(described: Described) -> None:
    node = {"type": "object", "properties": {"name": TEXT, "below": {"$ref": "#/components/schemas/Node"}}}
    operation = {"operationId": "f", "requestBody": json_body({"$ref": "#/components/schemas/Node"})}

    tools, notes = described({"/a": {"post": operation}}, components={"schemas": {"Node": node}})

    assert "$ref" not in json.dumps(tools["f"].parameters)
    assert "contains itself and was cut at depth" in notes["f"].reason


def test_lost_references_cost_no_more_than_they_must(described: Described) -> None:
    tools, notes = described(
        {
            "/a": {
                "get": {
                    "operationId": "f",
                    "parameters": [{"$ref": "#/components/parameters/Nope"}, query("q", {"$ref": "gone.yaml#/Q"})],
                    "responses": {"200": {"$ref": "#/components/responses/Nope"}},
                }
            },
            "/b": {"$ref": "gone.yaml#/b"},
            "/c": {"get": "text"},
        }
    )

    assert tools["f"].properties == {"q": {}}
    assert "'#/components/parameters/Nope' leads to no parameter" in notes["f"].reason
    assert "'gone.yaml#/Q' leads nowhere" in notes["f"].reason
    assert notes["/b"].status == "rejected"
    assert "gone.yaml" in notes["/b"].reason
    assert notes["GET /c"].status == "rejected"


def test_long_chain_of_schemas_ends(described: Described) -> None:
    chain: dict[str, Any] = {
        f"S{i}": {"type": "object", "properties": {"n": {"$ref": f"#/components/schemas/S{i + 1}"}}}
        for i in range(3000)
    }
    operation = {"operationId": "f", "parameters": [query("q", {"$ref": "#/components/schemas/S0"})]}

    tools, _ = described({"/a": {"get": operation}}, components={"schemas": chain})

    assert "f" in tools


def test_swagger_2(described: Described) -> None:
    tools, notes = described(
        {
            "/pets": {
                "get": {
                    "operationId": "find",
                    "parameters": [
                        {"name": "tags", "in": "query", "type": "array", "items": TEXT, "collectionFormat": "csv"},
                        {"name": "limit", "in": "query", "type": "integer", "maximum": 9, "exclusiveMaximum": True},
                    ],
                    "responses": {200: {"description": "x", "schema": {"$ref": "#/definitions/Pet"}}},
                },
                "post": {
                    "operationId": "add",
                    "parameters": [
                        {"name": "pet", "in": "body", "required": True, "schema": {"$ref": "#/definitions/Pet"}}
                    ],
                },
                "put": {
                    "operationId": "upload",
                    "parameters": [
                        {"name": "photo", "in": "formData", "type": "file", "required": True},
                        {"name": "note", "in": "formData", "type": "string"},
                    ],
                },
            }
        },
        openapi="2.0",
        definitions={"Pet": {"type": "object", "properties": {"name": TEXT}, "required": ["name"]}},
    )

    assert tools["find"].properties == {
        "tags": {"type": "array", "items": TEXT},
        "limit": {"type": "integer", "exclusiveMaximum": 9},
    }
    assert tools["find"].result == {"type": "object", "properties": {"name": TEXT}, "required": ["name"]}
    assert tools["add"].parameters == tools["find"].result
    assert tools["upload"].properties == {"photo": TEXT, "note": TEXT}
    assert tools["upload"].required == {"photo"}
    assert notes["find"].status == notes["add"].status == "accepted"


def test_tags_are_domains_and_small_ones_stay_together(write_pool: WritePool) -> None:
    def operation(tag: str) -> dict[str, Any]:
        return {"get": {"tags": [tag]}}

    paths = {
        f"/{tag}/{i}": operation(tag)
        for tag, count in (("Big One", 3), ("small", 2), ("tiny", 1))
        for i in range(count)
    }
    document = {"openapi": "3.1.0", "paths": paths, "tags": [{"name": "Big One", "description": "About big ones."}]}

    pool = load_pool(write_pool({"api.json": document}))

    assert {domain.name: len(domain.tools) for domain in pool.domains} == {"api": 3, "api_big_one": 3}
    assert pool.domain("api_big_one").description == "About big ones."


YAML = """
openapi: 3.0.0
info: {title: Zoo, version: 1.0.0}
paths:
  /animals/{id}:
    $ref: paths/animals.yaml#/byId
"""
PATHS = """
byId:
  get:
    operationId: getAnimal
    parameters:
      - {name: id, in: path, required: true, schema: {$ref: '../schemas.yaml#/Id'}}
    responses:
      200: {description: It, content: {application/json: {schema: {$ref: '../schemas.yaml#/Animal'}}}}
"""
SCHEMAS = """
Id: {type: string, enum: [no, yes]}
Animal:
  type: object
  properties:
    born: {type: string, format: date, example: 2020-01-01}
    mother: {$ref: '#/Id'}
"""


def test_yaml_over_several_files(write_pool: WritePool) -> None:
    folder = write_pool({"zoo/api.yaml": YAML, "zoo/paths/animals.yaml": PATHS, "zoo/schemas.yaml": SCHEMAS})

    for pool in (load_pool(folder), load_pool(folder / "zoo" / "api.yaml")):
        assert [(note.item, note.status) for note in pool.notes] == [("getAnimal", "accepted")]
        tool = all_tools(pool)["getAnimal"]
        assert tool.properties == {"id": {"type": "string", "enum": ["no", "yes"]}}
        assert tool.result == {
            "type": "object",
            "properties": {
                "born": {"type": "string", "format": "date", "examples": ["2020-01-01"]},
                "mother": {"type": "string", "enum": ["no", "yes"]},
            },
        }


def test_references_do_not_leave_the_pool(write_pool: WritePool, tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("Id: {type: string, description: hidden}")
    inside = YAML.replace("paths/animals.yaml#/byId", "../secret.yaml#/x")

    with pytest.raises(PoolError, match=r"leads nowhere.*lies outside of the pool"):
        load_pool(write_pool({"api.yaml": inside}) / "api.yaml")


@pytest.fixture
def served(write_pool: WritePool) -> Iterator[tuple[Path, str]]:
    """A folder behind HTTP, and its address."""
    folder = write_pool({"api.yaml": YAML, "paths/animals.yaml": PATHS, "schemas.yaml": SCHEMAS})
    (folder / "no_ending").write_text(YAML.replace("$ref: paths/animals.yaml#/byId", "get: {}"))

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"127.0.0.1:{server.server_port}"
        server.shutdown()


def test_description_is_read_from_an_address(served: tuple[Path, str]) -> None:
    _, host = served

    pool = load_pool(f"http://someone:pa55@{host}/api.yaml?key=s3cret")

    (domain,) = pool.domains
    assert (domain.name, [tool.name for tool in domain.tools]) == ("127_0_0_1", ["getAnimal"])
    assert domain.tools[0].provenance.source == f"http://{host}/api.yaml"
    assert domain.tools[0].result is not None
    assert "s3cret" not in domain.model_dump_json()
    assert "pa55" not in domain.model_dump_json()


def test_address_needs_no_ending(served: tuple[Path, str]) -> None:
    assert [tool.name for tool in load_pool(f"http://{served[1]}/no_ending").domains[0].tools] == ["get_animals_id"]


def test_address_that_fails_says_so(served: tuple[Path, str]) -> None:
    with pytest.raises(PoolError, match=r"gone\.yaml cannot be read: the server answered 404") as caught:
        load_pool(f"http://{served[1]}/gone.yaml?key=s3cret")
    assert "s3cret" not in str(caught.value)

    with pytest.raises(PoolError, match="ConnectError"):
        load_pool("http://127.0.0.1:9/api.yaml")


def test_references_do_not_leave_the_server() -> None:
    asked: list[str] = []

    class Other(BaseHTTPRequestHandler):
        """Stands for what the user never named: another server, reached by name or by redirect."""

        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"Id": {"type": "string", "description": "hidden"}}')

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    class Described(Other):
        def do_GET(self) -> None:
            if self.path in ("/start", "/zoo/moved.json"):
                self.send_response(302)
                self.send_header("Location", "/zoo/api.json" if self.path == "/start" else f"http://{other}/moved")
                self.end_headers()
                return
            body = {"Id": {"type": "string"}} if self.path == "/zoo/own.json" else description
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

    with (
        ThreadingHTTPServer(("127.0.0.1", 0), Other) as elsewhere,
        ThreadingHTTPServer(("127.0.0.1", 0), Described) as server,
    ):
        for each in (elsewhere, server):
            threading.Thread(target=each.serve_forever, daemon=True).start()
        other = f"127.0.0.1:{elsewhere.server_port}"
        files = ("own.json", "moved.json", f"//{other}/x", f"%2F%2F{other}/x", f"http%3A//{other}/x", "%2Froot.json")
        parameters = [{"name": f"p{n}", "in": "query", "schema": {"$ref": f"{f}#/Id"}} for n, f in enumerate(files)]
        description = described_with(parameters)
        tool = all_tools(load_pool(f"http://127.0.0.1:{server.server_port}/zoo/api.json"))["find"]
        moved = load_pool(f"http://127.0.0.1:{server.server_port}/start")
        for each in (elsewhere, server):
            each.shutdown()

    assert tool.properties == {"p0": {"type": "string"}} | {f"p{n}": {} for n in range(1, len(files))}
    assert asked == []
    assert [note.item for note in moved.notes] == ["find"]


def described_with(parameters: list[dict[str, Any]]) -> dict[str, Any]:
    operation = {"operationId": "find", "parameters": parameters, "responses": {}}
    return {"openapi": "3.1.0", "info": {"title": "Zoo"}, "paths": {"/find": {"get": operation}}}


class Dripping(BaseHTTPRequestHandler):
    """Answers drop by drop, without end."""

    def do_GET(self) -> None:
        with suppress(OSError):
            if self.path.startswith("/body"):
                self.send_response(200)
                self.end_headers()
            while True:
                self.wfile.write(b"{" if self.path.startswith("/body") else b"X")
                self.wfile.flush()
                time.sleep(0.05)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.mark.parametrize("part", ["body", "headers"])
def test_a_server_that_answers_drop_by_drop_is_left(part: str) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Dripping) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/{part}.json"
        with pytest.raises(Unusable, match=r"it took more than 0\.4 s"):
            fetch(address, set(), anywhere=True, seconds=0.4)
        server.shutdown()
