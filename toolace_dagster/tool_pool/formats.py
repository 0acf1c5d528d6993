"""From the bytes of one file to the tool entries in it.

Belongs here: reading JSON with an error a user can act on, and recognising
which format a document is in. Does not belong here: what an entry means
(``normal_form``) and which domain a file is in (``pool``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from toolace_dagster.entities import JsonObject
from toolace_dagster.tool_pool.repairs import Unusable

POOL_FORMAT = "toolace-pool/1"
MAX_NESTING = 100
"""JSON nesting an entry may have; deeper ones are not read."""

_LISTS = frozenset({"tools", "functions", "result"})
_FORMATS = f"{POOL_FORMAT}, OpenAI tool definitions, or the answer of an MCP server to tools/list"


@dataclass(frozen=True)
class Document:
    """What one file says.

    Attributes:
        entries: Tool entries as they stand in the file, in order.
        domain: Domain the file names, if it does.
        description: What the domain is for; empty when the file does not say.
        licence: Licence the file states.
    """

    entries: tuple[JsonValue, ...]
    domain: str | None
    description: str
    licence: str | None


class AmbiguousObject(dict[str, Any]):
    """A JSON object in which a key stands more than once; the last one counts.

    Attributes:
        repeated: Those keys.
    """

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        keys = [key for key, _ in pairs]
        self.repeated = tuple(sorted({key for key in keys if keys.count(key) > 1}))


def read_document(content: bytes) -> Document:
    """Recognise the format of a file and pick its tool entries.

    Args:
        content: The file.

    Returns:
        The entries and what the file says about them as a whole.

    Raises:
        Unusable: Not JSON (with line and column), no known format, or no entry in it.
    """
    value = _parse(content)
    wrapper = _wrapper(value)
    entries = _entries(wrapper)
    if not entries:
        raise Unusable("the file lists no tools", "add tools to it or delete it")
    about: JsonObject = wrapper if isinstance(wrapper, dict) and "tools" in wrapper else {}
    for part in (value, wrapper):
        if isinstance(part, AmbiguousObject) and (lost := _LISTS & set(part.repeated)) and entries[0] is not part:
            raise Unusable(f"{min(lost)!r} stands in the file more than once", "join the lists into one")
    return Document(
        entries=tuple(entries),
        domain=_text(about.get("domain")) or None,
        description=_text(about.get("description")),
        licence=_text(about.get("licence")) or _text(about.get("license")) or None,
    )


def writable(text: str) -> str:
    r"""Replace what no UTF-8 file can hold.

    Args:
        text: Any text; a JSON escape such as ``\ud800``, or a file name, can bring in half a surrogate pair.

    Returns:
        The text with ``?`` in the place of each.
    """
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _parse(content: bytes) -> JsonValue:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unusable(f"the file is not UTF-8 (byte {error.start})", "save it as UTF-8") from error
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_no_number, parse_float=_finite)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        mend = "correct the JSON there"
        if error.msg == "Extra data":
            mend = "keep one JSON document in a file; put several tools, such as JSON lines, in one list"
        elif not text.strip():
            mend = "write tools into the file or delete it"
        raise Unusable(f"the file is not JSON: {error.msg} at {place}", mend) from error
    except RecursionError as error:
        raise Unusable("the file nests values too deep to read", "flatten it") from error
    except ValueError as error:
        raise Unusable(f"the file is not JSON: {error}", "replace the number") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    return made if len(made) == len(pairs) else AmbiguousObject(pairs)


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"the number {text[:40]} is too large")
    return number


def _wrapper(value: JsonValue) -> JsonValue:
    """The part of a document that holds the list of tools."""
    if not isinstance(value, dict) or "tools" in value:
        return value
    result = value.get("result")
    if isinstance(result, dict) and "tools" in result:
        return result
    error = value.get("error")
    if "jsonrpc" in value and isinstance(error, dict):
        raise Unusable(
            f"the file is an error answer of an MCP server: {_text(error.get('message'))[:200]}",
            "save the answer of a tools/list request that succeeded",
        )
    return value


def _entries(wrapper: JsonValue) -> list[JsonValue]:
    if isinstance(wrapper, list):
        return wrapper
    if not isinstance(wrapper, dict):
        raise Unusable("the file is in no known format", f"use {_FORMATS}")
    stated = wrapper.get("format")
    if isinstance(stated, str) and stated.startswith("toolace-pool/") and stated != POOL_FORMAT:
        raise Unusable(f"the format {stated[:60]!r} is not known", f'write "format": "{POOL_FORMAT}"')
    for key in ("tools", "functions"):
        if key in wrapper:
            listed = wrapper[key]
            if not isinstance(listed, list):
                raise Unusable(f"{key} is not a list", f"write {key} as a list of tools")
            return listed
    if "name" in wrapper or "function" in wrapper:
        return [wrapper]
    for key in ("openapi", "swagger"):
        if key in wrapper:
            raise Unusable("the file is an OpenAPI description, which is not read", f"convert it to {_FORMATS}")
    raise Unusable("the file is in no known format", f"use {_FORMATS}")


def _text(value: JsonValue) -> str:
    return writable(value.strip()) if isinstance(value, str) else ""
