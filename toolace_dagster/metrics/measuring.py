"""Measuring a home: each domain's dialogues read once, in chunks, then the figures by domain and over all.

DuckDB does the counting. What is kept of a dialogue is a row of numbers and hashes, so
that memory does not grow with the texts; only the sample's texts are kept, for
self-BLEU and coherence.

Belongs here: the order of the work. Does not belong here: SQL (``sql/metrics``), what is
computed in Python (``self_bleu``, ``coherence``), or keeping the result (``keeping``).
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from itertools import groupby

import duckdb

from toolace_dagster.metrics.by_domain import variety_by_domain
from toolace_dagster.metrics.catalogue import METRICS
from toolace_dagster.metrics.coherence import Entailment, Said, lexical_coherence, reply_pairs
from toolace_dagster.metrics.rows import MetricRow, Over
from toolace_dagster.metrics.self_bleu import self_bleu
from toolace_dagster.warehouse import Row, Warehouse, fetch, sql

SAMPLE = 200
"""Dialogues of a domain, or of all, over which self-BLEU and coherence are measured."""

_CHUNK = 1000
_CHUNKS_TO_MERGE = 3
_GRAMS_AT_ONCE = 1_000_000
_WORKERS = 2
_FIGURES = ("of_dialogues", "of_lengths", "of_repetition", "of_pool", "of_checks", "of_usage")
_OF_DOMAIN = ("add_ends", "add_reached", "add_checks", "add_declared", "add_usage")
_OF_CHUNK = ("add_grams", "add_given")
_measuring = threading.Lock()


def measure_home(
    warehouse: Warehouse,
    *,
    entailment: str | None = None,
    sample: int = SAMPLE,
    only: Mapping[str, Collection[str]] | None = None,
) -> list[MetricRow]:
    """Measure all dialogues of a home; nothing is written.

    Args:
        warehouse: The home's files.
        entailment: A model of entailment: ``path/to/file.py`` or ``package.module``, with ``:function`` where that is
            not ``entails``. Without one coherence is the lexical proxy alone.
        sample: Dialogues over which self-BLEU and coherence are measured.
        only: By domain, ids of the dialogues whose texts are measured, and no other domain; None for all. Ends, checks
            and costs are always those of all dialogues of a domain.

    Returns:
        The figures by domain and over all domains, in the order of ``METRICS``; none for a home without a domain.

    Raises:
        EntailmentError: If the model can't be used.
        duckdb.IOException: If a domain is being written and does not come free within a minute.
    """
    model = Entailment(entailment) if entailment else None
    domains = [name for name in warehouse.domains() if only is None or name in only]
    if not domains:
        return []
    # The tables of a measurement have one name in the process.
    with _measuring, warehouse.shared.memory() as connection:
        connection.execute("ATTACH ':memory:' AS measuring")
        try:
            connection.execute(sql("metrics/tables"))
            rows: list[MetricRow] = []
            with ThreadPoolExecutor(min(_WORKERS, os.cpu_count() or 1)) as pool:
                of_domain = partial(_of_domain, warehouse, sample=sample, texts=model is not None, only=only)
                for domain, found in zip(domains, pool.map(of_domain, domains), strict=True):
                    # Here and not in the workers, which read on meanwhile: a user's model need not bear two callers.
                    rows += [*found, *_of_sample(connection, domain, sample, model)]
                rows += _variety(warehouse, None, pool)
            rows += _of_sample(connection, None, sample, model)
            rows += variety_by_domain(connection)
            rows += [
                MetricRow(row["domain"], _over(row["accepted"]), row["metric"], row["part"], row["value"], row["count"])
                for name in _FIGURES
                for row in fetch(connection, sql(f"metrics/{name}"))
                if row["value"] is not None
            ]
        finally:
            connection.execute("DETACH measuring")
    return in_order(rows)


def in_order(rows: Iterable[MetricRow]) -> list[MetricRow]:
    """Figures in the order of ``METRICS``, then by domain, reading and part."""
    order = {name: place for place, name in enumerate(METRICS)}
    return sorted(rows, key=lambda row: (order[row.metric], row.domain or "", row.over, _part_order(row.part)))


def _of_domain(
    warehouse: Warehouse, domain: str, *, sample: int, texts: bool, only: Mapping[str, Collection[str]] | None
) -> list[MetricRow]:
    """Read one domain into the tables of the measurement, and say how varied its words are."""
    of_domain = {"domain": domain}
    ids = None if only is None else list(only[domain])
    with warehouse.domain(domain).beside_memory() as connection:
        for name in _OF_DOMAIN:
            connection.execute(sql(f"metrics/{name}"), of_domain)
        connection.execute(sql("metrics/pick"), {"size": _CHUNK, "sample": sample, "only": ids})
        connection.execute(sql("metrics/chunk_grams"))
        connection.execute(sql("metrics/chunk_given"))
        for number, chunk in enumerate(fetch(connection, sql("metrics/chunks")), start=1):
            connection.execute(sql("metrics/take_texts"), chunk)
            connection.execute(sql("metrics/take_readings"), {"chunk": chunk["chunk"]})
            connection.execute(sql("metrics/take_turns"))
            connection.execute(sql("metrics/add_dialogues"), of_domain)
            for name in _OF_CHUNK:
                connection.execute(sql(f"metrics/{name}"))
            connection.execute(sql("metrics/add_sampled"), of_domain | {"texts": texts})
            if number % _CHUNKS_TO_MERGE == 0:
                connection.execute(sql("metrics/merge_grams"))
        connection.execute(sql("metrics/settle_grams"), of_domain)
        connection.execute(sql("metrics/settle_given"), of_domain)
    return list(_variety(warehouse, domain))


def _variety(warehouse: Warehouse, domain: str | None, pool: Executor | None = None) -> Iterator[MetricRow]:
    """Entropy and Distinct-n, from sums over the n-grams a part at a time, in a pool as many as it has workers."""
    with warehouse.shared.memory() as connection:
        held = fetch(connection, sql("metrics/count_grams"), {"domain": domain})[0]["n"]
    parts = max(1, -(-held // _GRAMS_AT_ONCE))
    sums: dict[tuple[int, bool], list[float]] = {}
    for rows in (pool.map if pool else map)(partial(_sums, warehouse, domain, parts), range(parts)):
        for row in rows:
            into = sums.setdefault((row["n"], row["accepted"]), [0, 0, 0.0])
            for place, name in enumerate(("different", "total", "weighted")):
                into[place] += row[name]
    for (n, accepted), (different, total, weighted) in sums.items():
        over = _over(accepted)
        yield MetricRow(domain, over, f"distinct_{n}", None, different / total, int(total))
        if n == 1:
            # The entropy of shares n/N is log2(N) - sum(n * log2(n)) / N; rounding must not take it below 0.
            yield MetricRow(
                domain, over, "token_entropy", None, max(0.0, math.log2(total) - weighted / total), int(total)
            )


def _sums(warehouse: Warehouse, domain: str | None, parts: int, part: int) -> list[Row]:
    with warehouse.shared.memory() as connection:
        return fetch(connection, sql("metrics/of_grams"), {"domain": domain, "parts": parts, "part": part})


def _of_sample(
    connection: duckdb.DuckDBPyConnection, domain: str | None, sample: int, model: Entailment | None
) -> Iterator[MetricRow]:
    found = fetch(connection, sql("metrics/sampled"), {"domain": domain, "sample": sample})
    for accepted, rows in groupby(found, key=lambda row: row["accepted"]):
        dialogues = [_said(turns) for _, turns in groupby(rows, key=lambda row: row["dialogue"])]
        over = _over(accepted)
        texts = [[token for turn in turns for token in turn.tokens] for turns in dialogues]
        score = self_bleu(texts)
        if score is not None:
            yield MetricRow(domain, over, "self_bleu", None, score, len(texts))
        if lexical := lexical_coherence(dialogues):
            yield MetricRow(domain, over, "coherence_lexical", None, *lexical)
        if model is not None and (ratio := model.ratio(reply_pairs(dialogues))):
            yield MetricRow(domain, over, "coherence_entailment", None, *ratio)


def _said(turns: Iterator[Row]) -> Sequence[Said]:
    return [
        Said(turn["role"], turn["acts"], turn["text"] or "", turn["tokens"] or (), turn["content"] or ())
        for turn in turns
    ]


def _over(accepted: bool) -> Over:
    return "accepted" if accepted else "attempted"


def _part_order(part: str | None) -> tuple[int, int, str]:
    """The whole, then numbers by size, then names."""
    if part is None:
        return 0, 0, ""
    return (1, int(part), "") if part.isdecimal() else (2, 0, part)
