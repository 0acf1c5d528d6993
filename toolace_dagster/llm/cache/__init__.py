"""The cache of responses that homes share, and keeping caches small.

A home has what it paid for in its own DuckDB files; the shared cache is a folder
beside all homes, so that another home, domain or machine user does not pay again.

Belongs here: the shared cache, what is in it or in a home, pruning. Does not
belong here: durability (``journal``): losing a cache costs money and loses no row.
"""

from toolace_dagster.llm.cache.response import CachedResponse
from toolace_dagster.llm.cache.responses import ResponseCache

__all__ = ["CachedResponse", "ResponseCache"]
