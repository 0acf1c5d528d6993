"""Refusals in OpenAI's shape.

Belongs here: the error envelope. Does not belong here: when something is refused.
"""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """A request that is answered with an error; a model may raise it too, live and in a batch.

    Attributes:
        status: HTTP status.
        message: The error in words.
        code: OpenAI's error code.
        param: The parameter at fault.
        kind: OpenAI's type of the error.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        kind: str = "invalid_request_error",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.kind = kind

    @property
    def envelope(self) -> dict[str, Any]:
        """The body of the answer."""
        return {"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}}
