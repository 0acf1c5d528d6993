"""Checking training files, ours and anybody's, against what trainers get wrong without a word.

Belongs here: reading files of any format and judging them. Does not belong here:
whether a dialogue is any good (``verification``), or writing files (``formats``).
"""

from toolace_dagster.dataset.checking.files import CheckReport, FileUnreadable, check_example, check_file
from toolace_dagster.dataset.checking.transcript import Finding

__all__ = ["CheckReport", "FileUnreadable", "Finding", "check_example", "check_file"]
