"""Recognising the format of a file and handing it to the reader of that format.

Belongs here: the order in which formats are tried. Does not belong here: any
one format (the other modules of this package).
"""

from __future__ import annotations

from pathlib import PurePosixPath

from pydantic import JsonValue

from toolace_dagster.tool_pool.formats.document import REPORT_FORMAT, Document, Reading
from toolace_dagster.tool_pool.formats.json_text import decoded, parse_json, parse_json_lines
from toolace_dagster.tool_pool.formats.openapi import is_openapi, read_openapi
from toolace_dagster.tool_pool.formats.python_module import read_python
from toolace_dagster.tool_pool.formats.tool_lists import read_lines, read_tools
from toolace_dagster.tool_pool.formats.yaml_text import parse_yaml
from toolace_dagster.tool_pool.repairs import Unusable

YAML_ENDINGS = frozenset({".yaml", ".yml"})
PYTHON_ENDING = ".py"
ENDINGS = frozenset({".json", ".jsonl", ".ndjson", PYTHON_ENDING, *YAML_ENDINGS})
"""Endings of files that are read in a folder."""


def read_document(content: bytes, reading: Reading) -> Document:
    """Recognise the format of a file and pick its tool entries.

    Args:
        content: The file.
        reading: Its name, and what else its reader may know.

    Returns:
        The entries and what the file says about them as a whole.

    Raises:
        Unusable: The file cannot be parsed (with line and column), is in no known format, or lists no tools.
    """
    text = decoded(content)
    ending = PurePosixPath(reading.source).suffix.lower()
    if ending == PYTHON_ENDING:
        return read_python(text, reading)
    if ending in YAML_ENDINGS:
        return _document(parse_yaml(text), reading)
    try:
        value = parse_json(text)
    except Unusable:
        lines = parse_json_lines(text)
        if lines:
            return read_lines(lines)
        # An address need not end like the file it serves.
        if ending in ENDINGS or (value := _yaml_object(text)) is None:
            raise
    return _document(value, reading)


def parse_values(content: bytes, name: str) -> JsonValue:
    """Parse a JSON or YAML file whatever it holds.

    Args:
        content: The file.
        name: Its name; the ending decides between JSON and YAML.

    Returns:
        Its value.

    Raises:
        Unusable: It cannot be parsed.
    """
    text = decoded(content)
    return parse_yaml(text) if PurePosixPath(name).suffix.lower() in YAML_ENDINGS else parse_json(text)


def _document(value: JsonValue, reading: Reading) -> Document:
    if isinstance(value, dict) and value.get("format") == REPORT_FORMAT:
        return Document(entries=(), is_report=True)
    if is_openapi(value):
        return read_openapi(value, reading, parse_values)
    return read_tools(value)


def _yaml_object(text: str) -> JsonValue:
    try:
        value = parse_yaml(text)
    except Unusable:
        return None
    return value if isinstance(value, dict) else None
