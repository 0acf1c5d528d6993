"""Templates into pages, with everything escaped that goes into them.

Belongs here: the template environment and static files. Does not belong here: what
a page shows (``pages``).
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

STATIC = {"style.css": "text/css; charset=utf-8", "keys.js": "text/javascript; charset=utf-8"}
"""Static files and their types."""


def page(template: str, **values: Any) -> str:
    """Render a page.

    Args:
        template: A file of ``templates``.
        **values: What it names; a missing one is an error.
    """
    return _environment().get_template(template).render(values)


def href(path: str, **query: object) -> str:
    """A link within the explorer; parameters that are None or empty are left out, all are quoted."""
    given = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(given)}" if given else path


@cache
def static_text(name: str) -> str:
    """A static file.

    Raises:
        KeyError: If there is no such file.
    """
    if name not in STATIC:
        raise KeyError(name)
    return files("toolace_dagster.explorer").joinpath("static", name).read_text(encoding="utf-8")


@cache
def inline_style() -> Markup:
    """The style sheet for a page that stands alone. It is our own file, and holds nothing that ends a style element."""
    return Markup(static_text("style.css"))  # noqa: S704 - our own file


@cache
def inline_policy() -> str:
    """The policy of a page that stands alone: nothing but its own style."""
    digest = base64.b64encode(hashlib.sha256(static_text("style.css").encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(  # pyright: ignore[reportUnknownMemberType]
        href=href, inline_style=inline_style, inline_policy=inline_policy
    )
    environment.filters.update(pretty=_pretty, number=_number)  # pyright: ignore[reportUnknownMemberType]
    return environment


def _source(name: str) -> str:
    return files("toolace_dagster.explorer").joinpath("templates", name).read_text(encoding="utf-8")


def _pretty(value: object) -> str:
    """JSON text or a JSON value, indented."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return str(value)
    return json.dumps(value, ensure_ascii=False, indent=2)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,}"
