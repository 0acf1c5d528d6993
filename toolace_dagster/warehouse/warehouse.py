"""Where the files of a home are.

A home holds everything that runs leave behind: the warehouse, journals, exports,
the settings last used and Dagster's own instance.

Belongs here: paths and stores. Does not belong here: tables.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from toolace_dagster.warehouse.sql import sql
from toolace_dagster.warehouse.store import Store

if TYPE_CHECKING:
    import pandas as pd  # pyright: ignore[reportMissingTypeStubs]


def _domain_schema() -> str:
    parts = ("tables/domain", "calls/tables", "calls/stored_texts", "tables/lineage", "tables/runs")
    return "\n".join(sql(part) for part in parts)


def _shared_schema() -> str:
    return "\n".join(sql(part) for part in ("tables/shared", "tables/metrics", "tables/runs"))


class Warehouse:
    """The DuckDB files and folders of one home.

    Attributes:
        home: The folder everything is under.
    """

    def __init__(self, home: Path, within: Warehouse | None = None) -> None:
        """Name a home; nothing is made until something is written.

        Args:
            home: Folder, made on first use.
            within: The home it belongs to, as those of experiments do: what runs may spend, the limits of endpoints
                and what these refused are one matter for both.
        """
        self.home = home.resolve()
        self._outer: Path = within._outer if within is not None else self.home

    def domain(self, name: str) -> Store:
        """The file of one tool domain."""
        return Store(self.home / "warehouse" / f"{name}.duckdb", _domain_schema())

    @property
    def shared(self) -> Store:
        """The file for what spans domains; its name cannot clash with a domain's."""
        return Store(self.home / "warehouse" / "shared" / "dataset.duckdb", _shared_schema())

    def journal(self, domain: str) -> Path:
        """The write-ahead journal of a domain's model calls."""
        return self.home / "journal" / f"{domain}.jsonl"

    def ledger(self, run: str) -> Path:
        """What the processes of a run share while it has a budget."""
        return self._outer / "spending" / f"{run}.ledger"

    @property
    def limits(self) -> Path:
        """Folder through which runs share the limits of endpoints."""
        return self._outer / "limits"

    @property
    def endpoints_file(self) -> Path:
        """What endpoints refused, so that they are not asked for it again."""
        return self._outer / "endpoints.json"

    @property
    def exports(self) -> Path:
        """Folder of exported datasets."""
        return self.home / "exports"

    @property
    def reports(self) -> Path:
        """Folder of reports that Dagster writes."""
        return self.home / "reports"

    @property
    def dagster_home(self) -> Path:
        """Folder of the Dagster instance."""
        return self.home / "dagster"

    @property
    def settings_file(self) -> Path:
        """Settings of the last run, which the UI starts from."""
        return self.home / "settings.json"

    def frame(self, name: str) -> pd.DataFrame:
        """One table or view over all domains as a data frame, for notebooks and one-off questions.

        Args:
            name: Table or view of the domain files, such as ``outcomes``, ``edits`` or ``model_calls``.

        Returns:
            Its rows over all domains, with a first column ``domain_file`` that names the file a row is from.

        Raises:
            KeyError: If no file has such a table or view.
        """
        import pandas as pd  # pyright: ignore[reportMissingTypeStubs]

        frames: list[pd.DataFrame] = []
        for domain in self.domains():
            store = self.domain(domain)
            if name not in {row["table_name"] for row in store.read(sql("queries/table_names"))}:
                raise KeyError(f"{domain} has no table or view {name!r}")
            rows = store.read(f'SELECT * FROM "{name}"')  # noqa: S608 - the name is one of the file's own
            frame = pd.DataFrame(rows)
            frame.insert(0, "domain_file", domain)
            frames.append(frame)
        if not frames:
            raise KeyError(f"{self.home} holds no domain yet")
        return pd.concat(frames, ignore_index=True)

    def domains(self) -> list[str]:
        """Names of the domains that have a file, sorted."""
        folder = self.home / "warehouse"
        return sorted(path.stem for path in folder.glob("*.duckdb")) if folder.exists() else []
