"""The model behind the protocol: a chat-completions body in, a chat completion out.

Belongs here: choosing the task's composer and wrapping its answer. Does not
belong here: what an answer says.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from toolace_dagster.llm.offline import (
    correction,
    expert,
    grounding_correction,
    injection,
    judge,
    mask_fill,
    simulated_assistant,
    simulated_tool,
    simulated_user,
    sub_trajectory,
    task_spec,
)
from toolace_dagster.llm.offline.errors import Errors
from toolace_dagster.llm.offline.mistakes import break_json
from toolace_dagster.llm.offline.request import Request, read
from toolace_dagster.llm.offline.shapes import objects_in
from toolace_dagster.llm.offline.values import EARLIEST, Maker

MODEL_NAME: Final = "offline"
CREATED: Final = 1_767_225_600
_CHARACTERS_A_TOKEN: Final = 4

_TASKS: Final[dict[str, Callable[[Request, Errors], dict[str, Any]]]] = {
    "task_spec": task_spec.answer,
    "trajectory": sub_trajectory.answer_all,
    "sub_trajectory": sub_trajectory.answer,
    "correction": correction.answer,
    "grounding_correction": grounding_correction.answer,
    "injection": injection.answer,
    "mask_fill": mask_fill.answer,
    "judge": judge.answer,
    "expert": expert.answer,
    "simulated_user": simulated_user.answer,
    "simulated_assistant": simulated_assistant.answer,
    "simulated_tool": simulated_tool.answer,
}


class OfflineModel:
    """A deterministic stand-in for a language model.

    Args:
        error_rate: Multiplies the documented rates in ``ERROR_RATES``; 0 makes no mistakes.
    """

    def __init__(self, error_rate: float = 1.0) -> None:
        self.error_rate = error_rate

    def chat_completion(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answer one request.

        Args:
            body: Body of a chat-completions request. Only ``messages``, ``seed``, ``response_format`` and
                ``model`` count; the same seed and messages always give the same answer.

        Returns:
            A complete chat completion, as the OpenAI API returns it.
        """
        request = read(body)
        errors = Errors(request.stream("errors"), self.error_rate)
        broken = errors.hit("broken_json")
        compose = _TASKS.get(request.task)
        content: Any = compose(request, errors) if compose is not None else _any_instance(request)
        text = json.dumps(content, ensure_ascii=False)
        if broken:
            text = break_json(text, errors.rng)
        return _completion(body, request, text)


def _any_instance(request: Request) -> Any:
    if not request.schema:
        return {}
    return Maker(request.stream("content"), EARLIEST).value("reply", request.schema, request.schema)


def _completion(body: dict[str, Any], request: Request, text: str) -> dict[str, Any]:
    asked = sum(len(str(message.get("content", ""))) for message in objects_in(body.get("messages")))
    prompt_tokens = max(1, asked // _CHARACTERS_A_TOKEN)
    completion_tokens = max(1, len(text) // _CHARACTERS_A_TOKEN)
    return {
        "id": f"chatcmpl-{request.key[:24]}",
        "object": "chat.completion",
        "created": CREATED,
        "model": str(body.get("model") or MODEL_NAME),
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
    }
