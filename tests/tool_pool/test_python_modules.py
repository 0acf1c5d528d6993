"""Plain Python as a pool: what functions become, read from their source without running it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tool_pool.pools import EMPTY, WritePool
from toolace_dagster.entities import ImportNote, Tool
from toolace_dagster.tool_pool import PoolError, ToolPool, load_pool
from toolace_dagster.tool_pool.formats.document import Reading
from toolace_dagster.tool_pool.formats.python_module import read_python
from toolace_dagster.tool_pool.normal_form import import_entry
from toolace_dagster.tool_pool.repairs import Unusable

OneFunction = Callable[[str], tuple[Tool, ImportNote]]


def source(text: str) -> str:
    return textwrap.dedent(text).lstrip()


def tools(pool: ToolPool) -> dict[str, Tool]:
    return {tool.name: tool for domain in pool.domains for tool in domain.tools}


@pytest.fixture
def one(write_pool: WritePool) -> OneFunction:
    """Import the single function of a module."""

    def run(text: str) -> tuple[Tool, ImportNote]:
        pool = load_pool(write_pool({"shop.py": source(text)}) / "shop.py")
        (note,) = pool.notes
        (tool,) = tools(pool).values()
        jsonschema_rs.Draft202012Validator(tool.parameters)
        return tool, note

    return run


STYLES = {
    "google": '''
        """Count what is in stock.

        Looks into every warehouse.

        Args:
            sku (str): The article,
                as printed: on the label.
            place: Where to look.

        Returns:
            int: How many there are.

        Raises:
            ValueError: Never.
        """''',
    "numpy": '''
        """Count what is in stock.

        Looks into every warehouse.

        Parameters
        ----------
        sku : str
            The article,
            as printed: on the label.
        place : str, optional
            Where to look.

        Returns
        -------
        int
            How many there are.
        """''',
    "rest": '''
        """Count what is in stock.

        Looks into every warehouse.

        :param sku: The article,
            as printed: on the label.
        :param str place: Where to look.
        :returns: How many there are.
        :raises ValueError: Never.
        """''',
}


@pytest.mark.parametrize("style", STYLES)
def test_docstring_styles(style: str, one: OneFunction) -> None:
    body = textwrap.indent(textwrap.dedent(STYLES[style]).strip(), "    ")

    tool, note = one(f"def count(sku: str, place: str = 'Ulm') -> int:\n{body}\n")

    assert note.status == "accepted"
    assert tool.description == "Count what is in stock.\n\nLooks into every warehouse."
    assert tool.parameters == {
        "type": "object",
        "properties": {
            "sku": {"type": "string", "description": "The article, as printed: on the label."},
            "place": {"type": "string", "default": "Ulm", "description": "Where to look."},
        },
        "required": ["sku"],
    }
    assert tool.result == {"type": "integer", "description": "How many there are."}


ANNOTATIONS: dict[str, Any] = {
    "str": {"type": "string"},
    "float": {"type": "number"},
    "None": {"type": "null"},
    "Any": {},
    "'int | None'": {"type": ["integer", "null"]},
    "Optional[str]": {"type": ["string", "null"]},
    "typing.Union[int, str, None]": {"type": ["integer", "string", "null"]},
    "list[int] | None": {"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}]},
    "int | Any": {},
    "list": {"type": "array"},
    "Sequence[list[bool]]": {"type": "array", "items": {"type": "array", "items": {"type": "boolean"}}},
    "set[str]": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
    "tuple[int, ...]": {"type": "array", "items": {"type": "integer"}},
    "tuple[int, str]": {
        "type": "array",
        "prefixItems": [{"type": "integer"}, {"type": "string"}],
        "minItems": 2,
        "maxItems": 2,
    },
    "dict[str, float]": {"type": "object", "additionalProperties": {"type": "number"}},
    "Literal['a', 'b']": {"type": "string", "enum": ["a", "b"]},
    "Literal['a', 1, None]": {"enum": ["a", 1, None]},
    "Colour": {"type": "string", "enum": ["red", "blue"]},
    "Level": {"type": "integer", "enum": [1, 2]},
    "Sku": {"type": "string"},
    "Numbers": {"type": "array", "items": {"type": "integer"}},
    "datetime.date": {"type": "string", "format": "date"},
    "UUID": {"type": "string", "format": "uuid"},
    "Annotated[int, Field(ge=1, lt=9, description='How many')]": {
        "type": "integer",
        "minimum": 1,
        "exclusiveMaximum": 9,
        "description": "How many",
    },
    "Annotated[str, 'A name']": {"type": "string", "description": "A name"},
    "Annotated[str, Field(max_length=3)]": {"type": "string", "maxLength": 3},
    "Item": {
        "type": "object",
        "properties": {"sku": {"type": "string"}, "count": {"type": "integer"}},
        "required": ["sku"],
        "description": "An item.",
    },
    "Later": {"type": "object", "properties": {"a": {"type": "integer"}}},
    "Box": {
        "type": "object",
        "properties": {
            "size": {"type": "number", "description": "In metres."},
            "items": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["size"],
        "description": "A box.",
    },
    "Order": {
        "type": "object",
        "properties": {
            "id": {"type": "integer"},
            "note": {"type": "string", "default": "", "description": "A remark", "maxLength": 20},
            "tags": {"type": "array", "items": {"type": "string"}, "default": ["new"]},
        },
        "required": ["id"],
    },
}

CLASSES = source(
    '''
    import enum

    Sku = NewType("Sku", str)
    Numbers = list[int]

    class Colour(enum.Enum):
        RED = "red"
        BLUE = "blue"

    class Level(IntEnum):
        LOW = 1
        HIGH = 2

    class Item(TypedDict):
        """An item."""
        sku: str
        count: NotRequired[int]

    class Later(TypedDict, total=False):
        a: int

    @dataclass(frozen=True)
    class Box:
        """A box.

        Attributes:
            size: In metres.
        """
        size: float
        items: list[str] = field(default_factory=list)
        _hidden: int = 0

    class Base(BaseModel):
        model_config = ConfigDict(extra="forbid")
        id: int

    class Order(Base):
        note: str = Field("", description="A remark", max_length=20)
        tags: list[str] = ["new"]
    '''
)


@pytest.mark.parametrize("annotation", ANNOTATIONS)
def test_annotation(annotation: str, one: OneFunction) -> None:
    tool, note = one(f"{CLASSES}\n\ndef f(x: {annotation}): ...")

    assert note.status == "accepted", note.reason
    assert tool.properties == {"x": ANNOTATIONS[annotation]}
    assert tool.required == {"x"}


DEFAULTS: dict[str, tuple[dict[str, Any], bool]] = {
    "x: int": ({"type": "integer"}, True),
    "x: int = 3": ({"type": "integer", "default": 3}, False),
    "x: int = -3": ({"type": "integer", "default": -3}, False),
    "x: int = None": ({"type": "integer"}, False),
    "x: int | None = None": ({"type": ["integer", "null"], "default": None}, False),
    "x: int = LIMIT": ({"type": "integer", "default": 7}, False),
    "x: Colour = Colour.RED": ({"type": "string", "enum": ["red", "blue"], "default": "red"}, False),
    "x: str = unknown()": ({"type": "string"}, False),
    "x: int = Field(..., gt=0)": ({"type": "integer", "exclusiveMinimum": 0}, True),
    "x: int = Field(default=1)": ({"type": "integer", "default": 1}, False),
    "*, x: bool = False": ({"type": "boolean", "default": False}, False),
    "x: tuple[int, int] = (1, 2)": (
        {"type": "array", "prefixItems": [{"type": "integer"}] * 2, "minItems": 2, "maxItems": 2, "default": [1, 2]},
        False,
    ),
}


@pytest.mark.parametrize("given", DEFAULTS)
def test_default(given: str, one: OneFunction) -> None:
    schema, required = DEFAULTS[given]

    tool, note = one(f"{CLASSES}\nLIMIT = 7\n\ndef f({given}): ...")

    assert note.status == "accepted"
    assert tool.properties == {"x": schema}
    assert bool(tool.required) is required


REPORTED = {
    "*args: int, **more": "*args and **more cannot be described",
    "x": "'x' has no annotation",
    "x=3": "type of 'x' was taken from its default",
    "x: Callable[[int], str]": "annotation 'Callable[[int], str]' is not read",
    "x: Cursor": "annotation 'Cursor' is not read",
    "x: 'not python'": "is not read",
}


@pytest.mark.parametrize("given", REPORTED)
def test_what_cannot_be_said_is_reported(given: str, one: OneFunction) -> None:
    _, note = one(f"def f({given}): ...")

    assert note.status == "repaired"
    assert REPORTED[given] in note.reason
    assert note.mend


def test_type_by_docstring_stands_in_for_an_annotation(one: OneFunction) -> None:
    tool, note = one(
        'def f(a, b):\n    """F.\n\n    Args:\n        a (list[int], optional): A.\n        b (a number): B.\n    """'
    )

    assert tool.properties["a"] == {"type": "array", "items": {"type": "integer"}, "description": "A."}
    assert tool.properties["b"] == {"description": "B."}
    assert "'b' has no annotation" in note.reason


@pytest.mark.parametrize(
    ("words", "schema"),
    [
        ("int or None", {"type": ["integer", "null"]}),
        ("str or list of str, optional", {"type": ["string", "array"]}),
        ("int or a number", {}),
    ],
)
def test_several_types_in_a_docstring_are_all_allowed(words: str, schema: dict[str, Any], one: OneFunction) -> None:
    tool, _ = one(f'def f(a):\n    """F.\n\n    Args:\n        a ({words}): A.\n    """')

    assert tool.properties["a"] == {**schema, "description": "A."}


def test_class_that_holds_itself_is_cut(one: OneFunction) -> None:
    tool, note = one("class Node(TypedDict):\n    below: list['Node']\n\ndef f(n: Node): ...")

    assert "contains itself and was cut" in note.reason
    assert tool.required == {"n"}


SHOP = '''
"""Tools of a shop.

SPDX-License-Identifier: MIT
"""
# SPDX-License-Identifier: Apache-2.0

def open_hours(day: str) -> str:
    """When the shop is open."""

def _private(): ...

class _Base:
    def ping(self) -> bool: ...

class CartAPI(_Base):
    """A cart."""

    def __init__(self, seed: int = 0): raise RuntimeError("nothing is run")

    def add(self, sku: str) -> None: ...

    @staticmethod
    def price(sku: str) -> float: ...

    @classmethod
    async def find(cls, text: str) -> list[str]: ...

    @property
    def size(self) -> int: ...

    def _inner(self): ...

class Stock:
    """The stock."""
    def count(self, sku: str) -> int: ...
    def move(self, sku: str) -> int: ...
    def scrap(self, sku: str) -> int: ...

@dataclass
class Row:
    sku: str
    def as_text(self) -> str: ...

raise RuntimeError("nothing is run")
'''


def test_functions_and_methods_of_a_module(write_pool: WritePool) -> None:
    pool = load_pool(write_pool({"shop.py": SHOP}) / "shop.py")

    assert {domain.name: [tool.name for tool in domain.tools] for domain in pool.domains} == {
        "shop": ["open_hours"],
        "shop_cart_api": ["add", "find", "ping", "price"],
        "shop_stock": ["count", "move", "scrap"],
    }
    assert pool.domain("shop_stock").description == "The stock."
    add = tools(pool)["add"]
    assert add.properties == {"sku": {"type": "string"}}
    assert add.result == {"type": "null"}
    assert add.provenance.qualified_name == "CartAPI.add"
    assert Path(add.provenance.module or "").name == "shop.py"
    assert Path(add.provenance.module or "").is_absolute()
    assert add.provenance.source == "shop.py"
    assert add.provenance.licence == "MIT"
    assert tools(pool)["price"].properties == {"sku": {"type": "string"}}
    assert tools(pool)["find"].properties == {"text": {"type": "string"}}


def test_class_asked_for_by_name(write_pool: WritePool) -> None:
    file = write_pool({"shop.py": SHOP}) / "shop.py"

    (cart,) = load_pool(f"{file}:CartAPI").domains
    (row,) = load_pool(f"{file}:Row").domains

    assert (cart.name, cart.description, len(cart.tools)) == ("cart_api", "A cart.", 4)
    assert [tool.name for tool in row.tools] == ["as_text"]
    with pytest.raises(PoolError, match=r"no class or function 'CartApi'.*did you mean CartAPI"):
        load_pool(f"{file}:CartApi")


def test_module_by_name_is_found_and_not_imported(write_pool: WritePool, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_pool({"deep/__init__.py": "raise RuntimeError('imported')", "deep/shop.py": SHOP})
    monkeypatch.syspath_prepend(str(folder))

    for name in ("module:deep.shop:CartAPI", "deep.shop:CartAPI"):
        tool = tools(load_pool(name))["add"]
        assert (tool.provenance.module, tool.provenance.qualified_name) == ("deep.shop", "CartAPI.add")
        assert tool.provenance.source == "deep/shop.py"
    with pytest.raises(PoolError, match=r"no Python module 'deep\.nothing' \('nothing' is not found"):
        load_pool("module:deep.nothing")
    with pytest.raises(PoolError, match="no source file"):
        load_pool("module:math")


def test_folder_with_python_in_it(write_pool: WritePool) -> None:
    folder = write_pool(
        {
            "shop.json": {"tools": [{"name": "buy", "parameters": EMPTY}]},
            "shop.py": "def buy(): ...",
            "clock.py": "def now(): ...",
            "clinic/backend.py": "def heal(): ...",
        }
    )

    assert {domain.name: [tool.name for tool in domain.tools] for domain in load_pool(folder).domains} == {
        "clinic": ["heal"],
        "clock": ["now"],
        "shop": ["buy"],
    }


def test_all_narrows_down(one: OneFunction) -> None:
    tool, _ = one("__all__ = ['f']\ndef f(): ...\ndef g(): ...\nclass C:\n    def h(self): ...")

    assert tool.name == "f"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def f(:", "not valid Python: .* at line 1"),
        ("x = 1", "no public function"),
        ("\x00", "not valid Python"),
        ("-" * 100_000 + "1", "too deep"),
        (f"def f(x: {'|'.join(['a'] * 5000)}): ...", "too deep"),
    ],
)
def test_bad_module_says_why(text: str, said: str, write_pool: WritePool) -> None:
    with pytest.raises(PoolError, match=said):
        load_pool(write_pool({"shop.py": text}) / "shop.py")


_words = st.sampled_from(
    [
        *"int str list dict Optional Union Literal Annotated Field None Any tuple C self [ ] ( ) , . : = *".split(),
        *"** | -> ... 1 'a' @ def class async f x property".split(),
        *("\n", "\n    ", " ", '"', '"""', "def f(x: ", "): ...\n", "class C(TypedDict):\n    x: ", "Args:\n    x ("),
        ":param x: ",
    ]
)


def _never_a_traceback(text: str) -> None:
    try:
        document = read_python(text, Reading(source="any.py"))
    except Unusable:
        return
    for entry in document.entries:
        tool, note = import_entry(entry, position=1, domain="d", source="any.py", licence=None)
        assert note.status == "rejected" or tool is not None
        if tool is not None:
            jsonschema_rs.Draft202012Validator(tool.parameters)


@settings(max_examples=100, deadline=None)
@given(st.lists(_words, max_size=40).map("".join) | st.text(max_size=60))
def test_any_text(text: str) -> None:
    _never_a_traceback(text)


_annotations = st.recursive(
    st.sampled_from([*(name for name in ANNOTATIONS if "'" not in name), "'x'", "x.y", "1", "...", "lambda: 0", "f()"]),
    lambda inner: st.builds(
        "{}[{}]".format,
        st.sampled_from(
            ["list", "dict", "Optional", "Union", "Literal", "Annotated", "tuple", "Callable", "C", "Final"]
        ),
        st.lists(inner, min_size=1, max_size=3).map(", ".join),
    ),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(_annotations, _annotations, st.text(max_size=80))
def test_any_annotation_default_and_docstring(first: str, second: str, words: str) -> None:
    _never_a_traceback(f"{CLASSES}\ndef f(x: {first}, y={second}, z: {second} = None) -> {first}:\n    {words!r}\n")
