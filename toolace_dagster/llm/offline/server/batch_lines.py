"""The lines of a batch's files: what goes in, what is wrong with it, and what comes out.

Belongs here: one line and one file at a time. Does not belong here: the life of a
batch (``batches``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from toolace_dagster.llm.offline.server.completions import check_model
from toolace_dagster.llm.offline.server.refusals import Refusal
from toolace_dagster.llm.offline.shapes import as_object

_MOST_FAULTS: Final = 100


@dataclass(frozen=True)
class Line:
    """One request of a batch."""

    custom_id: str
    body: dict[str, Any]


def read_lines(content: bytes, endpoint: str, most_lines: int) -> tuple[list[Line], list[dict[str, Any]]]:
    """Read and check a batch's input.

    Args:
        content: The file.
        endpoint: The route all lines must name.
        most_lines: Lines it may hold.

    Returns:
        The lines, and what is wrong with the file in OpenAI's shape; one fault is enough to fail the batch.
    """
    texts = [(number, text) for number, text in enumerate(content.split(b"\n"), start=1) if text.strip()]
    if not texts:
        return [], [fault("empty_file", "The input file is empty. Please ensure that the batch contains requests.")]
    if len(texts) > most_lines:
        told = f"The batch input file contains too many requests: {len(texts)}, and it may contain {most_lines}."
        return [], [fault("too_many_tasks", told)]
    reader = _Reader(endpoint)
    for number, text in texts:
        reader.read(number, text)
    return reader.lines, reader.faults[:_MOST_FAULTS]


class _Reader:
    """Reads line after line, and knows what the lines before held."""

    def __init__(self, endpoint: str) -> None:
        self.lines: list[Line] = []
        self.faults: list[dict[str, Any]] = []
        self._endpoint = endpoint
        self._ids: set[str] = set()

    def read(self, number: int, text: bytes) -> None:
        try:
            parsed: Any = json.loads(text)
        except ValueError:
            parsed = None
        if not isinstance(parsed, dict):
            self.faults.append(fault("invalid_json_line", "This line is not parseable as valid JSON.", line=number))
            return
        line = as_object(parsed)
        found = self._fault(line)
        if found is not None:
            self.faults.append(found | {"line": number})
            return
        self._ids.add(line["custom_id"])
        self.lines.append(Line(line["custom_id"], line["body"]))

    def _fault(self, line: dict[str, Any]) -> dict[str, Any] | None:
        custom_id, body = line.get("custom_id"), line.get("body")
        if not isinstance(custom_id, str) or not custom_id:
            return _missing("custom_id")
        if custom_id in self._ids:
            told = (
                "The custom_id for this request is a duplicate of another request. "
                "The custom_id parameter must be unique for each request in a batch."
            )
            return fault("duplicate_custom_id", told, param="custom_id")
        if line.get("method") != "POST":
            return fault("invalid_method", "The method of a request must be POST.", param="method")
        if line.get("url") != self._endpoint:
            told = "The URL provided for this request does not match the batch endpoint."
            return fault("url_mismatch", told, param="url")
        if not isinstance(body, dict):
            return _missing("body")
        asked = as_object(body)
        if self.lines and self.lines[0].body.get("model") != asked.get("model"):
            told = "The provided model does not match the model of the other requests. A batch may ask only one."
            return fault("model_mismatch", told, param="body.model")
        try:
            check_model(asked)
        except Refusal as refusal:
            return fault("model_not_found", refusal.message, param="body.model")
        return None


def answered(line: Line, status: int, body: dict[str, Any]) -> dict[str, Any]:
    """A line of an output or error file: the request was executed, well or not."""
    response = {"status_code": status, "request_id": uuid4().hex, "body": body}
    return _out(line, response, None)


def left_out(line: Line, code: str, message: str) -> dict[str, Any]:
    """A line of an error file: the request was never executed."""
    return _out(line, None, {"code": code, "message": message})


def fault(code: str, message: str, *, param: str | None = None, line: int | None = None) -> dict[str, Any]:
    """One of a failed batch's errors."""
    return {"code": code, "message": message, "param": param, "line": line}


def to_file(lines: list[dict[str, Any]]) -> bytes:
    """The bytes of an output or error file."""
    return "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines).encode()


def _out(line: Line, response: dict[str, Any] | None, error: dict[str, Any] | None) -> dict[str, Any]:
    return {"id": f"batch_req_{uuid4().hex}", "custom_id": line.custom_id, "response": response, "error": error}


def _missing(name: str) -> dict[str, Any]:
    return fault("missing_required_parameter", f"Missing required parameter: '{name}'.", param=name)
