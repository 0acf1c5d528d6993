"""Rules on what people say: tools named by users, references to what comes later, language, private data.

Belongs here: rules that read the text of turns. Does not belong here: whether
replies are true (``replies``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from toolace_dagster.entities import Turn, canonical_json
from toolace_dagster.verification.rules.languages import language_of
from toolace_dagster.verification.rules.normalise import looks_like_identifier
from toolace_dagster.verification.rules.private_data import private_values
from toolace_dagster.verification.rules.registry import Defect, Subject, rule

_CODE = re.compile(r"[A-Za-z0-9_\-#]*\d[A-Za-z0-9_\-#]*")
_TURN_ID = re.compile(r"\b(?:turn|step)\s+t?\d{1,3}\b|\b(?:sub-?task|subtask)\s*#?\d\b", re.IGNORECASE)


@rule("rule.tool_name_leak", severity="soft")
def tool_name_leak(subject: Subject) -> Iterator[Defect]:
    """Users don't name tools; a one-word tool name may be an ordinary word and is spared."""
    names = _names_pattern(tuple(sorted(name for name in subject.tools if "_" in name or "-" in name)))
    if names is None:
        return
    for turn in subject.dialogue.turns:
        for name in dict.fromkeys(names.findall(turn.content)) if turn.role == "user" else ():
            yield Defect(f"The user names the tool {name}.", turn.id, "$.content", name)


@rule("rule.later_reference")
def later_reference(subject: Subject) -> Iterator[Defect]:
    """Nobody refers to what is only found later; naming turns by number, and what no task can tell, is remarked on."""
    details = [part.details for part in subject.spec.sub_tasks if part.details] if subject.spec is not None else []
    known = canonical_json(details)
    turns = subject.dialogue.turns
    said: list[str] = []
    for index, turn in enumerate(turns):
        if turn.role == "user":
            for code in _codes(turn):
                if code in known or any(code in text for text in said) or not _handed_out_later(code, index, subject):
                    continue
                yield Defect(
                    f"The user already knows {code!r}, which a tool hands out only later.",
                    turn.id,
                    "$.content",
                    code,
                    severity="hard" if details else "soft",
                )
        if turn.content and turn.role != "tool" and (found := _TURN_ID.search(turn.content)):
            message = f"The {turn.role} speaks of {found[0]!r}, as only somebody outside the dialogue can."
            yield Defect(message, turn.id, "$.content", found[0], severity="soft")
        said.append(turn.content)
        said += subject.output_texts[index]


@rule("rule.language")
def language(subject: Subject) -> Iterator[Defect]:
    """Users and assistant speak the task's language; where none is named, one unlike the other turns is remarked on."""
    spoken = [(turn, language_of(turn.content)) for turn in subject.dialogue.turns if len(turn.content) >= 40]
    told = [(turn, code) for turn, code in spoken if code is not None]
    if not told:
        return
    wanted = subject.facts.language
    codes = [code for _, code in told]
    expected = wanted or max(dict.fromkeys(codes), key=codes.count)
    for turn, code in told:
        if code != expected:
            yield Defect(
                f"The {turn.role} speaks {code} where the dialogue is in {expected}.",
                turn.id,
                "$.content",
                turn.content[:80],
                severity="hard" if wanted else "soft",
            )


@rule("rule.private_data")
def private_data(subject: Subject) -> Iterator[Defect]:
    """No text or value holds a secret of a known form, such as an access key; what looks personal is remarked on."""
    for turn, outputs in zip(subject.dialogue.turns, subject.output_texts, strict=True):
        texts = [("$.content", turn.content)]
        for index, call in enumerate(turn.tool_calls):
            texts.append((f"$.tool_calls[{index}].arguments", subject.argument_texts[call.id]))
        texts += [(f"$.outputs[{index}].content", text) for index, text in enumerate(outputs)]
        for path, text in texts:
            for found in private_values(text):
                severity = "hard" if found.is_secret else "soft"
                yield Defect(f"The {turn.role} turn holds {found.kind}.", turn.id, path, found.shown, severity=severity)


def _codes(turn: Turn) -> list[str]:
    words = (word.strip("-_#") for word in _CODE.findall(turn.content))
    return [word for word in dict.fromkeys(words) if looks_like_identifier(word)]


def _handed_out_later(code: str, index: int, subject: Subject) -> bool:
    """Whether a tool returns a code before any call takes it: from nowhere but the tool it can be known."""
    turns = subject.dialogue.turns
    for later in range(index + 1, len(turns)):
        if any(code in subject.argument_texts[call.id] for call in turns[later].tool_calls):
            return False
        if any(code in text for text in subject.output_texts[later]):
            return True
    return False


@lru_cache(maxsize=256)
def _names_pattern(names: tuple[str, ...]) -> re.Pattern[str] | None:
    return re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, names)) + r")(?!\w)") if names else None
