"""Printing: the console, messages, tables.

Belongs here: how things look in a terminal. Does not belong here: what is printed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from unicodedata import category

from rich.console import Console
from rich.table import Table
from rich.text import Text

_PIPE_WIDTH = 160
"""Columns when the output is no terminal: a table in a log file is not squeezed into 80."""


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False, soft_wrap=True)
    return (
        console if console.is_terminal else Console(stderr=stderr, highlight=False, soft_wrap=True, width=_PIPE_WIDTH)
    )


out = _console(stderr=False)
err = _console(stderr=True)


def visible(text: str) -> str:
    """Text whose control characters are spelled out: what a tool or a model wrote must not drive a terminal."""
    if text.isprintable():
        return text
    return "".join(
        character if character in "\n\t" or category(character) not in ("Cc", "Cf", "Cs") else _spelled(character)
        for character in text
    )


def say(text: str) -> None:
    """Print plain text; nothing in it is taken as markup."""
    out.print(Text(visible(text)))


def say_json(value: object) -> None:
    """Print one line of JSON, for other programs to read."""
    print(json.dumps(value, sort_keys=True))


def complain(text: str) -> None:
    """Print an error to standard error; nothing in it is taken as markup."""
    err.print(Text.assemble(("error:", "red"), " ", visible(text)))


def warn(text: str) -> None:
    """Print a warning to standard error; nothing in it is taken as markup."""
    err.print(Text.assemble(("warning:", "yellow"), " ", visible(text)))


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; numbers are set to the right."""
    rows = [list(row) for row in rows]
    table = Table(title=Text(visible(title)), title_justify="left", title_style="bold", box=None, pad_edge=False)
    for position, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[position], (int, float)) for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(visible(f"{cell:,}" if isinstance(cell, int) else str(cell))) for cell in row))
    out.print(table)


def _spelled(character: str) -> str:
    return character.encode("unicode_escape").decode()
