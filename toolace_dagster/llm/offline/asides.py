"""What users ask that no tool here can do, and questions about what was already found.

Belongs here: such requests with their refusals, questions about results, summaries.
Does not belong here: small talk (``smalltalk``), refusals of a known tool (``reports``).
"""

from __future__ import annotations

import re
from random import Random

from toolace_dagster.llm.offline.memory import Memory, Sighting
from toolace_dagster.llm.offline.naming import parts
from toolace_dagster.llm.offline.phrases import deed_of, label_and_unit, say, unmarked
from toolace_dagster.llm.offline.reports import Answered, report
from toolace_dagster.llm.offline.request import Request

_ERRANDS: tuple[tuple[str, str], ...] = (
    ("Could you order two pizzas to my office first?", "I'd like to, but ordering food is nothing I can do here."),
    ("Can you turn the heating in my flat up a bit?", "I'm afraid I have no way to reach your heating."),
    ("Play something calm while I type, would you?", "I can't play music here, sorry."),
    ("Before that, book me a table for four tonight.", "Restaurant tables are outside what I can book, I'm sorry."),
    ("Would you call my sister and say I'll be late?", "I can't make phone calls from here."),
    ("Translate my neighbour's letter for me, it's in Hungarian.", "I can't see that letter, I'm sorry."),
    ("Can you post this on my page for me?", "Posting on your page is not something I can do."),
    ("Check my lottery numbers from last night, please.", "I have nothing here that looks up lottery results."),
    ("Could you renew my passport while you're at it?", "I can't handle passports, that takes the passport office."),
    ("Get me a taxi for six o'clock, please.", "I have no way to order a taxi, sorry."),
    ("Find me the cheapest flight to Oslo, will you?", "Flights are beyond what I can look up here."),
    ("Print this conversation on the printer upstairs.", "I can't reach a printer from here."),
)  # fmt: skip
_WANTED = (
    "One thing first: could you {}?",
    "Could you also {} for me?",
    "I'd like you to {} before we go on.",
    "Is there a way for you to {}?",
    "Would you {}, please?",
    "While I have you: can you {}?",
)
_REFUSED = (
    "I'm sorry, I can't {} here: nothing I have does that.",
    "That is not something I can do: I have no way to {}.",
    "I can't {}, I'm afraid.",
    "To {} is beyond what I can do here.",
)
_NOTHING = (
    "I'm sorry, that's beyond what I can do here.",
    "I can't help with that one, I'm afraid: nothing I have here does it.",
    "That is not something I can do, sorry.",
)
_DEED = re.compile(r"I can't (.+?)(?: here: nothing I have|, I'm afraid)|no way to (.+?)\.|^To (.+?) is beyond")
_RESIGNED = (
    "Fair enough.",
    "Worth a try.",
    "All right, never mind.",
    "Okay, I'll see to that myself.",
    "Then not.",
    "No problem.",
)
_RECALL = (
    "Remind me, what was the {label} again?",
    "Sorry, I lost track: which {label} did you find?",
    "Quick check, what {label} did that come back with?",
    "What did it say for the {label}?",
)
_RECALLED = (
    "The {label} was {value}.",
    "It was {value}.",
    "It came back with {value} as the {label}.",
    "That was {value}.",
)
_ASKED = re.compile(
    r"what was the (.+?) again|which (.+?) did you find|what (.+?) did that|for the (.+?)\?", re.IGNORECASE
)
_TOLD = re.compile(r"\b[Tt]he ([a-z][a-z ]{3,24}) is ")
_SUMS = (
    "Hang on, where are we? Sum it up for me.",
    "Can you give me a short summary of what we have so far?",
    "Before the next thing: what has been done up to now?",
    "Let me catch up. What did you find so far?",
    "Recap that for me in a few words, please.",
)


def errand(rng: Random) -> tuple[str, str]:
    """A request quite outside any tool pool, and its refusal."""
    return rng.choice(_ERRANDS)


def unsupported(description: str, name: str, rng: Random) -> tuple[str, str]:
    """A request for what an absent tool would do, and its refusal."""
    thing = deed_of(description, name)
    return rng.choice(_WANTED).format(thing), rng.choice(_REFUSED).format(thing)


def errand_for(refusal: str, rng: Random) -> str:
    """What a user may have asked for, given the refusal that is already there."""
    known = next((asked for asked, refused in _ERRANDS if refused == refusal), None)
    if known is not None:
        return known
    found = _DEED.search(refusal)
    thing = next((group for group in found.groups() if group), None) if found else None
    return rng.choice(_WANTED).format(thing) if thing else errand(rng)[0]


def refusal_of(text: str, rng: Random) -> str:
    """A refusal of a request that is already there."""
    known = next((refused for asked, refused in _ERRANDS if _bare(asked) == _bare(text)), None)
    return known or rng.choice(_NOTHING)


def resigned(rng: Random) -> str:
    """The words with which a user lets go of something."""
    return rng.choice(_RESIGNED)


def question(memory: Memory, rng: Random) -> tuple[str, str] | None:
    """A question about an earlier result, and the answer; None when nothing was found that can be asked for."""
    known = _recallable(memory)
    if not known:
        return None
    seen = rng.choice(known)
    return rng.choice(_RECALL).format(label=_label(seen)), _recalled(seen, rng)


def question_about(reply: str, rng: Random) -> str | None:
    """A question about something that a reply has told; None when it names nothing that can be asked for."""
    told = _TOLD.findall(reply)
    return rng.choice(_RECALL).format(label=rng.choice(told)) if told else None


def aside_answer(text: str, memory: Memory, rng: Random) -> str | None:
    """The answer to what needs no tool, or to what none can do; None where it is neither.

    Args:
        text: What the user said.
        memory: The dialogue so far.
        rng: Source of choices.
    """
    bare = _bare(text)
    for asked, refused in _ERRANDS:
        if _bare(asked) == bare:
            return refused
    for frame in _WANTED:
        found = re.fullmatch(re.escape(frame).replace(r"\{\}", "(.+)"), text.strip(), re.IGNORECASE)
        if found:
            return rng.choice(_REFUSED).format(found[1])
    if any(_bare(wanted) == bare for wanted in _SUMS):
        return None
    return answer_about(text, memory, rng)


def wants_summary(text: str) -> bool:
    """Whether a user asks where things stand."""
    return any(_bare(wanted) == _bare(text) for wanted in _SUMS)


def question_for(answer: str, memory: Memory, rng: Random) -> str | None:
    """A question that fits an answer which is already there."""
    for seen in reversed(_recallable(memory)):
        if unmarked(say(seen.value)) in answer:
            return rng.choice(_RECALL).format(label=_label(seen))
    return None


def answer_about(text: str, memory: Memory, rng: Random) -> str | None:
    """The answer to a question about earlier results that is already there."""
    found = _ASKED.search(text)
    label = next((group for group in found.groups() if group), "") if found else ""
    for seen in reversed(_recallable(memory)):
        if _label(seen).casefold() == label.casefold():
            return _recalled(seen, rng)
    return None


def summary_wanted(rng: Random) -> str:
    """A user asks where things stand."""
    return rng.choice(_SUMS)


def summary(memory: Memory, request: Request, rng: Random) -> str:
    """What was found and done so far, of the last results."""
    answers: list[Answered] = [
        (request.tools.get(name), name, arguments, content) for name, arguments, content, _ in memory.outputs[-3:]
    ]
    return report(answers, rng)


def _label(seen: Sighting) -> str:
    return label_and_unit(seen.field, {})[0]


def _recalled(seen: Sighting, rng: Random) -> str:
    label, unit = label_and_unit(seen.field, {})
    return unmarked(rng.choice(_RECALLED).format(label=label, value=say(seen.value) + unit))


def _recallable(memory: Memory) -> list[Sighting]:
    """Values of single results that a person could ask for."""
    return [
        seen
        for seen in memory.sightings
        if seen.position is None
        and isinstance(seen.value, (str, int, float))
        and not isinstance(seen.value, bool)
        and len(parts(seen.field)) > 1
        and 1 < len(str(seen.value)) < 60
        and "\n" not in str(seen.value)
    ]


def _bare(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", text.lower())
