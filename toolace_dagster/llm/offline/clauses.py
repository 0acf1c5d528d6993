"""How the user gives a value for a parameter.

Belongs here: words to hang on a request (``in Ghent``, ``at most 5 titles``) and
clauses of their own (``the reason is ...``). Does not belong here: values and
labels in words (``phrases``), or whole messages (``speech``).
"""

from __future__ import annotations

import re
from random import Random
from typing import Any

from toolace_dagster.llm.offline import vocabulary
from toolace_dagster.llm.offline.naming import parts, plural, singular, words
from toolace_dagster.llm.offline.phrases import ISO_DATE, ISO_MOMENT, UNITS, noun_phrase, say, unit_after, unit_of
from toolace_dagster.llm.offline.schema import Schema
from toolace_dagster.llm.offline.shapes import is_number
from toolace_dagster.llm.offline.wording import compose, shortened


def clause(name: str, view: Schema, value: Any, rng: Random, *, spelled: bool = False) -> tuple[str, str]:
    """How a user gives a value.

    Args:
        name: Parameter name.
        view: Its plain schema.
        value: The value.
        rng: Source of choices.
        spelled: Whether dates are spelled out.

    Returns:
        ``inline`` and words to hang on a request, or ``sentence`` and a clause of its own.
    """
    description = str(view.get("description", ""))
    said = say(value, view, spelled=spelled)
    if isinstance(value, bool):
        return "sentence", _yes_or_no(name, description, value, rng)
    found = parts(name)
    last = found[-1] if found else ""
    only = re.match(
        r"(?i)only (?:return |list |consider |show |include |count )?(.*)\bthis ([a-z]+)\b(.*)$", description
    )
    if only and not isinstance(value, (list, dict)):
        if only[2] == "kind" and only[3].startswith(" of "):
            return "sentence", f"{compose('only', rng)} {said} {plural(only[3][4:].strip())}"
        keep = " format" if only[2] == "format" else ""
        return "sentence", f"{compose('only', rng)} {only[1]}{said}{keep}{only[3]}".strip()
    inline = _moment_inline(found, value, said) or _place_inline(found, description, value, said, rng)
    inline = inline or _amount_inline(name, description, view, value, said)
    if inline is not None:
        return "inline", inline
    return "sentence", _statement(found, last, name, description, view, value, said, rng)


_PLACES = frozenset("city town location district neighbourhood neighborhood country region area timezone".split())
_SUBJECTS = frozenset("query keywords keyword topic search q".split())
_FROM = frozenset(("origin", "source", "departure", "from"))
_TO = frozenset(("destination", "target", "to"))
_LOWER_BOUNDS = frozenset(("smallest", "lowest", "shortest", "minimum"))


def _moment_inline(found: tuple[str, ...], value: Any, said: str) -> str | None:
    """A date or time, by what its name says about it."""
    have = set(found)
    if not isinstance(value, str) or "birth" in have:
        return None
    if re.fullmatch(r"\d\d:\d\d", value):
        early, late = have & {"earliest", "after"}, have & {"latest", "before"}
        return f"no earlier than {said}" if early else f"no later than {said}" if late else f"at {said}"
    if not ISO_DATE.match(value) and not ISO_MOMENT.match(value):
        return None
    if have & {"noticed", "seen", "collected", "measured"}:
        return None
    if "due" in have and "before" in have:
        return f"due before {said}"
    words_before = (("from", {"from", "since", "start", "after", "starting"}), ("until", {"to", "until", "end"}))
    for word, hints in (*words_before, ("before", {"before"}), ("by", {"by"})):
        if have & hints:
            return f"{word} {said}"
    return f"on {said}"


def _place_inline(found: tuple[str, ...], description: str, value: Any, said: str, rng: Random) -> str | None:
    """A place, a subject, a path or an owner."""
    if not isinstance(value, str) or not found:
        return None
    have, last, text = set(found), found[-1], description.lower()
    way = "from" if have & _FROM else "to" if have & _TO else ""
    if last in _PLACES:
        return f"{way or 'in'} {said}"
    if last in _SUBJECTS and "sql" not in text:
        looked_for = f'for "{said}"' if "search" in text or "look" in text else f"about {said}"
        return rng.choice((f"about {said}", f"on {said}", looked_for))
    if last in ("source", "destination"):
        return f"{way} {said}"
    if last in ("url", "uri"):
        return rng.choice((f"at {said}", f"({said})"))
    fixed = {"path": "({})", "file": "({})", "directory": "({})", "owner": "owned by {}"}
    fixed |= dict.fromkeys(("repo", "repository"), "in the {} repository")
    return fixed[last].format(said) if last in fixed else None


def _amount_inline(name: str, description: str, view: Schema, value: Any, said: str) -> str | None:
    """A number of things, or a bound."""
    if not is_number(value):
        return None
    number = re.match(r"(?i)(largest|highest|smallest|lowest|maximum|minimum)?\s*number of ([a-z0-9 -]+)", description)
    if number:
        thing = re.sub(r" to (return|add|show|list|include)$", "", number[2]).strip()
        head, _, rest = thing.partition(" ")
        thing = f"{singular(head) if value == 1 else head} {rest}".strip()
        bound = "" if not number[1] else "at least " if number[1].lower() in _LOWER_BOUNDS else "at most "
        return f"with {bound}{said} {thing}"
    limit = re.match(r"(?i)(largest|highest|longest|maximum|smallest|lowest|shortest|minimum) ([a-z -]+)", description)
    if limit:
        bound = "at least" if limit[1].lower() in _LOWER_BOUNDS else "at most"
        unit = unit_after(value, unit_of(name, description, str(view.get("type"))))
        thing = UNITS.sub("", f" {limit[2]}").strip()
        return f"with {'an' if thing[:1] in 'aeiou' else 'a'} {thing} of {bound} {said}{unit}"
    return None


def _statement(
    found: tuple[str, ...], last: str, name: str, description: str, view: Schema, value: Any, said: str, rng: Random
) -> str:
    if not found:
        return said
    whole = noun_phrase(name, description)
    phrase = shortened(whole, rng)
    other = re.search(
        r"\b(guest|contact|companion|collector|receiver|consignee|listeners|receipt|confirmation"
        r"|coming along|tell when|receives|approve|host)\b",
        f"{name} {description}".lower(),
    )
    if vocabulary.is_person(name, description) and isinstance(value, str):
        return (
            compose("fact", rng).replace("{said}", said).replace("{phrase}", phrase)
            if other or "person" in whole
            else compose("name", rng).replace("{said}", said)
        )
    if last in ("email", "phone") and isinstance(value, str):
        thing = "e-mail address" if last == "email" else "phone number"
        return (
            compose("fact", rng).replace("{said}", said).replace("{phrase}", phrase)
            if other
            else compose("reach", rng).replace("{said}", said).replace("{thing}", thing)
        )
    if last == "reason":
        return f"the reason is {said}"
    if isinstance(value, str) and (
        last in ("note", "message", "text", "content", "body", "comment", "description") or len(value) > 45
    ):
        return f'the {words(name)} should say "{said}"'
    unit = unit_of(name, description, str(view.get("type", "")))
    if isinstance(value, dict):
        return f"the {words(name)}: {said}"
    if isinstance(value, list):
        head = phrase.split()[0]
        return f"the {phrase} {'are' if head.endswith('s') and not head.endswith('ss') else 'is'} {said}"
    kind = "choice" if view.get("enum") else "fact"
    return compose(kind, rng).replace("{said}", f"{said}{unit_after(value, unit)}").replace("{phrase}", phrase)


def _yes_or_no(name: str, description: str, value: bool, rng: Random) -> str:
    first = re.split(r"[.,;(]", description.strip(), maxsplit=1)[0].strip()
    to = re.match(r"(?i)(?:whether|set to true|true|if true,?) to (.+)", first)
    if to:
        return compose("do" if value else "leave", rng).replace("{deed}", to[1])
    that = re.match(r"(?i)whether (.+)", first)
    if that:
        if value:
            return that[1]
        turned = re.sub(
            r"\b(is|are|must|should|will|has to|was|can)\b",
            lambda found: "needn't" if found[0] in ("must", "has to") else f"{found[0]} not",
            that[1],
            count=1,
        )
        return turned if turned != that[1] else f"it's not so that {that[1]}"
    return f"{words(name)}: {'yes' if value else 'no'}"
