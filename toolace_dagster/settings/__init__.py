"""Settings: what decides what a run makes, how models are called and how a home is operated.

Belongs here: names, defaults, bounds and validation. Does not belong here: where values come from
(``configuration``, ``cli``, ``orchestration``).
"""

from toolace_dagster.settings.model import OFFLINE_MODEL, BatchSettings, ModelSettings
from toolace_dagster.settings.names import (
    FORMAT_NAMES,
    MONEY_SETTINGS,
    REFINEMENT_OPERATIONS,
    ROLES,
    CheckedFormat,
    FormatName,
    MaskedTurn,
    Method,
    ModelRole,
    RefinementOperation,
    SliceKind,
    Trajectory,
)
from toolace_dagster.settings.ranges import Days, Range
from toolace_dagster.settings.run import MAX_ROUNDS, SHIPPED_POOL, Settings
from toolace_dagster.settings.weights import Weight

__all__ = [
    "FORMAT_NAMES",
    "MAX_ROUNDS",
    "MONEY_SETTINGS",
    "OFFLINE_MODEL",
    "REFINEMENT_OPERATIONS",
    "ROLES",
    "SHIPPED_POOL",
    "BatchSettings",
    "CheckedFormat",
    "Days",
    "FormatName",
    "MaskedTurn",
    "Method",
    "ModelRole",
    "ModelSettings",
    "Range",
    "RefinementOperation",
    "Settings",
    "SliceKind",
    "Trajectory",
    "Weight",
]
