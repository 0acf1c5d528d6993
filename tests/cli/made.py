"""One home that `toolace run` made from two domains, shared by all tests that look at it."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.command import Ended, toolace
from tests.pipeline.homes import small_pool
from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Warehouse

OPTIONS = ("--dialogues", "4", "--rounds", "1", "--error-rate", "5", "--seed", "3")
"""Of its dialogues some are rejected by rules and experts, and none before verification."""


@dataclass(frozen=True)
class Made:
    """A finished run of the command line.

    Attributes:
        home: Home folder.
        pool: Tool pool.
        ended: How the run ended.
    """

    home: Path
    pool: Path
    ended: Ended

    @property
    def words(self) -> tuple[object, ...]:
        """The command, but for the home."""
        return ("run", "--pool", self.pool, *OPTIONS)

    @property
    def warehouse(self) -> Warehouse:
        """The home's files."""
        return Warehouse(self.home)

    @property
    def settings(self) -> Settings:
        """Settings of the run."""
        return Settings.model_validate_json(self.warehouse.settings_file.read_text())

    def ids(self, state: str, stage: str = "%") -> list[str]:
        """Dialogues that ended in a state, at a stage."""
        rows = [
            row
            for domain in self.warehouse.domains()
            for row in self.warehouse.domain(domain).read(
                "SELECT dialogue_id FROM outcomes WHERE state = $state AND stage LIKE $stage ORDER BY dialogue_id",
                {"state": state, "stage": stage},
            )
        ]
        return [row["dialogue_id"] for row in rows]


def made_once(factory: pytest.TempPathFactory) -> Made:
    """The home, made by whichever worker asks first; not to be changed."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "made"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        told = folder / "ended.json"
        if not told.exists():
            made = Made(folder / "home", small_pool(folder / "pool"), Ended(0, "", ""))
            told.write_text(json.dumps(vars(toolace(*made.words, "--home", made.home, cold=True))))
    return Made(folder / "home", folder / "pool", Ended(**json.loads(told.read_text())))
