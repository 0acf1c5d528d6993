"""Comparing dialogues in the browser: blind, durable, and only from our own page."""

from __future__ import annotations

import http.client
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest
from typer.testing import CliRunner

from tests.builders import TOOLS
from tests.explorer.browsing import Browser, Shown, browsing
from tests.rating.compared import METHODS, home, two_homes
from toolace_dagster.cli.app import app
from toolace_dagster.rating import Pairs, read_ratings
from toolace_dagster.warehouse import Warehouse, insert

SCRIPT = "<script>alert(1)</script>"


@dataclass(frozen=True)
class Site:
    """A served home and the one it is compared with."""

    browser: Browser
    home: Warehouse
    other: Warehouse

    def form(self) -> dict[str, str]:
        """What the form of the page holds besides the choice."""
        page = self.browser.get("/rate")
        return {attrs["name"]: attrs["value"] for tag, attrs in page.elements if attrs.get("type") == "hidden"}

    def post(self, fields: dict[str, str], **headers: str) -> tuple[int, str]:
        """Send the form: status and where it leads."""
        connection = http.client.HTTPConnection("127.0.0.1", self.browser.port, timeout=60)
        try:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", "/rate", urlencode(fields), kind | names)
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.getheader("location") or ""
        finally:
            connection.close()


@pytest.fixture
def site(tmp_path: Path) -> Generator[Site]:
    mine, other = two_homes(tmp_path)
    with browsing(mine.home, other) as browser:
        yield Site(browser, mine, other)


def test_the_page_shows_both_dialogues_and_nothing_of_how_they_were_made(site: Site) -> None:
    page = site.browser.get("/rate")
    assert page.status == 200
    assert "ALPHA" in page.text
    assert "BETA" in page.text
    assert "Find a garage in Ghent and book it." in page.text
    for word in (*METHODS, "mine", "origin", "t00", "garages-0", str(site.home.home)):
        assert word not in page.body, word
    assert page.attributes("button", "data-key") == ["1", "0", "2"]


def test_the_page_says_which_tools_are_offered_and_what_they_do(site: Site) -> None:
    first, *_ = TOOLS
    row = {"name": first, "fingerprint": "f", "description": "Says <b>when</b>.", "definition": {}, "is_current": True}
    with site.home.domain("garages").write() as connection:
        insert(connection, "domain_tools", [row])
    page = site.browser.get("/rate")
    assert f"{len(TOOLS)} tools are offered" in page.text
    assert "Says <b>when</b>." in page.text
    assert all(name in page.text for name in TOOLS)


def test_a_choice_is_kept_for_the_home_whose_dialogue_it_was(site: Site) -> None:
    for number in range(6):
        page = site.browser.get("/rate")
        alpha_left = page.body.index("ALPHA") < page.body.index("BETA")
        form = site.form() | {"choice": "left" if alpha_left else "right", "reason": f"reason {number}"}
        assert site.post(form, Sec_Fetch_Site="same-origin", Origin="null") == (303, "/rate")
    ratings = read_ratings(site.home)
    assert [each.preferred for each in ratings] == ["mine"] * 6
    assert {each.choice for each in ratings} <= {"left", "right"}
    assert "All 6 pairs are rated" in site.browser.get("/rate").text
    results = site.browser.get("/ratings").text
    assert "mine was preferred in 100 %" in results
    assert "reason 5" in results
    said = CliRunner().invoke(app, ["ratings", "--home", str(site.home.home)])
    assert said.exit_code == 0
    assert "mine in 100% of the decided pairs" in said.output


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
    ],
)
def test_a_form_of_another_site_is_refused(site: Site, headers: dict[str, str]) -> None:
    status, _ = site.post(site.form() | {"choice": "left"}, **headers)
    assert status == 403
    assert read_ratings(site.home) == []


def test_a_form_is_refused_without_the_token_a_pair_or_a_choice(site: Site) -> None:
    whole = site.form() | {"choice": "left"}
    for bad in (
        {},
        whole | {"token": "0" * 64},
        whole | {"token": "é"},
        whole | {"pair": "nothing"},
        whole | {"choice": "best"},
        {name: value for name, value in whole.items() if name != "choice"},
        whole | {"reason": "x" * 70_000},
        whole | {f"field{number}": "x" for number in range(20)},
    ):
        status, _ = site.post(bad)
        assert status == 400, bad.keys()
    assert read_ratings(site.home) == []
    assert site.post(whole) == (303, "/rate")
    assert site.post(whole)[0] == 400, "a pair is rated once"
    assert len(read_ratings(site.home)) == 1


def test_what_models_wrote_does_nothing(tmp_path: Path) -> None:
    mine = home(tmp_path / "a", {"one": SCRIPT}, "trajectory_initialization")
    other = home(tmp_path / "b", {"one": f"other {SCRIPT}"}, "simulation")
    with browsing(mine.home, other) as browser:
        found = Site(browser, mine, other)
        page = browser.get("/rate")
        assert page.text.count(SCRIPT) == 2
        assert scripts(page) == ["/static/keys.js"]
        assert found.post(found.form() | {"choice": "tie", "reason": SCRIPT})[0] == 303
        results = browser.get("/ratings")
        assert SCRIPT in results.text
        assert scripts(results) == ["/static/keys.js"]


def scripts(page: Shown) -> list[str]:
    """Sources of scripts; one without a source counts as empty."""
    return [attrs.get("src", "") for tag, attrs in page.elements if tag == "script"]


def test_without_another_home_the_pages_say_how_to_name_one(tmp_path: Path) -> None:
    mine, _ = two_homes(tmp_path)
    with browsing(mine.home) as browser:
        for path in ("/rate", "/ratings"):
            page = browser.get(path)
            assert page.status == 404
            assert "--against" in page.text


def test_homes_without_a_task_in_common_have_nothing_to_rate(tmp_path: Path) -> None:
    mine = home(tmp_path / "a", {"one": "x"}, "trajectory_initialization")
    other = home(tmp_path / "b", {"two": "y"}, "simulation")
    with browsing(mine.home, other) as browser:
        assert "nothing to compare" in browser.get("/rate").text
    assert Pairs(mine, other).all() == []
