"""Voices: how a kind of person opens, asks and closes.

Belongs here: reading a voice from a persona and a manner, and putting a message
together in a voice. Does not belong here: what is asked (``speech``), how a value is said
(``phrases``), or the words around both (``wording``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from toolace_dagster.llm.offline.phrases import CLOSE, OPEN, unmarked
from toolace_dagster.llm.offline.wording import compose

_FLAVOURS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("nurse", ("On break, ten minutes.", "Shift starts soon.", "Between two rounds here.", "Ward is busy.")),
    (
        "teacher",
        (
            "Since I retired I have taken such things into my own hands.",
            "Thirty years in the classroom taught me to ask clearly.",
            "My former pupils tell me this is the way to do it nowadays.",
            "I have my reading glasses on and my notes in front of me.",
        ),
    ),
    (
        "student",
        (
            "so i just got out of class",
            "hey, lecture was cancelled so i have time",
            "ok so my flatmate said you can do this",
            "hi, sorry if this is a dumb one",
        ),
    ),
    (
        "project manager",
        ("Here is what I want, in order.", "Agenda for this chat is short.", "Let's take this point by point."),
    ),
    (
        "night-shift",
        ("Just off a night shift.", "Long night.", "Not much sleep, so straight to it.", "Home at last, quick thing."),
    ),
    (
        "newcomer",
        (
            "I only moved here last month, so I hope I'm asking in the right place!",
            "Everything is still new to me here, but I like it a lot.",
            "I'm finding my way around the city and you could be a great help.",
        ),
    ),
    (
        "accountant",
        (
            "I like figures to match, so please be exact.",
            "I will check the numbers afterwards, as always.",
            "Please give me exact amounts where there are any.",
        ),
    ),
    (
        "business owner",
        (
            "Customer just left, I have a moment.",
            "The shop is quiet for a minute.",
            "Next customer is at ten past, so let's go.",
        ),
    ),
    (
        "parent",
        (
            "The little one is napping, so now or never.",
            "I'm typing this with a toddler on my lap.",
            "School run in twenty minutes.",
            "Dinner is on the stove and homework is on the table.",
        ),
    ),
    ("engineer", ("Task as follows.", "Here is the task.", "Input is complete, I believe.")),
    (
        "volunteer",
        (
            "I'm writing for our group.",
            "Our volunteers asked me to arrange this.",
            "The committee met yesterday and I took this on.",
        ),
    ),
    (
        "writer",
        (
            "I have been meaning to write to you since the morning.",
            "As so often, the practical side of life interrupts my chapter.",
            "It is a quiet afternoon, and I would like to put it to some use.",
        ),
    ),
    (
        "non-native",
        ("Hello. I will explain in simple words.", "Hello, I hope my English is clear.", "Good day. I have a request."),
    ),
    (
        "sceptical",
        (
            "I've had mixed results with services like this, so let's see.",
            "I want to be sure this works before I rely on it.",
            "I'm told you can do this. We'll see.",
        ),
    ),
    (
        "assistant who books",
        ("I'm arranging this for my director.", "My director needs this settled today.", "This one is for the boss."),
    ),
    (
        "farmer",
        (
            "The wind turned overnight, but the sky is clear now.",
            "We could do with some rain here.",
            "First frost this morning, so I'm indoors with a coffee.",
            "Good drying weather today, so I'll be brief.",
        ),
    ),
)
_STYLES = ("terse", "hurried", "casual", "chatty", "plain", "orderly", "thorough", "formal")


@dataclass(frozen=True)
class Voice:
    """A manner of writing, read from a persona.

    Attributes:
        terse: Short messages.
        polite: Courteous frames and closings.
        wordy: Explains the background.
        lower: Starts nothing with a capital.
        bare: Leaves out most punctuation.
        spelled: Spells dates out.
        flavour: Remarks that only such a person makes.
        style: The register, by its name; empty when none is told.
        language: What they write in, by its English name.
    """

    terse: bool = False
    polite: bool = False
    wordy: bool = False
    lower: bool = False
    bare: bool = False
    spelled: bool = False
    flavour: tuple[str, ...] = ()
    style: str = ""
    language: str = "English"

    @classmethod
    def of_task(cls, task: dict[str, Any]) -> Voice:
        """The voice of a task's user."""
        return replace(cls.of(task.get("persona"), task.get("manner")), language=str(task.get("language") or "English"))

    @classmethod
    def of(cls, persona: Any, manner: Any = None) -> Voice:
        """The voice of a persona's description and, where it is given apart, of a manner of writing."""
        text = f"{persona} {manner or ''}".lower()
        named = re.match(r"\W*(\w+)", str(manner or "").lower())
        if named and named[1] in _STYLES:
            return cls._in_style(named[1], text)

        def has(*hints: str) -> bool:
            return any(hint in text for hint in hints)

        terse = has(
            "terse",
            "short",
            "hurried",
            "brief",
            "few words",
            "busy ",
            "rush",
            "clipped",
            "to the point",
            "blunt",
            "impatient",
            "telegram",
            "precise and dry",
        )
        terse = terse and not has("director")
        return cls(
            terse=terse,
            polite=has("polite", "formal", "courteous", "kind", "grateful", "retired", "gentle", "proper"),
            wordy=not terse
            and has(
                "explain", "background", "chatty", "long", "talkative", "detail", "ramb", "story", "thorough", "context"
            ),
            lower=has("lower-case", "lower case", "lowercase", "no capitals"),
            bare=has("no punctuation", "without punctuation", "little punctuation"),
            spelled=sum(map(ord, text)) % 2 == 0,
            flavour=next((remarks for hint, remarks in _FLAVOURS if hint in text), ()),
        )

    @classmethod
    def _in_style(cls, style: str, text: str) -> Voice:
        return cls(
            terse=style in ("terse", "hurried"),
            polite=style == "formal",
            wordy=style in ("chatty", "thorough"),
            lower=style == "casual",
            bare=style == "casual" and sum(map(ord, text)) % 3 == 0,
            spelled=sum(map(ord, text)) % 2 == 0,
            flavour=next((remarks for hint, remarks in _FLAVOURS if hint in text), ()),
            style=style,
        )

    def finish(self, text: str) -> str:
        """A message in this voice, with marks removed."""
        text = re.sub(r"\s+", " ", text).strip()
        text = re.sub(r"\s+([,.?!])", r"\1", text)
        text = re.sub(rf"([.?!:])({CLOSE}?)(\.)", r"\1\2", text)
        pieces = re.split(rf"({OPEN}.*?{CLOSE})", text)
        for index in range(0, len(pieces), 2):
            piece = pieces[index]
            if self.lower:
                piece = re.sub(r"\b[A-Z](?=[a-z']|\b)", lambda found: found[0].lower(), piece)
            if self.bare:
                piece = re.sub(r"[.!?:;](\s|$)", r"\1", re.sub(r"'", "", piece))
            pieces[index] = piece
        text = "".join(pieces)
        if not self.lower:
            text = re.sub(r"(^|[.?!] )([a-z])", lambda found: found[1] + found[2].upper(), text)
        return unmarked(text).strip()


def assemble(requests: list[str], sentences: list[str], voice: Voice, rng: Random, first: bool) -> str:
    """Put a message together.

    Args:
        requests: Verb phrases, in order.
        sentences: Clauses that give values.
        voice: The voice.
        rng: Source of choices.
        first: Whether nothing was done for the user yet.

    Returns:
        The message with marks, still to be finished by the voice.
    """
    said = [_beginning(voice, rng, first)]
    if voice.terse:
        requests = [_without_articles(text) if rng.random() < 0.6 else text for text in requests]
    said.append(_asked(requests[0] if requests else "help me with this", voice, rng))
    texts = list(sentences)
    rng.shuffle(texts)
    if voice.terse:
        texts = [re.sub(rf"^(?:the|my) (.+) (?:is|are|should be) ({OPEN}.*)$", r"\1: \2", text) for text in texts]
    spoken = [_sentences(texts, voice, rng)]
    following = [_linked(text, voice, rng) for text in requests[1:]]
    where = rng.random()
    if where < (0.4 if voice.terse else 0.2) and spoken[0] and voice.style != "formal":
        said[1:1] = spoken
        said += following
    else:
        said += (following + spoken) if where < 0.6 else (spoken + following)
    if not voice.terse and rng.random() < (0.7 if voice.polite else 0.3):
        said.append(compose("closing_formally" if voice.polite else "closing", rng))
    return " ".join(part for part in said if part)


def _beginning(voice: Voice, rng: Random, first: bool) -> str:
    """What comes before the request: a reason to write, or a word on what was just done."""
    chance = rng.random()
    if not first:
        return compose("later", rng) if chance < (0.35 if voice.terse else 0.75) else ""
    if voice.style == "terse":
        return ""
    remark = rng.choice(voice.flavour) if voice.flavour and rng.random() < 0.25 else ""
    kind = voice.style or (
        "thorough" if voice.wordy else "formal" if voice.polite else "hurried" if voice.terse else ""
    )
    reason = compose(kind, rng)
    # People of one kind have few such remarks; a message that began with one would begin like another.
    return f"{reason} {remark}".strip()


def _asked(deed: str, voice: Voice, rng: Random) -> str:
    kind = "ask_briefly" if voice.terse else "ask"
    if voice.polite and rng.random() < 0.8:
        kind = "ask_formally"
    return compose(kind, rng).replace("{deed}", deed)


def _without_articles(text: str) -> str:
    """A phrase without its articles, values left as they are."""
    pieces = re.split(rf"({OPEN}.*?{CLOSE})", text)
    return "".join(piece if at % 2 else re.sub(r"\b(?:the|a|an) ", "", piece) for at, piece in enumerate(pieces))


def _linked(deed: str, voice: Voice, rng: Random) -> str:
    return compose("link_briefly" if voice.terse and rng.random() < 0.8 else "link", rng).replace("{deed}", deed)


def _sentences(texts: list[str], voice: Voice, rng: Random) -> str:
    if voice.terse:
        return ", ".join(texts) + ("." if texts else "")
    said: list[str] = []
    rest = list(texts)
    while rest:
        plain = re.compile(r"(?:the|my|you can|it goes) (?!.+ says? )")
        take = 2 if len(rest) > 1 and rng.random() < 0.6 and plain.match(rest[0]) and plain.match(rest[1]) else 1
        group, rest = rest[:take], rest[take:]
        said.append(" and ".join(group) + ".")
    return " ".join(said)
