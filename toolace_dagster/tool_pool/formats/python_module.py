"""Plain Python modules: functions, and methods of classes, are tools. Nothing is run.

Belongs here: which functions there are, their parameters and texts. Does not
belong here: types (``python_annotations``), docstrings (``python_docstrings``),
and calling the functions, for which the provenance keeps module and name.
"""

from __future__ import annotations

import ast
import difflib
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeGuard

from pydantic import JsonValue

from toolace_dagster.entities import JsonObject, Provenance
from toolace_dagster.tool_pool.formats.document import Document, Entry, Reading, a_list, writable
from toolace_dagster.tool_pool.formats.python_annotations import AnnotationReader, enumeration, snake
from toolace_dagster.tool_pool.formats.python_docstrings import Docstring, read_docstring
from toolace_dagster.tool_pool.formats.python_values import decorator_names, json_value
from toolace_dagster.tool_pool.old_keywords import type_of_word
from toolace_dagster.tool_pool.repairs import RepairLog, Unusable

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_SPDX = re.compile(r"SPDX-License-Identifier:\s*([A-Za-z0-9.+() -]+)")
_NO_CALLS = frozenset({"property", "cached_property", "overload", "setter", "getter", "deleter", "abstractproperty"})


@dataclass(frozen=True)
class _Found:
    """A function that is a tool, with the class it is a method of."""

    node: _Function
    owner: ast.ClassDef | None

    @property
    def name(self) -> str:
        return f"{self.owner.name}.{self.node.name}" if self.owner else self.node.name


def read_python(text: str, reading: Reading) -> Document:
    """Read all tools of a module from its source.

    Public functions at the top and public methods of public classes are tools;
    ``__all__`` narrows them down. Classes that describe values (TypedDict,
    dataclass, Enum, pydantic model, exception) have tools only when asked for by
    name.

    Args:
        text: The source.
        reading: The file, how Python names it, and which members are asked for.

    Returns:
        An entry per function, with the class as its group.

    Raises:
        Unusable: The source is not valid Python, lacks a member asked for, or has no such function.
    """
    tree = _parsed(text)
    reader = AnnotationReader(tree)
    found = list(_functions(tree, reader, reading.members))
    if not found:
        raise Unusable(
            "the module has no public function, and no public class with public methods",
            "give it one, or name the class that has them",
        )
    lines = text.split("\n")
    entries = tuple(_entry(each, reader, lines, reading) for each in found)
    owners = {snake(each.owner.name): each.owner for each in found if each.owner}
    said = {group: read_docstring(ast.get_docstring(owner)).description for group, owner in owners.items()}
    about = read_docstring(ast.get_docstring(tree)).description
    if len(owners) == 1 and all(each.owner for each in found):
        about = next(iter(said.values())) or about
    return Document(
        entries=entries,
        description=writable(about.split("\n\n", 1)[0]),
        licence=_licence(lines, reader),
        group_descriptions={group: writable(text.split("\n\n", 1)[0]) for group, text in said.items() if text},
    )


def _parsed(text: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            # Such as an invalid escape sequence in a file that is not ours to mend.
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        raise Unusable(f"the file is not valid Python: {error.msg} at line {error.lineno}", "correct it") from error
    except ValueError as error:
        raise Unusable(f"the file is not valid Python: {error}", "correct it") from error
    except (RecursionError, MemoryError) as error:
        raise Unusable("the file nests expressions too deep to read", "simplify it") from error


def _functions(tree: ast.Module, reader: AnnotationReader, members: tuple[str, ...]) -> Iterator[_Found]:
    top: dict[str, _Function | ast.ClassDef] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef) or _is_function(node):
            assert isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
            top[node.name] = node
    if members:
        for member in members:
            yield from _asked_for(member, top, reader)
        return
    public = {str(name) for name in a_list(reader.constants.get("__all__", []))}
    for name, node in top.items():
        if name.startswith("_") or (public and name not in public):
            continue
        if not isinstance(node, ast.ClassDef):
            yield _Found(node, None)
        elif not reader.is_data(node):
            yield from _methods(node, reader, inherited=False)


def _asked_for(member: str, top: dict[str, _Function | ast.ClassDef], reader: AnnotationReader) -> Iterator[_Found]:
    name, _, method = member.partition(".")
    node = top.get(name)
    if node is None:
        close = difflib.get_close_matches(name, top, n=3, cutoff=0.5)
        raise Unusable(
            f"the module has no class or function {name!r}",
            f"did you mean {' or '.join(close)}?" if close else f"name one of {', '.join(list(top)[:20]) or 'its own'}",
        )
    if not isinstance(node, ast.ClassDef):
        yield _Found(node, None)
        return
    for found in _methods(node, reader, inherited=True):
        if not method or found.node.name == method:
            yield found


def _methods(node: ast.ClassDef, reader: AnnotationReader, *, inherited: bool) -> Iterator[_Found]:
    """Public methods of a class; those of a private base class of the file are its own in all but name."""
    owners = [node, *(base for base in reader.bases_in_file(node) if inherited or base.name.startswith("_"))]
    methods: dict[str, _Function] = {}
    for owner in owners:
        own: dict[str, _Function] = {}
        for line in owner.body:
            if _is_function(line) and not line.name.startswith("_"):
                own[line.name] = line
        methods = {**own, **methods}
    for method in methods.values():
        yield _Found(method, node)


def _is_function(node: ast.AST) -> TypeGuard[_Function]:
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not decorator_names(node) & _NO_CALLS


def _entry(found: _Found, reader: AnnotationReader, lines: list[str], reading: Reading) -> Entry:
    node = found.node
    group = snake(found.owner.name) if found.owner else ""
    log = RepairLog()
    said = read_docstring(ast.get_docstring(node))
    try:
        parameters = _parameters(found, said, reader, log)
        result = _result(node, said, reader)
    except RecursionError:
        fault = Unusable("its annotations nest too deep to read", "simplify them")
        return Entry(None, name=found.name, group=group, fault=fault)
    value: JsonObject = {"name": node.name, "description": said.description, "parameters": parameters}
    if result is not None:
        value["result"] = result
    return Entry(
        value,
        group=group,
        log=log,
        provenance=Provenance(
            source=reading.source, module=reading.module or reading.source, qualified_name=found.name
        ),
        original="\n".join(lines[node.lineno - 1 : node.end_lineno]),
        own_references=True,
    )


def _parameters(found: _Found, said: Docstring, reader: AnnotationReader, log: RepairLog) -> JsonObject:
    arguments = found.node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults)) + [*arguments.defaults]
    pairs = [*zip(positional, defaults, strict=True), *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    if found.owner and "staticmethod" not in decorator_names(found.node):
        pairs = pairs[1:]
    properties: JsonObject = {}
    required: list[JsonValue] = []
    reader.definitions = {}
    for argument, default in pairs:
        name = argument.arg
        schema = _typed(argument, default, said, reader, log)
        has_default = False
        if default is not None:
            schema, has_default = reader.with_default(schema, default)
        if name in said.parameters and "description" not in schema:
            schema = {**schema, "description": said.parameters[name]}
        properties[name] = schema
        if not has_default:
            required.append(name)
    _say_variable(arguments, log)
    made: JsonObject = {"type": "object", "properties": properties}
    if required:
        made["required"] = required
    return {**made, "$defs": reader.definitions} if reader.definitions else made


def _say_variable(arguments: ast.arguments, log: RepairLog) -> None:
    variable = [f"*{arguments.vararg.arg}"] if arguments.vararg else []
    variable += [f"**{arguments.kwarg.arg}"] if arguments.kwarg else []
    if variable:
        log.add(
            f"{' and '.join(variable)} cannot be described and was left out",
            "give the function a named parameter for each value",
        )


def _typed(
    argument: ast.arg, default: ast.expr | None, said: Docstring, reader: AnnotationReader, log: RepairLog
) -> JsonObject:
    """What is known of a parameter's type: by annotation, else by docstring, else by default."""
    name = argument.arg
    if argument.annotation is not None:
        return reader.schema(argument.annotation, name, log)
    if name in said.types and (schema := _type_in_words(said.types[name], name, reader)) is not None:
        return schema
    value = json_value(default, reader.constants) if default is not None else None
    kind = enumeration([value]).get("type") if isinstance(value, (str, int, float, bool)) else None
    if kind:
        log.add(f"the type of {name!r} was taken from its default", "annotate the parameter")
        return {"type": kind}
    log.add(f"{name!r} has no annotation, so any value is allowed", "annotate the parameter")
    return {}


def _type_in_words(words: str, name: str, reader: AnnotationReader) -> JsonObject | None:
    """A type as a docstring gives it: an annotation, or words such as ``list of str``."""
    attempt = RepairLog()
    try:
        schema = reader.schema(ast.parse(words, mode="eval").body, name, attempt)
        if not attempt:
            return schema
    except (SyntaxError, ValueError, MemoryError):
        pass
    kinds = [type_of_word(each.split(" ", 1)[0].strip("`")) for each in re.split(r"\s+or\s+", words.strip())]
    if len(kinds) > 1 and None in kinds:
        # One of several could be anything.
        return {}
    types: list[JsonValue] = list(dict.fromkeys(kind for kind in kinds if kind))
    return {"type": types if len(types) > 1 else types[0]} if types else None


def _result(node: _Function, said: Docstring, reader: AnnotationReader) -> JsonObject | None:
    if node.returns is None:
        return None
    reader.definitions = {}
    # What comes back is described as well as it can be: a result of any value is no fault of the tool.
    schema = reader.schema(node.returns, "result", RepairLog())
    if said.returns and "description" not in schema:
        # Google style repeats the type before the text.
        schema = {**schema, "description": said.returns.removeprefix(f"{ast.unparse(node.returns)}: ")}
    if not schema:
        return None
    return {**schema, "$defs": reader.definitions} if reader.definitions else schema


def _licence(lines: list[str], reader: AnnotationReader) -> str | None:
    for line in lines[:30]:
        stated = _SPDX.search(line)
        if stated:
            return stated[1].strip()
    stated = reader.constants.get("__license__")
    return stated if isinstance(stated, str) else None
