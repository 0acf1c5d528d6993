"""Submissions on disk: what others are writing just now is nobody's leftover."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from toolace_dagster.llm.asking import Manner
from toolace_dagster.llm.batch.lines import Line
from toolace_dagster.llm.batch.submissions import Submission, Submissions, under_way

LONG_AGO = time.time() - 1_000


def written(folder: Path, model: str) -> Submission:
    return Submissions(folder, {"model": model}).write([Line("k-0-0", "k", {}, Manner(), "skeletons")], [b"{}\n"])


def test_another_accounts_submission_that_is_being_sent_is_left_alone(tmp_path: Path) -> None:
    judge = Submissions(tmp_path, {"model": "judge"})
    sending = written(tmp_path, "generator")
    half = tmp_path / "half"
    half.mkdir()
    assert list(judge.left()) == []
    sending.note("creating")
    assert half.exists()


def test_what_a_kill_left_is_removed(tmp_path: Path) -> None:
    for model in ("judge", "generator"):
        written(tmp_path, model)
    time.sleep(0.01)
    half = tmp_path / "half"
    half.mkdir()
    os.utime(half, (LONG_AGO, LONG_AGO))
    assert list(Submissions(tmp_path, {"model": "judge"}).left()) == []
    assert list(tmp_path.iterdir()) == []


def test_counting_removes_nothing(tmp_path: Path) -> None:
    written(tmp_path, "generator").note("creating")
    half = tmp_path / "half"
    half.mkdir()
    assert under_way(tmp_path) == 1
    assert half.exists()


def test_a_folder_of_a_version_that_noted_less_is_taken_up(tmp_path: Path) -> None:
    submission = written(tmp_path, "judge")
    submission.note("collected")
    for field in ("stage", "written_at", "collected_at"):
        del submission.state[field]
    (submission.folder / "state.json").write_text(json.dumps(submission.state))
    (left,) = Submissions(tmp_path, {"model": "judge"}).left()
    assert (left.step, left.stage, left.seconds, left.written_at) == ("collected", "", 0.0, 0.0)
