"""Tool pools: from files with tool definitions to tools in normal form.

Belongs here: reading and repairing pools, the import report, and the links
between tools. Does not belong here: choosing tools for a task
(``initialization``). The pool that comes with the package is in ``shipped``.
"""

from toolace_dagster.tool_pool.assembly import DOMAIN_NAME, WHOLE_FILE
from toolace_dagster.tool_pool.dependencies import Link, find_links, producers_of
from toolace_dagster.tool_pool.export import export_pool
from toolace_dagster.tool_pool.formats.document import POOL_FORMAT
from toolace_dagster.tool_pool.graph import ToolGraph, reachable
from toolace_dagster.tool_pool.grouping import domain_name
from toolace_dagster.tool_pool.identifiers import identifier_parameters
from toolace_dagster.tool_pool.kinds import absolute_source, name_of_source
from toolace_dagster.tool_pool.likenesses import Likeness, find_likenesses
from toolace_dagster.tool_pool.pool import (
    PoolError,
    ToolPool,
    UnknownDomain,
    load_pool,
)
from toolace_dagster.tool_pool.sources import PoolOptions

__all__ = [
    "DOMAIN_NAME",
    "POOL_FORMAT",
    "WHOLE_FILE",
    "Likeness",
    "Link",
    "PoolError",
    "PoolOptions",
    "ToolGraph",
    "ToolPool",
    "UnknownDomain",
    "absolute_source",
    "domain_name",
    "export_pool",
    "find_likenesses",
    "find_links",
    "identifier_parameters",
    "load_pool",
    "name_of_source",
    "producers_of",
    "reachable",
]
