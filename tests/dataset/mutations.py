"""Seeded mutations of training examples: a value somewhere inside replaced, removed, doubled, renamed or wrapped.

JSON and other text inside texts is reached as well.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]


def _deep(levels: int, *, objects: bool) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value} if objects else [value]
    return value


VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, 5, -3, 0.5, 2, 2**64, -(2**70), 1e300, float("nan"), float("inf")),
    *("", " ", "x", "f\n", "a b", "5", "null", "[]", "{}", "[5]", "developer", "function", "tool", "\ud800"),
    *([], {}, [1], [None], [[]], ["x"], {"a": 1}, {"type": "text"}, {"type": "text", "text": "x"}, {"a": None}),
    *([{"type": "text", "text": 5}], [{"type": "image_url"}], {"$ref": "#"}, {"type": "object", "properties": 5}),
    *({"type": 5}, {"$ref": "file:///etc/hostname"}, {"pattern": "("}, {"properties": {"a": {"$ref": "#/nowhere"}}}),
    *({"allOf": [5]}, {"items": [{"$ref": "#"}]}, {"enum": 5}),
    *("<tools>5</tools>", "<tool_call>[]</tool_call>", "<tool_call>{}</tool_call>", "[f(a={[]: 1})]", "[f(a=1e999)]"),
    *("[f(a={1})]", "\n\n[A tool has been added: {5}]", '\n\n[A tool has been added: {"function": 5}]'),
    "[" * 5000,
    json.dumps(_deep(900, objects=True)),
    '{"name": "f", "arguments": ' + json.dumps(_deep(900, objects=True)) + "}",
)
DEEP = ((150, True), (950, False))


def _new(chance: random.Random) -> Any:
    place = chance.randrange(len(VALUES) + len(DEEP))
    if place < len(VALUES):
        return copy.deepcopy(VALUES[place])
    levels, objects = DEEP[place - len(VALUES)]
    return _deep(levels, objects=objects)


def mutations(example: Any, count: int, seed: int) -> Iterator[Any]:
    """Mutated copies of an example, one to three mutations each."""
    chance = random.Random(seed)
    for _ in range(count):
        made = copy.deepcopy(example)
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            made = _mutated(made, chance)
        yield made


def _mutated(value: Any, chance: random.Random) -> Any:
    paths = list(_paths(value))
    path = chance.choice(paths)
    held = _at(value, path)
    if isinstance(held, str) and chance.random() < 0.4 and (inner := _inner(held)) is not None:
        try:
            return _replaced(value, path, json.dumps(_mutated(inner, chance)))
        except RecursionError:
            return value
    match chance.randrange(6):
        case 0 if path:
            return _removed(value, path)
        case 1 if isinstance(held, dict):
            key = chance.choice([*held, "extra", "weight", "name", "role", "function_call", "strict", "id"])
            return _replaced(value, path, held | {key: _new(chance)})
        case 2 if isinstance(held, dict) and held:
            key = chance.choice(list(held))
            return _replaced(value, path, {("renamed" if k == key else k): v for k, v in held.items()})
        case 3 if isinstance(held, list) and held:
            items = [*held, chance.choice(held)]
            return _replaced(value, path, chance.sample(items, len(items)))
        case 4:
            return _replaced(value, path, chance.choice(([held], {"a": held}, str(held), held)))
        case _:
            return _replaced(value, path, _new(chance))


def _inner(text: str) -> Any:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict | list) else None


def _paths(value: Any, path: Path = (), levels: int = 12) -> Iterator[Path]:
    yield path
    if levels:
        pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, held in pairs:
            yield from _paths(held, (*path, key), levels - 1)


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def _replaced(value: Any, path: Path, new: Any) -> Any:
    if not path:
        return new
    _at(value, path[:-1])[path[-1]] = new
    return value


def _removed(value: Any, path: Path) -> Any:
    del _at(value, path[:-1])[path[-1]]
    return value
