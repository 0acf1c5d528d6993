"""Reading the project's own modules without importing them: names, docstrings, imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "toolace_dagster"


@dataclass(frozen=True)
class Import:
    """One imported module.

    Attributes:
        target: Dotted name; for ``from a import b`` both ``a`` and ``a.b`` count as imported.
        line: Line number.
        lazy: Whether it stands inside a function.
    """

    target: str
    line: int
    lazy: bool


@dataclass(frozen=True)
class Module:
    """A Python file of the project.

    Attributes:
        name: Dotted name as installed.
        path: The file.
    """

    name: str
    path: Path

    @property
    def part(self) -> str:
        """The folder, or module, directly below the package; empty for the package itself."""
        return self.name.split(".")[1] if "." in self.name else ""

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed file."""
        return ast.parse(self.path.read_text(encoding="utf-8"), filename=str(self.path))

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        """Every import, wherever it stands."""
        return tuple(_imports(self.tree, lazy=False))

    def where(self, found: Import) -> str:
        """Place and target of an import, for messages."""
        return f"{self.path.relative_to(ROOT)}:{found.line} imports {found.target}"


def modules() -> list[Module]:
    """All modules that are installed: the package, ``assets`` and ``sql``."""
    return [
        *_below(ROOT / PACKAGE, PACKAGE),
        *_below(ROOT / "assets", f"{PACKAGE}.assets"),
        *_below(ROOT / "sql", f"{PACKAGE}.sql"),
    ]


def _below(folder: Path, prefix: str) -> Iterator[Module]:
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        yield Module(".".join((prefix, *(part for part in parts if part != "__init__"))), path)


def _imports(node: ast.AST, *, lazy: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, child.lineno, lazy) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            source = "." * child.level + (child.module or "")
            yield Import(source, child.lineno, lazy)
            yield from (Import(f"{source}.{alias.name}", child.lineno, lazy) for alias in child.names)
        else:
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports(child, lazy=lazy or inside)
