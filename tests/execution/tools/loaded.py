"""Tells which large packages are loaded in the process that runs tools.

Belongs here: that one tool.
"""

import sys


def heavy() -> list[str]:
    return sorted({"pydantic", "openai", "duckdb", "dagster", "jinja2", "httpx2"} & set(sys.modules))
