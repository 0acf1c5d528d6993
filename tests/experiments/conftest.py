"""One small ablation, shared by the tests that only read it."""

from __future__ import annotations

import pytest

from tests.experiments.undertakings import make, undertaking
from toolace_dagster.experiments.making import Undertaking
from toolace_dagster.experiments.measures import measure


@pytest.fixture(scope="session")
def ablation(tmp_path_factory: pytest.TempPathFactory) -> Undertaking:
    """Made and measured; its homes are not to be changed."""
    made = undertaking(tmp_path_factory.mktemp("ablation"), "ablation")
    assert [end.error for end in make(made)] == [""]
    measure(made, made.arms)
    return made
