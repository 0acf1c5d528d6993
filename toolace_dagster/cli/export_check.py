"""``toolace export check``, ``toolace export tokens`` and ``toolace push``.

Belongs here: what they print and their exit codes. Does not belong here: the checks
(``dataset.checking``), counting (``dataset.tokens``), or pushing (``pipeline.hub``).
"""

from __future__ import annotations

from pathlib import Path

from toolace_dagster.cli.console import complain, say, show_table, warn
from toolace_dagster.settings import CheckedFormat, Settings
from toolace_dagster.warehouse import Warehouse


def check_export(file: Path, name: CheckedFormat, shown: int) -> int:
    """Check a file and say what was found.

    Args:
        file: The training file.
        name: The format it should have.
        shown: Findings to show in words.

    Returns:
        Exit code: 1 when there is an error, 2 when the file can't be read.
    """
    from toolace_dagster.dataset.checking import FileUnreadable, check_file

    try:
        report = check_file(file, name)
    except FileUnreadable as error:
        complain(str(error))
        return 2
    for finding in report.findings[:shown]:
        place = f"example {finding.example}: " if finding.example else ""
        say(f"{finding.severity} {finding.check}: {place}{finding.message}")
    if report.counts:
        ordered = sorted(report.counts.items(), key=lambda item: (item[0][1], -item[1], item[0][0]))
        show_table("Findings", ("check", "severity", "times"), [(c, s, times) for (c, s), times in ordered])
    say(f"{report.sound:,} of {report.examples:,} examples are sound.")
    return 1 if report.errors else 0


def show_tokens(home: Path, settings: Settings, tokenizer: Path | None, limits: list[int] | None) -> int:
    """Count tokens and say what each limit keeps.

    Args:
        home: Home folder.
        settings: Settings of the home.
        tokenizer: Folder of a model, or a tokenizer.json; None guesses.
        limits: Length limits; None takes the usual ones.

    Returns:
        Exit code: 1 when there is no dialogue, 2 when the tokenizer can't be used.
    """
    from toolace_dagster.dataset.tokens import LIMITS, TokenizerUnusable, count_tokens, open_tokenizer, quantile
    from toolace_dagster.pipeline.token_counts import exported_rows

    try:
        counter = open_tokenizer(tokenizer)
    except TokenizerUnusable as error:
        complain(str(error))
        return 2
    report = count_tokens(exported_rows(Warehouse(home), settings), counter)
    what = "examples" if any(settings.slices.values()) else "dialogues"
    if report.refused:
        all_of = "" if report.lengths else "all "
        tell = warn if report.lengths else complain
        tell(f"the chat template refused {all_of}{report.refused} {what}: {report.refusal}")
    if report.refused and not report.lengths:
        say("Nothing was counted. Train with another chat template: docs/training.md says which ones work.")
        return 1
    if not report.lengths:
        complain(f"{home} holds no verified dialogue to count. `toolace run` makes some.")
        return 1
    say(f"Tokens were {report.words}.")
    rows = [
        (of, quantile(values, 0.0), quantile(values, 0.5), quantile(values, 0.95), values[-1])
        for of, values in ((f"{what[:-1]} with its tools", report.lengths), ("its tools alone", report.tools))
    ]
    show_table("Lengths", ("tokens of", "least", "median", "95 %", "most"), rows)
    total = len(report.lengths)
    kept = [(limit, report.kept(limit), f"{report.kept(limit) / total:.0%}") for limit in limits or LIMITS]
    show_table("Kept", ("max_length", what, "share"), kept)
    return 0


def push_exports(home: Path, settings: Settings, repository: str, *, private: bool, rehearsal: bool) -> int:
    """Push the home's exports.

    Returns:
        Exit code: 1 when something stands against it.
    """
    from toolace_dagster.pipeline.hub import PushRefused, push

    try:
        pushed = push(Warehouse(home), settings, repository, private=private, rehearsal=rehearsal)
    except PushRefused as error:
        complain(str(error))
        return 1
    say(f"Pushed {len(pushed.files)} files to {pushed.url}")
    return 0
