"""How the user speaks of things: ``that title``, ``The Glass Orchard``, ``issue 7``.

Belongs here: references to identifiers and numbers, and values put where a deed
leaves them open. Does not belong here: other values (``clauses``).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from toolace_dagster.llm.offline.arguments import Filled, Source, label
from toolace_dagster.llm.offline.naming import is_identifier, last_word, noun_of, parts
from toolace_dagster.llm.offline.phrases import deed, marked, say
from toolace_dagster.llm.offline.schema import Schema
from toolace_dagster.llm.offline.vocabulary import is_person
from toolace_dagster.llm.offline.voices import Voice

_ROLES = ("member", "patient", "applicant", "customer", "user", "visitor", "tenant", "household")
_EMPTY_SLOT = re.compile(
    r" (?:between (?:two|several) [a-z]+|on a date|at a depth|at a given time|of a given [a-z]+|for a month|in a city"
    r"|by name|with room for a number of [a-z]+|in a range of dates|in (?:a|the) (?:GitHub )?repository)\b(?! of)"
)
_POSSESSIVE = re.compile(r"\ba (?:member|patient|customer|user|tenant|household)'s ")


def with_references(filled: Filled, slots: dict[str, str] | None = None) -> str:
    """The deed of a call as a person says it: ``that title`` for identifiers, values for what the deed leaves open.

    Args:
        filled: The call.
        slots: Values in words for parameters that the deed mentions, such as ``in a city``.
    """
    said = deed(filled.tool)
    for name, value in (slots or {}).items():
        view = filled.tool.params.get(name, {})
        said = _open_slot(name, str(view.get("description", ""))).sub(value.replace("\\", r"\\"), said, count=1)
    said = _EMPTY_SLOT.sub("", said)
    said = _POSSESSIVE.sub("my ", said)
    leftover: list[str] = []
    for name, source in filled.sources.items():
        view: Schema = filled.tool.params.get(name, {})
        if has_number(name, source.value) and source.kind in ("detail", "made", "earlier") and not filled.repeat:
            said = numbered(name).sub(lambda found: f"{found[1]} {say(source.value)}", said, count=1)  # noqa: B023
        if not is_identifier(name, view):
            continue
        noun = next(
            (option for option in nouns_of(name, view) if mention(said, option) is not None), noun_of(name, view)
        )
        reference = refer(noun, source)
        found = mention(said, noun)
        if found is not None:
            whole = found.group(0)
            role = noun.split()[-1] in _ROLES and source.kind == "output" and source.policy in ("only", "same")
            said = said.replace(whole, "me" if role and said.endswith(f"for {whole}") else reference, 1)
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


_ARTICLE = r"\b(?:a|an|one|the|another|its)\s+"
_AFTER_NOUN = r"(?=$|[,.]| (?:in|of|from|with|to|for|on|by|and|at|that|needs|has)\b)"


@lru_cache(maxsize=4096)
def _open_slot(name: str, description: str = "") -> re.Pattern[str]:
    """Where a deed leaves a parameter's value open: ``a city`` for ``city``, ``a farm`` for ``farm_name``."""
    found = [word for word in parts(name) if word not in ("name", "full")]
    noun = re.escape(found[-1] if found else "\0")
    phrase = re.match(r"kind of [a-z]+", description.lower())
    kinds = rf"|\b(?:a|an) {phrase[0]}\b" if phrase else ""
    return re.compile(
        rf"\b(?:a|an|one) (?:given |specific )?(?:(?!optional|new)[a-z]+ )?{noun}{_AFTER_NOUN}(?! of){kinds}"
    )


def has_number(name: str, value: Any) -> bool:
    """Whether a parameter holds the number of a thing, such as ``issue_number``."""
    return parts(name)[-1:] == ("number",) and isinstance(value, (int, float)) and not isinstance(value, bool)


@lru_cache(maxsize=4096)
def numbered(name: str) -> re.Pattern[str]:
    """Where a deed speaks of a thing that has a number: ``an existing issue`` for ``issue_number``."""
    noun = " ".join(parts(name)[:-1]) or "\0"
    noun = "pull request" if noun == "pull" else noun
    return re.compile(rf"\b(?:a|an|the|its) (?:existing |specific |given |parent )?({re.escape(noun)}){_AFTER_NOUN}")


def slots_of(filled: Filled, out: list[Any], voice: Voice) -> dict[str, str]:
    """Values in words for parameters whose value the deed leaves open.

    Args:
        filled: The call.
        out: Values not to be said.
        voice: The user's manner.
    """
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
        slot = _open_slot(name, description)
        if (
            (last_word(name) in ("email", "phone", "title", "note"))
            or is_person(name, description)
            or slot.search(said) is None
        ):
            continue
        slots[name] = say(source.value, view, spelled=voice.spelled)
        said = slot.sub("", said, count=1)
    return slots


def mention(said: str, noun: str) -> re.Match[str] | None:
    """Where a deed speaks of a thing without saying which: ``one title``."""
    return _mentioning(noun.split()[-1]).search(said)


@lru_cache(maxsize=4096)
def _mentioning(noun: str) -> re.Pattern[str]:
    return re.compile(rf"{_ARTICLE}(?:(?!{_ARTICLE})[a-z-]+\s){{0,2}}?{re.escape(noun)}\b")
