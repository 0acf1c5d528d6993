"""What was paid, read from the calls as they are stored.

Belongs here: bills of domains, runs, stages, roles and models. Does not belong here:
pricing a call (``llm.money``), or rendering.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from toolace_dagster.llm.money import Bill, total
from toolace_dagster.warehouse import Row, Store, Warehouse, sql

Part = Literal["stage", "role", "run", "dialogue", "model"]
_COLUMNS: dict[Part, tuple[str, ...]] = {
    "stage": ("stage",),
    "role": ("role",),
    "run": ("run_id",),
    "dialogue": ("dialogue_id",),
    "model": ("model", "endpoint", "mode", "price"),
}


def domain_bill(store: Store) -> Bill:
    """What one domain cost over all runs."""
    return _first(store.read(sql("costs/of_domain")))


def dialogue_bill(store: Store, dialogue_id: str) -> Bill:
    """What one dialogue paid for; responses it had from the cache were paid for elsewhere."""
    return _first(store.read(sql("costs/of_dialogue"), {"id": dialogue_id}))


def runs_bill(warehouse: Warehouse, domains: Iterable[str], run_ids: Sequence[str]) -> Bill:
    """What some Dagster runs cost."""
    where = {"runs": list(run_ids)}
    return total(_first(warehouse.domain(domain).read(sql("costs/of_runs"), where)) for domain in domains)


def bills_by(warehouse: Warehouse, domains: Iterable[str], part: Part) -> dict[tuple[str, ...], Bill]:
    """What several domains cost over all runs, by one part.

    Args:
        warehouse: The home's files.
        domains: The domains.
        part: Stage, role, run, dialogue or model.

    Returns:
        Bills by the part's names: one name, but for models model, endpoint, mode and price.
    """
    bills: dict[tuple[str, ...], Bill] = {}
    columns = _COLUMNS[part]
    for domain in domains:
        for row in warehouse.domain(domain).read(sql("costs/by_parts"), {"parts": list(columns)}):
            key = tuple(row.pop(column) or "" for column in columns)
            bills[key] = bills.get(key, Bill()) + Bill(**row)
    return bills


def _first(rows: list[Row]) -> Bill:
    return Bill(**rows[0]) if rows else Bill()
