"""The commands of ``toolace``, a module for each group: options and their help.

Belongs here: what a user can type. Does not belong here: what the commands do (the
modules one folder up).
"""

from toolace_dagster.cli.commands.caches import caches
from toolace_dagster.cli.commands.checking import checking
from toolace_dagster.cli.commands.configuration import configuration
from toolace_dagster.cli.commands.exporting import exporting, pushing
from toolace_dagster.cli.commands.making import making
from toolace_dagster.cli.commands.measuring import measuring
from toolace_dagster.cli.commands.offline import offline
from toolace_dagster.cli.commands.pools import pools
from toolace_dagster.cli.commands.reading import reading

__all__ = [
    "caches",
    "checking",
    "configuration",
    "exporting",
    "making",
    "measuring",
    "offline",
    "pools",
    "pushing",
    "reading",
]
