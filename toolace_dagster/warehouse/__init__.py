"""DuckDB: one file per tool domain and one for what spans domains.

Belongs here: where files are, how they are opened, read and written. Does not
belong here: SQL text (``sql/``), or deciding what to write.
"""

from toolace_dagster.warehouse.sql import sql
from toolace_dagster.warehouse.store import Row, Store, fetch, insert, insert_texts
from toolace_dagster.warehouse.warehouse import Warehouse

__all__ = ["Row", "Store", "Warehouse", "fetch", "insert", "insert_texts", "sql"]
