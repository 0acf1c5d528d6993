"""Presets: named sets of setting values.

A preset's values take the place of the defaults; whatever is set besides, wherever,
comes before them.

Belongs here: the presets and laying given values over one. Does not belong here: what
the settings mean (``settings``), or where values come from (``configuration``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    # The defaults for the first dialogues; then these or those of "small", by how they fared (`toolace run`).
    "auto": {},
    # Few calls: short tasks, skeletons in one call, an injection in three of four, two passes that mask as much as they
    # can.
    # What comes out is checked as strictly as ever.
    "lean": {
        "sub_tasks": {"low": 2, "high": 3},
        "trajectory": "whole",
        "injections": {"low": 0, "high": 1, "weights": {"0": 1, "1": 3}},
        "rounds": 2,
        "mask_share": 0.5,
        "quiet_passes": 1,
        "questions_per_call": 8,
    },
    # Small models: less to write and to read at a time, and what a rule can tell is told before anybody judges.
    "small": {
        "trajectory": "by_turn",
        "skeleton_context": "summary",
        "rule_tries": 4,
        "rules_in_refinement": True,
        "repairs": 3,
    },
}
"""Values by preset, in the shape of settings; ``default`` and ``auto`` change nothing by themselves."""


def over_preset(given: Mapping[str, Any]) -> dict[str, Any]:
    """Lay given values over those of the preset they name.

    Args:
        given: Settings as nested dictionaries; ``preset`` names one.

    Returns:
        The settings with the preset's values where nothing was given. An unknown preset changes nothing.
    """
    name = given.get("preset")
    values = PRESETS.get(name, {}) if isinstance(name, str) else {}
    return _merged(values, given)


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(under)
    for key, value in over.items():
        below = made.get(key)
        if isinstance(below, dict) and isinstance(value, dict) and "weights" not in value:
            # Weights hold for the range they were given with.
            kept = {part: given for part, given in cast("dict[str, Any]", below).items() if part != "weights"}
            made[key] = _merged(kept, cast("dict[str, Any]", value))
        else:
            made[key] = value
    return made
