"""The Dagster UI in headless Chromium: what docs/operations.md says of it, done click by click, with pictures.

A home of its own, an endpoint of its own (the offline model over HTTP, which can be told to refuse or to be worse) and
the explorer beside it. Then, each by the pages' own buttons: one domain is materialized; all are, four runs at once; a
partition fails, its endpoint is mended and it is launched again; the nightly schedule is switched on and its tick
starts runs; a failed check is followed through its link to the explorer. What does not come about ends the tour with an
error and a picture of the page.

Needs Chromium with its driver, and `pip install selenium pillow`.

Run: ``python -m benchmarks.ui_tour [FOLDER FOR PICTURES]``
"""

# pyright: reportUnknownMemberType=false
# Selenium's and Pillow's signatures have unknown parts.

from __future__ import annotations

import asyncio
import io
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from PIL import Image
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from benchmarks.kill_resume import serving as served
from benchmarks.ui_server import LOCATION, Ui, serving
from toolace_dagster.llm.offline import OfflineModel, make_app
from toolace_dagster.settings import SHIPPED_POOL

DOMAINS = ("city_services", "farm_irrigation", "freight_logistics", "home_energy", "lab_samples", "museum_visits")
ONE, FAILING, WORSE = "home_energy", "museum_visits", "lab_samples"
AT_ONCE = 4
WIDTH, HEIGHT = 1360, 900
_RUNS = """
{ runsOrError(limit: 60) { ... on Runs { results { runId status tags { key value } stats { __typename } } } } }
"""
_TICKS = """
query ($selector: ScheduleSelector!) { scheduleOrError(scheduleSelector: $selector) {
  ... on Schedule { scheduleState { status ticks(limit: 5) { status runIds error { message } skipReason } } } } }
"""


@dataclass
class Endpoint:
    """The offline model over HTTP, and how it behaves.

    Attributes:
        model: What answers.
        url: Its base URL.
        refuses: Whether it refuses every request.
        seconds: Time each answer takes.
    """

    model: OfflineModel
    url: str = ""
    refuses: bool = False
    seconds: float = 0.05


@contextmanager
def endpoint() -> Generator[Endpoint]:
    """Serve it in a thread."""
    it = Endpoint(OfflineModel(0.0))
    app = make_app(it.model)

    @web.middleware
    async def moody(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if it.refuses:
            return web.json_response({"error": {"message": "This key has been revoked."}}, status=401)
        await asyncio.sleep(it.seconds)
        return await handler(request)

    app.middlewares.append(moody)
    with served(app) as url:
        it.url = url
        yield it


class Tour:
    """A browser on the pages of one UI."""

    def __init__(self, driver: webdriver.Chrome, ui: Ui, pictures: Path) -> None:
        """Nothing is open yet.

        Args:
            driver: The browser.
            ui: The UI.
            pictures: Folder for pictures.
        """
        self.driver, self.ui, self.pictures = driver, ui, pictures

    def open(self, path: str) -> None:
        """Open a page by its path, or by a whole address."""
        self.driver.get(path if path.startswith("http") else f"{self.ui.address}{path}")

    def see(self, xpath: str, patience: float = 60.0) -> WebElement:
        """Wait for something that a user sees.

        Raises:
            TimeoutError: If it does not come; a picture of the page is left as ``lost.png``.
        """
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            try:
                found = [each for each in self.driver.find_elements("xpath", xpath) if each.is_displayed()]
            except WebDriverException:
                found = []
            if found:
                return found[-1]
            time.sleep(0.3)
        self.driver.save_screenshot(str(self.pictures / "lost.png"))
        raise TimeoutError(f"{xpath} was not seen at {self.driver.current_url}")

    def click(self, xpath: str, patience: float = 60.0) -> None:
        """Click something once it can be clicked."""
        deadline = time.monotonic() + patience
        while True:
            try:
                self.see(xpath, patience).click()
            except WebDriverException:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.3)
            else:
                return

    def picture(self, name: str, top: int = 0, bottom: int = HEIGHT, left: int = 240, right: int | None = None) -> None:
        """Keep a part of what is seen, without the navigation at the left, in few colours."""
        time.sleep(1.5)
        with Image.open(io.BytesIO(self.driver.get_screenshot_as_png())) as whole:
            part = whole.convert("RGB").crop((left, top, right or whole.width, min(bottom, whole.height)))
            part.quantize(128).save(self.pictures / f"{name}.png", optimize=True)

    def ask_for(self, *partitions: str) -> None:
        """Open the dialog of the job `generate` and choose partitions; none means all."""
        dialog = "//*[contains(text(), 'Launch runs to materialize')]"
        self.open(f"/locations/{LOCATION}/jobs/generate")
        for patience in (10.0, 20.0, 40.0):
            # A click that comes before the page has all it needs does nothing.
            self.click("//button[contains(., 'Materialize all')]")
            with suppress(TimeoutError):
                self.see(dialog, patience)
                break
        self.see(dialog, 1.0)
        if not partitions:
            self.click("//button[normalize-space()='All']")
            return
        self.click("//*[contains(text(), 'Select a partition')]")
        for name in partitions:
            field = self.see("//input[@placeholder='Filter partitions']")
            field.send_keys(name)
            self.click(f"//span[text()='{name}']")
            field.clear()
        self.see("//input[@placeholder='Filter partitions']").send_keys(Keys.ESCAPE)

    def runs(self) -> list[dict[str, Any]]:
        """Runs, the latest first, with their tags as a dictionary."""
        found = self.ui.ask(_RUNS)["runsOrError"]["results"]
        return [run | {"tags": {tag["key"]: tag["value"] for tag in run["tags"]}} for run in found]

    def new_run(self, known: set[str]) -> str:
        """Wait for a run that was not there before."""
        for _ in range(120):
            for run in self.runs():
                if run["runId"] not in known:
                    return str(run["runId"])
            time.sleep(0.5)
        raise TimeoutError("no run was launched")

    def known(self) -> set[str]:
        """Ids of the runs so far."""
        return {run["runId"] for run in self.runs()}

    def must_end(self, run_id: str, status: str) -> None:
        """Wait for a run's end.

        Raises:
            RuntimeError: If it ended otherwise.
        """
        ended = self.ui.ended(run_id)
        if ended != status:
            raise RuntimeError(f"run {run_id} ended with {ended}, not {status}")


def materialize_one(tour: Tour) -> None:
    """One domain, from the job's page."""
    known = tour.known()
    tour.ask_for(ONE)
    tour.picture("ui-materialize", 90, 575, left=330, right=1030)
    tour.click("//button[contains(., 'Launch 1 run')]")
    run_id = tour.new_run(known)
    tour.must_end(run_id, "SUCCESS")
    tour.open(f"/runs/{run_id}")
    tour.see("//*[text()='Success']")


def backfill(tour: Tour, it: Endpoint) -> None:
    """All domains, with as many runs at once as the queue lets through."""
    known, most = tour.known(), 0
    # Long enough for the first to be at work still when the fourth has started.
    it.seconds = 1.5
    tour.ask_for()
    tour.click("//button[contains(., 'Launch backfill')]")
    tour.new_run(known)
    while True:
        new = [run for run in tour.runs() if run["runId"] not in known]
        working = sum(run["status"] == "STARTED" for run in new)
        if working > most:
            most = working
            if working == AT_ONCE:
                tour.open("/runs")
                tour.click(f"//*[contains(text(), 'In progress ({AT_ONCE})')]")
                tour.see("//*[text()='Started']")
                tour.picture("ui-backfill", 0, 620)
        if len(new) >= len(DOMAINS) and all(run["status"] in ("SUCCESS", "FAILURE", "CANCELED") for run in new):
            break
        time.sleep(0.5)
    it.seconds = 0.05
    if most != AT_ONCE or any(run["status"] != "SUCCESS" for run in new) or len(new) != len(DOMAINS):
        raise RuntimeError(f"{len(new)} runs, {most} at once: {[run['status'] for run in new]}")


def retry(tour: Tour, it: Endpoint, config: Path) -> None:
    """A partition whose endpoint refuses, and the button "Re-execute" once it is mended."""
    known = tour.known()
    write_config(config, it, temperature=0.5)
    it.refuses = True
    tour.ask_for(FAILING)
    tour.click("//button[contains(., 'Launch 1 run')]")
    run_id = tour.new_run(known)
    tour.must_end(run_id, "FAILURE")
    tour.open(f"/runs/{run_id}")
    tour.see("//*[contains(text(), 'revoked')]")
    # Below that the message goes on with paths of this machine.
    tour.picture("ui-failed-run", 0, 550)
    it.refuses = False
    known = tour.known()
    tour.click("//button[contains(., 'Re-execute')]")
    again = tour.new_run(known)
    tour.must_end(again, "SUCCESS")
    tags = next(run["tags"] for run in tour.runs() if run["runId"] == again)
    if tags.get("dagster/parent_run_id") != run_id or tags.get("dagster/partition") != FAILING:
        raise RuntimeError(f"the new run is no retry of the old one: {tags}")


def nightly(tour: Tour) -> None:
    """The schedule is switched on, and its next tick starts a run for each domain that is stale."""
    selector = {
        "repositoryLocationName": LOCATION,
        "repositoryName": "__repository__",
        "scheduleName": "nightly_regeneration",
    }
    stale = set(DOMAINS) - {FAILING}
    tour.open(f"/locations/{LOCATION}/schedules/nightly_regeneration")
    switch = "//input[@type='checkbox']/ancestor::label | //button[@role='switch'] | //input[@role='switch']"
    tour.click(switch)
    for _ in range(300):
        ticks = tour.ui.ask(_TICKS, selector=selector)["scheduleOrError"]["scheduleState"]["ticks"]
        launched = [tick for tick in ticks if tick["runIds"]]
        if launched:
            break
        time.sleep(0.5)
    else:
        raise RuntimeError(f"no tick started a run: {ticks}")
    tour.driver.refresh()
    tour.see("//*[text()='SUCCESS' or text()='Success' or contains(text(), 'requested')]")
    tour.picture("ui-schedule", 0, 430)
    tour.click(switch)
    for run_id in launched[-1]["runIds"]:
        tour.must_end(run_id, "SUCCESS")
    started = {run["tags"]["dagster/partition"] for run in tour.runs() if run["runId"] in launched[-1]["runIds"]}
    if started != stale:
        raise RuntimeError(f"the tick started runs for {sorted(started)}, stale were {sorted(stale)}")


def failing_check(tour: Tour, it: Endpoint, config: Path) -> None:
    """A worse model: the check of the pass rate fails, and its link leads to what failed."""
    known = tour.known()
    write_config(config, it, temperature=0.9)
    it.model.error_rate = 8.0
    tour.ask_for(WORSE)
    tour.click("//button[contains(., 'Launch 1 run')]")
    tour.must_end(tour.new_run(known), "SUCCESS")
    tour.open("/assets/verification?view=checks&checkDetail=pass_rate_as_usual")
    tour.see("//*[contains(text(), 'dialogues passed')]")
    tour.picture("ui-check", 105, 630, left=535)
    link = tour.see("//a[contains(@href, '/failures')]")
    address = str(link.get_attribute("href"))
    before = set(tour.driver.window_handles)
    link.click()
    for _ in range(20):
        if new := set(tour.driver.window_handles) - before:
            tour.driver.switch_to.window(new.pop())
            break
        time.sleep(0.5)
    tour.see(f"//*[contains(text(), '{WORSE}')]")
    if tour.driver.current_url != address:
        raise RuntimeError(f"the link {address} led to {tour.driver.current_url}")
    # The first look after a run may still show what stood before it.
    tour.driver.refresh()
    tour.see(f"//*[contains(text(), '{WORSE}')]")
    tour.picture("ui-check-explorer", 236, 625, left=0)


def write_config(path: Path, it: Endpoint, temperature: float) -> None:
    """Write ``toolace.toml``, as a user would edit it."""
    pool = path.parent.parent / "pool"
    explorer = path.read_text().partition("explorer_url = ")[2].partition("\n")[0] if path.exists() else '""'
    path.write_text(
        f'pool = "{pool}"\ndialogues = 12\nrounds = 1\nnightly_cron = "* * * * *"\nowners = ["team:data"]\n'
        f"explorer_url = {explorer}\n"
        f'[llm]\nmodel = "offline-served"\nbase_url = "{it.url}"\ntemperature = {temperature}\nconcurrency = 4\n'
    )


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def browser() -> Generator[webdriver.Chrome]:
    """Chromium without a screen."""
    options = Options()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    for word in ("headless=new", "no-sandbox", f"window-size={WIDTH},{HEIGHT}", "disable-dev-shm-usage"):
        options.add_argument(f"--{word}")
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver") or ""))
    try:
        yield driver
    finally:
        driver.quit()


def main() -> int:
    """Make the tour."""
    pictures = Path(sys.argv[1] if len(sys.argv) > 1 else "ui-tour").resolve()
    pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, endpoint() as it:
        home, pool, port = Path(scratch) / "home", Path(scratch) / "pool", free_port()
        home.mkdir()
        pool.mkdir()
        for name in DOMAINS:
            shutil.copy(SHIPPED_POOL / f"{name}.json", pool)
        config = home / "toolace.toml"
        config.write_text(f'explorer_url = "http://127.0.0.1:{port}"\n')
        write_config(config, it, temperature=0.7)
        command = [sys.executable, "-c", "from toolace_dagster.cli import main; main()"]
        command += ["explore", "--home", str(home), "--port", str(port)]
        with serving(home, pictures / "ui.log", OPENAI_API_KEY="none-needed") as ui, browser() as driver:
            tour = Tour(driver, ui, pictures)
            steps: list[tuple[str, Callable[[], None]]] = [
                ("one domain materialized", lambda: materialize_one(tour)),
                (f"all domains, {AT_ONCE} runs at once", lambda: backfill(tour, it)),
                ("a failed partition launched again", lambda: retry(tour, it, config)),
                ("the schedule's tick started runs", lambda: nightly(tour)),
            ]
            for words, step in steps:
                began = time.monotonic()
                step()
                print(f"{words}: {time.monotonic() - began:.0f} s", flush=True)
            explorer = subprocess.Popen(command)
            try:
                began = time.monotonic()
                failing_check(tour, it, config)
                print(f"a failed check followed to the explorer: {time.monotonic() - began:.0f} s", flush=True)
            finally:
                explorer.terminate()
                explorer.wait(20)
    (pictures / "ui.log").unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
