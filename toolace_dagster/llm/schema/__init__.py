"""JSON Schemas as strict structured output takes them, and values on their way there and back.

Belongs here: the converter to the subset of JSON Schema that strict structured
output accepts, and the way back. Does not belong here: how an endpoint is asked
(``asking``, ``structured``), or which schema a stage sends.
"""

from toolace_dagster.llm.schema.forms import NotExpressible, may_be_strict_form
from toolace_dagster.llm.schema.strict import StrictSchema, to_strict

__all__ = ["NotExpressible", "StrictSchema", "may_be_strict_form", "to_strict"]
