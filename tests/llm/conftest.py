"""What the gateway's tests share: a key that must never be seen again, and a server for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.llm.flaky_server import Behaviour, FlakyServer
from tests.llm.rows import KEY


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture
def serve() -> Iterator[Callable[[Behaviour], FlakyServer]]:
    """Starts a server that behaves as told."""
    with ExitStack() as stack:
        yield lambda behaviour: stack.enter_context(FlakyServer(behaviour))
