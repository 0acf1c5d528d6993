"""What users say that needs no tool, and what an assistant answers.

Belongs here: remarks and questions with answers, of this project's own making,
and questions about what was already found. Does not belong here: requests.
"""

from __future__ import annotations

import re
from random import Random

from toolace_dagster.llm.offline.memory import Memory, Sighting
from toolace_dagster.llm.offline.naming import parts
from toolace_dagster.llm.offline.phrases import label_and_unit, say, unmarked
from toolace_dagster.llm.offline.wording import compose

_TALK: tuple[tuple[str, str], ...] = (
    (
        "It's pouring here today, perfect weather for paperwork.",
        "Sounds cosy. Let's get the paperwork out of the way, then.",
    ),
    (
        "Are you a person, by the way?",
        "No, I'm an automated assistant. I can look things up and carry out requests for you, though.",
    ),
    ("You've no idea how long I used to spend on hold for this.", "I can imagine. With luck this goes faster."),
    (
        "Before we go on, is it all right if I ask several things in a row?",
        "Of course, one after the other or all at once, as you like.",
    ),
    (
        "My coffee has gone cold while I was thinking about this.",
        "That happens to the best of us. Tell me when you're ready to go on.",
    ),
    (
        "What does it mean when something is provisional, generally?",
        "It means that it is reserved but not final yet: somebody still has to confirm it.",
    ),
    (
        "I always mix up 'confirm' and 'reserve', what's the difference?",
        "Reserving holds something for you; confirming says that you really want it.",
    ),
    (
        "Do you remember what I told you earlier, or do I have to repeat it?",
        "Within this conversation I remember it, so there's no need to repeat anything.",
    ),
    (
        "My daughter says I should write shorter messages. She may be right.",
        "Your messages are fine. I have everything I need from them.",
    ),
    ("I have been up since five, so forgive me if I'm slow.", "No trouble at all, take your time."),
    (
        "Is it usual to get a message afterwards, or should I write things down?",
        "Many systems send one, but a note of the reference number is always a good idea.",
    ),
    ("Honestly, I prefer this to filling in forms.", "Glad to hear it. I'll ask if something is missing."),
    (
        "Just so you know, I may have to stop for a moment if the doorbell rings.",
        "That's fine, we can go on whenever you are back.",
    ),
    (
        "How should I read dates written with the year first?",
        "The year comes first, then the month, and the day is last.",
    ),
    (
        "We're celebrating my brother's new job tonight, so I'm in a good mood.",
        "Congratulations to your brother! Then let's keep this quick.",
    ),
    (
        "Why do these reference numbers always have letters in them?",
        "Mostly to tell kinds of records apart at a glance and to avoid mixing them up.",
    ),
    ("I hope I'm not asking too much at once.", "Not at all. I'll go through it step by step."),
    (
        "The last time I did this it was all on paper, can you believe it?",
        "I can. Paper has its charm, but this should be quicker.",
    ),
    ("Could you stay this patient when my uncle asks you something?", "I'd do my best. Your uncle is welcome."),
    (
        "Somebody told me to always ask twice. Is that a good habit?",
        "Checking once more before something becomes final is a good habit, yes.",
    ),
    ("It's market day, so there's a bit of noise around me.", "No worries, I only see what you write."),
    ("I like that you don't use much jargon.", "Thank you. If a word is unclear, just ask."),
)
_RECALL = (
    "Remind me, what was the {label} you gave me?",
    "Sorry, I lost track: which {label} did you mention before?",
    "Quick check, what was that {label} again?",
    "What did you say the {label} was?",
)
_RECALLED = ("The {label} was {value}.", "It was {value}.", "I told you earlier: {label} {value}.", "That was {value}.")
_LABEL = re.compile(
    r"(?:the|which|that) ([a-z][a-z ]*?)(?: you gave me| did you mention before| again| was)?[?.]?$", re.IGNORECASE
)


def remark(memory: Memory, rng: Random) -> tuple[str, str]:
    """Something that needs no tool, and an answer.

    Args:
        memory: The dialogue so far, for questions about what was found.
        rng: Source of choices.

    Returns:
        The user's words and the assistant's.
    """
    known = _recallable(memory)
    if known and rng.random() < 0.4:
        seen = rng.choice(known)
        label, _ = label_and_unit(seen.field, {})
        return rng.choice(_RECALL).format(label=label), _recalled(seen, rng)
    asked, answered = rng.choice(_TALK)
    before = compose("", rng)
    return f"{before[0].upper()}{before[1:]} {asked}", answered


def is_remark(text: str) -> bool:
    """Whether a text is one of the remarks that need no tool, whatever stands before it."""
    return any(_bare(text).endswith(_bare(asked)) for asked, _ in _TALK)


def remark_for(answer: str, memory: Memory, rng: Random) -> str:
    """Something a user may have said, given the assistant's answer that is already there."""
    for asked, answered in _TALK:
        if _bare(answered) == _bare(answer):
            return asked
    for seen in reversed(_recallable(memory)):
        if str(seen.value) in answer:
            return rng.choice(_RECALL).format(label=label_and_unit(seen.field, {})[0])
    return rng.choice(_TALK)[0]


def answer_to(text: str, memory: Memory, rng: Random) -> str:
    """An answer to a remark that is already there."""
    plainly = _bare(text)
    for asked, answer in _TALK:
        if _bare(asked) in plainly or plainly in _bare(asked):
            return answer
    found = _LABEL.search(text.strip())
    if found:
        for seen in reversed(_recallable(memory)):
            if label_and_unit(seen.field, {})[0].casefold() == found[1].casefold():
                return _recalled(seen, rng)
    return rng.choice(
        (
            "Thanks for telling me. What would you like to do next?",
            "Good to know. I'm ready when you are.",
            "I see. Shall we go on?",
        )
    )


def _recalled(seen: Sighting, rng: Random) -> str:
    label, unit = label_and_unit(seen.field, {})
    return unmarked(rng.choice(_RECALLED).format(label=label, value=say(seen.value) + unit))


def _recallable(memory: Memory) -> list[Sighting]:
    said = "\n".join(memory.replies)
    return [
        seen
        for seen in memory.sightings
        if seen.position is None
        and isinstance(seen.value, (str, int, float))
        and not isinstance(seen.value, bool)
        and len(parts(seen.field)) > 1
        and "\n" not in str(seen.value)
        and str(seen.value) in said
    ]


def _bare(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", text.lower())
