"""``toolace ratings``: what people preferred.

Belongs here: printing it. Does not belong here: counting (``rating``).
"""

from __future__ import annotations

from pathlib import Path

from toolace_dagster.cli.console import complain, say, say_json, show_table
from toolace_dagster.rating import Tally, read_ratings, tally_ratings
from toolace_dagster.warehouse import Warehouse


def show_ratings(home: Path, *, as_json: bool) -> int:
    """Print the ratings of a home.

    Args:
        home: Home folder.
        as_json: As one line of JSON.

    Returns:
        Exit code: 1 when nothing was rated.
    """
    tallies = tally_ratings(read_ratings(Warehouse(home)))
    if as_json:
        say_json([_facts(each) for each in tallies])
        return 0
    if not tallies:
        complain(f"nothing was rated in {home}; `toolace explore --against HOME` shows pairs under Rate")
        return 1
    for each in tallies:
        rows = [(each.one, each.wins), (each.other, each.losses), ("neither", each.ties)]
        show_table("Preferred", ("home", "pairs"), rows)
        if each.share is not None:
            low, high = each.interval
            say(
                f"{each.one} in {each.share:.0%} of the decided pairs (95 % interval {low:.0%} to {high:.0%}, "
                f"sign test p = {each.p_value:.3g}); the left one in {each.left} of {each.wins + each.losses}."
            )
    return 0


def _facts(tally: Tally) -> dict[str, object]:
    low, high = tally.interval
    return {
        "one": tally.one,
        "other": tally.other,
        "wins": tally.wins,
        "losses": tally.losses,
        "ties": tally.ties,
        "left": tally.left,
        "share": tally.share,
        "low": low,
        "high": high,
        "p_value": tally.p_value,
    }
