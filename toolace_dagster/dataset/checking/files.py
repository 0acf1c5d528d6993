"""Checking whole files: ours and anybody's.

Belongs here: reading JSON lines, JSON lists and Parquet, and adding up. Does not belong
here: the checks (``readers``, ``checklist``).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, cast

import duckdb

from toolace_dagster.dataset.checking.checklist import check_transcript
from toolace_dagster.dataset.checking.errors import first_line
from toolace_dagster.dataset.checking.readers import READERS
from toolace_dagster.dataset.checking.transcript import Finding, Severity
from toolace_dagster.dataset.checking.values import strict_json, value_fault
from toolace_dagster.dataset.formats import LINE_FORMATS
from toolace_dagster.settings import CheckedFormat

_KEPT = 1000
"""Findings kept in words; all are counted."""


class FileUnreadable(ValueError):
    """A file that is no training file; says why."""


@dataclass
class CheckReport:
    """What checking a file found.

    Attributes:
        examples: Examples read.
        counts: Findings by check and severity.
        findings: The first of them, in the file's order.
        sound: Examples without an error.
    """

    examples: int = 0
    counts: Counter[tuple[str, Severity]] = field(default_factory=Counter[tuple[str, Severity]])
    findings: list[Finding] = field(default_factory=list[Finding])
    sound: int = 0

    @property
    def errors(self) -> int:
        """Number of errors."""
        return sum(count for (_, severity), count in self.counts.items() if severity == "error")

    def add(self, finding: Finding) -> None:
        """Count a finding, and keep it while there is room."""
        self.counts[finding.check, finding.severity] += 1
        if len(self.findings) < _KEPT:
            self.findings.append(finding)


def check_file(path: Path, name: CheckedFormat) -> CheckReport:
    """Check a file of examples.

    Args:
        path: JSON lines, one JSON list, or Parquet.
        name: The format it should have.

    Returns:
        Counts and the first findings.

    Raises:
        FileUnreadable: If there is no such file, or it is neither text nor Parquet.
    """
    report = CheckReport()
    seen: dict[bytes, int] = {}
    for number, value in enumerate(_examples(path, report), start=1):
        report.examples = number
        if value is None:
            continue
        found = check_example(value, name, number)
        if not any(finding.check == "line_value" for finding in found):
            digest = blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=16).digest()
            if digest in seen:
                found.append(Finding("repeated", f"is the same as example {seen[digest]}.", "warning", number))
            seen.setdefault(digest, number)
        for finding in found:
            report.add(finding)
        report.sound += all(finding.severity != "error" for finding in found)
    form = None if name == "preferences" else LINE_FORMATS.get(name)
    if form and report.examples < form.least_examples:
        words = f"{report.examples} examples; {form.title} takes no fewer than {form.least_examples}."
        report.add(Finding("too_few", words))
    elif not report.examples:
        report.add(Finding("too_few", "the file holds no example."))
    return report


def check_example(value: Any, name: CheckedFormat, number: int = 0) -> list[Finding]:
    """Check one example.

    Args:
        value: The parsed line.
        name: The format it should have.
        number: Its number in the file, for the findings.

    Returns:
        All findings.
    """
    found: list[Finding] = []

    def report(check: str, message: str, severity: Severity = "error") -> None:
        found.append(Finding(check, message, severity, number))

    if fault := value_fault(value):
        report("line_value", f"can't be looked at: {fault}.")
        return found
    if not isinstance(value, dict):
        report("line_shape", "the line is no JSON object.")
        return found
    example = _decoded(cast("dict[str, Any]", value))
    for transcript in READERS[name](example, report):
        check_transcript(transcript, report)
    # The two sides of a preference pair share what comes before.
    return list(dict.fromkeys(found))


def _decoded(example: dict[str, Any]) -> dict[str, Any]:
    """Lists of JSON texts, as our TRL files hold them, as what they stand for."""
    for key in ("messages", "tools", "prompt", "chosen", "rejected"):
        items = example.get(key)
        if isinstance(items, list) and items and all(isinstance(item, str) for item in cast("list[Any]", items)):
            try:
                example = example | {key: [strict_json(item) for item in cast("list[str]", items)]}
            except ValueError:
                continue
    return example


def _examples(path: Path, report: CheckReport) -> Iterator[Any]:
    """The examples; None for a line that is none, which is reported."""
    if not path.is_file():
        raise FileUnreadable(f"{path} is no file")
    if path.suffix == ".parquet":
        yield from _parquet(path)
        return
    try:
        with path.open(encoding="utf-8", newline="\n") as stream:
            if stream.read(1) == "\ufeff":
                report.add(Finding("byte_order_mark", "the file begins with a byte order mark."))
            else:
                stream.seek(0)
            if path.suffix == ".json":
                yield from _list(path, stream.read())
                return
            for number, line in enumerate(stream, start=1):
                yield _line(line, number, report)
    except UnicodeDecodeError as error:
        raise FileUnreadable(f"{path} is not UTF-8: {error.reason} at byte {error.start}") from error


def _line(line: str, number: int, report: CheckReport) -> Any:
    if not line.strip():
        report.add(Finding("line_empty", "the line is empty.", "error", number))
        return None
    try:
        return strict_json(line)
    except ValueError as error:
        report.add(Finding("line_json", f"the line is not JSON: {error}.", "error", number))
        return None


def _list(path: Path, text: str) -> list[Any]:
    try:
        value: Any = json.loads(text)
    except RecursionError as error:
        raise FileUnreadable(f"{path} is nested too deep to be read") from error
    except ValueError as error:
        raise FileUnreadable(f"{path} is not JSON: {error}. For JSON lines, name it .jsonl") from error
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def _parquet(path: Path) -> Iterator[dict[str, Any]]:
    with duckdb.connect(config={"threads": 1}) as connection:
        try:
            cursor = connection.execute("SELECT * FROM read_parquet(?)", [str(path)])
        except duckdb.Error as error:
            raise FileUnreadable(f"{path} is no Parquet file: {first_line(error)}") from error
        names = [column[0] for column in cursor.description or ()]
        while batch := cursor.fetchmany(256):
            for cells in batch:
                yield dict(zip(names, cells, strict=True))
