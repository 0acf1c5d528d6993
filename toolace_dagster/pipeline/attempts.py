"""Which attempts at its slots a domain should hold: a rejected dialogue is tried again, with another plan.

Belongs here: deciding that from how earlier attempts ended. Does not belong here:
making one.
"""

from __future__ import annotations

from collections.abc import Callable

from toolace_dagster.entities import Slot
from toolace_dagster.pipeline.causes import PASSING_ERRORS
from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Store, sql


def wanted_slots(
    store: Store, domain: str, settings: Settings, is_stale: Callable[[str], bool] = lambda _: False
) -> list[Slot]:
    """The slots to fill with all attempts made at them, and a further one where the last ended in vain.

    Nothing further is attempted once the domain holds as many accepted dialogues as it should. Where an attempt is to
    be made anew, nobody knows yet whether the next is needed: it is left out until then.

    Args:
        store: The domain's file.
        domain: Its name.
        settings: Dialogues, attempts, target and seed.
        is_stale: Whether a dialogue, by its id, is to be made anew at any stage; asked of those that ended in vain.

    Returns:
        By slot and attempt.
    """
    ended = {(row["slot"], row["attempt"]): row for row in store.read(sql("queries/ended_attempts"))}
    accepted = sum(row["state"] == "accepted" for row in ended.values())
    enough = accepted >= (settings.dialogues if settings.target is None else settings.target)
    slots: list[Slot] = []
    for number in range(settings.dialogues):
        for attempt in range(settings.attempts):
            before = ended.get((number, attempt - 1))
            if attempt and (before is None or not _in_vain(before["state"], before["check_id"])):
                break
            if attempt and ((enough and (number, attempt) not in ended) or is_stale(slots[-1].dialogue_id)):
                break
            slots.append(Slot(domain=domain, number=number, attempt=attempt, seed=settings.seed))
    return slots


def _in_vain(state: str, check: str | None) -> bool:
    # What failed for the moment is tried again as it is.
    return state == "rejected" or (state == "failed" and check not in PASSING_ERRORS)
