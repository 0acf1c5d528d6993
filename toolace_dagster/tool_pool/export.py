"""A pool written as a folder in the normal form, with the report of its import.

Belongs here: which files are written, replaced and left alone. Does not belong
here: reading pools (``pool``) and printing reports (``cli``).
"""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolace_dagster.entities import ImportNote, Tool, ToolDomain
from toolace_dagster.tool_pool.backends import BACKENDS_FILE, BackendsError
from toolace_dagster.tool_pool.formats.document import POOL_FORMAT, REPORT_FORMAT
from toolace_dagster.tool_pool.grouping import free_name
from toolace_dagster.tool_pool.likenesses import Likeness
from toolace_dagster.tool_pool.pool import PoolError, ToolPool
from toolace_dagster.tool_pool.written_backends import add_backends

REPORT_FILE = "import_report.json"


@dataclass
class Written:
    """What an import did to a folder.

    Attributes:
        files: Names of the files that hold the domains, by domain.
        changed: Files that were made or changed.
        removed: Files of an earlier import of this source that are gone.
        renamed: Domains that another source of the folder has too, by their name in the source.
        executable: Domains whose backends were added to the folder's ``backends.toml``.
        kept: Domains that ``backends.toml`` speaks of in another way than the import, which was left as it is.
    """

    files: dict[str, str] = field(default_factory=dict[str, str])
    changed: list[str] = field(default_factory=list[str])
    removed: list[str] = field(default_factory=list[str])
    renamed: dict[str, str] = field(default_factory=dict[str, str])
    executable: list[str] = field(default_factory=list[str])
    kept: list[str] = field(default_factory=list[str])


def export_pool(pool: ToolPool, likenesses: tuple[Likeness, ...], source: str, folder: Path) -> Written:
    """Write one file per domain, and the report.

    Writing the same pool again changes nothing. Files of this source that it no
    longer has are removed; files of other sources and the user's own stay, and
    a domain whose name they have is written under another.

    Args:
        pool: The pool.
        likenesses: Tools in it that look alike.
        source: Where it was read from, without anything secret: the name of this import in the report.
        folder: The folder; made when there is none.

    Returns:
        What changed.

    Raises:
        PoolError: The folder cannot be written, or its report is not one.
    """
    try:
        return _write(pool, likenesses, source, folder)
    except OSError as error:
        raise PoolError(f"{folder} cannot be written: {error.strerror}. Give another folder.") from error


def _write(pool: ToolPool, likenesses: tuple[Likeness, ...], source: str, folder: Path) -> Written:
    report = _report(folder)
    earlier: list[str] = report["sources"].get(source, {}).get("files", [])
    written = Written()
    folder.mkdir(parents=True, exist_ok=True)
    foreign = {file.stem for file in folder.iterdir() if file.name not in earlier and file.name != REPORT_FILE}
    # A domain may be called like the report, which is written last.
    foreign.add(Path(REPORT_FILE).stem)
    names = {*foreign, *(domain.name for domain in pool.domains)}
    for domain in pool.domains:
        name = domain.name
        if name in foreign:
            name = free_name(domain.name, names)
            names.add(name)
            written.renamed[domain.name] = name
        file = f"{name}.json"
        written.files[domain.name] = file
        if _put(folder / file, _document(domain, name)):
            written.changed.append(file)
    for file in sorted(set(earlier) - set(written.files.values())):
        # Only a plain name in this very folder was ever written here.
        if Path(file).name == file and (folder / file).is_file():
            (folder / file).unlink()
            written.removed.append(file)
    placed = [(Path(written.files[domain.name]).stem, domain) for domain in pool.domains]
    try:
        written.executable, written.kept = add_backends(folder, placed)
    except BackendsError as fault:
        raise PoolError(str(fault)) from fault
    if written.executable:
        written.changed.append(BACKENDS_FILE)
    report["sources"][source] = _account(pool, likenesses, written)
    report["sources"] = dict(sorted(report["sources"].items()))
    if _put(folder / REPORT_FILE, report):
        written.changed.append(REPORT_FILE)
    return written


def _report(folder: Path) -> dict[str, Any]:
    file = folder / REPORT_FILE
    if not file.exists():
        return {"format": REPORT_FORMAT, "sources": {}}
    try:
        report = json.loads(file.read_text(encoding="utf-8"))
        if report["format"] == REPORT_FORMAT and all(
            isinstance(name, str) for each in report["sources"].values() for name in each["files"]
        ):
            return report
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise PoolError(f"{file} is not the report of an import. Move it away, or import into another folder.")


def _document(domain: ToolDomain, name: str) -> dict[str, Any]:
    licences = {tool.provenance.licence for tool in domain.tools}
    document: dict[str, Any] = {"format": POOL_FORMAT, "domain": name}
    if domain.description:
        document["description"] = domain.description
    if len(licences) == 1 and (licence := licences.pop()):
        document["licence"] = licence
    return {**document, "tools": [_entry(tool) for tool in domain.tools]}


def _entry(tool: Tool) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    if tool.result is not None:
        entry["result"] = tool.result
    return {**entry, "provenance": tool.provenance.model_dump(exclude_none=True)}


def _account(pool: ToolPool, likenesses: tuple[Likeness, ...], written: Written) -> dict[str, Any]:
    counts = Counter(note.status for note in pool.notes)
    return {
        "files": sorted(written.files.values()),
        "accepted": counts["accepted"],
        "repaired": counts["repaired"],
        "rejected": counts["rejected"],
        "look_alikes": [each.model_dump() for each in likenesses],
        "notes": [_note(note) for note in pool.notes],
    }


def _note(note: ImportNote) -> dict[str, str]:
    return {key: value for key, value in note.model_dump().items() if value}


def _put(file: Path, value: dict[str, Any]) -> bool:
    """Write a file whole or not at all; False when it held just this already."""
    content = (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()
    if file.is_file() and file.read_bytes() == content:
        return False
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
    return True
