"""Printing: the console, messages, tables.

Belongs here: how things look in a terminal. Does not belong here: what is printed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

_PIPE_WIDTH = 160
"""Columns when the output is no terminal: a table in a log file is not squeezed into 80."""


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False, soft_wrap=True)
    return (
        console if console.is_terminal else Console(stderr=stderr, highlight=False, soft_wrap=True, width=_PIPE_WIDTH)
    )


out = _console(stderr=False)
err = _console(stderr=True)


def say(text: str) -> None:
    """Print plain text; nothing in it is taken as markup."""
    out.print(text, markup=False)


def complain(text: str) -> None:
    """Print an error to standard error; nothing in it is taken as markup."""
    err.print(f"[red]error:[/red] {escape(text)}")


def warn(text: str) -> None:
    """Print a warning to standard error; nothing in it is taken as markup."""
    err.print(f"[yellow]warning:[/yellow] {escape(text)}")


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; numbers are set to the right."""
    rows = [list(row) for row in rows]
    table = Table(title=escape(title), title_justify="left", title_style="bold", box=None, pad_edge=False)
    for position, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[position], (int, float)) for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(escape(f"{cell:,}" if isinstance(cell, int) else str(cell)) for cell in row))
    out.print(table)
