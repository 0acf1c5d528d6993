"""Experts: the quality question split into sub-questions, each put to a model (paper, stage 3).

Belongs here: which questions there are, how they are asked, and whether an answer
quotes what is there. Does not belong here: how answers are weighed (``verdict``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from toolace_dagster.entities import Dialogue, ExpertAnswer, Finding, TaskSpec, Tool
from toolace_dagster.entities.randomness import request_seed
from toolace_dagster.llm.protocol import Answer, ModelRequest, Program, Purpose, Sampling, ask_all
from toolace_dagster.prompts import render
from toolace_dagster.prompts.render import prompt_text
from toolace_dagster.prompts.views import dialogue_view, task_view, tools_view, turn_view
from toolace_dagster.settings import Settings
from toolace_dagster.verification.replies import AnswerReply, ExpertReply

QUESTIONS = (
    "tool_choice",
    "argument_extraction",
    "result_plausibility",
    "reply_faithfulness",
    "task_completion",
    "complexity_handling",
    "user_realism",
    "coherence",
)
"""Sub-questions in the order they are asked; neighbours look at the same things and may share a call.

Each is a file of ``prompts/templates/questions``."""
_LEFT_OPEN = {"argument_extraction": (("rule.grounding_undecided",), "undecided_values.md")}
"""Rules whose remarks name values for an expert to decide, by sub-question, with the text that is added to it then."""
_LONGEST_VALUE = 200
"""Characters of a value that are repeated beside the question; the whole stands in its turn."""
_ESCAPE = re.compile(r"\\(?:u003c|[ntr])")
_SPARE = 0.7
"""Temperature at which a model judges a second time, when the settings name none: at 0 it would say the same."""


class UnknownQuestion(ValueError):
    """A weight for a sub-question that does not exist. The message names those there are."""


def check_weights(weights: Mapping[str, float]) -> None:
    """Refuse weights of sub-questions that do not exist.

    Raises:
        UnknownQuestion: With the names there are.
    """
    if unknown := sorted(weights.keys() - set(QUESTIONS)):
        raise UnknownQuestion(
            f"expert_weights: there is no sub-question {', '.join(unknown)}. There are: {', '.join(QUESTIONS)}."
        )


def experts_program(
    dialogue: Dialogue,
    spec: TaskSpec | None,
    tools: Mapping[str, Tool],
    settings: Settings,
    findings: Sequence[Finding] = (),
) -> Program[list[ExpertAnswer]]:
    """Ask all sub-questions about one dialogue, in parallel.

    Args:
        dialogue: The finished dialogue.
        spec: Its task; None for a dialogue that was not made here.
        tools: Tools of the domain by name.
        settings: How many questions share a call, how many judges answer, whose models they are.
        findings: Of the rules. What their remarks leave open is put to the experts whose question it is.

    Returns:
        One answer per judge and question; a question that an expert left out does not pass.
    """
    size = settings.questions_per_call
    groups = [QUESTIONS[start : start + size] for start in range(0, len(QUESTIONS), size)]
    asked = [(vote, group) for vote in range(settings.expert_votes) for group in groups]
    texts = {turn.id: json.dumps(turn_view(turn), ensure_ascii=False) for turn in dialogue.turns}
    shown = questions_view(findings)
    answered = yield from ask_all(
        [
            _request(vote, [shown[name] for name in group], dialogue, spec, tools, settings, texts)
            for vote, group in asked
        ]
    )
    return [
        answer
        for (vote, group), reply in zip(asked, answered, strict=True)
        for answer in _answers(vote, group, reply, texts)
    ]


def _answers(
    vote: int, group: Sequence[str], answered: Answer[ExpertReply], texts: Mapping[str, str]
) -> list[ExpertAnswer]:
    given = {reply.question: reply for reply in answered.reply.answers}
    answers: list[ExpertAnswer] = []
    for question in group:
        reply = given.get(question)
        if reply is None:
            reason = "The expert left this question unanswered."
            answers.append(
                ExpertAnswer(question=question, passes=False, reason=reason, call_id=answered.call_id, vote=vote)
            )
            continue
        answers.append(
            ExpertAnswer(
                question=question,
                passes=reply.passes,
                turn_id=reply.turn if reply.turn in texts else None,
                quote=reply.quote,
                reason=reply.reason,
                call_id=answered.call_id,
                vote=vote,
                quote_stands=reply.passes or _quote_fault(reply, texts) is None,
            )
        )
    return answers


def _faults(reply: ExpertReply, *, group: Sequence[str], texts: Mapping[str, str]) -> str | None:
    """What is wrong with an expert's answers, for the expert to mend."""
    given = {answer.question: answer for answer in reply.answers}
    faults = [f"The question {question} is not answered." for question in group if question not in given]
    objections = [answer for answer in given.values() if not answer.passes]
    faults += [fault for answer in objections if (fault := _quote_fault(answer, texts)) is not None]
    return " ".join(faults) or None


def _quote_fault(answer: AnswerReply, texts: Mapping[str, str]) -> str | None:
    if answer.turn is not None and answer.turn not in texts:
        return f"{answer.question}: there is no turn {answer.turn!r}."
    quote = _plain(answer.quote)
    if not quote:
        return f"{answer.question}: an objection to turn {answer.turn} quotes it." if answer.turn is not None else None
    # Without a turn the quote may stand anywhere.
    places = [texts[answer.turn]] if answer.turn is not None else list(texts.values())
    if any(quote in _plain(text) for text in places):
        return None
    return f"{answer.question}: the quote {answer.quote!r} does not stand in turn {answer.turn}; copy its words."


def _plain(text: str) -> str:
    """A text in which only letters and digits count, since quotes lose escapes, dots and line breaks on the way."""
    return "".join(char for char in _ESCAPE.sub(" ", text).casefold() if char.isalnum())


def _request(
    vote: int,
    questions: Sequence[dict[str, Any]],
    dialogue: Dialogue,
    spec: TaskSpec | None,
    tools: Mapping[str, Tool],
    settings: Settings,
    texts: Mapping[str, str],
) -> ModelRequest[ExpertReply]:
    role = settings.expert_roles[vote % len(settings.expert_roles)]
    names = [each["name"] for each in questions]
    seed = request_seed("expert", dialogue.id, names, *([vote] if vote else []))
    sampling = Sampling.of(settings.model_of(role), seed)
    if vote >= len(settings.expert_roles) and not sampling.temperature:
        sampling = sampling.model_copy(update={"temperature": settings.llm.temperature or _SPARE})
    offered = spec.offered_tools if spec is not None else tuple(name for name in tools if _is_offered(name, dialogue))
    return ModelRequest(
        messages=render(
            "expert",
            tools=tools_view(offered, tools),
            task=task_view(spec, dialogue)
            if spec is not None
            else {"offered_from_start": list(dialogue.initial_tools)},
            dialogue=dialogue_view(dialogue.turns),
            complications=complications_view(dialogue),
            questions=list(questions),
        ),
        reply_type=ExpertReply,
        sampling=sampling,
        purpose=Purpose(
            stage="verification", task="expert", role=role, domain=dialogue.domain, dialogue_id=dialogue.id
        ),
        check=partial(_faults, group=names, texts=texts),
    )


def question_texts() -> list[str]:
    """All that a sub-question may be asked by: the files of all, and what values that are left open add."""
    return [*map(_question, QUESTIONS), *(prompt_text(text) for _, text in _LEFT_OPEN.values())]


def questions_view(findings: Sequence[Finding] = ()) -> dict[str, dict[str, Any]]:
    """The sub-questions as an expert sees them, by name, with the values that rules leave to some of them.

    Without any such value a question stays as it is in its file.

    Args:
        findings: Of the rules.
    """
    shown: dict[str, dict[str, Any]] = {}
    for name in QUESTIONS:
        shown[name] = {"name": name, "question": _question(name)}
        rules, text = _LEFT_OPEN.get(name, ((), ""))
        values = [
            {"turn": finding.turn_id, "path": finding.path, "value": _shortened(finding.evidence)}
            for finding in findings
            if finding.check in rules and finding.severity == "soft"
        ]
        if values:
            shown[name] |= {"question": f"{_question(name)}\n{prompt_text(text).strip()}", "values": values}
    return shown


def _question(name: str) -> str:
    return prompt_text(f"questions/{name}.md").strip()


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def complications_view(dialogue: Dialogue) -> list[dict[str, Any]]:
    """The injections of a dialogue as an expert sees them: kind and turns."""
    return [
        {"kind": (record.sub_type or record.type).value, "turns": list(record.turn_ids)}
        for record in dialogue.injections
    ]


def _is_offered(name: str, dialogue: Dialogue) -> bool:
    return name in dialogue.initial_tools or any(name in turn.tools_added for turn in dialogue.turns)
