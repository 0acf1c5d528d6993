"""``toolace report``: the report of a home as a file.

Belongs here: choosing the form by the file's name, and writing it. Does not belong here:
what it says (``reporting.report``).
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from toolace_dagster.cli.console import complain, say
from toolace_dagster.reporting.report import NothingMade, report_facts, report_html, report_markdown
from toolace_dagster.warehouse import Warehouse

_FORMS = {".html": report_html, ".htm": report_html, ".md": report_markdown, ".markdown": report_markdown}


def write_report(home: Path, into: Path) -> int:
    """Write the report of a home.

    Args:
        home: Home folder.
        into: File; its ending says in which form.

    Returns:
        Exit code: 1 when there is nothing to report or the file could not be written, 2 for an unknown ending.
    """
    form = _FORMS.get(into.suffix.lower())
    if form is None:
        complain(f"{into} ends in {into.suffix or 'nothing'}: name a file that ends in .html or .md")
        return 2
    try:
        text = form(report_facts(Warehouse(home)))
        into.parent.mkdir(parents=True, exist_ok=True)
        into.write_text(text, encoding="utf-8")
    except NothingMade as nothing:
        complain(str(nothing))
        return 1
    except duckdb.IOException:
        complain(f"a run is writing {home}. Report when it has ended.")
        return 1
    except OSError as error:
        complain(f"{into} can't be written: {error.strerror or error}")
        return 1
    say(f"Written: {into}")
    return 0
