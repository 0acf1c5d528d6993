"""A home whose domains were run through Dagster, and its instance."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from tests.cli.made import made_once
from toolace_dagster.orchestration.instance import open_instance
from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Warehouse


@dataclass(frozen=True)
class DagsterHome:
    """A home and what its instance holds.

    Attributes:
        home: Home folder.
        settings: Settings of its run.
        instance: The open instance.
    """

    home: Path
    settings: Settings
    instance: dg.DagsterInstance

    def latest(self, asset: str, partition: str | None) -> dg.AssetMaterialization:
        """The latest materialization of an asset."""
        records = self.instance.fetch_materializations(
            dg.AssetRecordsFilter(dg.AssetKey(asset), asset_partitions=[partition] if partition else None), limit=1
        ).records
        made = records[0].asset_materialization
        assert made is not None
        return made


@pytest.fixture
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagsterHome]:
    """The home with its instance; not to be changed."""
    made = made_once(tmp_path_factory)
    with open_instance(made.warehouse) as instance:
        yield DagsterHome(made.home, made.settings, instance)


@pytest.fixture
def mine(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Iterator[DagsterHome]:
    """A copy of the home, to be changed."""
    made = made_once(tmp_path_factory)
    home = shutil.copytree(made.home, tmp_path / "home")
    with open_instance(Warehouse(home)) as instance:
        yield DagsterHome(home, made.settings, instance)
