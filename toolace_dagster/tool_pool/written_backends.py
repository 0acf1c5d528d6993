"""Writing what runs the tools of an imported pool into the folder's ``backends.toml``.

Belongs here: adding entries. What stands in the file is the user's: it is never
changed. Does not belong here: reading the file (``backends``).
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from toolace_dagster.entities import ToolDomain
from toolace_dagster.entities.backend import ToolBackend
from toolace_dagster.tool_pool.backends import BACKENDS_FILE, BackendsError


def add_backends(folder: Path, domains: Sequence[tuple[str, ToolDomain]]) -> tuple[list[str], list[str]]:
    """Add an entry for each backend of some domains that the file does not speak of yet.

    Args:
        folder: The imported pool's folder.
        domains: The domains, each under the name it has there.

    Returns:
        Domains that entries were added for, and those whose entries in the file are others than the import's.

    Raises:
        BackendsError: The file can't be read, or is none.
        OSError: It can't be written.
    """
    wanted = {
        name: made
        for name, domain in domains
        if (made := [each for of in domain.backends for each in _entry(name, domain, of)])
    }
    file = folder / BACKENDS_FILE
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    try:
        held = tomllib.loads(text).get("backend")
    except ValueError as fault:
        raise BackendsError(f"{file} can't be read: {fault}. Mend or remove it, and import again.") from None
    entries = cast("list[dict[str, Any]]", held) if isinstance(held, list) else []
    named = {name: [each for each in entries if each.get("domain") == name] for name in wanted}
    added = [name for name in wanted if not named[name]]
    if added:
        made = "\n".join(_toml(entry) for name in added for entry in wanted[name])
        beside = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            beside.write_text(f"{text.rstrip()}\n\n{made}".lstrip("\n"), encoding="utf-8")
            beside.replace(file)
        finally:
            beside.unlink(missing_ok=True)
    return added, [name for name in wanted if named[name] and named[name] != wanted[name]]


def _entry(name: str, domain: ToolDomain, backend: ToolBackend) -> list[dict[str, Any]]:
    """The backend's entry, for those tools of the domain that it runs; none where it runs none."""
    held = backend.model_dump(mode="json", exclude_defaults=True, exclude={"code", "tools"})
    tools = [tool.name for tool in domain.tools if {tool.name, tool.provenance.original_name} & set(backend.tools)]
    if backend.tools and not tools:
        return []
    return [{"domain": name, "kind": backend.kind, **held, **({"tools": tools} if tools else {})}]


def _toml(entry: Mapping[str, Any]) -> str:
    lines = [f"{key} = {_value(value)}" for key, value in entry.items()]
    return "\n".join(["[[backend]]", *lines, ""])


def _value(value: Any) -> str:
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value).items()
        return f"{{ {', '.join(f'{json.dumps(key)} = {_value(each)}' for key, each in pairs)} }}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_value(each) for each in cast('list[Any]', value))}]"
    # Texts, numbers and truth values are written as JSON writes them, but for one character.
    return json.dumps(value, ensure_ascii=True).replace("\x7f", "\\u007f")
