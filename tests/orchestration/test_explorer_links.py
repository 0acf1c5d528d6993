"""Materializations and checks lead to pages of the explorer that show what they are about."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError

from toolace_dagster.orchestration.materialize import check_result, explorer_metadata
from toolace_dagster.pipeline.stage_report import StageReport
from toolace_dagster.reporting.links import ExplorerLinks
from toolace_dagster.settings import Settings


def test_a_materialization_leads_to_its_dialogues_and_to_those_that_ended_there() -> None:
    links = ExplorerLinks("http://127.0.0.1:3001/")
    report = StageReport(stage="verification", domain="city & services", attempted=3, accepted=2, rejected=1)
    found = {name: str(value.value) for name, value in explorer_metadata(links, report).items()}
    assert parse_qs(urlsplit(found["explorer"]).query) == {"domain": ["city & services"]}
    ended = urlsplit(found["explorer_ended_here"])
    assert (ended.netloc, ended.path) == ("127.0.0.1:3001", "/failures")
    assert parse_qs(ended.query) == {"domain": ["city & services"], "stage": ["verification"]}
    sound = StageReport(stage="skeletons", domain="x", attempted=3, accepted=3)
    assert list(explorer_metadata(links, sound)) == ["explorer"]


def test_a_check_leads_to_its_page() -> None:
    link = ExplorerLinks("http://127.0.0.1:3001").failures("stages", domain="x")
    result = check_result("counts_add_up", [], look="toolace status", link=link)
    assert result.metadata["explorer"].value == "http://127.0.0.1:3001/failures?domain=x#stages"
    assert "explorer" not in check_result("counts_add_up", [], look="toolace status").metadata


@pytest.mark.parametrize("url", ["javascript:alert(1)", "ftp://x", "http://user:word@host", "http://host/?token=x", ""])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        Settings(explorer_url=url)
