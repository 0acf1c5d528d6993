"""Dagster's storage in Postgres, as docs/operations.md says: with our template, a server of its own, and real runs."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import dagster as dg
import pytest

from tests.cli.command import toolace
from tests.pipeline.homes import TWO_DOMAINS, small_pool
from toolace_dagster.orchestration.instance import open_instance
from toolace_dagster.warehouse import Warehouse

pytest.importorskip("dagster_postgres", reason="needs the extra postgres")


def programs() -> Path | None:
    """The folder of Postgres's programs, if there are any."""
    on_path = shutil.which("initdb")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return Path(on_path).resolve().parent if on_path else found[-1].parent if found else None


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server with an empty database; gives its address as the docs write it."""
    folder = programs()
    if folder is None:
        pytest.skip("needs Postgres")
    # It refuses to run as root; pytest's own folders are closed to others.
    user = "nobody" if os.getuid() == 0 else None
    with tempfile.TemporaryDirectory() as scratch, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        if user:
            Path(scratch).chmod(0o755)
            (Path(scratch) / "data").mkdir()
            shutil.chown(Path(scratch) / "data", user)
        data = f"{scratch}/data"

        def does(*words: str) -> None:
            home = {"HOME": data, "LC_ALL": "C", "PATH": os.environ["PATH"]}
            subprocess.run(words, check=True, capture_output=True, user=user, env=home, cwd="/")

        does(f"{folder}/initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync")
        options = f"-h 127.0.0.1 -p {port} -k {data} -F"
        does(f"{folder}/pg_ctl", "-D", data, "-o", options, "-l", f"{data}/log", "-w", "start")
        try:
            yield f"postgresql+psycopg2://postgres@127.0.0.1:{port}/postgres"
        finally:
            does(f"{folder}/pg_ctl", "-D", data, "-m", "immediate", "stop")


def with_storage_line_in_force() -> str:
    """Our template, with the lines about Postgres in force as a user makes them."""
    text = files("toolace_dagster.orchestration").joinpath("templates", "dagster.yaml").read_text(encoding="utf-8")
    before, _, storage = text.partition("# storage:")
    return f"{before}storage:{storage.replace(chr(10) + '# ', chr(10))}"


def test_runs_partitions_and_checks_are_kept_in_postgres(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / "dagster").mkdir(parents=True)
    (home / "dagster" / "dagster.yaml").write_text(with_storage_line_in_force())
    pool = small_pool(tmp_path / "pool")
    words = ("run", "--pool", pool, "--dialogues", 2, "--rounds", 0, "--home", home)
    ended = toolace(*words, DAGSTER_POSTGRES_URL=server)
    assert ended.code == 0, ended.err
    # Both domains wrote at once, and nothing was kept in SQLite files.
    assert not list((home / "dagster").rglob("*.db"))
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", server)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with open_instance(Warehouse(home)) as instance:
        assert {run.status for run in instance.get_runs()} == {dg.DagsterRunStatus.SUCCESS}
        assert len(instance.get_runs()) == len(TWO_DOMAINS) + 1
        assert set(instance.get_dynamic_partitions("tool_domain")) == set(TWO_DOMAINS)
        assert instance.get_materialized_partitions(dg.AssetKey("verified_dialogues")) == set(TWO_DOMAINS)
    again = toolace(*words, DAGSTER_POSTGRES_URL=server)
    assert again.code == 0
    assert "Nothing was stale" in again.out
