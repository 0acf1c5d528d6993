"""Results of tools that describe none, and the words of failures.

Belongs here: plausible records and texts from a tool's name and description,
error outputs. Does not belong here: results with a schema (``simulation``).
"""

from __future__ import annotations

import datetime as dt
import re
from random import Random
from typing import Any

from toolace_dagster.llm.offline import vocabulary
from toolace_dagster.llm.offline.naming import last_word, parts, plural, words
from toolace_dagster.llm.offline.request import ToolView
from toolace_dagster.llm.offline.values import Maker

_PARTICIPLES = {
    "set": "set",
    "put": "put",
    "write": "written",
    "send": "sent",
    "run": "run",
    "make": "made",
    "do": "done",
    "take": "taken",
    "show": "shown",
}


def free_result(tool: ToolView, arguments: dict[str, Any], maker: Maker) -> Any:
    """A result for a tool that does not describe one."""
    name = parts(tool.name)
    flat = {
        key: value
        for key, value in arguments.items()
        if isinstance(value, (str, int, float)) and not isinstance(value, bool)
    }
    numbers = [value for value in flat.values() if isinstance(value, (int, float))]
    where = next((v for k, v in flat.items() if last_word(k) in ("path", "file", "destination")), None)
    if "echo" in name and flat:
        return f"Echo: {next(iter(flat.values()))}"
    if {"sum", "add"} & set(name) and len(numbers) == len(flat) == 2:
        return f"The sum of {numbers[0]} and {numbers[1]} is {numbers[0] + numbers[1]}."
    if where is not None and tool.verb in ("read", "get", "fetch"):
        return _document(str(where), maker.rng)
    if where is not None and tool.looks_up:
        return "\n".join(["[DIR] archive", *(f"[FILE] {maker.rng.choice(vocabulary.WORDS)}-{n}.md" for n in (1, 2, 3))])
    if where is not None:
        return f"{where}: {past_of(tool.verb)}."
    if "url" in flat:
        title = maker.rng.choice(vocabulary.WORDS).capitalize()
        text = vocabulary.word_for("text", maker.rng)
        return f"# {title} news\n\n{text} Last updated {maker.today.isoformat()}."
    return _record(tool, flat, maker)


def _document(where: str, rng: Random) -> str:
    title = words(re.sub(r"\.\w+$", "", where.rsplit("/", 1)[-1])).capitalize()
    lines = rng.sample(
        (
            "water the north beds",
            "call the printer",
            "order two boxes of paper",
            "check the gate key",
            "send the minutes",
        ),
        3,
    )
    return f"# {title}\n\n" + "\n".join(f"- {line}" for line in lines)


def _record(tool: ToolView, flat: dict[str, Any], maker: Maker) -> Any:
    rng = maker.rng
    noun = tool.noun
    many = tool.looks_up and last_word(tool.name) == plural(noun)

    kinds = ("plan", "notes", "report", "draft", "list")

    def row() -> dict[str, Any]:
        return {
            "id": rng.randint(1000, 98999),
            "title": f"{rng.choice(vocabulary.WORDS).capitalize()} {rng.choice(kinds)}",
            "state": rng.choice(("open", "open", "closed")),
            "updated_at": maker.clock(maker.today - dt.timedelta(days=rng.randint(1, 30))),
        }

    if many:
        rows = [row() for _ in range(rng.choice((2, 3)))]
        return {"total_count": len(rows), plural(noun).replace(" ", "_"): rows}
    kept = {key: value for key, value in flat.items() if len(str(value)) < 60}
    if tool.looks_up:
        return {**row(), **kept}
    return {**kept, "status": past_of(tool.verb), "updated_at": maker.clock(maker.today)}


def failure_text(failure: str, arguments: dict[str, Any], name: str | None) -> Any:
    """The error output of a failing call.

    Args:
        failure: ``invalid_argument``, ``service_error`` or ``not_found``.
        arguments: The arguments it was called with.
        name: The argument at fault, where one is.

    Returns:
        A JSON object in the words of a real system.
    """
    if failure == "invalid_argument" and name is not None:
        return {
            "error": "invalid_argument",
            "field": name,
            "message": f"Value {arguments.get(name)!r} is not valid for '{name}'.",
        }
    if failure == "not_found" and name is not None:
        return {
            "error": "not_found",
            "message": f"No {words(name).removesuffix(' id')} matches {arguments.get(name)!r}.",
        }
    return {
        "error": "service_unavailable",
        "message": "The service did not answer in time. Please try again.",
        "retry_after_seconds": 5,
    }


def past_of(verb: str) -> str:
    """The past participle of a verb, roughly: ``update`` gives ``updated``."""
    if verb in _PARTICIPLES:
        return _PARTICIPLES[verb]
    if verb.endswith("e"):
        return verb + "d"
    if verb.endswith("y") and verb[-2:-1] not in "aeiou":
        return verb[:-1] + "ied"
    return verb + (
        "ted" if verb in ("submit", "commit") else "ged" if verb == "tag" else "led" if verb == "cancel" else "ed"
    )
