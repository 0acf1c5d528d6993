"""The tries at one request: each shows the model what was wrong with its reply to the one before.

A run that was stopped has paid for the tries it made. The next run begins where it was:
stored replies that could not be used are gone through as if they had just come, and
tries that had come to their end come to it again.

Belongs here: what follows from an unusable reply. Does not belong here: making calls
(``gateway``), what is wrong with a reply (``structured``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from toolace_dagster.llm.asking import Manner
from toolace_dagster.llm.protocol import NO_USAGE, CallError, ModelRequest, ReplyT
from toolace_dagster.llm.responses import REFUSED, Response
from toolace_dagster.llm.structured import Parsed, checked, correction

REPLY_FAULTS = ("refused", "truncated", "filtered", "empty", "malformed", "schema", "check")
"""Kinds of errors of calls that were answered, by a reply of no use."""


@dataclass(frozen=True)
class UnusableReply:
    """A stored reply that could not be used.

    Attributes:
        response: Its text.
        finish_reason: Why the endpoint stopped.
        error_kind: What was wrong with it.
        error_message: The same in words.
    """

    response: str | None
    finish_reason: str | None
    error_kind: str
    error_message: str

    def as_received(self, manner: Manner) -> Response:
        """The response as it came."""
        refusal = self.error_message.removeprefix(REFUSED) if self.error_kind == "refused" else None
        # A prompt that was refused has no reply.
        unanswered = self.error_kind == "filtered" and self.finish_reason is None
        error = CallError(kind="filtered", message=self.error_message) if unanswered else None
        return Response(self.response, self.finish_reason, refusal, NO_USAGE, manner, error=error)


class Chain(Generic[ReplyT]):
    """Where the tries at one request stand.

    Attributes:
        tries: Replies so far, of this run and of one that was stopped.
        exchange: The last unusable reply and its correction, to go with the next try.
        checked: Whether the next reply is put to the stage's own check.
        faulty: A reply that is usable but for a fault which that check found.
    """

    def __init__(self, request: ModelRequest[ReplyT], repair_tries: int) -> None:
        """Start.

        Args:
            request: What is asked.
            repair_tries: Tries after the first.
        """
        self._request = request
        self._most = repair_tries
        self.tries = 0
        self.exchange: list[dict[str, Any]] = []
        self.checked = repair_tries > 0
        self.faulty: Parsed[ReplyT] | None = None

    def parsed(self, response: Response) -> Parsed[ReplyT]:
        """A reply as it counts at this try."""
        parsed = response.parsed(self._request)
        return checked(parsed, self._request.check) if self.checked else parsed

    def goes_on(self, response: Response, parsed: Parsed[ReplyT]) -> bool:
        """Take in what came; whether it is asked once more.

        Args:
            response: The response.
            parsed: The same as :meth:`parsed` made it.
        """
        self.tries += 1
        if parsed.error is None or response.error is not None or self.tries > self._most:
            return False
        # A fault that the stage's own check found is shown once; then the reply is the stage's to judge.
        self.faulty = self.faulty or parsed.faulty
        self.checked = self.faulty is None and self.tries < self._most
        # Without a text there is nothing to show, and some endpoints refuse an empty message.
        shown = response.text and not response.refusal
        self.exchange = _exchange(response.text or "", parsed.error) if shown else []
        return True

    def end(self, response: Response, parsed: Parsed[ReplyT]) -> Parsed[ReplyT]:
        """What the tries came to, once they go on no more.

        Args:
            response: The last response.
            parsed: The same as :meth:`parsed` made it.
        """
        if parsed.reply is None and self.faulty is not None and response.error is None:
            return self.faulty
        return parsed

    def take_up(self, stored: Iterator[UnusableReply], manner: Manner) -> Parsed[ReplyT] | None:
        """Go on from stored replies.

        Args:
            stored: Unusable replies to the request, in order of time; no more are taken than the tries there are.
            manner: How they were asked, as far as that is known.

        Returns:
            What the tries came to; None where there are more to make.
        """
        for reply in stored:
            response = reply.as_received(manner)
            parsed = self.parsed(response)
            if not self.goes_on(response, parsed):
                return self.end(response, parsed)
        return None


@dataclass(frozen=True)
class StoredTries:
    """Replies to a request that could not be used, kept from earlier runs.

    Attributes:
        replies: In order of time, without those of tries whose end was told as an end of a row's own.
        ended_too: Whether ``replies`` may hold tries that came to an end which nobody was told. Where nobody keeps
            ends, whoever asks again after one is taken to want to try again.
    """

    replies: Sequence[UnusableReply]
    ended_too: bool

    def taken_up(
        self, request: ModelRequest[ReplyT], repair_tries: int, manner: Manner
    ) -> tuple[Chain[ReplyT], Parsed[ReplyT] | None]:
        """The tries where they stand, and what they came to, if they have.

        Args:
            request: What is asked.
            repair_tries: Tries after the first.
            manner: How it was asked, as far as that is known.
        """
        stored = iter(self.replies)
        while True:
            chain = Chain(request, repair_tries)
            end = chain.take_up(stored, manner)
            if end is None or self.ended_too:
                return chain, end


NO_TRIES = StoredTries((), ended_too=True)


def _exchange(text: str, error: CallError) -> list[dict[str, Any]]:
    return [{"role": "assistant", "content": text}, {"role": "user", "content": correction(error)}]
