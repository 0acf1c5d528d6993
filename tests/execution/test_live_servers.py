"""Pools that are live MCP servers: dialogues whose tool outputs are what the server answered.

The servers are optional: ``pip install mcp-server-time mcp-server-git``.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from toolace_dagster.entities import Skeleton, ToolOutput, Turn
from toolace_dagster.execution.executor import domain_executor
from toolace_dagster.execution.protocol import Outcome, ToolRun, differing_calls
from toolace_dagster.initialization.real_outputs import executed_calls
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.pool import write_pool
from toolace_dagster.pipeline.stage_run import run_stage
from toolace_dagster.pipeline.stages import Skeletons, first_stage
from toolace_dagster.settings import ModelSettings, Range, Settings
from toolace_dagster.tool_pool import load_pool
from toolace_dagster.warehouse import Warehouse


def finished(source: str, home: Path) -> StageContext:
    settings = Settings(
        pool=source,
        dialogues=2,
        sub_tasks=Range(low=1, high=2),
        steps=Range(low=1, high=2),
        llm=ModelSettings(error_rate=0),
    )
    (domain,) = load_pool(source).domains
    where = StageContext(domain=domain.name, settings=settings, warehouse=Warehouse(home), run_id="first")
    write_pool(where.store, domain)
    for stage in (first_stage(), Skeletons()):
        report = run_stage(stage, where)
        assert report.accepted == settings.dialogues
    return where


def outputs_of(turns: list[Turn]) -> list[ToolOutput]:
    return [output for turn in turns for output in turn.outputs if output.source == "executed"]


def checked_again(where: StageContext, deterministic: set[str]) -> int:
    """Run each skeleton's calls a second time; deterministic tools have to say what the dialogue holds.

    Returns:
        The number of outputs compared.
    """
    executor = domain_executor(where.domain, where.backends, where.own_tools)
    assert executor is not None

    async def again(run: ToolRun) -> tuple[tuple[Outcome, ...], tuple[int, ...]]:
        async with executor as tools:
            return await tools.run(run), await differing_calls(tools, run)

    compared = 0
    skeleton = next(iter(where.payloads("skeletons", Skeleton).values()))
    turns = [turn for part in skeleton.sub_trajectories for turn in part.turns]
    run = ToolRun(domain=where.domain, dialogue_id=skeleton.dialogue_id, calls=executed_calls(turns))
    held = outputs_of(turns)
    outcomes, restless = asyncio.run(again(run))
    for place, (output, outcome) in enumerate(zip(held, outcomes, strict=True)):
        assert output.name == run.calls[place].tool
        if output.name in deterministic:
            assert (output.content, output.is_error) == (outcome.content, outcome.is_error)
            assert place not in restless
            compared += 1
    return compared


@pytest.mark.skipif(find_spec("mcp_server_time") is None, reason="mcp-server-time is not installed")
def test_the_time_server(tmp_path: Path) -> None:
    where = finished(f"mcp+stdio:{sys.executable} -m mcp_server_time --local-timezone UTC", tmp_path / "home")
    assert where.executable == {"get_current_time", "convert_time"}
    assert checked_again(where, {"convert_time"}) >= 1


@pytest.mark.skipif(
    find_spec("mcp_server_git") is None or not shutil.which("git"), reason="no mcp-server-git, or no git"
)
def test_the_git_server_reads_and_does_not_write(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "notes.txt").write_text("first\n")
    for command in ("init -q -b main", "add .", "-c user.name=A -c user.email=a@example.org commit -q -m first"):
        subprocess.run(["git", *command.split()], cwd=repository, check=True)
    where = finished(f"mcp+stdio:{sys.executable} -m mcp_server_git --repository {repository}", tmp_path / "home")
    assert "git_status" in where.executable
    assert not {"git_commit", "git_add", "git_reset", "git_checkout"} & where.executable
    assert checked_again(where, set(where.executable)) >= 1
    log = subprocess.run(["git", "log", "--oneline"], cwd=repository, check=True, capture_output=True, text=True)
    assert len(log.stdout.splitlines()) == 1
