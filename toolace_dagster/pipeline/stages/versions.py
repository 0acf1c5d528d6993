"""What the rows of several stages are made with: code versions, models, what runs tools.

Belongs here: parts of fingerprints that more than one stage has. Does not belong here: which
of them a stage has, with its prompts and settings (the stage), or comparing them (``pipeline.causes``).
"""

from __future__ import annotations

from typing import Any

from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.prompts import prompt_hash
from toolace_dagster.settings import ModelRole, Settings

CODE_VERSIONS = {"task_specs": 6, "skeletons": 5, "refinement": 10, "verification": 8, "simulation": 1}
"""Raised by hand when a stage's code changes what its rows say; part of each row's fingerprint."""


def models(settings: Settings, *roles: ModelRole) -> list[dict[str, Any]]:
    """What the answers of the models in some roles depend on."""
    return [settings.model_of(role).answers for role in roles]


def execution(context: StageContext, *prompts: str) -> list[Any]:
    """What rows depend on where tools are run for real: the backends with their code, and prompts for nothing else."""
    if not context.executable:
        return []
    return [[backend.decisive for backend in context.backends], *(prompt_hash(name) for name in prompts)]
