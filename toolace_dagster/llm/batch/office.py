"""The desks of one gateway: one for each account, however many roles it answers.

Belongs here: which desk takes a model's lines, and ending them together. Does not
belong here: what a desk does (``desk``).
"""

from __future__ import annotations

from collections.abc import Callable

from toolace_dagster.entities import canonical_json
from toolace_dagster.llm.batch.desk import BatchDesk
from toolace_dagster.llm.batch.endpoint import BatchEndpoint
from toolace_dagster.llm.batch.submissions import Submissions
from toolace_dagster.llm.journal import CallJournal
from toolace_dagster.llm.memory import EndpointMemory
from toolace_dagster.llm.progress import Meter
from toolace_dagster.llm.transport import shown_url
from toolace_dagster.settings import ModelSettings


class BatchOffice:
    """Makes batch endpoints, and ends their desks."""

    def __init__(
        self, journal: CallJournal, meter: Meter, others_busy: Callable[[], bool], memory: EndpointMemory
    ) -> None:
        """Prepare; a gateway without batches has no desk.

        Args:
            journal: Of the domain; its batches are kept beside it.
            meter: Counts lines in flight and tries.
            others_busy: Whether live calls are under way, whose rows may soon have more to ask.
            memory: What endpoints refused before.
        """
        self._journal = journal
        self._meter = meter
        self._others_busy = others_busy
        self._memory = memory
        self._desks: dict[str, BatchDesk] = {}

    def endpoint(self, model: ModelSettings) -> BatchEndpoint:
        """An endpoint for a model.

        Raises:
            EndpointUnusable: If the settings name no usable endpoint.
        """
        account = {"url": shown_url(model), "model": model.model, "key": model.api_key_env}
        name = canonical_json(account)
        if name not in self._desks:
            self._desks[name] = BatchDesk(
                model,
                Submissions(self._journal.batches, account),
                self._meter,
                in_journal=self._journal.in_batches,
                others_busy=self._others_busy,
            )
        return BatchEndpoint(model, self._meter, self._desks[name], self._memory)

    def settle(self) -> None:
        """Forget what was used: all rows have ended, and all their responses are in the journal."""
        for desk in self._desks.values():
            desk.settle()

    async def close(self) -> None:
        """Stop looking at batches; they go on at the endpoint."""
        desks, self._desks = list(self._desks.values()), {}
        for desk in desks:
            await desk.close()
