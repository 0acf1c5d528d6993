"""How many model calls a dialogue takes in the default settings and in `lean` (paper: 17 an attempted dialogue)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline.homes import DOMAIN, context, run_domain
from toolace_dagster.reporting.calls import count_calls
from toolace_dagster.settings import Settings


@pytest.mark.parametrize(("preset", "most"), [("default", 17), ("lean", 10)])
def test_calls_a_dialogue_stay_within_the_budget(preset: str, most: float, tmp_path: Path) -> None:
    """A simulated domain; where tools run for real skeletons take more calls, of which docs/method.md tells."""
    where = context(tmp_path, Settings.model_validate({"preset": preset, "dialogues": 5}))
    run_domain(where)
    counts = count_calls(where.warehouse, [DOMAIN])
    assert counts.attempted == 5
    assert most / 2 < counts.per_dialogue <= most
