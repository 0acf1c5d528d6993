"""A finished home to look at."""

from __future__ import annotations

import pytest

from tests.cli.made import Made, made_once


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A home of two domains; not to be changed."""
    return made_once(tmp_path_factory)
