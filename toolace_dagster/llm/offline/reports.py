"""What the assistant tells the user.

Belongs here: replies that state what outputs say, questions for a missing
value, refusals, and sentences around errors. Does not belong here: the user's
words (``speech``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random
from typing import Any

from toolace_dagster.llm.offline.arguments import label
from toolace_dagster.llm.offline.naming import last_word, parts, singular, words
from toolace_dagster.llm.offline.phrases import deed_of, joined, label_and_unit, noun_phrase, say, things, unmarked
from toolace_dagster.llm.offline.request import ToolView
from toolace_dagster.llm.offline.schema import Schema, plain, properties
from toolace_dagster.llm.offline.shapes import as_list, as_object, objects_in
from toolace_dagster.llm.offline.tongues import is_spoken, reply_in

Answered = tuple[ToolView | None, str, dict[str, Any], Any]
"""A call with its answer: tool (when offered), name, arguments, content."""

_OPENERS = (
    "Done.",
    "All set.",
    "That's taken care of.",
    "Here you go.",
    "That worked.",
    "It's done.",
    "Sorted.",
    "Everything went through.",
)
_FOUND = (
    "Here is what I found:",
    "This is what came up:",
    "I had a look:",
    "I checked:",
    "Here's the result:",
    "Let me sum up:",
)
_PAST = {
    "find": "found",
    "get": "got",
    "book": "booked",
    "send": "sent",
    "make": "made",
    "set": "set",
    "put": "put",
    "read": "read",
    "give": "gave",
    "write": "wrote",
    "run": "ran",
    "take": "took",
    "pay": "paid",
    "list": "listed",
    "cancel": "cancelled",
    "submit": "submitted",
    "add": "added",
}


def report(answers: list[Answered], rng: Random, language: str = "English") -> str:
    """The reply that closes a sub-task.

    Args:
        answers: Its calls with their answers, in order.
        rng: Source of choices.
        language: Language of the dialogue.

    Returns:
        One to four sentences that hold only what the answers hold.
    """
    if not answers:
        return "I have noted that. What would you like to do next?"
    deeds = [a for a in answers if a[0] is None or not a[0].looks_up]
    shown = _chosen(answers, deeds)
    if is_spoken(language):
        return reply_in(language, [fact for answer in shown for fact in _labelled(answer)], rng)
    said: list[str] = []
    for tool, name, arguments, content in shown:
        said.append(_one(tool, name, arguments, content, rng, brief=len(shown) > 2))
    opener = rng.choice(_OPENERS if deeds else _FOUND) if rng.random() < 0.65 else ""
    text = " ".join([opener, *said] if not opener.endswith(":") else [opener[:-1] + ".", *said])
    return _tidy(text)


def _labelled(answer: Answered) -> list[tuple[str, str]]:
    """What a call found, as labels and values; of a list the first entry."""
    tool, _, arguments, content = answer
    view: Schema = plain(tool.result, tool.result) if tool is not None and tool.result is not None else {}
    if not isinstance(content, dict):
        return []
    fields = as_object(content)
    rows = next((objects_in(value) for value in fields.values() if objects_in(value)), list[dict[str, Any]]())
    facts = _facts(rows[0], {}, arguments, 3, False) if rows else _facts(fields, view, arguments, 4, False)
    return [(fact.label, unmarked(fact.said)) for fact in facts]


def _chosen(answers: list[Answered], deeds: list[Answered]) -> list[Answered]:
    if len(answers) <= 4:
        return answers
    kept = [*deeds[-3:], answers[-1]]
    kept += [a for a in answers if a not in kept][: 4 - len(kept)]
    return [a for a in answers if a in kept][:4]


def _one(tool: ToolView | None, name: str, arguments: dict[str, Any], content: Any, rng: Random, *, brief: bool) -> str:
    view: Schema = plain(tool.result, tool.result) if tool is not None and tool.result is not None else {}
    if isinstance(content, list):
        content = {words(name).split()[-1]: as_list(content)}
    if not isinstance(content, dict):
        return _plain_text(str(content))
    fields = as_object(content)
    rows: tuple[str, list[Any]] | None = next(
        ((key, as_list(value)) for key, value in fields.items() if objects_in(value)),
        None,
    )
    said = _rows(rows[0], objects_in(rows[1]), view, rng, _total(fields), brief=brief) if rows else ""
    facts = _facts(fields, view, arguments, 2 if rows else 3 if brief else 5, bool(rows))
    if rows:
        return f"{said} {_sentence(facts, '')}".strip() if facts and not brief else said
    about = tool.noun if tool is not None else words(name).split()[-1]
    subject = label(fields) or ""
    status = next(
        (str(v) for k, v in fields.items() if parts(k)[-1:] in (("status",), ("state",)) and isinstance(v, str)), ""
    )
    if status:
        key = next(k for k, v in fields.items() if v == status)
        about = " ".join(parts(key)[:-1]) or about
        head = f"The {about} is {say(status.replace('_', ' '))}"
        if arguments and not facts and tool is not None:
            return head + "."
        return f"{head}: {joined([fact.brief() for fact in facts])}." if facts else f"{head}."
    if not facts:
        text = next((str(v) for v in fields.values() if isinstance(v, str)), "")
        return _plain_text(text) if text else "There was nothing more to report."
    if len(facts) == 1 and facts[0].label == "message":
        return _plain_text(str(facts[0].value))
    rest = [fact for fact in facts if not subject or fact.value != subject]
    return _sentence(rest or facts, subject if rest else "")


@dataclass(frozen=True)
class Fact:
    """A field in words: a label (``queue position`` or ``closes on``) and its value in words.

    Attributes:
        label: The label.
        said: The value in words, with its unit.
        value: The value.
        verb: Whether the label is a verb, so that no ``is`` follows.
    """

    label: str
    said: str
    value: Any
    verb: bool

    def brief(self) -> str:
        """``queue position 3``."""
        return f"{self.label} {self.said}"

    def clause(self, *, first: bool) -> str:
        """``the queue position is 3``."""
        if self.verb:
            return f"it {'' if self.label.split()[0].endswith('s') else 'is '}{self.label} {self.said}"
        return f"the {self.label}{' is' if first else ''} {self.said}"


def _sentence(facts: list[Fact], subject: str) -> str:
    if not facts:
        return ""
    if subject:
        return f"{subject}: {', '.join(fact.brief() for fact in facts)}."
    nouns = [fact for fact in facts if not fact.verb]
    verbs = [fact for fact in facts if fact.verb]
    text = joined(
        [*(fact.clause(first=not at) for at, fact in enumerate(nouns)), *(fact.clause(first=False) for fact in verbs)]
    )
    return f"{text[:1].upper()}{text[1:]}."


def _total(fields: dict[str, Any]) -> int:
    """How many there are in all, where a result says so: a list may hold only the first ones."""
    said = (value for key, value in fields.items() if parts(key)[:1] == ("total",))
    return max((value for value in said if isinstance(value, int)), default=0)


def _rows(name: str, rows: list[dict[str, Any]], view: Schema, rng: Random, total: int, *, brief: bool) -> str:
    inner = properties(plain(properties(plain(properties(view).get(name, {}), view)).get("items", {}), view))
    items = plain(properties(view).get(name, {}), view).get("items")
    inner = properties(plain(items, view)) if isinstance(items, dict) else inner
    shown = rows[: 2 if brief else 3]
    said: list[str] = []
    for row in shown:
        title = label(row)
        rest: list[str] = []
        for key, value in row.items():
            if value == title or isinstance(value, (dict, list)) or value is None:
                continue
            text, unit = label_and_unit(key, plain(inner.get(key, {}), view))
            short = last_word(key) == "id"
            rest.append(
                say(value, inner.get(key))
                if short
                or (
                    (isinstance(value, str) or last_word(key) == "year")
                    and "status" not in key
                    and not short
                    and _plainly(key)
                )
                else f"{text} {say(value, inner.get(key))}{unit}"
            )
            if len(rest) == 3:
                break
        said.append(f"{title} ({', '.join(rest)})" if title and rest else title or joined(rest))
    noun = singular(words(name))
    total = max(total, len(rows))
    count = things(noun, total)
    more = f"; {total - len(shown)} more" if total > len(shown) else ""
    frame = rng.choice(
        ("I found {count}: {list}{more}.", "There {are} {count}: {list}{more}.", "{count} came up: {list}{more}.")
    )
    listed = joined(said) if not any(", " in text for text in said) else "; ".join(said)
    return frame.format(count=count, list=listed, more=more, are="is" if total == 1 else "are")


def _plainly(key: str) -> bool:
    return last_word(key) in (
        "name",
        "title",
        "author",
        "city",
        "neighbourhood",
        "museum",
        "at",
        "date",
        "method",
        "crop",
        "type",
        "stream",
        "in",
        "year",
    )


def _facts(fields: dict[str, Any], view: Schema, arguments: dict[str, Any], most: int, rows: bool) -> list[Fact]:
    known = properties(view)
    ranked: list[tuple[int, int, Fact]] = []
    for at, (key, value) in enumerate(fields.items()):
        if value is None or (isinstance(value, (list, dict)) and not _short_list(value)):
            continue
        found = parts(key) or ("value",)
        if found[-1] in ("status", "state") and isinstance(value, str):
            continue
        if rows and (found[0] in ("total", "count") or found[-1] in ("count", "found")):
            continue
        inner = plain(known.get(key, {}), view)
        text, unit = label_and_unit(key, inner)
        if (isinstance(value, bool) and found[0] in ("is", "success", "ok", "succeeded")) or (
            key == "message" and len(fields) > 2
        ):
            continue
        echoed = any(value == given and isinstance(given, (str, int, float)) for given in arguments.values())
        rank = 3 if echoed else 0 if found[-1] in ("id", "code", "number", "url") else 1
        said = say(value, inner) + unit
        if isinstance(value, str) and len(value) > 40:
            said = f'"{said}"'
        verb = found[-1] in ("on", "at", "by", "from", "until") and len(found) > 1
        ranked.append((rank, at, Fact(text, said, value, verb)))
    ranked.sort(key=lambda entry: entry[:2])
    return [fact for _, _, fact in sorted(ranked[:most], key=lambda entry: entry[1])]


def _short_list(value: Any) -> bool:
    items = as_list(value)
    return 0 < len(items) < 5 and all(isinstance(item, (str, int)) for item in items)


def _plain_text(text: str) -> str:
    lines = [line.strip(" -#*") for line in text.splitlines() if line.strip()]
    shown = "; ".join(lines[:4])
    if len(lines) > 1:
        return f'The text reads: "{shown}{"; ..." if len(lines) > 4 else ""}".'
    if shown and "/" not in shown.split()[0]:
        shown = shown[:1].upper() + shown[1:]
    return shown.rstrip(".") + "." if shown else "The result is empty."


def _tidy(text: str) -> str:
    text = re.sub(r"\s+", " ", unmarked(text)).strip()
    text = re.sub(r"([.?!])\.", r"\1", text)
    return text if "/" in text.split(" ")[0] else text[:1].upper() + text[1:]


def ask_for(name: str, view: Schema, rng: Random) -> str:
    """A question for one missing value."""
    phrase = noun_phrase(re.sub(r"\s*\(\d+\)$", "", name), str(view.get("description", "")))
    frames = (
        "Happy to help. What is the {}?",
        "I can do that. Could you tell me the {}?",
        "One thing first: which {} should I use?",
        "Sure. I still need the {}, what should it be?",
        "Before I go on, may I have the {}?",
        "Of course. What {} did you have in mind?",
    )
    return rng.choice(frames).format(phrase)


def decline(tool: ToolView | None, name: str, rng: Random) -> str:
    """A plain statement that no offered tool supports a request."""
    thing = deed_of(tool.description, tool.name) if tool is not None else words(name)
    frames = (
        "I'm sorry, I can't {} at the moment: none of the tools I have here does that.",
        "I don't have a tool to {} right now, so I have to leave that part open.",
        "That is beyond what I can do here just now. I have no tool to {}.",
        "As things stand I have nothing to {} with. If that changes, I'll gladly do it.",
    )
    return rng.choice(frames).format(thing)


def recover(failure: str, name: str | None, rng: Random) -> str:
    """One sentence of an assistant that saw a call fail and tries again."""
    thing = words(name).replace(" id", " ID") if name else "request"
    frames = {
        "invalid_argument": (
            "The {thing} I sent was not accepted; I'll correct it and try again.",
            "I passed the {thing} in a form the system refuses, so here it is again the right way.",
        ),
        "not_found": (
            "Nothing matched the {thing} I used; I had it wrong, so I'll call again with the right one.",
            "That {thing} doesn't exist. I mistyped it and will repeat the call with the correct one.",
        ),
        "empty_result": (
            "Nothing came back for that, so I'll search less narrowly.",
            "That search was too narrow and found nothing; here it is again without the extra restriction.",
            "No hits like that. I'll look again the way you put it.",
        ),
        "partial_result": (
            "That answer was cut short, so I'll fetch it in full.",
            "Only a part came back; I'll ask once more for the rest.",
            "The list stops in the middle, I'm requesting it again.",
        ),
    }
    common = (
        "The service did not answer in time, so I'll try once more.",
        "That timed out on the other side; I'm repeating the call.",
        "The system was briefly unavailable, so I'll send the same request again.",
    )
    return rng.choice(frames.get(failure, common)).format(thing=thing)


def ask_which(name: str, view: Schema, candidates: list[Any], rng: Random) -> str:
    """A question about which of several things is meant."""
    phrase = noun_phrase(re.sub(r"\s*\(\d+\)$", "", name), str(view.get("description", "")))
    if len(candidates) > 1:
        named = joined([str(each) for each in candidates], "or")
        return rng.choice(("Do you mean {}?", "Which one is it: {}?", "Just to be clear, {}?")).format(named)
    frames = (
        "Which {} do you mean exactly?",
        "I'm not sure which {} that is. Could you name it?",
        "Could you be more precise about the {}?",
    )
    return rng.choice(frames).format(phrase)


def confirm(name: str, view: Schema, value: Any, rng: Random) -> str:
    """A question whether a value was understood."""
    phrase = noun_phrase(re.sub(r"\s*\(\d+\)$", "", name), str(view.get("description", "")))
    frames = (
        "Just to be sure before I start: the {} is “{}”, right?",
        "Let me check the {}: “{}”. Is that correct?",
        "I have “{}” as the {}. Shall I go on with that?",
    )
    frame = rng.choice(frames)
    said = unmarked(say(value))
    return frame.format(said, phrase) if frame.startswith("I have") else frame.format(phrase, said)
