"""What every entity shares: strict, frozen Pydantic models, JSON values, content hashes.

Belongs here: the base class and hashing. Does not belong here: anything that
knows what a dialogue is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue

JsonObject = dict[str, JsonValue]


class Entity(BaseModel):
    """Base of all entities: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def canonical_json(value: Any) -> str:
    """Serialise a JSON-able value the one way that hashes and byte-identical files need.

    Args:
        value: A JSON value; Pydantic models are dumped in JSON mode first.

    Returns:
        JSON text: keys sorted, no spaces, non-ASCII kept.
    """
    return _encode(value)


def content_hash(*parts: Any, length: int = 16) -> str:
    """Hash values by content.

    Args:
        *parts: JSON-able values or Pydantic models; their order matters.
        length: Number of hexadecimal digits to keep (at most 64).

    Returns:
        The first ``length`` hex digits of the SHA-256 of the canonical JSON.
    """
    return hashlib.sha256(canonical_json(list(parts)).encode()).hexdigest()[:length]


def text_hash(text: str) -> str:
    """SHA-256 of a text's UTF-8 bytes, in hexadecimal digits."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return dict(value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    raise TypeError(f"{type(value).__name__} is no JSON value")


_encode = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_plain).encode
