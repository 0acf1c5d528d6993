"""The one partition dimension: the tool domain.

Belongs here: the partitions definition. Does not belong here: finding domains
(``tool_pool``).
"""

import dagster as dg

TOOL_DOMAINS = dg.DynamicPartitionsDefinition(name="tool_domain")
"""Dynamic, since domains come and go with the pool."""
