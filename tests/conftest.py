"""What holds for every test: no real endpoint, no Dagster home but the test's own, no clock in hypothesis."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
from hypothesis import settings

# What a shell starts in the background ignores Ctrl-C, and so would all processes that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# At import, before any fixture: a key in a developer's shell must not be spent by a test.
for _name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "DAGSTER_HOME"):
    os.environ.pop(_name, None)

# Two workers on two cores make single examples slow now and then; that is no fault of the code.
settings.register_profile("toolace", deadline=None, print_blob=True)
settings.load_profile("toolace")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep tests together that share what is costly, where the command line asks for groups."""
    from tests.one_worker import ByWhatIsMade

    return ByWhatIsMade(config, log) if config.getoption("dist") == "loadgroup" else None
