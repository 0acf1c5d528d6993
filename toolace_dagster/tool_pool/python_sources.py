"""Pools that are Python modules: a ``.py`` file, or a module by its dotted name.

Belongs here: finding the source of a module without importing it. Does not
belong here: reading the source (``formats.python_module``) and calling its
functions.
"""

from __future__ import annotations

import os
import re
import sys
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path

from toolace_dagster.tool_pool.formats.document import Reading
from toolace_dagster.tool_pool.formats.json_text import decoded
from toolace_dagster.tool_pool.formats.python_annotations import snake
from toolace_dagster.tool_pool.formats.python_module import read_python
from toolace_dagster.tool_pool.sources import PoolOptions, Source, SourceError, source_of

_FILE = re.compile(r"(?P<file>.+\.py)(:(?P<members>[\w.,]+))?")
_MODULE = re.compile(r"(module:(?P<module>[A-Za-z_][\w.]*)|(?P<bare>[A-Za-z_][\w.]*)(?=:))(:(?P<members>[\w.,]+))?")


class PythonModule:
    """A Python file or module, whole or with the classes and functions named."""

    form = "a Python module (tools.py, tools.py:Cart, module:shop.tools or shop.tools:Cart)"

    def takes(self, source: str) -> bool:
        """Whether it is a Python file, or a module by name."""
        return bool(_FILE.fullmatch(source) or _MODULE.fullmatch(source)) and not Path(source).is_dir()

    def absolute(self, source: str, folder: Path) -> str:
        """With the absolute path of the file; a module is found on Python's path from anywhere."""
        found = _FILE.fullmatch(source)
        if not found:
            return source
        members = f":{found['members']}" if found["members"] else ""
        return f"{(folder / found['file']).resolve()}{members}"

    def name(self, source: str, folder: Path) -> str:
        """The path of a file as seen from the folder, a module as it is."""
        found = _FILE.fullmatch(source)
        if not found:
            return source
        file = Path(os.path.relpath(Path(found["file"]).resolve(), folder.resolve())).as_posix()
        return f"{file}:{found['members']}" if found["members"] else file

    def read(self, source: str, options: PoolOptions) -> list[Source]:
        """Read the module's source; nothing of it is run.

        Args:
            source: A file or module, with the members asked for.
            options: Says nothing about modules.

        Returns:
            One source.

        Raises:
            SourceError: There is no such file or module.
        """
        del options
        file, module, members = _located(source)
        shown = f"{module.replace('.', '/')}.py" if module else file.name
        try:
            content = file.read_bytes()
        except OSError as error:
            raise SourceError(f"The Python file {file} cannot be read: {error.strerror}.") from error
        reading = Reading(source=shown, module=module or str(file.resolve()), members=members)
        raw_domain = snake(members[0].partition(".")[0]) if len(members) == 1 else file.stem
        if raw_domain == "__init__":
            raw_domain = file.parent.name
        return [source_of(shown, raw_domain, shown, lambda: read_python(decoded(content), reading))]

    def signature(self, source: str) -> object:
        """Size and time of the file."""
        try:
            state = _located(source)[0].stat()
        except (OSError, SourceError):
            return None
        return (state.st_size, state.st_mtime_ns, state.st_ino)


def _located(source: str) -> tuple[Path, str, tuple[str, ...]]:
    """The file, the dotted name (empty for a file) and the members asked for."""
    found = _FILE.fullmatch(source)
    if found:
        return Path(found["file"]), "", _members(found["members"])
    named = _MODULE.fullmatch(source)
    module = (named["module"] or named["bare"]) if named else source
    return _source_file(module), module, _members(named["members"] if named else None)


def _members(text: str | None) -> tuple[str, ...]:
    return tuple(name for name in (text or "").split(",") if name)


def _source_file(module: str) -> Path:
    """The source of a module, found as an import would, but without importing the packages around it."""
    places = [os.getcwd(), *sys.path]
    file: str | None = None
    for part in module.split("."):
        spec = PathFinder.find_spec(part, places)
        if spec is None and places[1:] == sys.path:
            # Installed in a way of its own, such as for development; a top name is found without importing it.
            spec = find_spec(part)
        if spec is None:
            raise SourceError(
                f"There is no Python module {module!r} ({part!r} is not found on Python's path or in this folder)."
            )
        file = spec.origin
        places = list(spec.submodule_search_locations or [])
    if file is None or not file.endswith(".py"):
        raise SourceError(f"The Python module {module!r} has no source file that could be read.")
    return Path(file)
