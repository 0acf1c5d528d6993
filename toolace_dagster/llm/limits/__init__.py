"""When a call to an endpoint may start: concurrency, requests and tokens per minute, refusals.

Belongs here: admission, for one process or for several that ask the same endpoint.
Does not belong here: making calls, or trying again (``endpoint``).
"""

from toolace_dagster.llm.limits.allowed import Limits
from toolace_dagster.llm.limits.limiter import Limiter
from toolace_dagster.llm.limits.permit import Permit

__all__ = ["Limiter", "Limits", "Permit"]
