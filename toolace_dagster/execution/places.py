"""Taking this machine's folders out of what tools say of their failures.

A tool's error is content of a dialogue, and dialogues are published. Where the
working folder or the home stands in it, it tells who made them on which machine.

Belongs here: which folders, and replacing them. Does not belong here: which texts
are errors (``mcp_backend``, ``python_backend``).
"""

from __future__ import annotations

import os
import re
import sys

from pydantic import JsonValue

_END = r"(?=$|[/\\\s'\"`:;,)\]}>])"


def without_places(content: JsonValue) -> JsonValue:
    """A JSON value whose texts have ``.`` for the working folder, ``~`` for the home and ``...`` for Python's folder.

    Args:
        content: The content of an error.

    Returns:
        The same without the machine's own folders; other paths stay, since calls may take them.
    """
    if isinstance(content, str):
        for folder, stand_in in _places():
            content = re.sub(re.escape(folder) + _END, stand_in, content)
        return content
    if isinstance(content, list):
        return [without_places(each) for each in content]
    if isinstance(content, dict):
        return {key: without_places(each) for key, each in content.items()}
    return content


def _places() -> list[tuple[str, str]]:
    """Folders and what stands for them, the longest first, each as it is written and as it is resolved."""
    known = ((sys.prefix, "..."), (sys.base_prefix, "..."), (os.getcwd(), "."), (os.path.expanduser("~"), "~"))
    found = {form: stand_in for folder, stand_in in known for form in (folder, os.path.realpath(folder))}
    usual = {"/", "/usr", "/usr/local", "~", ""}
    return sorted(((f, s) for f, s in found.items() if f not in usual), key=lambda place: -len(place[0]))
