"""What every reader of a format makes: a document of tool entries.

Belongs here: the shapes that readers give back and the little they all need to
look into JSON values. Does not belong here: any one format.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from toolace_dagster.entities import JsonObject, Provenance
from toolace_dagster.entities.backend import McpBackend
from toolace_dagster.tool_pool.repairs import RepairLog, Unusable

POOL_FORMAT = "toolace-pool/1"
REPORT_FORMAT = "toolace-pool-report/1"
MAX_NESTING = 100
"""JSON nesting an entry may have; deeper ones are not read."""


@dataclass(frozen=True)
class Entry:
    """One tool as a source gives it, brought to the shape ``normal_form`` reads.

    Attributes:
        value: An object with name, description, parameters and perhaps a result; anything at all when the source
            has something else in the place of a tool.
        name: What the entry is called in notes when ``value`` says no name.
        group: The part of the document it belongs to (a tag, a class); empty when there are no parts.
        log: What the reader changed already.
        fault: Why the reader could make nothing of it.
        provenance: What the reader knows of its origin; None leaves it to the file.
        original: What stands in the source, for its hash; None when ``value`` is just that.
        own_references: References in ``value`` are how the format is written, so that writing them out is no repair.
    """

    value: JsonValue
    name: str = ""
    group: str = ""
    log: RepairLog = field(default_factory=RepairLog)
    fault: Unusable | None = None
    provenance: Provenance | None = None
    original: JsonValue = None
    own_references: bool = False


@dataclass(frozen=True)
class Document:
    """What one file says.

    Attributes:
        entries: Tool entries in the order of the file.
        domain: Domain the file names, if it does.
        description: What the domain is for; empty when the file does not say.
        licence: Licence the file states.
        group_descriptions: What the groups of the entries are for, by group, where the file says it.
        is_report: The file is the report of an import, which has no tools and needs none.
        backend: What runs the tools, where the source itself does.
    """

    entries: tuple[Entry, ...]
    domain: str | None = None
    description: str = ""
    licence: str | None = None
    group_descriptions: Mapping[str, str] = field(default_factory=dict[str, str])
    is_report: bool = False
    backend: McpBackend | None = None


def _no_siblings(relative: str) -> bytes:
    raise Unusable(f"{relative[:80]} cannot be read from here", "write its content out in place")


@dataclass(frozen=True)
class Reading:
    """What a reader may know about the file besides its bytes.

    Attributes:
        source: Name of the file in notes.
        sibling: Reads a file beside this one, by its relative path; raises ``Unusable`` when there is none.
        module: How Python names the file when it is a module: a dotted name, or the path of the file.
        members: Qualified names of the functions or classes asked for; all when empty.
        skip_deprecated: Operations marked as deprecated are rejected instead of kept.
    """

    source: str
    sibling: Callable[[str], bytes] = _no_siblings
    module: str = ""
    members: tuple[str, ...] = ()
    skip_deprecated: bool = False


def an_object(value: JsonValue) -> JsonObject:
    """The value when it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def a_list(value: JsonValue) -> list[JsonValue]:
    """The value when it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def text_of(value: JsonValue) -> str:
    """The value without outer blanks when it is text, else an empty text."""
    return writable(value.strip()) if isinstance(value, str) else ""


def writable(text: str) -> str:
    r"""Replace what no UTF-8 file can hold.

    Args:
        text: Any text; a JSON escape such as ``\ud800``, or a file name, can bring in half a surrogate pair.

    Returns:
        The text with ``?`` in the place of each.
    """
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def nests_deeper(value: JsonValue, limit: int) -> bool:
    """Whether lists and objects stand in each other more than ``limit`` deep."""
    level: list[JsonValue] = [value]
    for _ in range(limit):
        below: list[JsonValue] = []
        for each in level:
            if isinstance(each, dict):
                below.extend(each.values())
            elif isinstance(each, list):
                below.extend(each)
        if not below:
            return False
        level = below
    return True
