"""Short ways to write tool runs.

Belongs here: builders. Does not belong here: tools.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from toolace_dagster.execution.protocol import ExecutedCall, ToolRun

TOOLS = Path(__file__).parent / "tools"


def call(tool: str, **arguments: Any) -> ExecutedCall:
    """A call of a tool."""
    return ExecutedCall(tool=tool, arguments=arguments)


def run_of(
    *calls: ExecutedCall, dialogue_id: str = "garages-0000-abc", domain: str = "garages", today: date | None = None
) -> ToolRun:
    """A run of calls."""
    return ToolRun(domain=domain, dialogue_id=dialogue_id, calls=calls, today=today)
