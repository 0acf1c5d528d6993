"""The desk: takes lines in, sends them off in batches when nobody has more to add, hands answers out.

Rows come whenever they need something and wait. Once all of them wait, everything
asked for becomes one submission, or several where the endpoint's limits want it. A
batch that has ended lets its rows go on at once, whatever the others do.

Belongs here: who waits for what, and when something is sent or looked at. Does not
belong here: the endpoint (``service``), the disk (``submissions``), failed batches
(``failures``).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from openai.types import Batch

from toolace_dagster.llm.batch.failures import Remedy, remedy_of
from toolace_dagster.llm.batch.lines import Answer, Line, LineLost, expired, pack, read_results, refusal
from toolace_dagster.llm.batch.service import ENDED, BatchService, TooLarge, batch_fault
from toolace_dagster.llm.batch.submissions import Submission, Submissions
from toolace_dagster.llm.journal import JournalBroken
from toolace_dagster.llm.progress import Meter
from toolace_dagster.llm.protocol import CallError, EndpointUnusable
from toolace_dagster.settings import ModelSettings

_LONGEST_HOLD = 600.0


@dataclass
class _Waiting:
    """A line and who waits for its answer."""

    line: Line
    answer: asyncio.Future[Answer]
    in_flight: bool = False


class BatchDesk:
    """All batches of one gateway to one account."""

    def __init__(
        self,
        settings: ModelSettings,
        submissions: Submissions,
        meter: Meter,
        *,
        in_journal: Callable[[Iterable[str]], set[tuple[str, str]]],
        others_busy: Callable[[], bool],
    ) -> None:
        """Prepare; nothing is read or sent before the first line comes.

        Args:
            settings: Model and calling settings.
            submissions: Where they are kept.
            meter: Counts lines in flight.
            in_journal: Of some batches, which pairs of batch and key are in the journal.
            others_busy: Whether live calls are under way, whose rows may soon have more to ask.

        Raises:
            EndpointUnusable: If the settings name no usable endpoint.
        """
        self._settings = settings
        self._limits = settings.batch
        self._service = BatchService(settings)
        self._submissions = submissions
        self._meter = meter
        self._in_journal = in_journal
        self._others_busy = others_busy
        self._most_lines = settings.batch.most_lines
        self._waiting: dict[str, _Waiting] = {}
        self._queue: dict[str, Line] = {}
        self._ready: dict[str, Answer] = {}
        self._open: list[Submission] = []
        self._collected: list[Submission] = []
        self._stages: set[str] = set()
        self._asked = 0
        self._in_vain = 0
        self._held_until = 0.0
        self._one_by_one = False
        self._looked_at: dict[str, float] = {}
        self._news = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        self._broken: Exception | None = None

    async def ask(self, line: Line) -> Answer:
        """Have a line answered; returns when its batch has ended, hours later perhaps.

        Raises:
            EndpointUnusable: If no batch can succeed.
            JournalBroken: If submissions can't be put on disk.
        """
        if self._worker is None:
            self._take_up()
            self._worker = asyncio.create_task(self._work())
        if self._broken is not None:
            raise self._broken
        self._stages.add(line.stage)
        if line.custom_id in self._ready:
            return self._ready.pop(line.custom_id)
        waiting = _Waiting(line, asyncio.get_running_loop().create_future())
        self._waiting[line.custom_id] = waiting
        if any(line.custom_id in submission.manners for submission in self._open):
            self._fly(waiting)
        else:
            self._queue[line.custom_id] = line
        self._asked += 1
        self._news.set()
        return await waiting.answer

    def settle(self) -> None:
        """Forget what was used: all rows have ended, and all their responses are in the journal."""
        new = {custom_id for custom_id, answer in self._ready.items() if not answer.kept}
        paid = {custom_id for custom_id in new if not isinstance(self._ready[custom_id].result, Exception)}
        for submission in self._collected:
            # What another stage will go on from is none of ours, unless all of it is in the journal.
            if submission.stage in self._stages or not (new & submission.manners.keys()):
                submission.narrow(paid)

    async def close(self) -> None:
        """Stop looking; batches go on at the endpoint, and the next run finds them."""
        if self._worker is not None:
            self._worker.cancel()
            with suppress(asyncio.CancelledError):
                await self._worker
        await self._service.close()

    def _take_up(self) -> None:
        """Read what earlier runs left."""
        left = list(self._submissions.left())
        kept = self._in_journal({submission.batch_id for submission in left if submission.step == "collected"})
        for submission in left:
            if submission.step == "collected":
                self._deliver(submission, {key for batch_id, key in kept if batch_id == submission.batch_id})
            else:
                self._open.append(submission)

    async def _work(self) -> None:
        try:
            await self._find_lost()
            while True:
                await self._send_queue()
                await self._wait_for_news()
                await self._look()
        except OSError as error:
            folder = self._submissions.folder
            self._fail(
                JournalBroken(
                    f"Batches can't be kept: {error.strerror or error} ({folder}). "
                    "Make room or mend the disk; the same command goes on from what was kept."
                )
            )
        except Exception as error:
            # Whoever waits must not wait for ever.
            self._fail(error)

    async def _find_lost(self) -> None:
        """Find out what became of creations that were cut off; one that never arrived has cost nothing."""
        for submission in [one for one in self._open if one.step == "creating"]:
            batch = await self._service.find(submission)
            if batch is not None:
                submission.note("submitted", batch_id=batch.id)
            else:
                self._requeue(submission)

    async def _send_queue(self) -> None:
        while self._queue:
            if time.monotonic() < self._held_until or (self._one_by_one and self._under_way()):
                return
            await self._until_quiet()
            lines = list(self._queue.values())
            taken, encoded = await asyncio.to_thread(
                pack, lines, self._limits.url, self._most_lines, self._limits.most_bytes
            )
            if not taken:
                told = f"it is larger than {self._limits.most_bytes} bytes"
                self._lose([lines[0].custom_id], _too_large(told))
                continue
            submission = await asyncio.to_thread(self._submissions.write, taken, encoded)
            for line in taken:
                del self._queue[line.custom_id]
            await self._submit(submission)

    async def _until_quiet(self) -> None:
        """Wait until nobody adds anything: a batch takes as long for one line as for all."""
        while len(self._queue) < self._most_lines:
            asked = self._asked
            await asyncio.sleep(self._limits.linger)
            if asked == self._asked and not self._others_busy():
                return

    async def _submit(self, submission: Submission) -> None:
        try:
            submission.state["file_id"] = await self._service.upload(submission.input)
        except TooLarge as told:
            self._shrink(submission, _too_large(str(told)))
            return
        except EndpointUnusable:
            submission.discard()
            raise
        submission.note("submitted", batch_id=await self._service.create(submission))
        self._open.append(submission)
        for custom_id in submission.manners:
            if custom_id in self._waiting:
                self._fly(self._waiting[custom_id])
        self._meter.tell(force=True)

    async def _wait_for_news(self) -> None:
        """Sleep until someone asks for something new, or it is time to look at what is under way."""
        wait = self._limits.poll if self._under_way() else None
        if self._queue and not (self._one_by_one and self._under_way()):
            held = max(0.0, self._held_until - time.monotonic())
            wait = held if wait is None else min(wait, held)
        self._meter.tell(force=True)
        self._news.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), wait)

    def _under_way(self) -> bool:
        return any(self._wanted(submission) for submission in self._open)

    def _wanted(self, submission: Submission) -> bool:
        return any(custom_id in self._waiting for custom_id in submission.manners)

    async def _look(self) -> None:
        """Look at each batch that someone waits for, not more often than asked."""
        for submission in list(self._open):
            now = time.monotonic()
            if now < self._looked_at.get(submission.token, 0.0) + self._limits.poll or not self._wanted(submission):
                continue
            self._looked_at[submission.token] = now
            batch = await self._service.retrieve(submission)
            if batch.status == "failed":
                self._mend(submission, batch)
            elif batch.status in ENDED:
                await self._collect(submission, batch)

    async def _collect(self, submission: Submission, batch: Batch) -> None:
        output, errors = submission.results
        await self._service.download(batch.output_file_id, output)
        await self._service.download(batch.error_file_id, errors)
        seconds = time.time() - submission.state["submitted_at"]
        submission.note("collected", status=batch.status, seconds=seconds)
        self._open.remove(submission)
        self._in_vain, self._held_until = 0, 0.0
        self._deliver(submission, set())

    def _deliver(self, submission: Submission, kept: set[str]) -> None:
        """Hand out the answers of a collected submission, or keep them ready for who asks after a restart."""
        self._collected.append(submission)
        missing = dict(submission.manners)
        for path in submission.results:
            for custom_id, result in read_results(path, self._service.url):
                manner = missing.pop(custom_id, None)
                if manner is not None:
                    self._answer(custom_id, _answer_of(submission, custom_id, result, kept))
        lost = LineLost(_left_out(submission.state["status"], submission.batch_id))
        for custom_id in missing:
            self._answer(custom_id, _answer_of(submission, custom_id, lost, kept))

    def _mend(self, submission: Submission, batch: Batch) -> None:
        """Do what helps against a batch that failed as a whole; nothing of it was paid for."""
        self._open.remove(submission)
        found = remedy_of(batch, self._service.url)
        ids = list(submission.manners)
        if found.remedy is Remedy.SMALLER:
            self._shrink(submission, _too_large(found.words))
        elif found.remedy is Remedy.LATER:
            self._one_by_one = True
            if self._under_way():
                self._requeue(submission)
            else:
                self._shrink(submission, batch_fault(f"The endpoint's queue for batches is full: {found.words}"))
        elif found.remedy is Remedy.WITHOUT:
            for number, error in found.lines.items():
                if 1 <= number <= len(ids):
                    custom_id = ids[number - 1]
                    result = refusal(400, error, self._service.url)
                    self._answer(custom_id, Answer(batch.id, submission.manners[custom_id], result))
            self._requeue(submission)
        elif found.remedy is Remedy.AGAIN and self._in_vain < self._settings.transport_retries:
            self._in_vain += 1
            self._requeue(submission)
        elif found.remedy is Remedy.GIVE_UP:
            submission.discard()
            raise EndpointUnusable(
                f"The endpoint {self._service.url} failed batch {batch.id}: {found.words.rstrip('.')}. Mend what it "
                "says; the same command goes on."
            )
        else:
            self._lose(ids, batch_fault(f"The batch {batch.id} failed: {found.words}"), submission)
            submission.discard()

    def _shrink(self, submission: Submission, error: CallError) -> None:
        """Send fewer lines at once; a single one waits a while where room may be made, or is given up."""
        if len(submission.manners) > 1:
            self._most_lines = (len(submission.manners) + 1) // 2
        elif error.kind == "batch" and self._in_vain < self._settings.transport_retries:
            self._held_until = time.monotonic() + min(_LONGEST_HOLD, self._limits.poll * 2**self._in_vain)
            self._in_vain += 1
        else:
            self._lose(submission.manners, error, submission)
            submission.discard()
            return
        self._requeue(submission)

    def _requeue(self, submission: Submission) -> None:
        """Send a submission's lines once more, by another submission; who has asked for none gets none."""
        submission.discard()
        if submission in self._open:
            self._open.remove(submission)
        for custom_id in submission.manners:
            waiting = self._waiting.get(custom_id)
            if waiting is not None:
                self._land(waiting)
                self._queue[custom_id] = waiting.line

    def _lose(self, ids: Iterable[str], error: CallError, submission: Submission | None = None) -> None:
        for custom_id in list(ids):
            self._queue.pop(custom_id, None)
            waiting = self._waiting.get(custom_id)
            manner = waiting.line.manner if waiting else submission.manners[custom_id] if submission else None
            if manner is not None:
                batch_id = submission.batch_id if submission else ""
                self._answer(custom_id, Answer(batch_id, manner, LineLost(error)))

    def _answer(self, custom_id: str, answer: Answer) -> None:
        waiting = self._waiting.pop(custom_id, None)
        if waiting is None:
            self._ready[custom_id] = answer
            return
        self._land(waiting)
        if not waiting.answer.done():
            waiting.answer.set_result(answer)

    def _fail(self, error: Exception) -> None:
        self._broken = error
        waiting, self._waiting = list(self._waiting.values()), {}
        for one in waiting:
            self._land(one)
            if not one.answer.done():
                one.answer.set_exception(error)

    def _fly(self, waiting: _Waiting) -> None:
        waiting.in_flight = True
        self._meter.now.in_flight += 1
        self._meter.tell()

    def _land(self, waiting: _Waiting) -> None:
        if waiting.in_flight:
            waiting.in_flight = False
            self._meter.now.in_flight -= 1
            self._meter.tell()


def _answer_of(submission: Submission, custom_id: str, result: Any, kept: set[str]) -> Answer:
    is_kept = custom_id.partition("-")[0] in kept
    return Answer(submission.batch_id, submission.manners[custom_id], result, submission.seconds, is_kept)


def _left_out(status: Any, batch_id: str) -> CallError:
    """Why a line of a batch that has ended has no answer, where the batch's files do not say."""
    if status == "expired":
        return expired(f"{batch_id} ran out of time.")
    if status == "cancelled":
        return batch_fault(f"The batch {batch_id} was cancelled before this request's turn.")
    return CallError(kind="server", message=f"The batch {batch_id} ended without an answer to this request.")


def _too_large(words: str) -> CallError:
    return CallError(kind="bad_request", message=f"The request fits into no batch: {words}")
