"""Tools that nobody runs: made-up answers where an executor would run the real ones.

What a tool answers is never what a model expected, and the work that follows from
that has to be rehearsed too. So the answers are drawn apart from the model's.

Belongs here: answering tool runs. Does not belong here: making results
(``llm.offline``), or when tools are not run (``rehearsal``).
"""

from __future__ import annotations

from collections.abc import Mapping

from toolace_dagster.entities import Tool, canonical_json
from toolace_dagster.execution.protocol import ExecutedCall, Outcome, ToolExecutor, ToolRun, error_content
from toolace_dagster.llm.offline.memory import Memory
from toolace_dagster.llm.offline.request import ToolView, seeded
from toolace_dagster.llm.offline.simulated_tool import call_fault
from toolace_dagster.llm.offline.simulation import Simulator
from toolace_dagster.llm.offline.values import EARLIEST, Maker


class StandInTools(ToolExecutor):
    """Answers for tools by their result schemas; the same calls of a dialogue are always answered alike."""

    def __init__(self, tools: Mapping[str, Tool]) -> None:
        """Take the tools to stand in for.

        Args:
            tools: By name.
        """
        self._tools = {
            name: ToolView(name, tool.description, tool.parameters, tool.result) for name, tool in tools.items()
        }

    @property
    def executes(self) -> frozenset[str]:
        """Names of the tools."""
        return frozenset(self._tools)

    async def __aenter__(self) -> StandInTools:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Nothing was opened."""

    async def run(self, tool_run: ToolRun) -> tuple[Outcome, ...]:
        """Make up what the calls answer; later answers agree with earlier ones."""
        memory = Memory()
        return tuple(self._answered(call, tool_run, memory) for call in tool_run.calls)

    def _answered(self, call: ExecutedCall, tool_run: ToolRun, memory: Memory) -> Outcome:
        tool, arguments = self._tools[call.tool], dict(call.arguments)
        fault = call_fault(tool, arguments)
        if fault is not None:
            return Outcome(content=error_content(fault), is_error=True)
        # By the call and not by its place: a call that others are put before answers as it did.
        rng = seeded(tool_run.dialogue_id, call.tool, canonical_json(arguments))
        content = Simulator(memory, Maker(rng, tool_run.today or EARLIEST)).answer(tool, arguments)
        memory.add_output(call.tool, arguments, content, 0)
        return Outcome(content=content)
