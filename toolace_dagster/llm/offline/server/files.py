"""Files: uploaded, listed, read back and deleted.

Belongs here: ``/v1/files``. Does not belong here: what a batch makes of a file.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

from aiohttp import BodyPartReader, web

from toolace_dagster.llm.offline.server.listing import page
from toolace_dagster.llm.offline.server.refusals import Refusal

MOST_BYTES: Final = 200 * 1024 * 1024
"""Size of a batch's input at most, in bytes; OpenAI's own limit."""

_PURPOSES: Final = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
_LISTED: Final = 10_000
_BATCH_INPUT_LIVES: Final = 30 * 24 * 3600
_LEAST_LIFE: Final = 3600


@dataclass
class StoredFile:
    """One file.

    Attributes:
        content: Its bytes.
        filename: Name it was uploaded by.
        purpose: What it is for.
        lives: Seconds until it expires; None for ever.
        id: As the client calls it.
        created_at: Unix time, in seconds.
    """

    content: bytes
    filename: str
    purpose: str
    lives: int | None = None
    id: str = field(default_factory=lambda: f"file-{uuid4().hex[:22]}")
    created_at: int = field(default_factory=lambda: int(time.time()))

    @property
    def shape(self) -> dict[str, Any]:
        """The file object."""
        return {
            "id": self.id,
            "object": "file",
            "bytes": len(self.content),
            "created_at": self.created_at,
            "expires_at": self.created_at + self.lives if self.lives is not None else None,
            "filename": self.filename,
            "purpose": self.purpose,
            "status": "processed",
            "status_details": None,
        }


class Files:
    """All files of one server, in memory.

    Args:
        most_bytes: Size that a batch's input may have.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._files: dict[str, StoredFile] = {}

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Answer ``/v1/files`` and what is below it."""
        router.add_post("/v1/files", self._create)
        router.add_get("/v1/files", self._list)
        router.add_get("/v1/files/{id}", self._retrieve)
        router.add_delete("/v1/files/{id}", self._delete)
        router.add_get("/v1/files/{id}/content", self._content)

    def add(self, file: StoredFile) -> str:
        """Keep a file; gives its id."""
        self._files[file.id] = file
        return file.id

    def get(self, file_id: str) -> StoredFile:
        """A file by id.

        Raises:
            Refusal: If there is none.
        """
        file = self._files.get(file_id)
        if file is None:
            raise Refusal(404, f"No such File object: {file_id}", param="id")
        return file

    async def _create(self, request: web.Request) -> web.Response:
        if not request.content_type.startswith("multipart/"):
            raise Refusal(400, "The body of the request is not multipart/form-data.")
        fields: dict[str, str] = {}
        content: bytes | None = None
        filename = ""
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                raise Refusal(400, "A part of the request holds parts itself.")
            if part.name == "file":
                filename = part.filename or "upload"
                content = bytes(await part.read())
            elif part.name:
                fields[part.name] = await part.text()
        return web.json_response(self._checked(fields, content, filename).shape)

    def _checked(self, fields: dict[str, str], content: bytes | None, filename: str) -> StoredFile:
        purpose = fields.get("purpose")
        if content is None or purpose is None:
            missing = "purpose" if purpose is None else "file"
            raise Refusal(400, f"'{missing}' is a required property", param=missing)
        if purpose not in _PURPOSES:
            raise Refusal(400, f"{purpose!r} is not one of {list(_PURPOSES)} - 'purpose'", param="purpose")
        if not content:
            raise Refusal(400, "File is empty.", param="file")
        if purpose == "batch":
            if not filename.endswith(".jsonl"):
                raise Refusal(400, "Invalid file format for Batch API. Must be .jsonl", param="file")
            if len(content) > self._most_bytes:
                told = f"File is too large: {len(content)} bytes, and a batch's input may have {self._most_bytes}."
                raise Refusal(413, told, param="file")
        file = StoredFile(content, filename, purpose, _life(fields, purpose))
        self.add(file)
        return file

    async def _list(self, request: web.Request) -> web.Response:
        query = request.query
        order = query.get("order", "desc")
        if order not in ("asc", "desc"):
            raise Refusal(400, f"Invalid 'order': {order!r} is neither 'asc' nor 'desc'.", param="order")
        files = [file.shape for file in self._files.values() if query.get("purpose") in (None, file.purpose)]
        if order == "desc":
            files.reverse()
        return web.json_response(page(files, query, limit=_LISTED, most=_LISTED))

    async def _retrieve(self, request: web.Request) -> web.Response:
        return web.json_response(self.get(request.match_info["id"]).shape)

    async def _delete(self, request: web.Request) -> web.Response:
        file = self.get(request.match_info["id"])
        del self._files[file.id]
        return web.json_response({"id": file.id, "object": "file", "deleted": True})

    async def _content(self, request: web.Request) -> web.Response:
        file = self.get(request.match_info["id"])
        return web.Response(body=file.content, content_type="application/octet-stream")


def _life(fields: dict[str, str], purpose: str) -> int | None:
    anchor, seconds = fields.get("expires_after[anchor]"), fields.get("expires_after[seconds]")
    if anchor is None and seconds is None:
        return _BATCH_INPUT_LIVES if purpose == "batch" else None
    if anchor != "created_at":
        raise Refusal(400, "'expires_after.anchor' must be 'created_at'.", param="expires_after.anchor")
    if not seconds or not seconds.isdigit() or not _LEAST_LIFE <= int(seconds) <= _BATCH_INPUT_LIVES:
        told = f"'expires_after.seconds' must be a whole number from {_LEAST_LIFE} to {_BATCH_INPUT_LIVES}."
        raise Refusal(400, told, param="expires_after.seconds")
    return int(seconds)
