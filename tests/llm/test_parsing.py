"""Parsing of replies: never raises, never changes what was right."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, JsonValue

from toolace_dagster.entities import canonical_json
from toolace_dagster.llm.structured import correction, parse_reply


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    count: int


class Reply(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str
    parts: tuple[Part, ...] = ()
    share: float = 0.0
    anything: JsonValue = None


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
REPLIES = st.builds(
    Reply,
    text=TEXTS,
    parts=st.lists(st.builds(Part, name=TEXTS, count=st.integers()), max_size=3).map(tuple),
    share=FLOATS,
    anything=JSON,
)
TOKENS = (
    '{ } [ ] , : " \\ ``` ```json\n <think> </think> null NaN 1e999 0 "x" {"text":"x"} \\ud800 \ud800 \x00 \ufeff é'
)
FRAGMENTS = st.lists(st.sampled_from([*TOKENS.split(" "), " ", "\n"]), max_size=30).map("".join)


@given(st.text() | FRAGMENTS | st.none(), st.sampled_from([None, "stop", "length", "content_filter", "odd"]))
def test_any_text_is_parsed_or_told_apart(text: str | None, finish_reason: str | None) -> None:
    parsed = parse_reply(text, Reply, finish_reason)
    assert (parsed.reply is None) != (parsed.error is None)
    if parsed.reply is not None:
        assert json.loads(canonical_json(parsed.reply).encode()), "can be stored"
    if parsed.error is not None:
        assert not parsed.error.permanent
        assert len(correction(parsed.error)) < 3000


@given(REPLIES, st.sampled_from([None, 1]), st.booleans())
def test_valid_json_passes_unchanged(reply: Reply, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(reply.model_dump(mode="json"), indent=indent, ensure_ascii=ascii_only)
    parsed = parse_reply(text, Reply, "stop")
    assert parsed.reply == reply
    assert parsed.repairs == ()


@given(REPLIES)
@settings(max_examples=50)
def test_mending_changes_no_text(reply: Reply) -> None:
    """Commas before brackets inside strings stay, whatever else is dropped."""
    changed = reply.model_copy(update={"text": reply.text + ' a,] b, } c,\\"'})
    text = changed.model_dump_json()
    assert parse_reply(f"Here it is: {text[:-1]},}} Bye.", Reply, "stop").reply == changed
    assert parse_reply(f"```json\n{text}\n```", Reply, "stop").reply == changed


@given(st.integers(1, 30))
@settings(max_examples=20)
def test_cut_json_is_never_completed(length: int) -> None:
    text = '{"text": "some words and more"}'
    assert parse_reply(text[:length], Reply, "stop").reply is None
    assert parse_reply(text, Reply, "length").reply is None


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"anything": ' + "[" * 900 + "]" * 900 + ', "text": ""}',
        '{"text": "x", "share": 1e999}',
        '{"text": "x", "anything": -Infinity}',
        '{"text": "x", "anything": ' + "9" * 5000 + "}",
        '{"text": "\\ud83d", "anything": 1}',
        '{"text": "x", "anything": {"\\udc00": 1}}',
        '{"' + "a" * 100_000 + '": 1}',
        ", }" * 50_000 + "{" + '"' * 50_001 + "}",
    ],
    ids=["open", "deep", "inf", "minus_inf", "digits", "half", "half_key", "long_key", "quotes"],
)
def test_extremes(text: str) -> None:
    parsed = parse_reply(text, Reply, "stop")
    assert parsed.error is not None
    assert len(parsed.error.message) < 3000


def test_whole_surrogate_pairs_are_fine() -> None:
    parsed = parse_reply('{"text": "\\ud83d\\ude00"}', Reply, "stop")
    assert parsed.reply is not None
    assert parsed.reply.text == "😀"


def test_finite_floats_are_kept() -> None:
    parsed: Any = parse_reply('{"text": "", "share": 1.5e-300}', Reply, "stop")
    assert math.isclose(parsed.reply.share, 1.5e-300)
