"""``backends.toml``: what really runs the tools of a pool's domains.

Belongs here: reading and checking the file. Does not belong here: running
anything (``execution``), or live servers that are a pool themselves (``live``).
"""

from __future__ import annotations

import difflib
import hashlib
import tomllib
from collections.abc import Iterable, Sequence
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from toolace_dagster.entities import ImportNote, ToolDomain
from toolace_dagster.entities.backend import PythonBackend, ToolBackend

BACKENDS_FILE = "backends.toml"
BACKENDS_FOLDER = "backends"
"""Folder of a pool for the code of Python backends; no tools are read from it."""

_BACKEND: TypeAdapter[ToolBackend] = TypeAdapter(ToolBackend)


class BackendsError(ValueError):
    """A ``backends.toml`` that can't be used; the message names the entry and the mend."""


def with_backends(pool: Path, domains: Sequence[ToolDomain]) -> tuple[list[ToolDomain], list[ImportNote]]:
    """Give domains the backends their pool's file names.

    Args:
        pool: The pool's folder, or a single file of tools, beside which the file may stand.
        domains: The domains as read.

    Returns:
        The domains, those the file does not name as they were, and a note on each entry whose domain the pool does not
        have: a domain whose file is removed must not take the others along.

    Raises:
        BackendsError: The file can't be parsed, or an entry is wrong. Going on without it would simulate tools that
            are meant to run.
    """
    folder = pool if pool.is_dir() else pool.parent
    file = folder / BACKENDS_FILE
    if not file.is_file():
        return list(domains), []
    notes: list[ImportNote] = []
    named: dict[str, list[ToolBackend]] = {}
    by_name = {domain.name: domain for domain in domains}
    for number, entry in enumerate(_entries(file), start=1):
        name, backend = _backend(entry, folder.resolve(), number)
        if name not in by_name:
            # Beside a single file of tools, the file is about that one's neighbours as well.
            if pool.is_dir():
                notes.append(_note(number, name, by_name))
            continue
        tools = {tool.name for tool in by_name[name].tools}
        for tool in (*backend.tools, *backend.names):
            if tool not in tools:
                raise BackendsError(_unknown(number, f"tool of {name}", tool, tools))
        named.setdefault(name, []).append(backend)
    given = [
        domain.model_copy(update={"backends": (*domain.backends, *named.get(domain.name, ()))}) for domain in domains
    ]
    return given, notes


def _note(number: int, name: str, domains: Iterable[str]) -> ImportNote:
    close = difflib.get_close_matches(name, list(domains), n=1, cutoff=0.5)
    meant = f"write {close[0]!r} where you meant that, or " if close else ""
    return ImportNote(
        domain="",
        source=BACKENDS_FILE,
        item=f"backend {number}",
        status="rejected",
        reason=f"names {name!r}, and the pool has no such domain",
        mend=f"{meant}remove the entry with the domain",
    )


def _entries(file: Path) -> list[dict[str, Any]]:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        mend = "Mend it, or remove it to simulate all tools."
        raise BackendsError(f"{BACKENDS_FILE} can't be read: {fault}. {mend}") from None
    entries = content.pop("backend", None)
    if content or not isinstance(entries, list):
        raise BackendsError(f"{BACKENDS_FILE} holds [[backend]] entries and nothing else; see docs/execution.md.")
    return cast("list[dict[str, Any]]", entries)


def _backend(entry: dict[str, Any], folder: Path, number: int) -> tuple[str, ToolBackend]:
    values = dict(entry)
    name = values.pop("domain", None)
    if not isinstance(name, str):
        raise BackendsError(f'Backend {number} of {BACKENDS_FILE} names no domain. Add domain = "NAME".')
    for key in ("path", "read"):
        if isinstance(values.get(key), list):
            values[key] = [str(folder / str(part)) for part in values[key]]
    try:
        backend = _BACKEND.validate_python(values)
    except ValidationError as fault:
        first = fault.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"][1:] or first["loc"])
        raise BackendsError(
            f"Backend {number} of {BACKENDS_FILE} ({name}): {where or 'kind'}: {first['msg']}. "
            "docs/execution.md lists the keys."
        ) from None
    if isinstance(backend, PythonBackend):
        path = backend.path or (str(folder / BACKENDS_FOLDER), str(folder))
        backend = backend.model_copy(update={"path": path, "code": code_hash(backend.target, path)})
    return name, backend


def code_hash(target: str, path: Iterable[str]) -> str:
    """Content hash of the code behind a target, without importing any of it.

    Counted are the module's own file and, where it lies in a package or in one of the given folders, the Python files
    beside it. Empty when the module is not found; whoever runs it will say so.
    """
    module = target.partition(":")[0].split(".")
    given = [str(folder) for folder in path]
    # A project installed in editable mode is found by its own finder alone, which PathFinder does not ask.
    spec = PathFinder.find_spec(module[0], given) or find_spec(module[0])
    if spec is None or spec.origin is None:
        return ""
    file = Path(spec.origin)
    if spec.submodule_search_locations and len(module) > 1:
        file = Path(next(iter(spec.submodule_search_locations))).joinpath(*module[1:]).with_suffix(".py")
    beside = len(module) > 1 or bool(spec.submodule_search_locations) or str(file.parent) in given
    files = sorted(file.parent.glob("*.py")) if beside else [file]
    digest = hashlib.sha256()
    for each in files:
        digest.update(each.name.encode() + b"\0" + each.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _unknown(number: int, what: str, name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"Backend {number} of {BACKENDS_FILE} names {name!r}, which is no {what}.{hint}"
