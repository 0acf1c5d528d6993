"""Variety of domains side by side: over the same number of dialogues of each.

More dialogues of the same writer repeat each other more, so that a domain with fewer
would look more varied for that alone. The dialogues are the first ones of the sample,
which is ordered by a hash of their ids: the same at each measurement.

Belongs here: the number, and figures that are compared between domains. Does not belong
here: drawing the sample (``sql/metrics/pick``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import duckdb

from toolace_dagster.metrics.rows import MetricRow
from toolace_dagster.metrics.self_bleu import self_bleu
from toolace_dagster.warehouse import fetch, sql

LEAST = 5
"""Dialogues below which variety says next to nothing: a domain of fewer is left out, and no other cut down to it."""


def variety_by_domain(connection: duckdb.DuckDBPyConnection) -> Iterator[MetricRow]:
    """Distinct-3 and self-BLEU of each domain over as many accepted dialogues as the smallest has in the sample.

    Args:
        connection: To the tables of a measurement.

    Yields:
        Figures by domain, ``count`` the number of dialogues; none where fewer than two domains have ``LEAST``.
    """
    found = {row["domain"]: row["dialogues"] for row in fetch(connection, sql("metrics/drawn_sizes"))}
    enough = {domain: size for domain, size in found.items() if size >= LEAST}
    if len(enough) < 2:
        return
    size = min(enough.values())
    for domain in enough:
        turns = fetch(connection, sql("metrics/drawn"), {"domain": domain, "size": size})
        dialogues = [[row["tokens"] for row in rows] for _, rows in groupby(turns, key=lambda row: row["draw"])]
        runs = [run for turns in dialogues for tokens in turns for run in _runs_of_three(tokens)]
        if runs:
            yield MetricRow(domain, "accepted", "distinct_3_by_domain", None, len(set(runs)) / len(runs), size)
        score = self_bleu([[token for tokens in turns for token in tokens] for turns in dialogues])
        if score is not None:
            yield MetricRow(domain, "accepted", "self_bleu_by_domain", None, score, size)


def _runs_of_three(tokens: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    return zip(tokens, tokens[1:], tokens[2:], strict=False)
