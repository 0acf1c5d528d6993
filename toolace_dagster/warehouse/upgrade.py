"""Files that an earlier version made: which columns they lack, and adding them.

New tables and views come with the schema itself, since its SQL is safe to run again.
A new column of an old table holds its default in the rows that were there before, and
nothing where it has none.

Belongs here: comparing a file with its schema. Does not belong here: when that is done
(``store``), or what a column means.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import duckdb

Columns = Mapping[str, Mapping[str, str]]
"""By table, the type of each column."""

_QUERY = """
SELECT table_name, column_name, data_type FROM duckdb_columns()
WHERE database_name = current_database() AND NOT internal AND table_name IN (
    SELECT table_name FROM duckdb_tables() WHERE database_name = current_database()
)
ORDER BY table_name, column_index
"""
_DEFAULTS = """
SELECT table_name, column_name, column_default FROM duckdb_columns()
WHERE database_name = current_database() AND NOT internal AND column_default IS NOT NULL
"""


@lru_cache(maxsize=8)
def declared_columns(schema: str) -> Columns:
    """The columns that a schema's tables have.

    Args:
        schema: SQL that makes all tables and views.
    """
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        connection.execute(schema)
        return stored_columns(connection)


@lru_cache(maxsize=8)
def _declared_defaults(schema: str) -> Mapping[tuple[str, str], str]:
    """By table and column, the SQL of its default."""
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        connection.execute(schema)
        return {(table, column): default for table, column, default in connection.execute(_DEFAULTS).fetchall()}


def stored_columns(connection: duckdb.DuckDBPyConnection) -> Columns:
    """The columns that the tables of an open file have."""
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in connection.execute(_QUERY).fetchall():
        found.setdefault(table, {})[column] = kind
    return found


def add_missing_columns(connection: duckdb.DuckDBPyConnection, schema: str) -> list[str]:
    """Give tables the columns they lack.

    Args:
        connection: An open file.
        schema: What its tables should be.

    Returns:
        What was added, as ``table.column``.
    """
    declared, stored = declared_columns(schema), stored_columns(connection)
    missing = [
        (table, column, kind)
        for table, columns in declared.items()
        if table in stored
        for column, kind in columns.items()
        if column not in stored[table]
    ]
    for table, column, kind in missing:
        default = _declared_defaults(schema).get((table, column), "NULL")
        connection.execute(f'ALTER TABLE "{table}" ADD COLUMN "{column}" {kind} DEFAULT {default}')
    return [f"{table}.{column}" for table, column, _ in missing]


def column_faults(stored: Columns, schema: str) -> list[str]:
    """What is different in a file's tables from what its schema says.

    Args:
        stored: Columns of the file.
        schema: What they should be.

    Returns:
        Faults in words. A column that no version asks for any more is none.
    """
    faults: list[str] = []
    for table, columns in declared_columns(schema).items():
        if table not in stored:
            faults.append(f"there is no table {table}")
            continue
        for column, kind in columns.items():
            found = stored[table].get(column)
            if found != kind:
                faults.append(f"{table}.{column} is {found or 'missing'}, not {kind}")
    return faults
