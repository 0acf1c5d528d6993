"""Rendering of prompt templates.

A template holds a system part and a user part, split by a line ``=== user ===``.
In the user part the stable material (tools, task, dialogue) comes first and the
varying part last, so that endpoints' prompt caches hit.

Data goes in through the ``json`` filter inside tags such as ``<tools>``. The
filter writes ``<`` as an escape, so that text from tools and models can neither
close a tag nor open one.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from pydantic import BaseModel

from toolace_dagster.entities import content_hash
from toolace_dagster.llm.protocol import Message

PROMPT_NAMES = (
    "task_spec",
    "trajectory",
    "sub_trajectory",
    "correction",
    "grounding_correction",
    "injection",
    "mask_fill",
    "judge",
    "expert",
    "simulated_user",
    "simulated_assistant",
    "simulated_tool",
)
"""One template per task; the task's name is also the name of the reply's schema."""

_SPLIT = "=== user ==="
_INCLUDED = re.compile(r"\{%-? include \"([^\"]+)\"")


def render(name: str, **values: Any) -> tuple[Message, ...]:
    """Render one prompt.

    Args:
        name: One of ``PROMPT_NAMES``.
        **values: What the template names; a missing one is an error.

    Returns:
        The system and the user message.
    """
    text = _environment().get_template(f"{name}.md.j2").render(values)
    system, _, user = text.partition(_SPLIT)
    return Message(role="system", content=system.strip()), Message(role="user", content=user.strip())


@cache
def prompt_hash(name: str) -> str:
    """Version of a prompt: a content hash of its template and of all parts it includes, for row fingerprints."""
    return content_hash(*_sources(f"{name}.md.j2"))


def prompt_text(name: str) -> str:
    """A template's or question's source text, such as ``questions/tool_choice.md``."""
    return _source(name)


def _sources(name: str) -> list[str]:
    source = _source(name)
    return [source, *(text for part in _INCLUDED.findall(source) for text in _sources(part))]


@cache
def _environment() -> Environment:
    environment = Environment(  # noqa: S701 - prompts are plain text, not HTML; data is escaped by the json filter
        loader=FunctionLoader(_source),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # A part that is included ends its last line itself.
        keep_trailing_newline=True,
    )
    environment.filters.update(json=_json, json_lines=_json_lines)  # pyright: ignore[reportUnknownMemberType]
    return environment


@cache
def _source(name: str) -> str:
    return files("toolace_dagster.prompts").joinpath("templates", name).read_text(encoding="utf-8")


def _json(value: Any) -> str:
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")


def _json_lines(values: list[Any]) -> str:
    return "[\n" + ",\n".join(_json(value) for value in values) + "\n]"
