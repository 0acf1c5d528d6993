"""All SQL as named files, installed as ``toolace_dagster.sql``.

Belongs here: statements, one idea a file, below a folder by kind. Does not
belong here: Python; ``toolace_dagster.warehouse.sql`` finds and reads the files.
"""
