"""The kinds of sources a pool can be read from.

Belongs here: the list, and finding the kind of a source. Does not belong here:
what a kind is (``sources``) and any one of them.
"""

from __future__ import annotations

from pathlib import Path

from toolace_dagster.tool_pool.addresses import WebAddress
from toolace_dagster.tool_pool.folders import FolderOrFile
from toolace_dagster.tool_pool.live import LiveServer
from toolace_dagster.tool_pool.python_sources import PythonModule
from toolace_dagster.tool_pool.sources import SourceKind

KINDS: tuple[SourceKind, ...] = (WebAddress(), LiveServer(), PythonModule(), FolderOrFile())
"""In the order they are asked; the last one takes whatever is left."""


def kind_of(source: str) -> SourceKind:
    """Find the kind of a source.

    Args:
        source: What the user gave, such as a path or an address.

    Returns:
        The first kind that takes it.
    """
    return next(kind for kind in KINDS if kind.takes(source))


def name_of_source(source: str, folder: Path) -> str:
    """What a source is called in a report.

    Args:
        source: What the user gave.
        folder: The folder the report is kept in.

    Returns:
        A path relative to the folder, or the source without what may be secret.
    """
    return kind_of(source).name(source, folder)


def absolute_source(source: str, folder: Path | None = None) -> str:
    """A source as it can be used from any folder.

    Args:
        source: What the user gave.
        folder: What a relative path counts from; the working directory by default.

    Returns:
        The same source, a relative path made absolute.
    """
    return kind_of(source).absolute(source, folder or Path())
