"""Names, defaults and descriptions of all settings, read from the settings' own classes.

Belongs here: what settings there are, and the nearest to a wrong name. Does not belong
here: any value that a user gave.
"""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, TypeGuard, get_args, get_origin

from pydantic import BaseModel

from toolace_dagster.settings import ROLES, BatchSettings, ModelSettings, Settings

_SECTIONS = (ModelSettings, BatchSettings)
"""Groups whose fields are settings by themselves; other groups, such as ranges, are one setting with parts."""


class UnknownSetting(ValueError):
    """A name that no setting has; the message holds the nearest there is."""


@dataclass(frozen=True)
class SettingName:
    """One setting.

    Attributes:
        name: Dotted name, such as ``llm.max_tokens``.
        default: Its default as a JSON value.
        text: What it says, in words.
        parts: Names below it that can be set by themselves, such as ``low`` and ``high`` of a range.
        is_path: Whether it names a file or folder.
        is_free: Whether it is a table with keys of the user's own, such as ``llm.extra_body``.
        is_group: Whether its parts belong together, so that those left out keep their defaults.
    """

    name: str
    default: Any
    text: str
    parts: tuple[str, ...] = ()
    is_path: bool = False
    is_free: bool = False
    is_group: bool = False


@cache
def setting_names() -> Mapping[str, SettingName]:
    """All settings by dotted name, in the order of their classes; ``roles`` is left out, as it repeats ``llm``."""
    return {each.name: each for each in _settings(Settings, Settings().model_dump(mode="json"), "")}


def is_name(name: str) -> bool:
    """Whether a dotted name is that of a setting, or stands below one with free keys."""
    return name in assignable_names() or any(name.startswith(f"{free}.") for free in free_names())


def check_name(name: str) -> None:
    """Refuse a name that no setting has.

    Args:
        name: Dotted name.

    Raises:
        UnknownSetting: With the nearest names, or all of them.
    """
    if is_name(name):
        return
    known = assignable_names()
    table, dot, last = name.rpartition(".")
    # Beside what is alike in whole, such as a wrong table; a common beginning makes nothing alike.
    beside = [each.removeprefix(f"{table}.") for each in known if dot and each.startswith(f"{table}.")]
    close = [f"{table}.{each}" for each in difflib.get_close_matches(last, beside, n=2, cutoff=0.6)]
    close = close or [
        each
        for each in difflib.get_close_matches(name, known, n=2, cutoff=0.6)
        if not (dot and each.startswith(f"{table}."))
    ]
    if "." not in name:
        # The user may not know the table that the setting stands in.
        near = difflib.get_close_matches(f"llm.{name}", known, n=2, cutoff=0.75)
        close = list(dict.fromkeys([*near, *close]))
    hint = f"Did you mean {' or '.join(close)}?" if close else f"There are: {', '.join(sorted(known))}."
    raise UnknownSetting(f"there is no setting {name!r}. {hint}")


@cache
def assignable_names() -> frozenset[str]:
    """Every name that can be given a value: settings, what stands below them, and the same for each role."""
    settings = setting_names().values()
    return _with_roles({name for each in settings for name in (each.name, *(f"{each.name}.{p}" for p in each.parts))})


@cache
def free_names() -> frozenset[str]:
    """Settings below which any key may stand, those of roles among them."""
    return _with_roles({each.name for each in setting_names().values() if each.is_free})


def _with_roles(names: set[str]) -> frozenset[str]:
    own = [name.removeprefix("llm.") for name in names if name.startswith("llm.")]
    return frozenset(names | {f"roles.{role}.{name}" for role in ROLES for name in own})


def _settings(model: type[BaseModel], defaults: Mapping[str, Any], prefix: str) -> Iterator[SettingName]:
    texts = _described(model)
    for field, info in model.model_fields.items():
        kinds = (info.annotation, *get_args(info.annotation))
        group = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
        if model is Settings and field == "roles":
            continue
        if group in _SECTIONS:
            assert group is not None
            yield from _settings(group, defaults[field], f"{prefix}{field}.")
            continue
        table = next((kind for kind in kinds if get_origin(kind) is dict), None)
        keys = get_args(table)[0] if table is not None else None
        listed = tuple(str(key.value) for key in keys) if _is_enum(keys) else ()
        yield SettingName(
            name=f"{prefix}{field}",
            default=defaults[field],
            text=texts.get(field, ""),
            parts=tuple(group.model_fields) if group else listed,
            is_path=Path in kinds,
            is_free=table is not None and not listed,
            is_group=group is not None,
        )


def _is_enum(kind: object) -> TypeGuard[type[Enum]]:
    return isinstance(kind, type) and issubclass(kind, Enum)


@cache
def _described(model: type[BaseModel]) -> dict[str, str]:
    """What the ``Attributes`` of a class's docstring say, by field."""
    _, _, section = (inspect.getdoc(model) or "").partition("Attributes:\n")
    texts: dict[str, str] = {}
    for entry in re.split(r"\n(?= {4}\S)", section.rstrip()):
        name, colon, text = entry.strip().partition(":")
        if colon:
            texts[name] = " ".join(text.split())
    return texts
