"""The last stage of a domain: the dialogues that were accepted, as splits and exports read them.

Belongs here: copying what was verified. Does not belong here: deciding (``verification``), or files
(``toolace_dagster.dataset``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from toolace_dagster.entities import Dialogue, TaskSpec, Verdict
from toolace_dagster.initialization import task_initialization
from toolace_dagster.llm.protocol import Program
from toolace_dagster.pipeline.causes import Parts
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.stage import RowContent, WorkItem
from toolace_dagster.pipeline.stages.dialogues import dialogue_of
from toolace_dagster.pipeline.stages.following import following
from toolace_dagster.pipeline.stages.names import VERIFIED_STAGE, last_writing_stage
from toolace_dagster.settings import MAX_ROUNDS, Method, Settings
from toolace_dagster.verification import verdict


@dataclass(frozen=True)
class VerifiedDialogues:
    """The accepted dialogues themselves: what splits and exports read."""

    rounds: int
    method: Method = "non_autoregressive"
    index: int = 4 + MAX_ROUNDS
    name: str = VERIFIED_STAGE
    supplants: tuple[str, ...] = ()

    def shared_version(self, settings: Settings) -> Parts:  # noqa: ARG002 - the protocol's signature
        """Nothing of its own: rows are copies of what was verified."""
        return {}

    def version(self, context: StageContext) -> Parts:
        """The same in every domain."""
        return self.shared_version(context.settings)

    def items(self, context: StageContext) -> list[WorkItem]:
        """One item per accepted verdict."""
        specs = context.payloads(task_initialization.STAGE, TaskSpec)
        before = last_writing_stage(self.rounds, self.method)
        written, verdicts = context.texts(before), context.texts(verdict.STAGE)

        def start(dialogue_id: str) -> Program[Any]:
            changed = Verdict.model_validate_json(verdicts[dialogue_id]).dialogue
            return _copied(changed if changed is not None else dialogue_of(before, written[dialogue_id]))

        accepted = following(context, verdict.STAGE, specs, start)
        hashes = {row["dialogue_id"]: row["content_hash"] for row in context.places(before)}
        return [replace(item, inputs={**item.inputs, "dialogue": hashes[item.dialogue_id]}) for item in accepted]

    def content(self, result: Any) -> RowContent:
        """An accepted dialogue."""
        assert isinstance(result, Dialogue)
        return RowContent(state="accepted", payload=result)


def _copied(dialogue: Dialogue) -> Program[Dialogue]:
    yield from ()
    return dialogue
