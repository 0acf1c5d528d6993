"""Voices: how a kind of person opens, asks and closes.

Belongs here: reading a voice from a persona, openings, sentence frames, and
putting a message together in a voice. Does not belong here: what is asked
(``speech``), or how a value is said (``phrases``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random
from typing import Any

from toolace_dagster.llm.offline.phrases import CLOSE, OPEN, unmarked

_VERBOSE = (
    "Sorry for the long message, but I would rather explain everything once.",
    "Let me give you the whole picture.",
    "I'll try to put everything you need in here.",
    "It has been one of those weeks, so please bear with me.",
    "I am writing down all the particulars so that nothing gets lost.",
)
_FIRST = (
    "Hi there.",
    "Hello!",
    "Good morning.",
    "Good afternoon.",
    "Hey.",
    "Evening.",
    "Hello, I hope you can help.",
    "Quick one from me.",
    "I'm sorting this out between two meetings.",
    "My sister asked me to deal with this.",
    "I finally have a minute for this.",
    "This has been on my list all week.",
    "I'm on the train, so bear with me.",
    "A neighbour told me you could help.",
    "We talked about this at home last night.",
    "I'd like to get this settled today.",
    "Somebody at work pointed me to you.",
    "I have a free half hour, so here goes.",
    "This is a bit new to me.",
    "I've put this off for too long.",
    "There's something I want off my desk.",
    "My calendar just opened up.",
    "I promised to take care of this.",
    "Before lunch I want this done.",
    "I was going through my papers just now.",
)
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
_LATER = (
    "Great, thanks.",
    "Perfect.",
    "Good, that helps.",
    "Thank you.",
    "Lovely.",
    "All right.",
    "That works for me.",
    "Okay, next thing.",
    "Good to know.",
    "Fine.",
    "Wonderful.",
    "One more thing.",
    "While we're at it:",
    "Moving on.",
    "Now that this is settled:",
    "That was quick.",
    "Understood.",
    "Right.",
    "Clear, thanks.",
    "Since that's out of the way:",
)
_FRAMES = (
    "could you {deed}?",
    "please {deed}.",
    "can you {deed}?",
    "I'd like you to {deed}.",
    "I want to {deed}.",
    "would you {deed} for me?",
    "I'd like to {deed}.",
    "help me {deed}, please.",
    "I have to {deed}.",
    "the plan is to {deed}.",
    "would it be possible to {deed}?",
    "{deed}, please.",
    "I was hoping you could {deed}.",
    "what I want is to {deed}.",
    "is there a way to {deed}?",
    "let's {deed}.",
    "I'm trying to {deed}.",
    "my next job is to {deed}.",
    "mind helping me {deed}?",
)
_POLITE = (
    "would you be so kind as to {deed}?",
    "I would be grateful if you could {deed}.",
    "may I ask you to {deed}?",
    "I would very much appreciate it if you could {deed}.",
    "might I trouble you to {deed}?",
    "if it is no bother, please {deed}.",
)
_TERSE = (
    "{deed}.",
    "{deed}, please.",
    "{deed} pls.",
    "need to {deed}.",
    "quick: {deed}.",
    "{deed} asap.",
    "want to {deed}.",
    "to do: {deed}.",
)
_THEN = (
    "Then {deed}.",
    "After that, {deed}.",
    "Once that's done, {deed}.",
    "And then {deed}.",
    "When you have that, {deed}.",
    "Next, {deed}.",
    "With that, {deed}.",
)
_CLOSINGS = ("Thanks!", "Thank you.", "Many thanks.", "Thanks in advance.", "Much appreciated.", "Cheers.")


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
    """

    terse: bool = False
    polite: bool = False
    wordy: bool = False
    lower: bool = False
    bare: bool = False
    spelled: bool = False
    flavour: tuple[str, ...] = ()

    @classmethod
    def of_task(cls, task: dict[str, Any]) -> Voice:
        """The voice of a task's user."""
        return cls.of(task.get("persona"), task.get("manner"))

    @classmethod
    def of(cls, persona: Any, manner: Any = None) -> Voice:
        """The voice of a persona's description and, where it is given apart, of a manner of writing."""
        text = f"{persona} {manner or ''}".lower()

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
    frames = _TERSE if voice.terse else _POLITE + _FRAMES[:6] if voice.polite else _FRAMES
    said: list[str] = []
    greet = rng.random()
    if first and voice.flavour and rng.random() < 0.7:
        said.append(rng.choice(voice.flavour))
        if voice.wordy and greet < 0.3:
            said.append(rng.choice(_VERBOSE))
    elif first and (voice.wordy or (not voice.terse and greet < 0.75)):
        said.append(rng.choice(_FIRST))
        if voice.wordy and greet < 0.5:
            said.append(rng.choice(_VERBOSE))
    elif not first and greet < (0.35 if voice.terse else 0.7):
        said.append(rng.choice(_LATER))
    opening = requests[0] if requests else "help me with this"
    said.append(rng.choice(frames).format(deed=opening))
    texts = list(sentences)
    rng.shuffle(texts)
    if voice.terse:
        texts = [re.sub(rf"^(?:the|my) (.+) (?:is|are|should be) ({OPEN}.*)$", r"\1: \2", text) for text in texts]
    spoken = [_sentences(texts, voice, rng)]
    links = rng.sample(_THEN, len(_THEN)) * 3
    following = [link.format(deed=text) for link, text in zip(links, requests[1:], strict=False)]
    said += (following + spoken) if rng.random() < 0.5 else (spoken + following)
    if not voice.terse and rng.random() < (0.7 if voice.polite else 0.25):
        said.append(rng.choice(_CLOSINGS))
    return " ".join(part for part in said if part)


def _sentences(texts: list[str], voice: Voice, rng: Random) -> str:
    if voice.terse:
        return ", ".join(texts) + ("." if texts else "")
    said: list[str] = []
    rest = list(texts)
    while rest:
        alone = re.compile(r"please |no need|I only|it'll|it |the .+ says? |that's ")
        take = (
            2 if len(rest) > 1 and rng.random() < 0.6 and not alone.match(rest[0]) and not alone.match(rest[1]) else 1
        )
        group, rest = rest[:take], rest[take:]
        said.append(" and ".join(group) + ".")
    return " ".join(said)
