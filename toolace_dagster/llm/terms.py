"""What one endpoint takes: the manner it is asked in, and what is learnt about it on the way.

An endpoint shows in two ways that a manner is not for it. It refuses: then the next
lower one is tried at once, for this schema alone when the words are about the schema,
else for all. Or it takes the request and does not keep to what the manner promises:
when most replies of a manner break its promise, ``_BROKEN`` of them at least, and
can't be used for that, the schema is put into words instead.

Belongs here: learning, remembering and saying it once. Does not belong here: what a
manner sends (``asking``), or the file (``memory``).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import jsonschema_rs

from toolace_dagster.llm.asking import Manner
from toolace_dagster.llm.memory import EndpointMemory, Refusal
from toolace_dagster.llm.protocol import ModelRequest
from toolace_dagster.llm.structured import FORMATS, LOOSE, WORDED, Parsed, loaded, response_format
from toolace_dagster.llm.transport import endpoint_host, redact, shown_url
from toolace_dagster.settings import ModelSettings

_BROKEN = 5
_SCHEMAS = 3
_MOST_WORDS = 200
_IN_WORDS = {
    "strict": "a strict JSON Schema",
    "bare": "a strict JSON Schema without patterns and bounds",
    "wide": "a strict JSON Schema without the tools' parameters",
    "json_schema": "a JSON Schema",
    "object_schema": "a JSON object with a schema",
    "json_object": "a JSON object",
    "prompt": "the prompt alone",
}


class Terms:
    """What one endpoint takes."""

    def __init__(self, settings: ModelSettings, memory: EndpointMemory) -> None:
        """Begin with what is remembered.

        Args:
            settings: Model and calling settings.
            memory: What was refused before; tells the user of what is new.
        """
        self._name = f"{shown_url(settings).partition('://')[2]} {settings.model}"
        self._whom = f"{settings.model} at {endpoint_host(settings)}"
        self._is_offline = settings.endpoint_kind == "offline"
        self._memory = memory
        self._kept: dict[str, int] = defaultdict(int)
        self._broken: dict[str, int] = defaultdict(int)
        # The offline model plays an endpoint that takes a JSON Schema and does not enforce it.
        self.manner = Manner(format=FORMATS.index(LOOSE)) if self._is_offline else self._recalled()

    def refused(self, raised: Exception, manner: Manner, request: ModelRequest[Any]) -> bool:
        """Learn from a refusal.

        Args:
            raised: What the call raised.
            manner: How it was asked. Of calls that are refused together only the first steps down.
            request: What was asked.

        Returns:
            Whether something changed since, so that the call is worth sending again.
        """
        if manner.stepped_down(raised, request) is None:
            return False
        if self.manner.of(request) == manner.of(request):
            lower = self.manner.stepped_down(raised, request)
            if lower is not None:
                self._adopt(lower, manner.way(request), str(raised))
        return True

    def replied(self, manner: Manner, request: ModelRequest[Any], text: str | None, parsed: Parsed[Any]) -> None:
        """Learn from a reply.

        Args:
            manner: How it was asked.
            request: What was asked.
            text: The reply.
            parsed: What became of it.
        """
        way = manner.way(request)
        error = parsed.error
        if self._is_offline or way == FORMATS[-1] or (error is not None and error.kind not in ("malformed", "schema")):
            return
        if error is None or _keeps_promise(text or "", way, request):
            self._kept[way] += 1
            return
        self._broken[way] += 1
        broken = self._broken[way]
        if broken >= _BROKEN and broken > self._kept[way] and self.manner.way(request) == way:
            lower = FORMATS[max(FORMATS.index(WORDED), FORMATS.index(way) + 1)]
            said = f"{broken} of {broken + self._kept[way]} replies did not keep to it"
            self._adopt(replace(self.manner, format=FORMATS.index(lower)), way, said)

    def _recalled(self) -> Manner:
        manner = Manner()
        for refusal in self._memory.recall(self._name):
            manner = manner.without(refusal.what, refusal.value, refusal.instead)
        return manner

    def _adopt(self, manner: Manner, way: str, said: str) -> None:
        """Take a lower manner, remember why, and say so.

        Args:
            manner: The manner.
            way: The way of asking that did not do.
            said: The endpoint's words, or what it did.
        """
        before, self.manner = self.manner, manner
        for name in sorted(manner.dropped - before.dropped):
            self._remember("parameter", name, "", said, f"{self._whom} takes no {name}; it is left out")
        for key, position in manner.schemas.items():
            if before.schemas.get(key) != position:
                told = f"{self._whom} refuses {_IN_WORDS[way]} of some requests; they are asked for less each time"
                # What is said of one schema is not said again of each other.
                self._remember("schema", key, FORMATS[position], said, "" if before.schemas else told)
        if manner.format != before.format:
            lower = FORMATS[manner.format]
            told = f"{self._whom} does not do with {_IN_WORDS[way]}; it is asked by {_IN_WORDS[lower]}"
            self._remember("format", way, lower, said, told)
        position = FORMATS.index(way)
        refused = sum(instead > position for instead in manner.schemas.values())
        if refused >= _SCHEMAS and not self._kept[way] and manner.format <= position:
            # It is not this or that schema: nothing ever got through in this way.
            self._adopt(replace(manner, format=position + 1), way, said)

    def _remember(self, what: Any, value: str, instead: str, said: str, told: str) -> None:
        words = redact(" ".join(said.split()))[:_MOST_WORDS]
        at = datetime.now(UTC).isoformat(timespec="seconds")
        refusal = Refusal(what=what, value=value, instead=instead, said=words, at=at)
        self._memory.keep(self._name, refusal, told and f"{told} ({words})")


def _keeps_promise(text: str, way: str, request: ModelRequest[Any]) -> bool:
    """Whether a reply that can't be used at least is what was asked for, so that the manner is not to blame."""
    try:
        value = loaded(text)
    except (ValueError, RecursionError):
        return False
    asked = response_format(request, way)
    schema = asked["json_schema"]["schema"] if asked and asked["type"] == "json_schema" else {"type": "object"}
    try:
        return jsonschema_rs.is_valid(schema, value)
    except (ValueError, jsonschema_rs.ReferencingError):
        # A schema no validator can read says nothing about the endpoint.
        return True
