"""The API classes of bfcl-eval as one stateful backend: a task's classes and their initial state are loaded first.

Belongs here: that adapter. Does not belong here: the tasks.
"""

from __future__ import annotations

import importlib
import inspect
import json
from typing import Any

# By name, since the package is optional and a type checker would look for it.
_config: Any = importlib.import_module("bfcl_eval.constants.executable_backend_config")
CLASS_FILE_PATH_MAPPING: dict[str, str] = _config.CLASS_FILE_PATH_MAPPING
STATELESS_CLASSES: list[str] = _config.STATELESS_CLASSES

CLASSES = (
    "GorillaFileSystem",
    "MathAPI",
    "MessageAPI",
    "TwitterAPI",
    "TicketAPI",
    "TradingBot",
    "TravelAPI",
    "VehicleControlAPI",
)


class Session:
    """The instances of one task."""

    def __init__(self) -> None:
        self._tools: dict[str, Any] = {}

    def load(self, classes: list[str], configs: dict[str, Any]) -> str:
        """Make the task's instances and give them their state."""
        for name in classes:
            instance = getattr(importlib.import_module(CLASS_FILE_PATH_MAPPING[name]), name)()
            if name not in STATELESS_CLASSES:
                instance._load_scenario(configs.get(name, {}), long_context=False)
            for method, bound in inspect.getmembers(instance, predicate=inspect.ismethod):
                if not method.startswith("_"):
                    self._tools[method] = bound
        return "loaded"


def _tool(name: str) -> Any:
    def call(self: Session, **arguments: Any) -> Any:
        value = self._tools[name](**arguments)
        try:
            json.dumps(value)
        except TypeError:
            # A few hold objects of mpmath; the package's executor gives their text.
            return str(value)
        return value

    return call


for _class in CLASSES:
    _kind = getattr(importlib.import_module(CLASS_FILE_PATH_MAPPING[_class]), _class)
    for _name, _ in inspect.getmembers(_kind, predicate=inspect.isfunction):
        if not _name.startswith("_"):
            setattr(Session, _name, _tool(_name))
