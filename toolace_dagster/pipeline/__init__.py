"""Running stages over a domain: what is stale, the row programs, the rows written.

Belongs here: the seam between the pure stages, the gateway and the warehouse.
Does not belong here: what a stage does to a row (the stage folders), or Dagster.
"""
