"""Metrics of the data itself: how long, varied, repetitive, coherent and costly the dialogues of a home are.

Belongs here: what each metric is, measuring a home, keeping measurements. Does not
belong here: SQL (``sql/metrics``), showing figures (``reporting``), or judging a single
dialogue (``verification``).
"""

from toolace_dagster.metrics.catalogue import METRICS, Metric
from toolace_dagster.metrics.coherence import EntailmentError
from toolace_dagster.metrics.keeping import keep_metrics, read_metrics, store_metrics
from toolace_dagster.metrics.measuring import measure_home
from toolace_dagster.metrics.rows import MetricRow, Over, figure

__all__ = [
    "METRICS",
    "EntailmentError",
    "Metric",
    "MetricRow",
    "Over",
    "figure",
    "keep_metrics",
    "measure_home",
    "read_metrics",
    "store_metrics",
]
