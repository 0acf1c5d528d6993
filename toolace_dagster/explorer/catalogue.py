"""All dialogues of a home, one row each, in this process's memory.

A list over a hundred thousand dialogues has to be one query on small rows, and no
file may stay open while a run wants to write it. So each domain's rows are copied
when its file has changed, in one short read beside the pages, and lists are read
from the copy.

Belongs here: the copy, filters, pages of a list, and counts. Does not belong here:
pages as a browser sees them.
"""

from __future__ import annotations

import threading
import time
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import duckdb

from toolace_dagster.warehouse import Row, Warehouse, fetch, sql

PAGE = 50
"""Dialogues on a page of the list."""

_LOOK_AGAIN = 1.0
_NOTICED = 0.1
_PATIENCE = 0.5
_TABLES = ("catalogue", "stage_totals", "run_ends")
_ORDERS = {
    "id": "domain, slot, attempt",
    "newest": "finished_at DESC, domain, slot",
    "calls": "calls DESC, domain, slot",
    "tokens": "tokens DESC, domain, slot",
    "cost": "cost DESC NULLS LAST, domain, slot",
}
ORDERS = tuple(_ORDERS)

CountBy = Literal["check_id", "cause_stage", "domain", "how"]


@dataclass(frozen=True)
class Filters:
    """Which dialogues a list shows; None is no filter.

    Attributes:
        domain: Of this tool domain.
        state: That ended so: accepted, rejected, failed, unfinished.
        stage: That stand at this stage, the last they reached.
        check: That this check ended.
        finding: On which this check found anything.
        cause: Whose defect this stage introduced.
        injection: That hold this kind of complexity.
        run: Whose last row this run made.
        words: With this in their id or first cause.
    """

    domain: str | None = None
    state: str | None = None
    stage: str | None = None
    check: str | None = None
    finding: str | None = None
    cause: str | None = None
    injection: str | None = None
    run: str | None = None
    words: str | None = None

    @property
    def set(self) -> dict[str, str]:
        """The filters that are set."""
        return {name: value for name, value in asdict(self).items() if value}

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Names of all filters."""
        return tuple(each.name for each in fields(cls))

    @property
    def params(self) -> dict[str, Any]:
        """Parameters of ``explorer/matching``."""
        return asdict(self) | {"words": self.words.lower() if self.words else None}


@dataclass(frozen=True)
class Page:
    """One page of a list.

    Attributes:
        rows: Its dialogues.
        total: All dialogues that match.
        number: The page's number, from 1.
    """

    rows: list[Row]
    total: int
    number: int

    @property
    def last(self) -> int:
        """Number of the last page."""
        return max(1, -(-self.total // PAGE))


class Catalogue:
    """The copy, kept up to date.

    Attributes:
        busy: Domains whose files were being written when they were last looked at; their rows are of before.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        """Name the home; nothing is read yet.

        Args:
            warehouse: The home's files.
        """
        self._warehouse = warehouse
        self._stamps: dict[str, tuple[int, int]] = {}
        self._looked = 0.0
        self._lock = threading.Lock()
        self._looking: threading.Thread | None = None
        self._ready = False
        self._error: duckdb.Error | None = None
        self._choices: dict[str, dict[str, int]] | None = None
        self.busy: tuple[str, ...] = ()

    def page(self, filters: Filters, number: int = 1, order: str = "id") -> Page:
        """One page of the dialogues that match.

        Args:
            filters: Which.
            number: Page number; beyond the last it is the last.
            order: One of ``ORDERS``.
        """
        matching, params = sql("explorer/matching"), filters.params
        total = self._read(f"SELECT count(*) AS n {matching}", params)[0]["n"]
        number = max(1, min(number, -(-total // PAGE)))
        ordered, skipped = _ORDERS.get(order, _ORDERS["id"]), (number - 1) * PAGE
        rows = self._read(f"SELECT * {matching} ORDER BY {ordered} LIMIT {PAGE} OFFSET {skipped}", params)
        return Page(rows, total, number)

    def neighbours(self, filters: Filters, dialogue_id: str) -> tuple[str | None, str | None]:
        """The dialogues before and after one in the list that the filters give."""
        window = f"lag(dialogue_id) OVER w AS before, lead(dialogue_id) OVER w AS after {sql('explorer/matching')}"
        listed = f"SELECT dialogue_id, {window} WINDOW w AS (ORDER BY {_ORDERS['id']})"
        where = filters.params | {"id": dialogue_id}
        rows = self._read(f"SELECT before, after FROM ({listed}) WHERE dialogue_id = $id", where)  # noqa: S608 - our own
        return (rows[0]["before"], rows[0]["after"]) if rows else (None, None)

    def choices(self) -> dict[str, dict[str, int]]:
        """What each filter can be set to, with the number of dialogues it leaves."""
        self.refresh()
        if self._choices is None:
            found: dict[str, dict[str, int]] = {name: {} for name in Filters.names()}
            for row in self._read(sql("explorer/choices")):
                found[row["filter"]][row["value"]] = row["dialogues"]
            self._choices = found
        return self._choices

    def runs(self) -> list[Row]:
        """The latest runs that made the last row of some dialogue, newest first."""
        return self._read(sql("explorer/runs"))

    def counts(self, by: CountBy, filters: Filters) -> list[tuple[str, int, int]]:
        """Value, rejected and failed dialogues of the failures that match, by one column; largest first."""
        rows = self._read(
            f"SELECT {by} AS value, count(*) FILTER (state = 'rejected') AS rejected, "
            f"count(*) FILTER (state = 'failed') AS failed {sql('explorer/matching')} "
            "AND state IN ('rejected', 'failed') GROUP BY value ORDER BY rejected + failed DESC, value",
            filters.params,
        )
        found = [(row["value"] or "unknown", row["rejected"], row["failed"]) for row in rows]
        # Stages have an order of their own, which tells more than their size.
        return sorted(found, key=lambda each: _stage_order(each[0])) if by == "cause_stage" else found

    def ends(self, filters: Filters) -> list[Row]:
        """Dialogues by domain and end."""
        return self._read(
            "SELECT domain, count(*) AS attempted, count(*) FILTER (state = 'accepted') AS accepted, "
            "count(*) FILTER (state = 'rejected') AS rejected, count(*) FILTER (state = 'failed') AS failed, "
            f"count(*) FILTER (state = 'unfinished') AS unfinished {sql('explorer/matching')} "
            "GROUP BY domain ORDER BY domain",
            filters.params,
        )

    def stage_totals(self, domain: str | None) -> list[Row]:
        """Attempted, accepted, rejected and failed rows of each stage, over one domain or all."""
        return self._read(sql("explorer/stage_totals"), {"domain": domain})

    def run_ends(self, domain: str | None) -> list[Row]:
        """How many dialogues each run brought to which end, in the order of time."""
        return self._read(sql("explorer/run_ends"), {"domain": domain})

    def _read(self, statement: str, params: dict[str, Any] | None = None) -> list[Row]:
        self.refresh()
        with self._memory() as connection:
            return fetch(connection, statement, params or {})

    def _memory(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        return self._warehouse.shared.memory()

    def refresh(self) -> None:
        """Look for changes, unless that was done a moment ago.

        The first look is waited for. Later ones go on beside the caller, who has the copy as it is when they take
        longer than a person would notice.

        Raises:
            duckdb.Error: If the first look failed.
        """
        with self._lock:
            if self._looking is None or not self._looking.is_alive():
                if self._ready and time.monotonic() - self._looked < _LOOK_AGAIN:
                    return
                # No daemon: Python's end waits for it, since an engine in use can't be stopped.
                self._looking = threading.Thread(target=self._look)
                self._looking.start()
            looking = self._looking
        looking.join(_NOTICED if self._ready else None)
        if not self._ready and self._error is not None:
            raise self._error

    def _look(self) -> None:
        try:
            with self._memory() as connection:
                if not self._ready or not _is_there(connection):
                    self._ready = False
                    self._stamps.clear()
                    connection.execute(sql("explorer/tables"))
                    _forget(connection, None)
            self._copy_changed()
            self._ready, self._error = True, None
        except duckdb.Error as error:
            self._error = error
        self._looked = time.monotonic()

    def _copy_changed(self) -> None:
        domains = self._warehouse.domains()
        for gone in self._stamps.keys() - set(domains):
            with self._memory() as connection:
                _forget(connection, gone)
            del self._stamps[gone]
            self._choices = None
        busy: list[str] = []
        for domain in domains:
            store = self._warehouse.domain(domain)
            try:
                status = store.path.stat()
                stamp = (status.st_mtime_ns, status.st_size)
                if self._stamps.get(domain) == stamp:
                    continue
                with store.beside_memory(_PATIENCE) as connection:
                    _copy(connection, domain)
            except (duckdb.IOException, duckdb.BinderException, duckdb.ResourceInUseException, FileNotFoundError):
                # Being written: what was read before stands until the next look.
                busy.append(domain)
                continue
            self._stamps[domain] = stamp
            self._choices = None
        self.busy = tuple(busy)


def _stage_order(stage: str) -> tuple[int, str]:
    order = ("task_specs", "skeletons", "simulated_dialogues", "refinement", "verification")
    return next((n for n, name in enumerate(order) if stage.startswith(name)), len(order)), stage


def _is_there(connection: duckdb.DuckDBPyConnection) -> bool:
    rows = connection.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE database_name = 'memory' AND table_name = 'catalogue'"
    ).fetchone()
    return rows == (1,)


def _forget(connection: duckdb.DuckDBPyConnection, domain: str | None) -> None:
    for table in _TABLES:
        connection.execute(
            f"DELETE FROM memory.main.{table} WHERE $domain IS NULL OR domain = $domain",  # noqa: S608 - our own names
            {"domain": domain},
        )


def _copy(connection: duckdb.DuckDBPyConnection, domain: str) -> None:
    connection.execute("BEGIN")
    try:
        _forget(connection, domain)
        connection.execute(sql("explorer/copy_dialogues"))
        connection.execute(sql("explorer/copy_stages"))
        connection.execute(sql("explorer/copy_runs"), {"domain": domain})
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
