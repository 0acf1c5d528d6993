"""Questions to the domain's file that arrive together share one query.

Belongs here: gathering them, and giving each its answer. Does not belong here: any query.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

AnswerT = TypeVar("AnswerT")


class Together(Generic[AnswerT]):
    """Answers about keys, found for many at once."""

    def __init__(self, find: Callable[[set[str]], Awaitable[Mapping[str, AnswerT]]]) -> None:
        """Start.

        Args:
            find: Answers to several keys; those without one are left out.
        """
        self._find = find
        self._wanted: list[tuple[str, asyncio.Future[AnswerT | None]]] = []
        self._finding: asyncio.Task[None] | None = None

    async def ask(self, key: str) -> AnswerT | None:
        """The answer to one key; None where there is none."""
        future: asyncio.Future[AnswerT | None] = asyncio.get_running_loop().create_future()
        self._wanted.append((key, future))
        if self._finding is None or self._finding.done():
            self._finding = asyncio.create_task(self._answer())
        return await future

    async def _answer(self) -> None:
        # One turn of the loop lets all rows that start together ask first.
        await asyncio.sleep(0)
        while self._wanted:
            wanted, self._wanted = self._wanted, []
            try:
                found = await self._find({key for key, _ in wanted})
            except BaseException as error:
                fail([future for _, future in wanted], error)
                if not isinstance(error, Exception):
                    raise
                continue
            for key, future in wanted:
                if not future.done():
                    future.set_result(found.get(key))


def fail(futures: Iterable[asyncio.Future[Any]], error: BaseException) -> None:
    """Hand an error to all who wait.

    Args:
        futures: What they wait for.
        error: The error.
    """
    for future in futures:
        if future.done():
            continue
        if isinstance(error, asyncio.CancelledError):
            future.cancel()
        else:
            future.set_exception(error)
