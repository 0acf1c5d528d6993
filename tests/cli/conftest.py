"""A finished home, and no variables of a developer's shell."""

from __future__ import annotations

import os

import pytest

from tests.cli.made import Made, made_once


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A home of two domains; not to be changed."""
    return made_once(tmp_path_factory)


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("TOOLACE_")]:
        monkeypatch.delenv(name)
