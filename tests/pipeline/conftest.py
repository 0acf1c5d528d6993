"""One domain run through all its stages, shared by the tests that only read it."""

from __future__ import annotations

import pytest

from tests.pipeline.homes import context, run_domain, settings
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.stage_report import StageReport


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[StageContext, list[StageReport]]:
    """The context of a finished run and the reports of its stages."""
    where = context(tmp_path_factory.mktemp("finished"), settings())
    return where, run_domain(where)


@pytest.fixture(scope="session")
def finished(run: tuple[StageContext, list[StageReport]]) -> StageContext:
    """The context of a finished run; its rows are not to be changed."""
    return run[0]
