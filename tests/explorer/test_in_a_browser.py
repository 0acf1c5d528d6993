"""The explorer in headless Chromium: keys, steps, findings, both colour schemes, and hostile text that does nothing.

Needs Chromium with its driver, and selenium (``pip install selenium``); without them these tests are skipped.
"""

from __future__ import annotations

import importlib
import shutil
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.cli.made import Made
from tests.explorer.browsing import browsing
from tests.explorer.test_hostile_text import poisoned
from tests.rating.compared import two_homes
from toolace_dagster.rating import read_ratings

selenium = pytest.importorskip("selenium", reason="selenium is not installed (pip install selenium)")
_CHROMIUM, _DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (_CHROMIUM and _DRIVER), reason="there is no chromium with chromedriver (apt-get install chromium-driver)"
)


class Window:
    """A window of the browser, showing one explorer."""

    def __init__(self, driver: Any, port: int) -> None:
        self.driver = driver
        self.base = f"http://127.0.0.1:{port}"

    def open(self, path: str) -> None:
        """Open a page."""
        self.driver.get(self.base + path)

    def press(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def all(self, selector: str) -> list[Any]:
        """Elements that are seen."""
        return [each for each in self.driver.find_elements("css selector", selector) if each.is_displayed()]

    def wait_for(self, words: str) -> None:
        """Wait until a page that says something is there."""
        patience = time.monotonic() + 30
        while words not in self.driver.page_source:
            assert time.monotonic() < patience, words
            time.sleep(0.02)

    @property
    def query(self) -> dict[str, str]:
        """Parameters of the address."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.driver.current_url).query).items()}

    def ran_nothing(self) -> None:
        """No dialog opened, no script but our own is there, and the console has no complaint."""
        assert self.driver.execute_script("return window.stained === undefined")
        sources = [each.get_attribute("src") for each in self.driver.find_elements("css selector", "script")]
        assert sources == [f"{self.base}/static/keys.js"]
        assert self.driver.get_log("browser") == []


@pytest.fixture(scope="module")
def driver() -> Generator[Any]:
    webdriver = importlib.import_module("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = _CHROMIUM
    for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1300,1000"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # A dialog that hostile text opened would make the next command fail.
    options.set_capability("unhandledPromptBehavior", "dismiss and notify")
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=_DRIVER))
    try:
        yield started
    finally:
        started.quit()


@pytest.fixture(scope="module")
def window(made: Made, driver: Any) -> Generator[Window]:
    with browsing(made.home) as browser:
        yield Window(driver, browser.port)


def edited(made: Made) -> str:
    """A rejected dialogue with edits."""
    found = [
        row["dialogue_id"]
        for domain in made.warehouse.domains()
        for row in made.warehouse.domain(domain).read(
            "SELECT dialogue_id FROM failures WHERE dialogue_id IN (SELECT dialogue_id FROM edits) "
            "AND dialogue_id IN (SELECT dialogue_id FROM findings WHERE turn_id IS NOT NULL) ORDER BY dialogue_id"
        )
    ]
    return found[0]


def test_filter_open_and_step_with_keys_alone(made: Made, window: Window) -> None:
    window.open("/")
    window.driver.find_element("css selector", "select[name=state]").send_keys("rejected")
    window.driver.find_element("css selector", "button[type=submit]").click()
    assert window.query["state"] == "rejected"
    listed = [each.text for each in window.all("a.id")]
    assert sorted(listed) == made.ids("rejected")
    window.press("j", "j", "k")
    assert window.driver.switch_to.active_element.text == listed[0]
    window.press("\ue007")
    assert window.query == {"id": listed[0], "state": "rejected"}
    window.open(f"/dialogue?id={edited(made)}&state=rejected")
    window.press("k")
    assert window.query["step"]
    window.press("\ue012", "\ue014")
    assert "step" in window.query
    window.press("u")
    assert window.query["state"] == "rejected"
    assert "id" not in window.query
    window.press("/")
    assert window.driver.switch_to.active_element.get_attribute("name") == "words"
    # A letter that is typed into a field is no key.
    window.press("f")
    assert window.query["state"] == "rejected"
    window.ran_nothing()


def test_a_finding_leads_to_its_turn_and_to_the_step_that_introduced_it(made: Made, window: Window) -> None:
    dialogue_id = edited(made)
    window.open(f"/dialogue?id={dialogue_id}")
    hard = window.all(".findings .hard a")[0]
    anchor = hard.get_attribute("href").partition("#")[2]
    hard.click()
    found = window.driver.find_element("id", anchor)
    top = window.driver.execute_script("return arguments[0].getBoundingClientRect().top", found)
    assert 0 <= top < 1000
    window.press("g")
    assert window.driver.current_url.partition("#")[2].startswith("finding-")
    link = found.find_elements("css selector", ".since a")
    if link:
        link[0].click()
        assert "step" in window.query
        assert window.all(".timeline .cause [aria-current=step]")
    window.open(f"/dialogue?id={dialogue_id}&step=0")
    window.press("o")
    assert all(each.get_attribute("open") is not None for each in window.all("details.call"))
    window.press("?")
    assert window.all("#keys")
    window.ran_nothing()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_in_both_colour_schemes(made: Made, window: Window, scheme: str) -> None:
    window.driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    for path in ("/", f"/dialogue?id={edited(made)}", "/failures"):
        window.open(path)
        ratios = window.driver.execute_script(_CONTRASTS)
        assert len(ratios) > 20
        assert min(ratio for _, ratio in ratios) >= 4.5, sorted(ratios, key=lambda each: each[1])[:5]
        light = window.driver.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert (sum(int(part) for part in light[4:-1].split(",")[:3]) > 380) == (scheme == "light")


def test_pairs_are_rated_with_keys_alone(driver: Any, tmp_path: Path) -> None:
    """One with a reason, the others without; the browser's own headers are those that the form is taken with."""
    mine, other = two_homes(tmp_path)
    with browsing(mine.home, other) as browser:
        window = Window(driver, browser.port)
        window.open("/rate")
        window.press("/", *"clearer", "\ue00c")
        left = window.all("section.chat")[0].text
        for number, key in enumerate("100000", start=1):
            window.press(key)
            window.wait_for(f"{number} of 6 rated" if number < 6 else "All 6 pairs are rated")
        first, *others = read_ratings(mine)
        assert (first.reason, first.preferred) == ("clearer", first.left)
        assert ("ALPHA" in left) == (first.preferred == first.own)
        assert [each.preferred for each in others] == [None] * 5
        window.open("/ratings")
        assert "clearer" in driver.find_element("css selector", "main").text
        window.ran_nothing()


def test_hostile_text_does_nothing(made: Made, driver: Any, tmp_path: Path) -> None:
    home, dialogue_id = poisoned(made, tmp_path)
    with browsing(home) as browser:
        window = Window(driver, browser.port)
        window.open("/?words=script")
        window.ran_nothing()
        window.all("a.id")[0].click()
        assert window.query["id"] == dialogue_id
        assert "<script>alert(1)</script>" in driver.find_element("css selector", "main").text
        window.ran_nothing()
        window.press("o", "k", "g")
        window.ran_nothing()
        window.open("/failures")
        window.ran_nothing()


_CONTRASTS = """
function channels(text) { return text.match(/[\\d.]+/g).map(Number); }
function light(c) {
  const l = c.slice(0, 3).map(v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
  return 0.2126 * l[0] + 0.7152 * l[1] + 0.0722 * l[2];
}
function behind(node) {
  for (; node; node = node.parentElement) {
    const c = channels(getComputedStyle(node).backgroundColor);
    if (c.length < 4 || c[3] === 1) return c;
  }
  return channels(getComputedStyle(document.documentElement).backgroundColor).slice(0, 3).map(() =>
    matchMedia("(prefers-color-scheme: dark)").matches ? 18 : 255);
}
const found = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const node = walker.currentNode, holder = node.parentElement;
  if (!node.data.trim() || !holder.offsetParent || holder.closest("svg, select, option")) continue;
  const pair = [light(channels(getComputedStyle(holder).color)), light(behind(holder))].sort((a, b) => b - a);
  found.push([node.data.trim().slice(0, 40), (pair[0] + 0.05) / (pair[1] + 0.05)]);
}
return found;
"""
"""Contrast of each text that is seen with what is behind it, as WCAG 2 reckons it."""
