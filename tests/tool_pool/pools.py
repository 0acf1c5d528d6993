"""What the tests of tool pools share: where real pools are, and the types of the fixtures in ``conftest``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from toolace_dagster.entities import ImportNote, Tool

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "mcp"
EMPTY: dict[str, Any] = {"type": "object", "properties": {}}

WritePool = Callable[[dict[str, Any]], Path]
ImportOne = Callable[[Any], tuple[Tool | None, ImportNote]]
