"""What a run was asked for, and which preset ``auto`` comes to.

Belongs here: a run's options, and making the first dialogues where the preset hangs on
how they fare. Does not belong here: the run (``run``), the decision
(``pipeline.pilot``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from toolace_dagster.cli.console import say
from toolace_dagster.pipeline.ends import RunEnd
from toolace_dagster.pipeline.pilot import fared, keep_pilot, kept_pilot, pilot_dialogues
from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Warehouse


@dataclass(frozen=True)
class RunOptions:
    """What the user asked for.

    Attributes:
        home: Home folder.
        settings: Settings of the run.
        domains: Chosen domains; empty means all of the pool.
        parallel: Domains at once; 0 chooses.
        given: Dotted names of the settings that somebody set, wherever.
        small: With ``preset=auto``, the settings that count where the first dialogues fare badly.
    """

    home: Path
    settings: Settings
    domains: list[str]
    parallel: int = 0
    given: frozenset[str] = frozenset()
    small: Settings | None = None


def with_preset(
    options: RunOptions, chosen: list[str], warehouse: Warehouse, make: Callable[[RunOptions], list[RunEnd]]
) -> tuple[RunOptions, list[RunEnd]]:
    """Settle ``preset=auto`` by how the first dialogues fare; these are made where there are none.

    Args:
        options: What was asked for.
        chosen: The domains.
        warehouse: The home's.
        make: Brings the domains up to date with the given options.

    Returns:
        The options with the settings that count, and the runs that were made to find out.
    """
    if options.small is None:
        return options, []
    ends: list[RunEnd] = []
    number = pilot_dialogues(len(chosen), options.settings)
    wanted = number * len(chosen)
    pilot = kept_pilot(warehouse.home, options.settings, wanted)
    if pilot is None:
        settings = options.settings.model_copy(update={"dialogues": number, "attempts": 1})
        pilot = fared(warehouse, chosen, settings)
        if pilot.attempted < wanted:
            ends = make(replace(options, settings=settings))
            pilot = fared(warehouse, chosen, settings)
        if any(end.error for end in ends):
            # A limit, or an endpoint that is down: nothing is settled by that.
            return replace(options, small=None), ends
        keep_pilot(warehouse.home, options.settings, pilot, wanted)
    say(f"Preset {pilot.preset}: of this model's first {pilot.attempted} dialogues {pilot.accepted} were accepted.")
    settings = options.small if pilot.preset == "small" else options.settings
    return replace(options, settings=settings, small=None), ends
