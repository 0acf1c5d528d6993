"""Which domains of a pool a command works on.

Belongs here: choosing them and complaining of those it can't. Does not belong here: what is done with them.
"""

from __future__ import annotations

from toolace_dagster.cli.console import complain
from toolace_dagster.pipeline.sync import doubtful_domains
from toolace_dagster.tool_pool import ToolPool, UnknownDomain
from toolace_dagster.warehouse import Warehouse


def choose_domains(pool: ToolPool, wanted: list[str], warehouse: Warehouse) -> tuple[list[str], int]:
    """Domains to work on, and how many are not worked on though they were to be; these are complained of.

    Args:
        pool: The pool.
        wanted: Names; empty means all domains, but for those that ``domains.toml`` may leave out while it can't be
            read: nobody may have wanted to pay for them.
        warehouse: The home, which tells which domains were made before.
    """
    if wanted:
        return _named(pool, wanted)
    empty = [domain.name for domain in pool.domains if not domain.tools]
    if empty:
        complain(f"no usable tool in {', '.join(empty)}; `toolace pool check` says why")
    unsure = sorted(doubtful_domains(pool, warehouse))
    if unsure:
        complain(
            f"{', '.join(unsure)}: left out, since domains.toml may leave them out and can't be read. Mend it, "
            "or name a domain with --domain"
        )
    usable = [domain.name for domain in pool.domains if domain.tools and domain.name not in unsure]
    return usable, len(empty) + len(unsure)


def _named(pool: ToolPool, wanted: list[str]) -> tuple[list[str], int]:
    chosen: list[str] = []
    wanted = list(dict.fromkeys(wanted))
    for name in wanted:
        try:
            domain = pool.domain(name)
        except UnknownDomain as error:
            complain(str(error))
            continue
        if domain.tools:
            chosen.append(domain.name)
        else:
            complain(f"domain {name} has no usable tool; `toolace pool check` says why")
    return chosen, len(wanted) - len(chosen)
