"""Endpoints that nobody can use: the command line tells the fault once, with its mend."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.cli.command import Ended, toolace
from tests.cli.made import Made
from tests.pipeline.homes import DOMAIN

FEW = ("--domain", DOMAIN, "--dialogues", "2", "--rounds", "1")
ENDPOINT = ("--model", "x", "--base-url", "http://127.0.0.1:9/v1")


def assert_told(ended: Ended, home: Path, *words: str) -> None:
    assert ended.code == 1
    (line,) = [line for line in ended.err.splitlines() if line.startswith("error:")]
    for word in (f"{DOMAIN}: task_specs: ", *words):
        assert word in line
    assert "Traceback" not in ended.err + ended.out
    assert not (home / "exports").exists()


def test_a_refused_connection(tmp_path: Path) -> None:
    ended = toolace("run", "--home", tmp_path, *FEW, *ENDPOINT, OPENAI_API_KEY="test")
    assert_told(ended, tmp_path, "http://127.0.0.1:9/v1", "OPENAI_BASE_URL")
    assert "Model x at http://127.0.0.1:9/v1." in ended.out


def test_a_missing_key_and_a_relative_pool_that_is_remembered_by_its_whole_path(made: Made, tmp_path: Path) -> None:
    shutil.copytree(made.pool, tmp_path / "tools")
    ended = toolace("run", "--home", "home", "--pool", "tools", *FEW, *ENDPOINT, cwd=tmp_path)
    assert_told(ended, tmp_path / "home", "OPENAI_API_KEY is not set")
    assert f'"pool": "{tmp_path / "tools"}"' in (tmp_path / "home" / "settings.json").read_text()
