"""Pages of the explorer over a finished home: what they show, and where they lead."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.made import Made
from tests.explorer.browsing import Browser, browsing
from toolace_dagster.warehouse import Row, Warehouse


@pytest.fixture(scope="module")
def browser(made: Made) -> Generator[Browser]:
    with browsing(made.home) as found:
        yield found


def rows(made: Made, query: str, **where: Any) -> list[Row]:
    return [row for name in made.warehouse.domains() for row in made.warehouse.domain(name).read(query, where)]


def ids(links: list[str]) -> list[str]:
    return [re.sub(r".*[?&]id=([^&#]*).*", r"\1", link) for link in links]


def failure(made: Made) -> Row:
    """A rejected dialogue whose defect an edit introduced, where there is one."""
    found = rows(made, "SELECT * FROM failures ORDER BY edit_id IS NULL, dialogue_id")
    return found[0]


def test_the_list_shows_every_dialogue_once(made: Made, browser: Browser) -> None:
    page = browser.get("/")
    assert page.status == 200
    known = {row["dialogue_id"] for row in rows(made, "SELECT dialogue_id FROM outcomes")}
    assert sorted(ids(page.listed)) == sorted(known)


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("state", "SELECT state AS value, count(*) AS n FROM outcomes GROUP BY state"),
        ("domain", "SELECT domain AS value, count(*) AS n FROM outcomes GROUP BY domain"),
        ("check", "SELECT check_id AS value, count(*) AS n FROM failures GROUP BY check_id"),
        ("cause", "SELECT cause_stage AS value, count(*) AS n FROM failures GROUP BY cause_stage"),
        ("finding", "SELECT check_id AS value, count(DISTINCT dialogue_id) AS n FROM findings GROUP BY check_id"),
        (
            "injection",
            "SELECT injection AS value, count(DISTINCT dialogue_id) AS n FROM edits "
            "WHERE outcome = 'accepted' AND injection IS NOT NULL GROUP BY injection",
        ),
        (
            "run",
            "SELECT run_id AS value, count(DISTINCT dialogue_id) AS n FROM stage_rows GROUP BY run_id",
        ),
    ],
)
def test_a_filter_shows_what_it_names(made: Made, browser: Browser, name: str, query: str) -> None:
    expected: dict[str, int] = {}
    for row in rows(made, query):
        expected[row["value"]] = expected.get(row["value"], 0) + row["n"]
    assert expected
    for value, number in expected.items():
        assert len(browser.get("/", **{name: value}).listed) == number, value
    assert browser.get("/", **{name: "no such thing"}).listed == []


def test_filters_go_together_and_words_are_searched_for(made: Made, browser: Browser) -> None:
    bad = failure(made)
    page = browser.get("/", words=bad["dialogue_id"].upper(), state="rejected", domain=bad["domain"])
    assert ids(page.listed) == [bad["dialogue_id"]]
    assert browser.get("/", words=bad["dialogue_id"], state="accepted").listed == []


def test_a_page_number_out_of_bounds_or_none_at_all_is_mended(browser: Browser) -> None:
    whole = browser.get("/").listed
    for number in ("0", "7", "-3", "x", "9" * 30, "²"):
        assert browser.get("/", page=number).listed == whole


def test_a_dialogue_shows_its_cause_its_turns_and_its_findings_in_place(made: Made, browser: Browser) -> None:
    bad = failure(made)
    page = browser.get("/dialogue", id=bad["dialogue_id"])
    assert " ".join(bad["cause"].split()) in " ".join(page.text.split())
    turns = rows(made, "SELECT * FROM turn_history WHERE dialogue_id = $id AND is_final", id=bad["dialogue_id"])
    shown = [each.removeprefix("turn-") for each in page.attributes("article", "id")]
    assert sorted(shown) == sorted(row["turn_id"] for row in turns)
    for row in turns:
        assert row["content"].strip() in page.text
    found = rows(made, "SELECT * FROM findings WHERE dialogue_id = $id", id=bad["dialogue_id"])
    anchors = [each for each in page.attributes("div", "id") if each.startswith("finding-")]
    assert sorted(anchors) == sorted(f"finding-{row['position']}" for row in found)
    assert {link for link in page.links if link.startswith("#finding-")} == {f"#{anchor}" for anchor in anchors}


def test_the_steps_lead_from_the_skeleton_to_the_dialogue_as_it_is(made: Made, browser: Browser) -> None:
    bad = failure(made)
    edits = rows(made, "SELECT * FROM edits WHERE dialogue_id = $id ORDER BY round, sequence", id=bad["dialogue_id"])
    page = browser.get("/dialogue", id=bad["dialogue_id"], step=0)
    for edit in edits:
        forward = [attrs["href"] for tag, attrs in page.elements if attrs.get("data-key") == "j ArrowRight"]
        assert len(forward) == 1
        page = browser.get(forward[0])
        marked = [attrs["class"] for tag, attrs in page.elements if tag == "article"]
        kinds = {mark for mark in ("new", "changed", "tried", "masked") for each in marked if mark in each.split()}
        assert kinds <= ({"new", "changed", "masked"} if edit["outcome"] == "accepted" else {"tried"})
        assert kinds
    assert page.body == browser.get("/dialogue", id=bad["dialogue_id"], step=len(edits)).body
    assert not [attrs for _, attrs in page.elements if attrs.get("data-key") == "j ArrowRight"]


def test_the_step_that_introduced_the_defect_is_marked_and_linked(made: Made, browser: Browser) -> None:
    for bad in rows(made, "SELECT * FROM failures WHERE how IN ('initial', 'rewritten', 'exposed')"):
        page = browser.get("/dialogue", id=bad["dialogue_id"])
        edits = rows(
            made, "SELECT edit_id FROM edits WHERE dialogue_id = $id ORDER BY round, sequence", id=bad["dialogue_id"]
        )
        step = [row["edit_id"] for row in edits].index(bad["edit_id"]) + 1 if bad["edit_id"] else 0
        assert page.text.count("first cause") == 1
        marked = next(n for n, (_, attrs) in enumerate(page.elements) if attrs.get("class", "").endswith(" cause"))
        assert f"step={step}" in page.elements[marked + 1][1]["href"]


def test_where_values_come_from_is_told_on_hover(made: Made, browser: Browser) -> None:
    page = browser.get("/dialogue", id=made.ids("accepted")[0])
    told = [title for title in page.attributes("tr", "title") if title.startswith(("grounded:", "derived:"))]
    assert told
    assert any(re.search(r" in turn t\d", title) for title in told)


def test_where_values_come_from_is_told_as_it_was_recorded(made: Made, tmp_path: Path) -> None:
    home = shutil.copytree(made.home, tmp_path / "home")
    dialogue_id = made.ids("accepted", "verification")[0]
    with Warehouse(home).domain(dialogue_id.rsplit("-", 2)[0]).write() as connection:
        connection.execute(
            "UPDATE argument_sources SET reason = 'as noted at ' || stage WHERE dialogue_id = $id", {"id": dialogue_id}
        )
    with browsing(home) as browser:
        for step, stage in ((0, "skeletons"), (99, "verification")):
            titles = browser.get("/dialogue", id=dialogue_id, step=step).attributes("tr", "title")
            told = [title for title in titles if title.startswith(("grounded:", "derived:"))]
            assert told
            assert all(title.endswith(f"(as noted at {stage})") for title in told), told


def test_a_call_shows_its_prompt_and_reply(made: Made, browser: Browser) -> None:
    dialogue_id = made.ids("rejected")[0]
    page = browser.get("/dialogue", id=dialogue_id)
    link = next(link for link in page.links if link.startswith("/call?"))
    call = browser.get(link)
    tries = rows(made, "SELECT * FROM all_calls WHERE call_id = $id ORDER BY created_at", id=ids([link])[0])
    assert call.status == 200
    assert all(f"{stored['prompt_tokens']:,} tokens of prompt" in call.text for stored in tries)
    # A try that followed an unusable reply has that reply and what was wrong with it in its prompt too.
    assert call.text.count("Prompt: ") == sum(len(json.loads(stored["messages"])) for stored in tries) >= 2
    assert "Reply" in call.text


def test_failures_count_what_the_lists_they_lead_to_hold(made: Made, browser: Browser) -> None:
    page = browser.get("/failures")
    bars = re.findall(r'<a href="([^"]*)"><g class="bar">\s*<title>[^<]*: ([\d,]+)</title>', page.body)
    assert len(bars) >= 3
    for link, number in bars:
        listed = browser.get(link.replace("&amp;", "&")).listed
        bad = {*made.ids("rejected"), *made.ids("failed")}
        assert len([each for each in ids(listed) if each in bad]) == int(number.replace(",", ""))


def test_stage_counts_add_up_on_the_page(made: Made, browser: Browser) -> None:
    page = browser.get("/failures")
    table = page.body.partition('id="stages"')[2]
    stages = rows(made, "SELECT DISTINCT stage FROM stage_rows")
    assert table.count("<td>yes</td>") == len({row["stage"] for row in stages})
    assert "no: " not in table


def test_what_does_not_exist_is_said_to(browser: Browser) -> None:
    for path, query in (("/dialogue", {"id": "nobody"}), ("/dialogue", {}), ("/nothing", {}), ("/static/app.py", {})):
        page = browser.get(path, **query)
        assert page.status == 404, path
        assert "Traceback" not in page.body
    assert "No dialogue has the id" in browser.get("/dialogue", id="nobody").text
