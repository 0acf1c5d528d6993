"""Which preset a model gets, by how its first dialogues fared.

``preset=auto`` begins with the defaults. When the first dialogues are verified, their
pass rate decides, once for a home and its models: what comes after does not depend on
the order in which rows end, and the same responses give the same data.

Belongs here: how many dialogues are looked at, the decision, and keeping it. Does not
belong here: running them (``cli``), or what a preset changes (``presets``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from toolace_dagster.entities import content_hash
from toolace_dagster.pipeline.causes import part_hashes
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.plans import plans_in_force
from toolace_dagster.pipeline.stages import domain_stages
from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Warehouse, sql

PILOT = 20
"""Dialogues that are looked at, over all domains."""
LEAST_EACH = 2
"""Dialogues of each domain at least."""
ENOUGH = 0.6
"""Pass rate from which on the defaults do: half-way between the paper's 72.3 % (GPT-4o) and 48.7 % (GPT-4o-mini)."""


@dataclass(frozen=True)
class Pilot:
    """How the first dialogues fared.

    Attributes:
        attempted: Dialogues that came to an end.
        accepted: Those that were accepted.
    """

    attempted: int
    accepted: int

    @property
    def preset(self) -> str:
        """``default`` or ``small``; ``default`` where nothing came to an end."""
        return "small" if self.attempted and self.accepted < ENOUGH * self.attempted else "default"


def pilot_dialogues(domains: int, settings: Settings) -> int:
    """Dialogues of each domain that are looked at first; never more than are wanted."""
    return min(settings.dialogues, max(LEAST_EACH, -(-PILOT // max(1, domains))))


def fared(warehouse: Warehouse, domains: Iterable[str], settings: Settings) -> Pilot:
    """How the first dialogues of domains fared, of those that were made with just these settings.

    Args:
        warehouse: The home's.
        domains: Tool domains.
        settings: Those of the pilot; ``dialogues`` says how many slots of each domain are looked at.
    """
    made = {stage.name: part_hashes(stage.shared_version(settings)) for stage in domain_stages(settings)}
    ended = accepted = 0
    for domain in domains:
        if not warehouse.domain(domain).exists():
            continue
        context = StageContext(domain=domain, settings=settings, warehouse=warehouse, run_id="")
        with context.store.reading():
            planned = plans_in_force(context.store, settings, context.tools)
            rows = context.store.read(sql("queries/made_with"), {"slots": settings.dialogues})
        states = {row["dialogue_id"]: row["state"] for row in rows if row["dialogue_id"] in planned}
        otherwise = {row["dialogue_id"] for row in rows if not _as_now(row["parts"], made.get(row["stage"]))}
        # A dialogue that failed, since no reply was of use, says as much of a model as a rejected one.
        ends = [state for each, state in states.items() if each not in otherwise and state != "unfinished"]
        ended += len(ends)
        accepted += ends.count("accepted")
    return Pilot(ended, accepted)


def _as_now(parts: str | None, now: dict[str, str] | None) -> bool:
    stored: Any = json.loads(parts) if parts else {}
    return now is not None and all(stored.get(name) == value for name, value in now.items())


def kept_pilot(home: Path, settings: Settings, wanted: int = 0) -> Pilot | None:
    """What was measured in a home before with the same models.

    Args:
        home: The home.
        settings: Settings of the run.
        wanted: Dialogues that a pilot would look at now. A measurement over fewer, and fewer than ``PILOT``, is none:
            a first try with a handful decides nothing for good.

    Returns:
        None where nothing was measured, or it can't be read.
    """
    try:
        kept: Any = json.loads(_file(home).read_text(encoding="utf-8"))
        found = kept[_models(settings)]
        pilot, looked_at = Pilot(int(found["attempted"]), int(found["accepted"])), int(found.get("wanted", 0))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return pilot if max(pilot.attempted, looked_at) >= min(PILOT, wanted) else None


def keep_pilot(home: Path, settings: Settings, pilot: Pilot, wanted: int = 0) -> None:
    """Keep what was measured, beside what was with other models.

    Args:
        home: The home.
        settings: Settings of the run.
        pilot: What was measured.
        wanted: Dialogues that were asked for; fewer may have come to an end.
    """
    try:
        kept: Any = json.loads(_file(home).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        kept = {}
    known = cast("dict[str, Any]", kept) if isinstance(kept, dict) else {}
    measured = {"attempted": pilot.attempted, "accepted": pilot.accepted, "preset": pilot.preset, "wanted": wanted}
    known[_models(settings)] = measured
    _file(home).write_text(json.dumps(known, indent=1), encoding="utf-8")


def _file(home: Path) -> Path:
    return home / "pilot.json"


def _models(settings: Settings) -> str:
    """The models by content: another model, or another way to ask it, is measured by itself."""
    return content_hash({role: model.answers for role, model in settings.models.items()})
