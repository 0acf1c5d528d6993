"""Domains of different size, compared over the same number of dialogues."""

from __future__ import annotations

import html
from pathlib import Path

import pytest

from tests.builders import dialogue, reply, user
from tests.metrics.homes import Attempt, write_home
from toolace_dagster.metrics import figure, measure_home
from toolace_dagster.metrics.by_domain import LEAST
from toolace_dagster.reporting.report import report_facts, report_html, report_markdown
from toolace_dagster.warehouse import Warehouse


def filled(folder: Path, sizes: dict[str, int]) -> Warehouse:
    """Domains in which every user says the same words, so that Distinct-3 is one by the number of dialogues."""
    for domain, size in sizes.items():
        turns = (user("t00", "Find me a garage."), user("t01", "In Ghent."), reply("t02", "None."))
        talks = [dialogue(turns, id=f"{domain}-{n:04d}-a", domain=domain) for n in range(size)]
        write_home(folder, [Attempt(each) for each in talks], domain)
    return Warehouse(folder)


def test_domains_of_different_size_are_measured_over_the_same_number(tmp_path: Path) -> None:
    home = filled(tmp_path, {"boats": 30, "garages": 12, "vans": LEAST - 1})
    rows = measure_home(home)
    assert [figure(rows, "distinct_3", domain=name) for name in ("boats", "garages")] == [1 / 30, 1 / 12]
    found = {row.domain: (row.value, row.count) for row in rows if row.metric == "distinct_3_by_domain"}
    # Two different runs of three of two in each dialogue.
    assert found == {"boats": (1 / 12, 12), "garages": (1 / 12, 12)}
    assert figure(rows, "self_bleu_by_domain", domain="boats") == pytest.approx(100)
    assert [row for row in measure_home(home) if row.metric.endswith("_by_domain")] == [
        row for row in rows if row.metric.endswith("_by_domain")
    ]


def test_the_report_says_over_how_many_and_which_are_left_out(tmp_path: Path) -> None:
    facts = report_facts(filled(tmp_path, {"boats": 30, "garages": 12, "vans": LEAST - 1}))
    page = html.unescape(report_html(facts))
    said = f"they are over 12 of each domain, always the same ones. Left out, with under {LEAST} accepted: vans."
    # Under both plots and the table.
    assert page.count(said) == 3
    assert said in report_markdown(facts)
    assert 'aria-label="Distinct-3 by domain"' in page
    assert 'aria-label="Distinct-3"' not in page.partition("<h2>By domain</h2>")[2]


def test_one_domain_of_enough_dialogues_is_compared_with_none(tmp_path: Path) -> None:
    facts = report_facts(filled(tmp_path, {"boats": 12, "vans": 2}))
    page = html.unescape(report_html(facts))
    assert f"are compared where two domains or more have {LEAST} accepted dialogues" in page
    assert 'aria-label="Distinct-3 by domain"' not in page
