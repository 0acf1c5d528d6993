"""Defects planted into a finished home, and the step that `toolace why` names; the benchmark tries two hundred."""

from __future__ import annotations

import shutil
from pathlib import Path

from typer.testing import CliRunner

from benchmarks.first_cause import Planted, plant_all, wrong_causes
from tests.cli.made import Made
from toolace_dagster.cli.app import app


def test_the_step_a_defect_was_planted_at_is_named_on_the_first_line(made: Made, tmp_path: Path) -> None:
    planted: list[Planted] = []
    for seed in range(3):
        # A home of a few dialogues may have accepted two alone: they are gone through again with other defects.
        home = shutil.copytree(made.home, tmp_path / f"home-{seed}")
        some = plant_all(home, 6, seed)
        assert wrong_causes(home, some) == []
        for each in some:
            result = CliRunner().invoke(app, ["why", each.dialogue_id, "--home", str(home)])
            first = result.stdout.splitlines()[0]
            when = each.stage if each.stage == "verification" else f"round {each.round}"
            assert f"{when}, when" in first if each.edit_id else "from the start" in first
        planted += some
    assert len(planted) >= 4
    assert len({each.kind for each in planted}) >= 2
