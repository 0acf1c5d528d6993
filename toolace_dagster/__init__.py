"""Verified multi-turn tool-calling dialogues from a pool of tools.

The folders name the stages in the order data flows: ``tool_pool`` →
``initialization`` → ``refinement`` → ``verification`` → ``dataset``. Beside
them stand ``entities`` (the domain model every stage shares), ``llm`` (the
gateway to a model), ``warehouse`` (DuckDB), ``prompts`` (templates as files),
``cli`` and ``orchestration`` (the only part that imports Dagster).
"""

from __future__ import annotations

from pathlib import Path

__version__ = "0.1.0"

# In a checkout `assets/` and `sql/` stand beside the package, in a wheel inside it. Appending the
# checkout root to the package's path makes `toolace_dagster.assets` mean the same in both.
_checkout = Path(__file__).resolve().parent.parent
if (_checkout / "workspace.yaml").exists() and (_checkout / "pyproject.toml").exists():
    __path__.append(str(_checkout))
