"""Words found by splitting are those that patterns find."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from toolace_dagster.likeness import normal_words
from toolace_dagster.words import words_of

SOME = "aB7_ -'.\n\u00a0\u0301\u0e31½²٣ß—東\ud800"
ODD = st.text(st.one_of(st.sampled_from(SOME), st.characters()), max_size=40)


@settings(max_examples=100)
@given(ODD)
@example("a_b c-d")
@example("x\x1cy\x85z\u2028w")
def test_words_are_those_of_patterns(text: str):
    assert words_of(text) == re.findall(r"[^\W_]+", text)
    assert words_of(text, underscores=True) == re.findall(r"\w+", text)


@settings(max_examples=100)
@given(ODD)
@example("नमस्ते दुनिया")
def test_marks_are_parts_of_words_where_asked_for(text: str):
    kept = "".join(c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in text)
    assert words_of(text, marks=True) == kept.split()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's 5 o'clock, isn't IT?", ["it", "s", "5", "o", "clock", "isn", "t", "it"]),
        ("\uff26\uff35\uff2c\uff2c width, Straße", ["full", "width", "strasse"]),
        ("नमस्ते, दुनिया", ["नमस्ते", "दुनिया"]),
        ("snake_case", ["snake", "case"]),
        ("", []),
    ],
)
def test_words_of_a_text_in_normal_form(text: str, words: list[str]):
    assert normal_words(text) == words
