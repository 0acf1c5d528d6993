"""How long a call waits before it is tried again."""

from __future__ import annotations

import time

import httpx2
import openai
import pytest

from toolace_dagster.llm.protocol import CallError
from toolace_dagster.llm.tries import Health, Tries
from toolace_dagster.settings import ModelSettings


def fault(status: int) -> openai.APIStatusError:
    """A fault as the client raises it."""
    request = httpx2.Request("POST", "http://x.invalid/v1/chat/completions")
    return openai.APIStatusError("trouble", response=httpx2.Response(status, request=request), body=None)


def waits(status: int, *, others_answered: bool) -> list[float]:
    """Seconds before each of four tries again."""
    health = Health()
    tries = Tries(ModelSettings(model="m"), "http://x.invalid/v1", health)
    found: list[float] = []
    for _ in range(4):
        tries.sends(time.monotonic() - 1)
        if others_answered:
            health.answered(time.monotonic())
        found.append(tries.wait(fault(status)))
        assert tries.after(fault(status), CallError(kind="server", message="trouble")) is None
    return found


def test_while_others_are_answered_a_fault_is_tried_again_soon() -> None:
    soon = waits(500, others_answered=True)
    assert all(0 < wait <= 0.05 * 2**number * 1.5 for number, wait in enumerate(soon))


@pytest.mark.parametrize(("status", "others_answered"), [(500, False), (503, True)])
def test_where_an_endpoint_has_to_recover_waits_grow_threefold(status: int, others_answered: bool) -> None:
    longer = waits(status, others_answered=others_answered)
    assert all(0.05 * 3**number <= wait <= 0.15 * 3**number for number, wait in enumerate(longer))
