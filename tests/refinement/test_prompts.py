"""What an endpoint's prompt cache can serve of refinement's requests: all that comes before what varies."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from tests.builders import drive, spec
from tests.refinement.test_operations import ALL_TOOLS, all_liked, listed_dialogue
from toolace_dagster.entities import InjectionType
from toolace_dagster.llm.protocol import ModelRequest
from toolace_dagster.refinement.rounds import round_program
from toolace_dagster.settings import Settings


@pytest.fixture(scope="module")
def prompts() -> dict[str, list[tuple[str, str]]]:
    """System and user parts of the requests of four rounds over a dialogue that changes, by task."""
    seen: dict[str, list[tuple[str, str]]] = defaultdict(list)
    kinds = (InjectionType.ERROR_SIMULATION, InjectionType.NON_FUNCTION_CALLING)
    for slot in range(3):
        subject = listed_dialogue(id=f"garages-{slot:04d}-x")
        for number in range(1, 5):
            answer = all_liked(subject, number)

            def listen(request: ModelRequest[Any], answer: Any = answer) -> dict[str, Any]:
                seen[request.purpose.task].append((request.messages[0].content, request.messages[1].content))
                return answer(request)

            subject = drive(round_program(subject, spec(kinds), ALL_TOOLS, Settings(), number), listen).dialogue
    return seen


@pytest.mark.parametrize("task", ["injection", "mask_fill", "judge"])
def test_what_varies_comes_after_tools_task_and_dialogue(task: str, prompts: dict[str, list[tuple[str, str]]]) -> None:
    assert len(prompts[task]) >= 2
    assert len({system for system, _ in prompts[task]}) == 1, "the same for all dialogues and rounds"
    starts = {said.partition("<dialogue>")[0] for _, said in prompts[task]}
    assert len(starts) == 1, "tools and task stay what they are, whatever was changed in the dialogue"
    for _, said in prompts[task]:
        start, _, rest = said.partition("<dialogue>")
        assert start.index("<tools>") < start.index("<task>")
        assert "</dialogue>" in rest
        varying = {"injection": "<injection>", "mask_fill": "<masked>", "judge": "<version_a>"}[task]
        assert varying not in start
        assert varying in rest.partition("</dialogue>")[2]
