"""Lines of a batch: one request going in, one answer coming out.

Belongs here: the format of input, output and error files, and how many lines fit
into one. Does not belong here: sending them (``service``), or what a fault means
for a row (``endpoint``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx2
import openai

from toolace_dagster.llm.asking import Manner
from toolace_dagster.llm.protocol import CallError
from toolace_dagster.llm.transport import redact


@dataclass(frozen=True)
class Line:
    """One request of a batch.

    Attributes:
        custom_id: The request's key, the number of the attempt and the number of the sending: the same in each run
            that goes on from the same responses, so that a restarted run finds its lines again.
        key: Identity of the request by content.
        body: Body of a chat-completions request.
        manner: How it is asked.
        stage: Stage that asks.
    """

    custom_id: str
    key: str
    body: dict[str, Any]
    manner: Manner
    stage: str

    def encoded(self, url: str) -> bytes:
        """The line of the input file, with its end."""
        line = {"custom_id": self.custom_id, "method": "POST", "url": url, "body": self.body}
        return f"{json.dumps(line, ensure_ascii=False)}\n".encode()


class LineLost(Exception):
    """A line that was not executed, or whose answer is gone.

    Attributes:
        error: Why.
    """

    def __init__(self, error: CallError) -> None:
        super().__init__(error.message)
        self.error = error


@dataclass(frozen=True)
class Answer:
    """What came of a line.

    Attributes:
        batch_id: The batch, as the endpoint calls it.
        manner: How the line was asked, which after a restart may be another manner than the present one.
        result: The body of a completion, or the exception that a live call would have raised.
        seconds: From submission to the batch's end.
        kept: Whether an earlier run wrote it into the journal.
    """

    batch_id: str
    manner: Manner
    result: Any
    seconds: float = 0.0
    kept: bool = False

    @property
    def body(self) -> Any:
        """The body of the completion.

        Raises:
            openai.APIStatusError: If the endpoint refused the line or failed at it.
            LineLost: If the line was not executed.
        """
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def read_results(path: Path, url: str) -> Iterator[tuple[str, Any]]:
    """Read an output or error file.

    Args:
        path: The file; one that is not there is empty.
        url: Where lines were sent, for exceptions.

    Yields:
        The custom id of each line that has one, and its result as :class:`Answer` holds it.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        for text in file:
            try:
                line: Any = json.loads(text)
            except (ValueError, RecursionError):
                continue
            if isinstance(line, dict):
                found = cast("dict[str, Any]", line)
                if isinstance(found.get("custom_id"), str):
                    yield found["custom_id"], _result(found, url)


def refusal(status: int, error: Any, url: str) -> openai.APIStatusError:
    """The exception that the client would raise for this answer, so that faults are told apart as in live mode."""
    told = cast("dict[str, Any]", error) if isinstance(error, dict) else {"message": str(error)}
    response = httpx2.Response(status, request=httpx2.Request("POST", url))
    return openai.APIStatusError(f"Error code: {status} - {told.get('message')}", response=response, body=told)


def pack(lines: Iterable[Line], url: str, most_lines: int, most_bytes: int) -> tuple[list[Line], list[bytes]]:
    """Take as many lines as fit into one input file.

    Args:
        lines: The lines, in order.
        url: Route they ask.
        most_lines: Lines a file may hold.
        most_bytes: Bytes a file may hold.

    Returns:
        The lines that fit and their encoded form; none when already the first is too large.
    """
    taken: list[Line] = []
    encoded: list[bytes] = []
    size = 0
    for line in lines:
        text = line.encoded(url)
        size += len(text)
        if len(taken) == most_lines or size > most_bytes:
            break
        taken.append(line)
        encoded.append(text)
    return taken, encoded


def _result(line: dict[str, Any], url: str) -> Any:
    response, error = line.get("response"), line.get("error")
    if isinstance(response, dict):
        answered = cast("dict[str, Any]", response)
        status, body = answered.get("status_code"), answered.get("body")
        if not isinstance(status, int) or 200 <= status < 300:
            return body
        inner = cast("dict[str, Any]", body).get("error", body) if isinstance(body, dict) else body
        return refusal(status if 400 <= status < 600 else 500, inner, url)
    told = cast("dict[str, Any]", error) if isinstance(error, dict) else {"message": str(error)}
    code, message = (redact(str(told.get(name) or "")) for name in ("code", "message"))
    message = message[:300] or "no reason given"
    if "cancel" in code:
        return LineLost(
            CallError(kind="batch", message=f"The batch was cancelled before this request's turn: {message}")
        )
    if "expired" in code:
        return LineLost(expired(message))
    # Some endpoints put the status of a failed call here, and no response.
    if code.isdigit() and 400 <= int(code) < 600:
        return refusal(int(code), told, url)
    return LineLost(CallError(kind="server", message=f"The batch has no answer to this request ({code}: {message})."))


def expired(message: str) -> CallError:
    """The fault of a line whose batch ran out of time."""
    return CallError(kind="timeout", message=f"The batch expired before this request's turn: {message}")
