"""The checkout seen from outside: its root, and a wheel built from a copy of it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.packaging.source_tree import ROOT

PACKAGED = ("toolace_dagster", "assets", "sql")


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def unpacked_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder holding what an installed wheel puts into site-packages."""
    work = tmp_path_factory.mktemp("wheel")
    source = work / "source"
    # A copy, because setuptools writes build/ and *.egg-info beside pyproject.toml and reuses what it finds there.
    for folder in PACKAGED:
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "workspace.yaml"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, source / name)
    # setuptools' own build hook, not `pip wheel`: an environment made by uv has no pip.
    build = f"from setuptools.build_meta import build_wheel; build_wheel({str(work)!r})"
    done = subprocess.run([sys.executable, "-c", build], cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    site = work / "site"
    with zipfile.ZipFile(next(work.glob("*.whl"))) as wheel:
        wheel.extractall(site)
    return site
