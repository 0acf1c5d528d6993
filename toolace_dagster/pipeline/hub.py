"""Pushing the exports to a hub, when asked and never otherwise.

Belongs here: what is pushed, and the guard in front of it. Does not belong here: the
hub's protocol (``huggingface_hub``), or writing the files (``pipeline.exports``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import cast

from toolace_dagster.dataset import CardFacts, render_card
from toolace_dagster.dataset.checking import FileUnreadable, check_file
from toolace_dagster.dataset.checking.errors import first_line
from toolace_dagster.pipeline.card import card_facts
from toolace_dagster.pipeline.exports import CARD_FILE, dataset_is_stale, export_reports
from toolace_dagster.settings import FormatName, Settings
from toolace_dagster.warehouse import Warehouse


class PushRefused(ValueError):
    """What stands against pushing, with the mend."""


@dataclass(frozen=True)
class Pushed:
    """What was pushed.

    Attributes:
        url: Where it is.
        files: Paths below the exports.
    """

    url: str
    files: tuple[str, ...]


def push(
    warehouse: Warehouse, settings: Settings, repository: str, *, private: bool = True, rehearsal: bool = False
) -> Pushed:
    """Push the card and the files of the settings' formats as a data set.

    The token and the hub's address are those of ``huggingface_hub``: ``HF_TOKEN`` or a login, and ``HF_ENDPOINT``.

    Args:
        warehouse: The home's files.
        settings: Settings of the home.
        repository: Such as ``name/data-set``; made when there is none.
        private: Whether a new repository is private.
        rehearsal: Push what the offline model wrote, too.

    Returns:
        Where it is and what was pushed.

    Raises:
        PushRefused: If the extra is missing, files are not current or not sound, the offline model wrote the data, or
            the hub refuses.
    """
    if find_spec("huggingface_hub") is None:
        raise PushRefused('pushing needs the extra: pip install "toolace-dagster[hub]"')
    if dataset_is_stale(warehouse, settings) or not (reports := export_reports(warehouse)):
        raise PushRefused("the exports are not current: run `toolace run` again, then push")
    facts = card_facts(warehouse, settings)
    if facts.offline and not rehearsal:
        raise PushRefused(
            "the offline model wrote this data, which nobody should train on; --rehearsal pushes it anyway"
        )
    files = [file.path for name in settings.formats for file in reports[name].files]
    _check(warehouse.exports, settings.formats, files)
    card = render_card(_of_formats(facts, settings.formats))
    return _upload(warehouse.exports, repository, card, files, private=private)


def _of_formats(facts: CardFacts, formats: tuple[FormatName, ...]) -> CardFacts:
    """What a card says that stands beside files of some formats alone; a home may hold more."""
    rows = {name: kinds for name, kinds in facts.rows.items() if name in formats}
    titles = {name: title for name, title in facts.formats.items() if name in formats}
    return replace(facts, rows=rows, formats=titles, earlier=(), pairs=None)


def _check(folder: Path, formats: tuple[FormatName, ...], files: list[str]) -> None:
    for name in formats:
        for path in (
            folder / file for file in files if file.startswith(f"{name}/") and not file.endswith("_info.json")
        ):
            try:
                report = check_file(path, name)
            except FileUnreadable as error:
                raise PushRefused(str(error)) from error
            wrong = {check for check, severity in report.counts if severity == "error"} - {"too_few"}
            if wrong:
                raise PushRefused(f"{path} is not sound ({', '.join(sorted(wrong))}): toolace export check {path}")


def _upload(folder: Path, repository: str, card: str, files: list[str], *, private: bool) -> Pushed:
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    api = HfApi(library_name="toolace-dagster")
    # The hub's errors are derived from those of the HTTP library it is built on, which differs from version to version.
    unreachable = cast("tuple[type[Exception], ...]", HfHubHTTPError.__bases__)
    try:
        made = api.create_repo(repository, repo_type="dataset", private=private, exist_ok=True)
        api.create_commit(
            made.repo_id,
            [
                CommitOperationAdd(CARD_FILE, card.encode()),
                *(CommitOperationAdd(path, folder / path) for path in files),
            ],
            repo_type="dataset",
            commit_message="Verified tool-calling dialogues",
        )
    except (HfHubHTTPError, HFValidationError, ValueError) as error:
        raise PushRefused(f"the hub refused: {first_line(error)}") from error
    except unreachable as error:
        raise PushRefused(
            f"{api.endpoint} could not be reached, nothing was pushed: {first_line(error)}. Is HF_ENDPOINT right?"
        ) from error
    return Pushed(f"{api.endpoint}/datasets/{made.repo_id}", (CARD_FILE, *files))
