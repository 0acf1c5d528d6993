"""Experts: the quality question split into sub-questions, each put to a model (paper, stage 3).

Belongs here: which questions there are and how they are asked. Does not belong
here: how answers are weighed (``verdict``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from toolace_dagster.entities import Dialogue, ExpertAnswer, TaskSpec, Tool
from toolace_dagster.entities.randomness import request_seed
from toolace_dagster.llm.protocol import ModelRequest, Program, Purpose, Sampling, ask_all
from toolace_dagster.prompts import render
from toolace_dagster.prompts.render import prompt_text
from toolace_dagster.prompts.views import dialogue_view, task_view, tools_view
from toolace_dagster.settings import Settings
from toolace_dagster.verification.replies import ExpertReply

QUESTIONS = ("tool_choice", "argument_extraction", "reply_faithfulness", "task_completion", "user_realism")
"""Sub-questions in the order they are asked; neighbours look at the same things and may share a call.

Each is a file of ``prompts/templates/questions``."""


def experts_program(
    dialogue: Dialogue, spec: TaskSpec, tools: Mapping[str, Tool], settings: Settings
) -> Program[list[ExpertAnswer]]:
    """Ask all sub-questions about one dialogue, in parallel.

    Args:
        dialogue: The finished dialogue.
        spec: Its task.
        tools: Tools of the domain by name.
        settings: How many questions share a call, sampling settings.

    Returns:
        One answer per question; a question that an expert left out does not pass.
    """
    size = settings.questions_per_call
    groups = [QUESTIONS[start : start + size] for start in range(0, len(QUESTIONS), size)]
    answered = yield from ask_all([_request(group, dialogue, spec, tools, settings) for group in groups])
    answers: list[ExpertAnswer] = []
    turn_ids = {turn.id for turn in dialogue.turns}
    for group, answer in zip(groups, answered, strict=True):
        given = {reply.question: reply for reply in answer.reply.answers}
        for question in group:
            reply = given.get(question)
            if reply is None:
                answers.append(
                    ExpertAnswer(
                        question=question,
                        passes=False,
                        reason="The expert left this question unanswered.",
                        call_id=answer.call_id,
                    )
                )
                continue
            answers.append(
                ExpertAnswer(
                    question=question,
                    passes=reply.passes,
                    turn_id=reply.turn if reply.turn in turn_ids else None,
                    quote=reply.quote,
                    reason=reply.reason,
                    call_id=answer.call_id,
                )
            )
    return answers


def _request(
    questions: Sequence[str], dialogue: Dialogue, spec: TaskSpec, tools: Mapping[str, Tool], settings: Settings
) -> ModelRequest[ExpertReply]:
    return ModelRequest(
        messages=render(
            "expert",
            tools=tools_view(spec.offered_tools, tools),
            task=task_view(spec, dialogue),
            dialogue=dialogue_view(dialogue.turns),
            questions=[{"name": name, "question": prompt_text(f"questions/{name}.md").strip()} for name in questions],
        ),
        reply_type=ExpertReply,
        sampling=Sampling.of(settings.model_of("expert"), request_seed("expert", dialogue.id, list(questions))),
        purpose=Purpose(
            stage="verification", task="expert", role="expert", domain=spec.domain, dialogue_id=dialogue.id
        ),
    )
