"""The Dagster assets: thin, one module per part of the pipeline.

Belongs here: reading the run's configuration, calling one domain function,
reporting metadata. Does not belong here: any logic of a stage.
"""
