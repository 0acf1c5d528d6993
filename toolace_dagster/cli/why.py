"""``toolace why``: the story of one dialogue, or groups of failures.

Belongs here: printing or writing them. Does not belong here: gathering or wording
them (``reporting``).
"""

from __future__ import annotations

from pathlib import Path

from toolace_dagster.cli.console import complain, out, say, visible
from toolace_dagster.reporting.failures import UnknownSelection, read_failures, tell_failures
from toolace_dagster.reporting.story import UnknownDialogue, read_story
from toolace_dagster.reporting.story_json import as_text, failures_json, story_json
from toolace_dagster.reporting.why import headline, tell
from toolace_dagster.warehouse import Warehouse


def show_story(home: Path, dialogue_id: str, *, as_json: bool, html: Path | None) -> int:
    """Tell the story of one dialogue.

    Args:
        home: Home folder.
        dialogue_id: Its id, or the beginning of it.
        as_json: Print JSON instead of text.
        html: File to write the story to as a page; only its first line is printed then.

    Returns:
        Exit code: 1 when there is no such dialogue, or the file can't be written.
    """
    try:
        story = read_story(Warehouse(home), dialogue_id)
    except UnknownDialogue as error:
        complain(str(error))
        return 1
    if html is not None:
        from toolace_dagster.explorer.pages import story_page

        try:
            html.write_text(story_page(story), encoding="utf-8")
        except OSError as error:
            complain(f"{html} can't be written: {error.strerror}")
            return 1
    if as_json:
        _print_json(as_text(story_json(story)))
    elif html is not None:
        say(f"{headline(story)}\nThe whole story is in {html}")
    else:
        say(tell(story))
    return 0


def show_failures(home: Path, domain: str | None, check: str | None, *, as_json: bool) -> int:
    """Group failures, and say what the last run changed.

    Args:
        home: Home folder.
        domain: Only this domain.
        check: Only ends by this check.
        as_json: Print JSON instead of text.

    Returns:
        Exit code: 1 when there is no such domain or check.
    """
    warehouse = Warehouse(home)
    if not warehouse.domains():
        complain(f"{home} holds nothing yet. `toolace run` makes something; --home names another folder.")
        return 1
    try:
        failures = read_failures(warehouse, domain, check)
    except UnknownSelection as error:
        complain(str(error))
        return 1
    if as_json:
        _print_json(as_text(failures_json(failures)))
    else:
        say(tell_failures(failures))
    return 0


def _print_json(text: str) -> None:
    """JSON for another program: never wrapped, and no character that could drive a terminal."""
    out.file.write(visible(text) if out.is_terminal else text)
    out.file.write("\n")
