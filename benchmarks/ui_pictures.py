"""The pictures of the README: a home's asset graph in the Dagster UI, and what a materialization shows.

Run: ``python -m benchmarks.ui_pictures HOME [FOLDER FOR PICTURES]``, with a home such as `make demo` leaves.
Needs what ``ui_tour`` needs.
"""

# pyright: reportUnknownMemberType=false
# Selenium's signatures have unknown parts.

from __future__ import annotations

import sys
import time
from pathlib import Path
from urllib.parse import quote

from benchmarks.ui_server import serving
from benchmarks.ui_tour import Tour, browser

GROUPS = (
    "stage_0_tool_pool",
    "stage_1_initialization",
    "stage_2_refinement",
    "stage_3_verification",
    "stage_4_dataset",
    "stage_5_measurements",
)
DOMAIN = "museum_visits"
HEIGHT, PATIENCE = 1050, 20


def asset_graph(tour: Tour) -> None:
    """The pipeline with its groups unfolded."""
    tour.driver.set_window_size(2300, HEIGHT)
    unfolded = ",".join(f"global@global:{group}" for group in GROUPS)
    tour.open(f"/asset-groups?expanded={quote(unfolded)}")
    tour.see("//*[contains(text(), 'dataset_card')]")
    # How assets stand comes one after the other, long after their names.
    time.sleep(PATIENCE)
    tour.picture("asset-graph", 0, HEIGHT)


def materialization(tour: Tour) -> None:
    """A domain's verdicts."""
    tour.driver.set_window_size(1500, 1480)
    tour.open(f"/assets/verification?view=partitions&partition={DOMAIN}")
    tour.see("//*[contains(text(), 'pass_rate')]")
    tour.picture("materialization", 0, 1300)


def main() -> int:
    """Make them."""
    home = Path(sys.argv[1]).resolve()
    pictures = Path(sys.argv[2] if len(sys.argv) > 2 else "ui-pictures").resolve()
    pictures.mkdir(parents=True, exist_ok=True)
    with serving(home, pictures / "ui.log") as ui, browser() as driver:
        tour = Tour(driver, ui, pictures)
        asset_graph(tour)
        materialization(tour)
    (pictures / "ui.log").unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
