"""docs/verification.md tells what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from toolace_dagster.reporting.rules import rules_table
from toolace_dagster.verification.rules import RULES

DOCS = Path(__file__).parents[2] / "docs" / "verification.md"


def test_the_table_of_rules_is_that_of_the_registry():
    if not DOCS.exists():
        pytest.skip("no docs beside the tests")
    shown = re.search(r"<!-- rules -->\n(.*?)<!-- end of rules -->", DOCS.read_text(), re.DOTALL)
    assert shown is not None
    assert shown[1].strip() == rules_table(RULES.values()).strip(), "paste what `toolace rules --markdown` prints"
