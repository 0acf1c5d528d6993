"""Names of tools and parameters as words: what a tool does, and to what.

Belongs here: splitting names, singulars, the verb and nouns of a tool, and which
verbs undo which. Does not belong here: schemas (``identifiers``) and links
(``dependencies``).
"""

from __future__ import annotations

import re
from functools import lru_cache

from toolace_dagster.entities import Tool

ID_WORDS = frozenset("id ids uuid uuids guid guids number numbers ref refs reference references code codes".split())
"""Last words of an identifier's name."""

LOOKING = frozenset(
    "browse calculate check compare compute convert count describe download estimate explain fetch find get list look "
    "lookup monitor predict preview query read retrieve search show summarize track translate validate verify "
    "view".split()
)
"""Verbs of tools that find something out and change nothing."""

UNDOING = frozenset(
    "abandon abort cancel deactivate delete deregister destroy disable disconnect discard drop erase purge remove "
    "revert revoke rollback terminate undo unregister void withdraw".split()
)
"""Verbs that take back what another tool did."""

_ARRANGING = frozenset(
    "arrange book commission hire invite order place plan publish request reserve schedule ship sign submit".split()
)
"""Verbs of tools that set something up which then takes its time."""

_OUTCOME = frozenset(
    "accepted approved arrived attended audience completed damaged delivered ended feedback finding findings finished "
    "granted happened listened lost outcome outcomes recorded rented result results returned stayed visited "
    "went".split()
)
"""Words of a tool that is about what came of something."""

_OPPOSITES = tuple(
    frozenset(pair.split())
    for pair in (
        "activate deactivate,add remove,append remove,approve reject,archive restore,assign unassign,attach detach,"
        "block unblock,checkin checkout,connect disconnect,deposit withdraw,enable disable,expand collapse,follow "
        "unfollow,grant revoke,increase decrease,insert remove,join leave,like dislike,lock unlock,login logout,mount "
        "unmount,mute unmute,open close,pause resume,pin unpin,push pop,raise lower,register unregister,show hide,"
        "start stop,subscribe unsubscribe,accept decline,load unload,turnon turnoff"
    ).split(",")
)
_FOUND_BY = frozenset("browse find get list lookup query retrieve search show view fetch".split())
_MAKING = frozenset(
    "add assign book create draft file generate insert issue make new open order place post publish purchase register "
    "report request reserve schedule send start submit upload buy put apply invite record".split()
)
_VERBS = (
    LOOKING
    | UNDOING
    | _MAKING
    | frozenset(word for pair in _OPPOSITES for word in pair)
    | frozenset(
        "change commit confirm copy edit extend finish merge modify move pay rate rename renew reply run save set sign "
        "switch sync transfer update use write".split()
    )
)
_STOPS = frozenset("by for from of with in to on at via using into between per".split())
_EMPTY = frozenset(
    "a all an any api available batch by current data detail details full info information item items latest list "
    "multiple my new result results single status the tool user_defined v1 v2 many".split()
)
_IRREGULAR = {"people": "person", "children": "child", "news": "news", "series": "series", "status": "status"}
_BREAK = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_OTHER = re.compile(r"[^a-z0-9]+")


@lru_cache(maxsize=65536)
def snake(name: str) -> str:
    """A name in lower case with ``_`` between its words, whatever its casing and separators."""
    return _OTHER.sub("_", _BREAK.sub("_", name).lower()).strip("_")


@lru_cache(maxsize=65536)
def singular(noun: str) -> str:
    """The singular of an English noun, roughly; of ``a_b`` words, the last one's."""
    head, _, last = noun.rpartition("_")
    if head:
        return f"{head}_{singular(last)}"
    if noun in _IRREGULAR:
        return _IRREGULAR[noun]
    for ending, single in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh")):
        if noun.endswith(ending) and len(noun) > len(ending) + 1:
            return noun.removesuffix(ending) + single
    return noun if noun.endswith(("ss", "us", "is")) or len(noun) < 4 else noun.removesuffix("s")


@lru_cache(maxsize=65536)
def _action(name: str) -> tuple[str, tuple[str, ...]]:
    words = snake(name).split("_")
    at = next((index for index, word in enumerate(words) if word in _VERBS), None)
    if at is None:
        negated = next((index for index, word in enumerate(words) if _negates(word)), None)
        at = negated if negated is not None else (0 if len(words) > 1 else None)
    if at is None:
        return "", tuple(singular(word) for word in words if word and word not in _EMPTY)
    after = words[at + 1 :]
    stop = next((index for index, word in enumerate(after) if word in _STOPS), len(after))
    # `check_out_book` and `turn_off_light` say in two words what they do.
    verb, kept = words[at], after[:stop]
    if after[:1] and after[0] in ("in", "out", "on", "off", "up", "down"):
        verb, kept = verb + after[0], after[1:]
    nouns = tuple(singular(word) for word in kept if word not in _EMPTY and word not in _STOPS)
    return verb, nouns or tuple(singular(word) for word in words[:at] if word not in _EMPTY)


def verb_of(tool: Tool) -> str:
    """The verb of a tool's name; empty for a name that is only a noun."""
    return _action(tool.name)[0]


def nouns_of(tool: Tool) -> tuple[str, ...]:
    """What a tool's name says it is about, in singular words: ``list_member_loans`` gives ``member``, ``loan``."""
    return _action(tool.name)[1]


def looks_up(tool: Tool) -> bool:
    """Whether a tool, by its name, only finds something out."""
    return verb_of(tool) in LOOKING or not verb_of(tool)


def hands_out(tool: Tool) -> bool:
    """Whether a tool, by its name, returns the things it is about: it finds them or makes them."""
    return verb_of(tool) in _FOUND_BY or verb_of(tool) in _MAKING


def arranges(tool: Tool) -> bool:
    """Whether a tool, by its name, sets something up that happens later: a visit, a shipment, an analysis."""
    return verb_of(tool) in _ARRANGING


def tells_outcome(tool: Tool) -> bool:
    """Whether a tool, by its name and description, is about what came of something, which has to be over by then."""
    return not _OUTCOME.isdisjoint(
        re.findall(r"[a-z]+", f"{snake(tool.name).replace('_', ' ')} {tool.description}".lower())
    )


def undoes(verb: str) -> bool:
    """Whether a verb takes something back."""
    return verb in UNDOING or _negates(verb)


@lru_cache(maxsize=65536)
def are_opposites(first: str, second: str) -> bool:
    """Whether one verb is the other's opposite: ``lock`` and ``unlock``, ``add`` and ``remove``."""
    return frozenset((first, second)) in _OPPOSITES or any(
        _negates(one) and one.removeprefix("un").removeprefix("de").removeprefix("dis") == other
        for one, other in ((first, second), (second, first))
    )


@lru_cache(maxsize=65536)
def _negates(word: str) -> bool:
    return any(
        word.startswith(prefix) and word.removeprefix(prefix) in _VERBS | {"follow", "pin", "mark"}
        for prefix in ("un", "de", "dis")
    )
