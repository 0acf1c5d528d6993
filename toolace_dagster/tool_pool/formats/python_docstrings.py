"""Docstrings in Google, NumPy and reST style.

Belongs here: what a docstring says of a function, its parameters and its result.
Does not belong here: types (``python_annotations``) and functions
(``python_module``).
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_PARAMETERS = frozenset({"args", "arguments", "parameters", "params", "keyword args", "keyword arguments",
                         "other parameters", "attributes"})  # fmt: skip
_RESULTS = frozenset({"returns", "return", "yields", "yield"})
_OTHERS = frozenset(
    {"raises", "raise", "except", "exceptions", "warns", "warnings", "warning", "note", "notes", "example", "examples",
     "see also", "references", "todo", "methods"}
)  # fmt: skip
_SECTIONS = _PARAMETERS | _RESULTS | _OTHERS
_ITEM = re.compile(r"(\*{0,2}\w+)\s*(?:\((.*?)\))?\s*:(?:\s+(.*)|)$")
_FIELD = re.compile(r":(\w+)((?:\s+[^:\s]+)*)\s*:\s*(.*)$")


@dataclass(frozen=True)
class Docstring:
    """What a docstring says.

    Attributes:
        description: The text before the sections.
        parameters: Texts by parameter (or attribute) name.
        types: Types by parameter name, in the words of the docstring.
        returns: What is returned.
    """

    description: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    types: Mapping[str, str] = field(default_factory=dict[str, str])
    returns: str = ""


class _Found:
    """Collects while the lines are read."""

    def __init__(self) -> None:
        self.description: list[str] = []
        self.parameters: dict[str, list[str]] = {}
        self.types: dict[str, str] = {}
        self.returns: list[str] = []

    def parameter(self, name: str, kind: str | None, text: str | None) -> list[str]:
        name = name.lstrip("*")
        if kind and (plain := re.sub(r",?\s*(optional|required|defaults? .*)$", "", kind.strip()).strip()):
            self.types.setdefault(name, plain)
        lines = self.parameters.setdefault(name, [])
        if text:
            lines.append(text)
        return lines


def read_docstring(text: str | None) -> Docstring:
    """Read a docstring of any style.

    Args:
        text: The docstring as it stands in the source, or None.

    Returns:
        What it says; a text in no known style is all description.
    """
    found = _Found()
    lines = inspect.cleandoc(text or "").split("\n")
    sections = _sections(lines)
    for heading, style, body in sections:
        if style == "text":
            _read_fields(body, found)
        elif heading in _PARAMETERS:
            (_read_numpy if style == "numpy" else _read_google)(body, found)
        elif heading in _RESULTS:
            found.returns += _numpy_result(body) if style == "numpy" else body
    return Docstring(
        description=_paragraphs(found.description),
        parameters={name: _flat(words) for name, words in found.parameters.items() if _flat(words)},
        types=found.types,
        returns=_flat(found.returns),
    )


def _sections(lines: list[str]) -> list[tuple[str, str, list[str]]]:
    """Heading, style and lines of each section; the text before the first has no heading."""
    found: list[tuple[str, str, list[str]]] = [("", "text", [])]
    skip = False
    for at, line in enumerate(lines):
        if skip:
            skip = False
            continue
        word = line.strip().removesuffix(":").lower()
        after = lines[at + 1].strip() if at + 1 < len(lines) else ""
        if word in _SECTIONS and not line[:1].isspace():
            if len(after) > 2 and set(after) <= {"-"}:
                found.append((word, "numpy", []))
                skip = True
                continue
            if line.rstrip().endswith(":"):
                found.append((word, "google", []))
                continue
        found[-1][2].append(line)
    return found


def _read_google(lines: list[str], found: _Found) -> None:
    indent: int | None = None
    current: list[str] | None = None
    for line in lines:
        if not line.strip():
            continue
        depth = len(line) - len(line.lstrip())
        if indent is None:
            indent = depth
        item = _ITEM.match(line.strip()) if depth <= indent else None
        if item:
            current = found.parameter(item[1], item[2], item[3])
        elif depth == 0:
            # Text at the margin belongs to no parameter.
            current = None
        elif current is not None:
            current.append(line.strip())


def _read_numpy(lines: list[str], found: _Found) -> None:
    current: list[list[str]] = []
    for line in lines:
        if line.strip() and not line[:1].isspace():
            names, _, kind = line.partition(":")
            current = [found.parameter(name.strip(), kind, None) for name in names.split(",") if name.strip()]
        elif line.strip():
            for texts in current:
                texts.append(line.strip())


def _numpy_result(lines: list[str]) -> list[str]:
    """The texts below the types; the types alone when there are none."""
    texts = [line.strip() for line in lines if line[:1].isspace() and line.strip()]
    return texts or [line.strip() for line in lines]


def _read_fields(lines: list[str], found: _Found) -> None:
    """Text with reST fields such as ``:param city: text`` in it."""
    current = found.description
    for line in lines:
        field_found = _FIELD.match(line.strip())
        words = field_found[2].split() if field_found else []
        kind = field_found[1] if field_found else ""
        if field_found and kind in ("param", "parameter", "arg", "argument", "key", "keyword") and words:
            current = found.parameter(words[-1], " ".join(words[:-1]), field_found[3])
        elif field_found and kind == "type" and words:
            found.types[words[-1]] = field_found[3]
            current = []
        elif field_found and kind in ("return", "returns"):
            found.returns.append(field_found[3])
            current = found.returns
        elif field_found and kind in ("rtype", "raises", "raise", "except", "exception", "var", "vartype"):
            current = []
        else:
            current.append(line)


def _flat(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())


def _paragraphs(lines: list[str]) -> str:
    """Lines joined to paragraphs, which stay apart."""
    paragraphs = re.split(r"\n\s*\n", "\n".join(lines).strip())
    return "\n\n".join(joined for each in paragraphs if (joined := " ".join(each.split())))
