"""What a mistake looks like once it was drawn.

Belongs here: spoiling a call, an output, a reply or a whole answer. Does not
belong here: how often (``errors``).
"""

from __future__ import annotations

import re
from random import Random
from typing import Any

from toolace_dagster.llm.offline.arguments import Filled
from toolace_dagster.llm.offline.naming import is_identifier, looks_like_identifier
from toolace_dagster.llm.offline.schema import Schema, plain, properties, required
from toolace_dagster.llm.offline.shapes import as_list, as_object
from toolace_dagster.llm.offline.values import Maker

_EXTRAS = ("verbose", "priority_level", "user_context", "strict_mode", "locale_hint")


def spoil_call(kind: str, filled: Filled, maker: Maker, rng: Random) -> bool:
    """Make one mistake in a call, in place.

    Args:
        kind: One of ``errors.CALL_ERRORS``.
        filled: The call.
        maker: Makes false values.
        rng: Source of choices.

    Returns:
        Whether the mistake was possible in this call.
    """
    arguments = filled.arguments
    params = filled.tool.params
    match kind:
        case "invented_value":
            names = [
                name
                for name in arguments
                if is_identifier(name, params.get(name, {})) or looks_like_identifier(arguments[name])
            ]
            names = names or [
                name for name in arguments if isinstance(arguments[name], str) and not params.get(name, {}).get("enum")
            ]
            if not names:
                return False
            name = rng.choice(names)
            arguments[name] = other_value(arguments[name], name, params.get(name, {}), maker, rng)
        case "altered_value":
            names = [
                name
                for name, source in filled.sources.items()
                if source.kind in ("detail", "earlier")
                and name in arguments
                and not isinstance(arguments[name], (dict, list))
            ]
            if not names:
                return False
            name = rng.choice(names)
            arguments[name] = other_value(arguments[name], name, params.get(name, {}), maker, rng)
        case "wrong_type":
            names = [name for name, value in arguments.items() if not isinstance(value, dict)]
            if not names:
                return False
            name = rng.choice(names)
            value = arguments[name]
            arguments[name] = (
                [value]
                if isinstance(value, str)
                else str(value)
                if not isinstance(value, list)
                else ", ".join(map(str, as_list(value)))
            )
        case "missing_argument":
            names = [name for name in arguments if name in filled.tool.required]
            if not names:
                return False
            del arguments[rng.choice(names)]
        case "unknown_argument":
            arguments[rng.choice([name for name in _EXTRAS if name not in params])] = rng.choice((True, "default", 1))
        case "wrong_tool":
            name = filled.tool.name
            filled.called = f"{name}s" if rng.random() < 0.5 else f"{name}_v2"
        case _:
            return False
    return True


def spoil_reply(text: str, rng: Random) -> str:
    """Change one number, date or code in a reply; a reply without any gets a claim that nothing supports."""
    found = [m for m in re.finditer(r"\d+", text) if len(m[0]) < 9]
    if not found:
        return text + f" It will take about {rng.randint(3, 9)} working days."
    spot = rng.choice(found)
    old = spot[0]
    digit = rng.randrange(len(old))
    new = old[:digit] + str((int(old[digit]) + rng.randint(1, 8)) % 10) + old[digit + 1 :]
    if len(new) > 1 and new[0] == "0" != old[0]:
        new = "1" + new[1:] if old[0] != "1" else "2" + new[1:]
    return text[: spot.start()] + new + text[spot.end() :]


def spoil_output(output: Any, schema: Schema | None, rng: Random) -> Any:
    """Make an output contradict its schema: a required field goes missing or changes its type."""
    content = as_object(output)
    if not content:
        return {"value": output} if schema is not None else output
    fields = dict(as_object(content))
    view = plain(schema, schema) if schema is not None else {}
    names = [name for name in required(view) if name in fields] or list(fields)
    name = rng.choice(names)
    kind = plain(properties(view).get(name, {}), schema)["type"] if properties(view) else "string"
    if rng.random() < 0.5:
        del fields[name]
    else:
        fields[name] = "unknown" if kind != "string" else 0
    return fields


def break_json(text: str, rng: Random) -> str:
    """Break a whole answer the ways models do: cut off, fenced, or with words around it."""
    way = rng.random()
    if way < 0.4:
        return text[: rng.randint(len(text) // 2, max(len(text) // 2, len(text) - 2))]
    if way < 0.7:
        return f"```json\n{text}\n```"
    if way < 0.85:
        return f"{text}\n\nI hope this is what you were looking for."
    return f"Here is the answer:\n{text[:-1]},}}"


def other_value(value: Any, name: str, view: Schema, maker: Maker, rng: Random) -> Any:
    """Another value of the same kind: a neighbouring day or number, another choice, a mistyped identifier."""
    if isinstance(value, bool):
        return not value
    allowed = view.get("enum")
    choices = [option for option in as_list(allowed) if option != value]
    if choices:
        return rng.choice(choices)
    if isinstance(value, (int, float)):
        low = view.get("minimum")
        lower = value - 1 if rng.random() < 0.5 else value + 1
        return lower if not isinstance(low, (int, float)) or lower >= low else value + 1
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d", value):
        day = rng.choice([d for d in range(1, 28) if f"{d:02d}" != value[8:10]])
        return f"{value[:8]}{day:02d}{value[10:]}"
    if looks_like_identifier(value):
        spot = [index for index, char in enumerate(value) if char.isdigit()]
        made = list(value)
        for index in spot[-4:]:
            made[index] = str((int(made[index]) + rng.randint(1, 8)) % 10)
        return "".join(made)
    for _ in range(5):
        made_value = maker.value(name, view)
        if made_value != value:
            return made_value
    return value
