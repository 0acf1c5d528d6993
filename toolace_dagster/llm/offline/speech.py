"""What the user says.

Belongs here: voices, openings, whole requests with all their values. Does not
belong here: how one value is said (``phrases``), or the assistant's words (``reports``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random
from typing import Any

from toolace_dagster.llm.offline.arguments import Filled, Source, label
from toolace_dagster.llm.offline.naming import is_identifier, noun_of, parts
from toolace_dagster.llm.offline.phrases import CLOSE, OPEN, clause, deed, marked, say, unmarked
from toolace_dagster.llm.offline.schema import Schema
from toolace_dagster.llm.offline.vocabulary import is_person

_ROLES = ("member", "patient", "applicant", "customer", "user", "visitor", "tenant", "household")
_EMPTY_SLOT = re.compile(
    r" (?:on a date|at a depth|at a given time|of a given [a-z]+|for a month|in a city|by name|with room for a number of [a-z]+|in a range of dates|in (?:a|the) (?:GitHub )?repository)\b(?! of)"
)
_POSSESSIVE = re.compile(r"\ba (?:member|patient|customer|user|tenant|household)'s ")
_VERBOSE = (
    "Sorry for the long message, but I would rather explain everything once.",
    "Let me give you the whole picture.",
    "I'll try to put everything you need in here.",
    "It has been one of those weeks, so please bear with me.",
    "I am writing down all the particulars so that nothing gets lost.",
)
_FIRST = (
    "Hi there.", "Hello!", "Good morning.", "Good afternoon.", "Hey.", "Evening.", "Hello, I hope you can help.", "Quick one from me.",
    "I'm sorting this out between two meetings.", "My sister asked me to deal with this.", "I finally have a minute for this.",
    "This has been on my list all week.", "I'm on the train, so bear with me.", "A neighbour told me you could help.",
    "We talked about this at home last night.", "I'd like to get this settled today.", "Somebody at work pointed me to you.",
    "I have a free half hour, so here goes.", "This is a bit new to me.", "I've put this off for too long.",
    "There's something I want off my desk.", "My calendar just opened up.", "I promised to take care of this.",
    "Before lunch I want this done.", "I was going through my papers just now.",
)  # fmt: skip
_FLAVOURS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("nurse", ("On break, ten minutes.", "Shift starts soon.", "Between two rounds here.", "Ward is busy.")),
    ("teacher", ("Since I retired I have taken such things into my own hands.", "Thirty years in the classroom taught me to ask clearly.", "My former pupils tell me this is the way to do it nowadays.", "I have my reading glasses on and my notes in front of me.")),
    ("student", ("so i just got out of class", "hey, lecture was cancelled so i have time", "ok so my flatmate said you can do this", "hi, sorry if this is a dumb one")),
    ("project manager", ("Here is what I want, in order.", "Agenda for this chat is short.", "Let's take this point by point.")),
    ("night-shift", ("Just off a night shift.", "Long night.", "Not much sleep, so straight to it.", "Home at last, quick thing.")),
    ("newcomer", ("I only moved here last month, so I hope I'm asking in the right place!", "Everything is still new to me here, but I like it a lot.", "I'm finding my way around the city and you could be a great help.")),
    ("accountant", ("I like figures to match, so please be exact.", "I will check the numbers afterwards, as always.", "Please give me exact amounts where there are any.")),
    ("business owner", ("Customer just left, I have a moment.", "The shop is quiet for a minute.", "Next customer is at ten past, so let's go.")),
    ("parent", ("The little one is napping, so now or never.", "I'm typing this with a toddler on my lap.", "School run in twenty minutes.", "Dinner is on the stove and homework is on the table.")),
    ("engineer", ("Task as follows.", "Request:", "Input is complete, I believe.")),
    ("volunteer", ("I'm writing for our group.", "Our volunteers asked me to arrange this.", "The committee met yesterday and I took this on.")),
    ("writer", ("I have been meaning to write to you since the morning.", "As so often, the practical side of life interrupts my chapter.", "It is a quiet afternoon, and I would like to put it to some use.")),
    ("non-native", ("Hello. I will explain in simple words.", "Hello, I hope my English is clear.", "Good day. I have a request.")),
    ("sceptical", ("I've had mixed results with services like this, so let's see.", "I want to be sure this works before I rely on it.", "I'm told you can do this. We'll see.")),
    ("assistant who books", ("I'm arranging this for my director.", "My director needs this settled today.", "This one is for the boss.")),
    ("farmer", ("The wind turned overnight, but the sky is clear now.", "We could do with some rain here.", "First frost this morning, so I'm indoors with a coffee.", "Good drying weather today, so I'll be brief.")),
)  # fmt: skip
_LATER = (
    "Great, thanks.", "Perfect.", "Good, that helps.", "Thank you.", "Lovely.", "All right.", "That works for me.", "Okay, next thing.",
    "Good to know.", "Fine.", "Wonderful.", "One more thing.", "While we're at it:", "Moving on.", "Now that this is settled:",
    "That was quick.", "Understood.", "Right.", "Clear, thanks.", "Since that's out of the way:",
)  # fmt: skip
_FRAMES = (
    "could you {deed}?", "please {deed}.", "can you {deed}?", "I'd like you to {deed}.", "I want to {deed}.", "would you {deed} for me?",
    "I'd like to {deed}.", "help me {deed}, please.", "I have to {deed}.", "the plan is to {deed}.", "would it be possible to {deed}?",
    "{deed}, please.", "I was hoping you could {deed}.", "what I want is to {deed}.", "is there a way to {deed}?", "let's {deed}.",
    "I'm trying to {deed}.", "my next job is to {deed}.", "mind helping me {deed}?",
)  # fmt: skip
_POLITE = ("would you be so kind as to {deed}?", "I would be grateful if you could {deed}.", "may I ask you to {deed}?", "I would very much appreciate it if you could {deed}.", "might I trouble you to {deed}?", "if it is no bother, please {deed}.")  # fmt: skip
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
_THEN = ("Then {deed}.", "After that, {deed}.", "Once that's done, {deed}.", "And then {deed}.", "When you have that, {deed}.", "Next, {deed}.", "With that, {deed}.")  # fmt: skip
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
    def of(cls, persona: Any) -> Voice:
        """The voice of a persona's description."""
        text = str(persona).lower()

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


def request_text(
    calls: list[list[Filled]],
    voice: Voice,
    rng: Random,
    *,
    first: bool,
    scenario: str,
    leave_out: list[Any] | None = None,
    extra: list[tuple[str, Any]] | None = None,
) -> str:
    """The user's message that opens a sub-task.

    Args:
        calls: The sub-task's calls by step, with sources.
        voice: The user's manner.
        rng: Source of choices.
        first: Whether it opens the dialogue.
        scenario: The task's scenario.
        leave_out: Values not to be said.
        extra: Details that no call used but the user should say.

    Returns:
        The message.
    """
    out = [*(leave_out or [])]
    flat = [filled for step in calls for filled in step]
    told: set[str] = set()
    sentences: list[str] = []
    requests: list[str] = []
    final = len(flat) - 1
    for at, filled in enumerate(flat):
        slots = _slots_of(filled, out, voice)
        for name in slots:
            told.update((f"{name}={filled.sources[name].value!r}", str(filled.sources[name].value)))
        inlines, statements = _values_of(filled, out, told, rng, voice)
        hidden = (
            not slots
            and at < final
            and filled.tool.looks_up
            and _feeds(filled, flat[at + 1 :])
            and len(flat) > 2
            and rng.random() < 0.45
        )
        said = with_references(filled, slots)
        if filled.repeat:
            said = _again(filled, said, inlines, statements, rng)
            if said:
                requests.append(said)
            continue
        if hidden and requests:
            sentences += [text if voice.terse else _lead(text) for text in inlines] + statements
            continue
        requests.append(" ".join([said, *inlines[:4]]))
        sentences += [_lead(text) for text in inlines[4:]] + statements
    for name, value in extra or []:
        if not any(value == other for other in out) and str(value) not in told:
            sentences.append(clause(name, {}, value, rng, spelled=voice.spelled)[1])
    return voice.finish(_assemble(requests, sentences, voice, rng, first))


def _values_of(
    filled: Filled, out: list[Any], told: set[str], rng: Random, voice: Voice
) -> tuple[list[str], list[str]]:
    inlines: list[str] = []
    statements: list[str] = []
    pair = [filled.sources.get(name) for name in ("owner", "repo")]
    if (
        all(
            source is not None and source.kind in ("detail", "made", "earlier") and source.value not in out
            for source in pair
        )
        and not filled.repeat
    ):
        whole = "/".join(str(source.value) for source in pair if source is not None)
        if whole not in told:
            told.update(
                (whole, *(f"{n}={s.value!r}" for n, s in zip(("owner", "repo"), pair, strict=True) if s is not None))
            )
            inlines.append(f"in {marked(whole)}")
    for name, source in filled.sources.items():
        view = filled.tool.params.get(name, {})
        key = f"{name}={source.value!r}"
        if (
            source.kind not in ("detail", "made")
            or key in told
            or any(source.value == other and type(other) is type(source.value) for other in out)
        ):
            continue
        told.add(key)
        told.add(str(source.value))
        if (
            _is_number(name, source.value)
            and not filled.repeat
            and _numbered(deed(filled.tool), name).search(deed(filled.tool))
        ):
            continue
        if is_identifier(name, view):
            if all(_mention(deed(filled.tool), noun) is None for noun in nouns_of(name, view)):
                statements.append(f"the {noun_of(name, view)} is {say(source.value)}")
            continue
        kind, text = clause(name, view, source.value, rng, spelled=voice.spelled)
        (inlines if kind == "inline" else statements).append(text)
    return inlines, statements


def with_references(filled: Filled, slots: dict[str, str] | None = None) -> str:
    """The deed of a call as a person would say it: ``that title`` for identifiers, values for what the deed leaves open.

    Args:
        filled: The call.
        slots: Values in words for parameters that the deed mentions, such as ``in a city``.
    """
    said = deed(filled.tool)
    for name, value in (slots or {}).items():
        view = filled.tool.params.get(name, {})
        said = _open_slot(said, name, str(view.get("description", ""))).sub(value.replace("\\", r"\\"), said, count=1)
    said = _EMPTY_SLOT.sub("", said)
    said = _POSSESSIVE.sub("my ", said)
    leftover: list[str] = []
    for name, source in filled.sources.items():
        view: Schema = filled.tool.params.get(name, {})
        if _is_number(name, source.value) and source.kind in ("detail", "made", "earlier") and not filled.repeat:
            said = _numbered(said, name).sub(lambda found: f"{found[1]} {say(source.value)}", said, count=1)  # noqa: B023
        if not is_identifier(name, view):
            continue
        noun = next(
            (option for option in nouns_of(name, view) if _mention(said, option) is not None), noun_of(name, view)
        )
        reference = refer(noun, source)
        found = _mention(said, noun)
        if found is not None:
            whole = found.group(0)
            role = noun.split()[-1] in _ROLES and source.kind in ("output",) and source.policy in ("only", "same")
            said = said.replace(whole, "me" if role and re.search(rf"for {re.escape(whole)}$", said) else reference, 1)
        elif source.kind == "output" and noun.split()[-1] not in _ROLES and len(leftover) < 1:
            leftover.append(f"for {reference}")
    return " ".join([said, *leftover])


def refer(noun: str, source: Source) -> str:
    """How the user speaks of a thing: by its number, its name, its rank in a list, or ``that``."""
    if source.kind in ("detail", "made", "earlier"):
        return f"{noun} {say(source.value)}"
    holder = source.seen.holder if source.seen is not None else {}
    name = label(holder)
    if source.policy in ("same", "only", "") or source.seen is None:
        return f"that {noun}"
    if source.policy == "named" and name:
        return marked(name)
    ranked = {
        "cheapest": "the cheapest {}",
        "soonest": "the earliest {} on the list",
        "second": "the second {} on the list",
        "last": "the last {} on the list",
    }
    return ranked.get(source.policy, "the first {} on the list").format(noun)


def nouns_of(name: str, view: Schema) -> list[str]:
    """Nouns an identifier's parameter may be about, best first: from its name, then from its description."""
    found = re.match(r"(?i)(?:unique )?identifier of (?:the |an? )?([a-z -]+)", str(view.get("description", "")))
    described = re.split(r" (?:that|of|to|in|where|with|the|who|for)\b", found[1].strip())[0].split() if found else []
    return list(dict.fromkeys([noun_of(name, view), *reversed(described)]))


_AFTER_NOUN = r"(?=$|[,.]| (?:in|of|from|with|to|for|on|by|and|at|that|needs|has)\b)"


def _open_slot(said: str, name: str, description: str = "") -> re.Pattern[str]:
    """Where a deed leaves a parameter's value open: ``a city`` for ``city``, ``a farm`` for ``farm_name``."""
    found = [word for word in parts(name) if word not in ("name", "full")]
    noun = re.escape(found[-1] if found else "\0")
    phrase = re.match(r"kind of [a-z]+", description.lower())
    kinds = rf"|\b(?:a|an) {phrase[0]}\b" if phrase else ""
    return re.compile(
        rf"\b(?:a|an|one) (?:given |specific )?(?:(?!optional|new)[a-z]+ )?{noun}{_AFTER_NOUN}(?! of){kinds}"
    )


def _is_number(name: str, value: Any) -> bool:
    return parts(name)[-1:] == ("number",) and isinstance(value, (int, float)) and not isinstance(value, bool)


def _numbered(said: str, name: str) -> re.Pattern[str]:
    """Where a deed speaks of a thing that has a number: ``an existing issue`` for ``issue_number``."""
    noun = " ".join(parts(name)[:-1]) or "\0"
    noun = "pull request" if noun == "pull" else noun
    return re.compile(rf"\b(?:a|an|the|its) (?:existing |specific |given |parent )?({re.escape(noun)}){_AFTER_NOUN}")


def _slots_of(filled: Filled, out: list[Any], voice: Voice) -> dict[str, str]:
    said = deed(filled.tool)
    slots: dict[str, str] = {}
    for name, source in filled.sources.items():
        view = filled.tool.params.get(name, {})
        if (
            source.kind not in ("detail", "made", "earlier")
            or not isinstance(source.value, str)
            or len(source.value) > 40
        ):
            continue
        if is_identifier(name, view) or any(source.value == other for other in out) or filled.repeat:
            continue
        description = str(view.get("description", ""))
        slot = _open_slot(said, name, description)
        if (
            (parts(name)[-1:] and parts(name)[-1] in ("email", "phone", "title", "note"))
            or is_person(name, description)
            or slot.search(said) is None
        ):
            continue
        slots[name] = say(source.value, view, spelled=voice.spelled)
        said = slot.sub("", said, count=1)
    return slots


def _mention(said: str, noun: str) -> re.Match[str] | None:
    last = re.escape(noun.split()[-1])
    return re.search(rf"\b(?:a|an|one|the|another|its)\s+(?:[a-z-]+\s){{0,2}}?{last}\b", said)


def _again(filled: Filled, said: str, inlines: list[str], statements: list[str], rng: Random) -> str:
    seen = next((source for source in filled.sources.values() if source.seen is not None), None)
    if seen is not None and not inlines and not statements:
        return rng.choice(
            (
                "do the same for the next one",
                "do that for the one after it too",
                "repeat that for the next one on the list",
            )
        )
    if not inlines and not statements:
        return said
    again = " ".join(
        [rng.choice(("do the same again", "try it once more", "do another round", "do it a second time")), *inlines]
    )
    return (
        f"{again}, but this time {' and '.join(text.removeprefix('please ') for text in statements)}"
        if statements
        else again
    )


def _feeds(filled: Filled, later: list[Filled]) -> bool:
    return any(
        source.kind == "output" and filled.tool.returns(name, other.tool.params.get(name, {})) is not None
        for other in later
        for name, source in other.sources.items()
    )


def _lead(text: str) -> str:
    return f"that's {text}"


def _assemble(requests: list[str], sentences: list[str], voice: Voice, rng: Random, first: bool) -> str:
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
