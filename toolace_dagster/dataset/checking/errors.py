"""Errors of libraries in the words of a finding.

Belongs here: shortening them. Does not belong here: our own errors.
"""

from __future__ import annotations


def first_line(error: BaseException) -> str:
    """The first line of an error's text, or its kind where it has none."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
