"""Dagster: partitions, resources, jobs, checks, definitions, and launching runs.

Belongs here: everything that knows Dagster, except the assets themselves
(``toolace_dagster.assets``). Does not belong here: what a stage does.
"""
