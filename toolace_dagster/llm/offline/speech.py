"""What the user asks.

Belongs here: whole requests with all their values. Does not belong here: voices
(``voices``), references (``references``), single values (``clauses``), or the
assistant's words (``reports``).
"""

from __future__ import annotations

from random import Random
from typing import Any

from toolace_dagster.llm.offline.arguments import Filled
from toolace_dagster.llm.offline.clauses import clause
from toolace_dagster.llm.offline.naming import is_identifier, noun_of, words
from toolace_dagster.llm.offline.phrases import deed, marked, say, unmarked
from toolace_dagster.llm.offline.references import has_number, mention, nouns_of, numbered, slots_of, with_references
from toolace_dagster.llm.offline.tongues import is_spoken, request_in
from toolace_dagster.llm.offline.voices import Voice, assemble
from toolace_dagster.llm.offline.wording import compose, reworded


def request_text(
    calls: list[list[Filled]],
    voice: Voice,
    rng: Random,
    *,
    first: bool,
    leave_out: list[Any] | None = None,
    extra: list[tuple[str, Any]] | None = None,
) -> str:
    """The user's message that opens a sub-task.

    Args:
        calls: The sub-task's calls by step, with sources.
        voice: The user's manner.
        rng: Source of choices.
        first: Whether it opens the dialogue.
        leave_out: Values not to be said.
        extra: Details that no call used but the user should say.

    Returns:
        The message.
    """
    out = [*(leave_out or [])]
    flat = [filled for step in calls for filled in step]
    if is_spoken(voice.language):
        return _in_another_language(flat, out, extra or [], voice, rng, first=first)
    told: set[str] = set()
    sentences: list[str] = []
    requests: list[str] = []
    final = len(flat) - 1
    for at, filled in enumerate(flat):
        slots = slots_of(filled, out, voice)
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
        said = reworded(with_references(filled, slots), rng)
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
    return voice.finish(assemble(requests, sentences, voice, rng, first))


def _in_another_language(
    flat: list[Filled], out: list[Any], extra: list[tuple[str, Any]], voice: Voice, rng: Random, *, first: bool
) -> str:
    """The same message in another language than English: what it is about in quotes, all values under labels."""
    told: dict[str, tuple[str, str]] = {}
    for filled in flat:
        for name, source in filled.sources.items():
            withheld = any(source.value == other and type(other) is type(source.value) for other in out)
            if source.kind in ("detail", "made") and not withheld:
                value = unmarked(say(source.value, filled.tool.params.get(name, {})))
                told.setdefault(f"{name}={source.value!r}", (words(name), value))
    for name, value in extra:
        if not any(value == other for other in out):
            told.setdefault(f"{name}={value!r}", (words(name), unmarked(say(value))))
    # Without the verb, which would stand there in English.
    things = list(
        dict.fromkeys(words(filled.tool.name).partition(" ")[2] or words(filled.tool.name) for filled in flat)
    )
    return request_in(voice.language, things, list(told.values()), rng, first=first)


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
        if has_number(name, source.value) and not filled.repeat and numbered(name).search(deed(filled.tool)):
            continue
        if is_identifier(name, view):
            if all(mention(deed(filled.tool), noun) is None for noun in nouns_of(name, view)):
                statements.append(f"the {noun_of(name, view)} is {say(source.value)}")
            continue
        kind, text = clause(name, view, source.value, rng, spelled=voice.spelled)
        (inlines if kind == "inline" else statements).append(text)
    return inlines, statements


def _again(filled: Filled, said: str, inlines: list[str], statements: list[str], rng: Random) -> str:
    seen = next((s for s in filled.sources.values() if s.seen is not None or s.kind == "unknown"), None)
    if seen is not None and not inlines and not statements:
        return compose("again", rng)
    if not inlines and not statements:
        return said
    values = " ".join(
        [*inlines, *([" and ".join(text.removeprefix("please ") for text in statements)] * bool(statements))]
    )
    return compose("again_with", rng).replace("{values}", values)


def _feeds(filled: Filled, later: list[Filled]) -> bool:
    return any(
        source.kind == "output" and filled.tool.returns(name, other.tool.params.get(name, {})) is not None
        for other in later
        for name, source in other.sources.items()
    )


def _lead(text: str) -> str:
    return f"that's {text}"
