"""A prompt as if its template had changed."""

from __future__ import annotations

import sys

import pytest

from toolace_dagster.prompts import prompt_hash


def change_prompt(monkeypatch: pytest.MonkeyPatch, prompt: str) -> None:
    """Give a prompt another hash, whichever stage asks for it."""
    asking = [name for name in sys.modules if name.startswith("toolace_dagster.pipeline.stages.")]
    assert asking
    for name in asking:
        if hasattr(sys.modules[name], "prompt_hash"):
            monkeypatch.setattr(f"{name}.prompt_hash", lambda asked: prompt_hash(asked) + (asked == prompt) * "changed")
