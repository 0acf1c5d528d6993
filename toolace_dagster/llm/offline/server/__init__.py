"""The offline model over HTTP, as an OpenAI-compatible endpoint: completions, models, files and batches.

It keeps everything in memory and forgets it when it ends. It is meant for load
tests, rehearsals of batch mode and clients that want a port.

Belongs here: routes, object shapes, the life of a batch, refusals as OpenAI words
them. Does not belong here: answers (``llm.offline.model``).
"""

from toolace_dagster.llm.offline.server.app import make_app, serve
from toolace_dagster.llm.offline.server.batches import MOST_LINES, Fate
from toolace_dagster.llm.offline.server.files import MOST_BYTES
from toolace_dagster.llm.offline.server.refusals import Refusal

__all__ = ["MOST_BYTES", "MOST_LINES", "Fate", "Refusal", "make_app", "serve"]
