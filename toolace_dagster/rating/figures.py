"""Ratings as metrics of the home they are kept in.

Belongs here: turning counts into rows of a measurement. Does not belong here: counting
(``summary``), or measuring dialogues (``metrics``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from toolace_dagster.metrics.rows import MetricRow
from toolace_dagster.rating.records import Rating, read_ratings
from toolace_dagster.warehouse import Warehouse

PREFERRED, TIED = "human_preference", "human_ties"


def with_ratings(home: Warehouse, rows: Sequence[MetricRow]) -> list[MetricRow]:
    """A measurement with what people have said of the home by now.

    Args:
        home: The home.
        rows: Its measurement; figures of earlier ratings in it are left out.

    Returns:
        The rows, then how often the home's dialogue was preferred: by domain and over all, of each home it was
        compared with and of all.
    """
    kept = [row for row in rows if row.metric not in (PREFERRED, TIED)]
    ratings = read_ratings(home)
    for domain in (None, *sorted({each.domain for each in ratings})):
        said = [each for each in ratings if domain in (None, each.domain)]
        for other in (None, *sorted({each.other for each in said})):
            kept += _rows(domain, other, [each for each in said if other in (None, each.other)])
    return kept


def _rows(domain: str | None, other: str | None, ratings: Sequence[Rating]) -> Iterator[MetricRow]:
    if not ratings:
        return
    decided = [each for each in ratings if each.preferred is not None]
    if decided:
        share = sum(each.preferred == each.own for each in decided) / len(decided)
        yield MetricRow(domain, "accepted", PREFERRED, other, share, len(decided))
    ties = (len(ratings) - len(decided)) / len(ratings)
    yield MetricRow(domain, "accepted", TIED, other, ties, len(ratings))
