"""Which preset a model gets, by how its first dialogues fared.

``preset=auto`` begins with the defaults. When the first dialogues are verified, their
pass rate decides, once for a home and its models: what comes after does not depend on
the order in which rows end, and the same responses give the same data.

Belongs here: how many dialogues are looked at, the decision, and keeping it. Does not
belong here: running them (``cli``), or what a preset changes (``presets``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from toolace_dagster.entities import content_hash
from toolace_dagster.settings import Settings

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


def kept_pilot(home: Path, settings: Settings) -> Pilot | None:
    """What was measured in a home before with the same models; None where nothing was, or it can't be read."""
    try:
        kept: Any = json.loads(_file(home).read_text(encoding="utf-8"))
        found = kept[_models(settings)]
        return Pilot(int(found["attempted"]), int(found["accepted"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep_pilot(home: Path, settings: Settings, pilot: Pilot) -> None:
    """Keep what was measured, beside what was with other models."""
    try:
        kept: Any = json.loads(_file(home).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        kept = {}
    known = cast("dict[str, Any]", kept) if isinstance(kept, dict) else {}
    known[_models(settings)] = {"attempted": pilot.attempted, "accepted": pilot.accepted, "preset": pilot.preset}
    _file(home).write_text(json.dumps(known, indent=1), encoding="utf-8")


def _file(home: Path) -> Path:
    return home / "pilot.json"


def _models(settings: Settings) -> str:
    """The models by content: another model, or another way to ask it, is measured by itself."""
    return content_hash({role: model.answers for role, model in settings.models.items()})
