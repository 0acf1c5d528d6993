"""The command line ``toolace``.

Belongs here: reading options, calling the package, printing. Does not belong
here: anything a program would want to call. Dagster is imported only by the
commands that launch runs, and only when they do.
"""

from toolace_dagster.cli.app import main

__all__ = ["main"]
