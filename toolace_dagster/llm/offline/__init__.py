"""The offline model: a seeded stand-in behind the OpenAI chat-completions protocol.

It rehearses a pipeline without a network: for any tool pool it answers every
request the pipeline makes, from the request alone, and makes mistakes at
documented rates. What it writes is made to rehearse with, not to train on.

Belongs here: reading a request, composing an answer, the error model, a server
for load tests. Does not belong here: anything a real model could not know. No
module here imports a stage of the pipeline.
"""

from toolace_dagster.llm.offline.errors import ERROR_RATES
from toolace_dagster.llm.offline.model import MODEL_NAME, OfflineModel
from toolace_dagster.llm.offline.server import make_app, serve

__all__ = ["ERROR_RATES", "MODEL_NAME", "OfflineModel", "make_app", "serve"]
