"""The wheel holds everything the checkout has, and works away from it."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PLACES = {"toolace_dagster": "toolace_dagster", "assets": "toolace_dagster/assets", "sql": "toolace_dagster/sql"}
"""Where each top-level folder of the checkout lies in the wheel."""


def shipped_files(root: Path, folder: str) -> set[str]:
    """All files a user needs at run time, as paths in the wheel."""
    return {
        f"{PLACES[folder]}/{path.relative_to(root / folder).as_posix()}"
        for path in (root / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("folder", PLACES)
def test_wheel_holds_every_file_of(folder: str, root: Path, unpacked_wheel: Path) -> None:
    expected = shipped_files(root, folder)
    missing = sorted(name for name in expected if not (unpacked_wheel / name).is_file())
    assert expected
    assert not missing, f"not in the wheel; see packages and package-data in pyproject.toml: {missing}"


def test_wheel_holds_nothing_else(root: Path, unpacked_wheel: Path) -> None:
    expected = set[str]().union(*(shipped_files(root, folder) for folder in PLACES))
    found = {path.relative_to(unpacked_wheel).as_posix() for path in unpacked_wheel.rglob("*") if path.is_file()}
    assert sorted(name for name in found - expected if ".dist-info/" not in name) == []


def test_every_package_is_listed(root: Path) -> None:
    listed = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = [
        ".".join(("toolace_dagster", *path.parent.relative_to(root / "toolace_dagster").parts))
        for path in (root / "toolace_dagster").rglob("__init__.py")
    ]
    assert sorted(listed) == sorted([*found, "toolace_dagster.assets", "toolace_dagster.sql"])


def test_every_folder_with_modules_is_a_package(root: Path) -> None:
    folders = {path.parent for path in (root / "toolace_dagster").rglob("*.py")}
    bare = sorted(str(folder.relative_to(root)) for folder in folders if not (folder / "__init__.py").exists())
    assert bare == [], "setuptools leaves out folders without __init__.py"


def run_python(code: str, cwd: Path, *path: Path) -> str:
    """Run code in a fresh interpreter that sees the given folders first, and not this checkout."""
    # -P keeps cwd off sys.path; the editable install's finder goes, so that only the wheel can be found.
    away = "import sys; sys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in repr(f).lower()]\n"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", away + code],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_installed_wheel_finds_its_assets_beside_a_foreign_folder(tmp_path: Path, unpacked_wheel: Path) -> None:
    """A user's project may have its own assets/ and sql/, with workspace.yaml and pyproject.toml beside them."""
    for folder in ("assets", "sql"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").write_text("raise ImportError('not ours')\n")
    for name in ("workspace.yaml", "pyproject.toml"):
        (tmp_path / name).write_text("")
    code = "import toolace_dagster.assets as a, toolace_dagster.sql as s; print(a.__file__, s.__file__, sep='\\n')"
    found = run_python(code, tmp_path, tmp_path, unpacked_wheel).splitlines()
    inside = unpacked_wheel / "toolace_dagster"
    assert found == [str(inside / "assets" / "__init__.py"), str(inside / "sql" / "__init__.py")]


def test_installed_wheel_reads_its_data_files(root: Path, tmp_path: Path, unpacked_wheel: Path) -> None:
    statements = sorted(
        path.relative_to(root / "sql").with_suffix("").as_posix() for path in (root / "sql").rglob("*.sql")
    )
    code = f"""
import toolace_dagster
from toolace_dagster.prompts.render import PROMPT_NAMES, prompt_hash
from toolace_dagster.settings import SHIPPED_POOL
from toolace_dagster.warehouse.sql import sql
assert all(sql(name) for name in {statements!r})
assert all(prompt_hash(name) for name in PROMPT_NAMES)
assert list(SHIPPED_POOL.glob("*.json"))
print(toolace_dagster.__file__)
"""
    assert run_python(code, tmp_path, unpacked_wheel).strip().startswith(str(unpacked_wheel))


def test_checkout_maps_assets_and_sql_into_the_package(root: Path, tmp_path: Path) -> None:
    code = "import toolace_dagster.assets as a, toolace_dagster.sql as s; print(a.__file__, s.__file__, sep='\\n')"
    found = run_python(code, tmp_path, root).splitlines()
    assert found == [str(root / "assets" / "__init__.py"), str(root / "sql" / "__init__.py")]


def test_version_is_said_once(root: Path) -> None:
    import toolace_dagster

    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert project["version"] == toolace_dagster.__version__
