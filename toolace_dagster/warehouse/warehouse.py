"""Where the files of a home are.

A home holds everything that runs leave behind: the warehouse, journals, exports,
the settings last used and Dagster's own instance.

Belongs here: paths and stores. Does not belong here: tables.
"""

from __future__ import annotations

from pathlib import Path

from toolace_dagster.warehouse.sql import sql
from toolace_dagster.warehouse.store import Store


class Warehouse:
    """The DuckDB files and folders of one home.

    Attributes:
        home: The folder everything is under.
    """

    def __init__(self, home: Path) -> None:
        """Name a home; nothing is made until something is written.

        Args:
            home: Folder, made on first use.
        """
        self.home = home.resolve()

    def domain(self, name: str) -> Store:
        """The file of one tool domain."""
        return Store(self.home / "warehouse" / f"{name}.duckdb", sql("tables/domain") + sql("calls/tables"))

    @property
    def shared(self) -> Store:
        """The file for what spans domains; its name cannot clash with a domain's."""
        return Store(self.home / "warehouse" / "shared" / "dataset.duckdb", sql("tables/shared"))

    def journal(self, domain: str) -> Path:
        """The write-ahead journal of a domain's model calls."""
        return self.home / "journal" / f"{domain}.jsonl"

    @property
    def exports(self) -> Path:
        """Folder of exported datasets."""
        return self.home / "exports"

    @property
    def dagster_home(self) -> Path:
        """Folder of the Dagster instance."""
        return self.home / "dagster"

    @property
    def settings_file(self) -> Path:
        """Settings of the last run, which the UI starts from."""
        return self.home / "settings.json"

    def domains(self) -> list[str]:
        """Names of the domains that have a file, sorted."""
        folder = self.home / "warehouse"
        return sorted(path.stem for path in folder.glob("*.duckdb")) if folder.exists() else []
