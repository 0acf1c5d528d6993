"""The endpoint's files and batches, with tries after faults of the moment.

Belongs here: upload, create, look up, retrieve, download, and what their refusals
mean. Does not belong here: which lines go when (``desk``).
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import openai
from openai.types import Batch

from toolace_dagster.llm.batch.submissions import Submission
from toolace_dagster.llm.faults import is_transport_fault, read_fault
from toolace_dagster.llm.protocol import CallError, EndpointUnusable
from toolace_dagster.llm.transport import make_client, redact, request_options, shown_url
from toolace_dagster.llm.tries import check_asked_wait, wait_after
from toolace_dagster.settings import ModelSettings

ENDED = ("completed", "failed", "expired", "cancelled")
"""Statuses after which nothing more happens to a batch."""

_FIRST_WAIT = 0.5
_WAIT_FACTOR = 2
_PATIENCE = 3600.0
_UPLOAD_WITHIN = 900.0
_SURE_AFTER = 10.0
_LOOK_EVERY = 1.0
_LOOK_BACK = 2 * 24 * 3600
_PAGE = 100
_NO_SUCH_ROUTE = (404, 405, 501)
_TOO_MANY = 429

ResultT = TypeVar("ResultT")


class TooLarge(Exception):
    """The endpoint takes no file of this size."""


class BatchService:
    """Files and batches of one account."""

    def __init__(self, settings: ModelSettings) -> None:
        """Make the client; nothing is sent yet.

        Args:
            settings: Model and calling settings.

        Raises:
            EndpointUnusable: If the settings name no usable endpoint.
        """
        if settings.endpoint_kind == "offline":
            raise EndpointUnusable(
                "The embedded offline model has no batches. Serve it with `toolace offline-model serve` and take "
                "--model offline-served with its --base-url, or leave out --mode batch."
            )
        self.url = shown_url(settings)
        self._settings = settings
        self._client = make_client(settings)
        self._headers: Any = request_options(settings).get("headers")

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.close()

    async def upload(self, path: Path) -> str:
        """Upload an input file.

        Returns:
            The file's id.

        Raises:
            TooLarge: If the endpoint takes no file of this size.
            EndpointUnusable: If it takes none at all.
        """

        async def send() -> Any:
            with path.open("rb") as file:
                return await self._client.files.create(
                    file=(path.name, file),
                    purpose="batch",
                    extra_headers=self._headers,
                    timeout=max(_UPLOAD_WITHIN, self._settings.timeout),
                )

        try:
            file = await self._tried(send)
        except openai.APIStatusError as refused:
            if refused.status_code == 413:
                raise TooLarge(redact(str(refused))) from None
            raise self._unusable(refused) from None
        return self._id(file)

    async def create(self, submission: Submission) -> str:
        """Create the batch of a submission, once, whatever happens to the connection meanwhile.

        Returns:
            The batch's id.

        Raises:
            EndpointUnusable: If the endpoint refuses.
        """
        settings = self._settings.batch

        async def send() -> Any:
            submission.note("creating")
            # Only the url's own literals are typed, and endpoints differ in route and window.
            asked: Any = {
                "input_file_id": submission.state["file_id"],
                "endpoint": settings.url,
                "completion_window": settings.completion_window,
            }
            create: Any = self._client.batches.create
            return await create(
                **asked,
                metadata={
                    "token": submission.token,
                    "made_by": "toolace-dagster",
                    "stage": submission.stage[:512],
                },
                extra_headers=self._headers,
            )

        try:
            batch = await self._tried(send, lambda: self.find(submission))
        except openai.APIStatusError as refused:
            submission.discard()
            raise self._unusable(refused) from None
        return self._id(batch)

    async def find(self, submission: Submission) -> Batch | None:
        """The batch that was made of a submission, if one was.

        A creation that was cut off may still be under way, so it is looked for until it would have been done.
        """
        asked_at = submission.state["creating_at"]
        while True:
            found = await self._listed(submission.token, asked_at - _LOOK_BACK)
            if found is not None or time.time() - asked_at > _SURE_AFTER:
                return found
            await asyncio.sleep(_LOOK_EVERY)

    async def _listed(self, token: str, since: float) -> Batch | None:
        async def look() -> Batch | None:
            async for batch in self._client.batches.list(limit=_PAGE, extra_headers=self._headers):
                if (batch.metadata or {}).get("token") == token:
                    return batch
                if batch.created_at < since:
                    break
            return None

        try:
            return await self._tried(look)
        except openai.APIStatusError as refused:
            if refused.status_code in _NO_SUCH_ROUTE:
                return None
            raise self._unusable(refused) from None

    async def retrieve(self, submission: Submission) -> Batch:
        """How a batch is now.

        Raises:
            EndpointUnusable: If the endpoint does not know it, or is gone for long.
        """
        try:
            return await self._tried(
                lambda: self._client.batches.retrieve(submission.batch_id, extra_headers=self._headers),
                patience=_PATIENCE,
            )
        except openai.APIStatusError as refused:
            if refused.status_code not in _NO_SUCH_ROUTE:
                raise self._unusable(refused) from None
            raise EndpointUnusable(
                f"The endpoint {self.url} knows no batch {submission.batch_id}, which an earlier run submitted "
                f"there ({redact(str(refused))}). Set {self._settings.api_key_env} to the key of the project it was "
                f"submitted with, or delete {submission.folder} to have its requests paid for again."
            ) from None

    async def download(self, file_id: str | None, path: Path) -> None:
        """Put an output or error file on disk, as a whole or not at all; nothing is there when it is gone."""
        if not file_id:
            return

        async def fetch() -> None:
            part = path.with_suffix(".part")
            async with self._client.files.with_streaming_response.content(
                file_id, extra_headers=self._headers
            ) as response:
                with part.open("wb") as file:
                    async for chunk in response.iter_bytes():
                        file.write(chunk)
                    file.flush()
                    os.fsync(file.fileno())
            part.replace(path)

        try:
            await self._tried(fetch, patience=_PATIENCE)
        except openai.APIStatusError as refused:
            if refused.status_code not in _NO_SUCH_ROUTE:
                raise self._unusable(refused) from None

    async def _tried(
        self,
        send: Callable[[], Awaitable[ResultT]],
        recall: Callable[[], Awaitable[ResultT | None]] | None = None,
        *,
        patience: float = 0.0,
    ) -> ResultT:
        """Send until it goes through.

        Args:
            send: Sends.
            recall: Looks whether a sending that seemed to fail did go through.
            patience: Seconds for which faults of the moment are borne; otherwise as many tries as for a live call.

        Raises:
            openai.APIStatusError: If the endpoint refuses for good.
            EndpointUnusable: If it stays away.
            EndpointBusy: If it asks to wait for longer than the run does.
        """
        tries = 0
        begun = time.monotonic()
        while True:
            try:
                return await send()
            except Exception as raised:
                failure = raised
            error = read_fault(failure, self._settings, self.url)
            if error is None:
                raise failure
            if isinstance(failure, openai.APIStatusError) and not is_transport_fault(error):
                raise failure
            spent = tries >= self._settings.transport_retries
            if error.permanent or (spent and time.monotonic() - begun >= patience):
                raise EndpointUnusable(error.message) from None
            check_asked_wait(failure, error, self._settings, self.url)
            await asyncio.sleep(wait_after(failure, tries, _FIRST_WAIT, _WAIT_FACTOR))
            tries += 1
            turned_away = isinstance(failure, openai.APIStatusError) and failure.status_code == _TOO_MANY
            if recall is not None and not turned_away:
                found = await recall()
                if found is not None:
                    return found

    def _id(self, made: Any) -> str:
        found = getattr(made, "id", None)
        if not isinstance(found, str) or not found:
            raise self._no_batches(f"it answered {redact(str(made))[:100]!r}")
        return found

    def _unusable(self, refused: openai.APIStatusError) -> EndpointUnusable:
        if refused.status_code in _NO_SUCH_ROUTE:
            return self._no_batches(f"status {refused.status_code}: {redact(str(refused))}")
        error = read_fault(refused, self._settings, self.url)
        if error is not None and error.permanent:
            return EndpointUnusable(error.message)
        return EndpointUnusable(
            f"The endpoint {self.url} refuses batches (status {refused.status_code}: {redact(str(refused))}). "
            "Mend what it says, or leave out --mode batch."
        )

    def _no_batches(self, told: str) -> EndpointUnusable:
        return EndpointUnusable(
            f"The endpoint {self.url} has no Batch API ({told}). "
            "Leave out --mode batch, or name an endpoint that has files and batches."
        )


def batch_fault(message: str) -> CallError:
    """The fault of a line whose batch failed or was cancelled."""
    return CallError(kind="batch", message=message)
