"""One chat completion, asked live or by a line of a batch: the same checks and the same answer.

Belongs here: what makes a body answerable. Does not belong here: routes, or the
answer itself (``llm.offline.model``).
"""

from __future__ import annotations

from typing import Any

from toolace_dagster.llm.offline.model import MODEL_NAME, OfflineModel
from toolace_dagster.llm.offline.server.refusals import Refusal
from toolace_dagster.llm.offline.shapes import as_list, as_object


def complete(model: OfflineModel, body: Any) -> dict[str, Any]:
    """Answer the body of a chat-completions request.

    Raises:
        Refusal: If it has no messages, or asks for a model that is not here.
    """
    asked = as_object(body)
    if not as_list(asked.get("messages")):
        raise Refusal(400, "'messages' is missing or empty.", param="messages")
    check_model(asked)
    return model.chat_completion(asked)


def check_model(body: dict[str, Any]) -> None:
    """Make sure that the model asked for is here.

    Raises:
        Refusal: If it is not.
    """
    # `toolace run --model offline` means the embedded model, so a served one is called offline-something.
    if not str(body.get("model")).startswith(MODEL_NAME):
        raise Refusal(404, f"The model {body.get('model')!r} does not exist.", code="model_not_found")
