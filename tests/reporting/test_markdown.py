"""Whatever tools and models wrote, Markdown made of it holds their words and none of their markup."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests import builders
from toolace_dagster.reporting.markdown import code, dialogue_markdown, escaped, table

PLANTED = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<!-- ",
    "![x](https://example.com/x.png)",
    "[x](javascript:alert)",
    "<https://example.com>",
    "[x]: https://example.com",
    "# heading",
    "- item",
    "1. item",
    "> quote",
    "```",
    "``",
    "`a`",
    "**bold**",
    "__bold__",
    "~~gone~~",
    "| a | b |",
    "|---|",
    "---",
    "===",
    "&lt;b&gt;",
    "&#60;b&#62;",
    "\\",
    "\\`",
    "$x$",
    "\n\n<b>",
    "\r\n",
    "\u2028",
    "\t",
)
hostile = st.lists(st.sampled_from(PLANTED) | st.text(max_size=12), max_size=6).map("".join)
spoken = hostile.filter(str.strip)

INERT = {"text", "code_inline", "softbreak", "hardbreak", "text_special"}
OURS = {"strong_open", "strong_close", "em_open", "em_close"}


def parse(markdown: str) -> list[Token]:
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(markdown)


def inline(tokens: list[Token]) -> list[Token]:
    return [child for token in tokens for child in token.children or []]


def words(text: str) -> str:
    """Text as Markdown keeps it: NUL is replaced by every parser."""
    return " ".join(text.split()).replace("\x00", "\ufffd")


def shown(tokens: list[Token]) -> str:
    return "".join(token.content for token in inline(tokens))


@given(hostile)
def test_escaped_text_is_read_back_as_it_was(text: str) -> None:
    tokens = parse(f"said: {escaped(text)}")
    assert {token.type for token in tokens} == {"paragraph_open", "inline", "paragraph_close"}
    assert {token.type for token in inline(tokens)} <= INERT - {"code_inline"}
    assert shown(tokens) == f"said: {words(text)}".strip()


@given(hostile)
def test_code_is_one_span_that_holds_the_text(text: str) -> None:
    tokens = inline(parse(f"a {code(text)} b"))
    assert [token.type for token in tokens] == ["text", "code_inline", "text"]
    assert tokens[1].content.strip() == words(text)


@given(st.lists(st.tuples(hostile, hostile), min_size=1, max_size=4))
def test_a_table_keeps_its_shape(rows: list[tuple[str, str]]) -> None:
    tokens = parse(table([{"one": one, "two": two} for one, two in rows]))
    assert tokens[0].type == "table_open"
    assert tokens[-1].type == "table_close"
    cells = [token.children or [] for before, token in pairwise(tokens) if before.type == "td_open"]
    assert ["".join(part.content for part in cell) for cell in cells] == [words(cell) for row in rows for cell in row]
    assert {part.type for cell in cells for part in cell} <= INERT - {"code_inline"}


@given(spoken, spoken, hostile, hostile, hostile)
def test_a_dialogue_is_paragraphs_of_inert_text(asked: str, said: str, argument: str, result: str, name: str) -> None:
    call = builders.call("t01", name, {argument: [argument]})
    turns = (
        builders.user("t00", asked, tools_added=(name,)),
        call,
        builders.output("t02", call, {"found": result}, is_error=True),
        builders.reply("t03", said),
    )
    tokens = parse(dialogue_markdown(builders.dialogue(turns)))
    assert {token.type for token in tokens} == {"paragraph_open", "inline", "paragraph_close"}
    assert {token.type for token in inline(tokens)} <= INERT | OURS
    text = shown(tokens)
    for part in (asked, said):
        assert words(part) in text
    spans = [token.content.strip() for token in inline(tokens) if token.type == "code_inline"]
    arguments = json.dumps({argument: [argument]}, ensure_ascii=False)
    output = json.dumps({"found": result}, ensure_ascii=False)
    assert spans == [words(name), words(f"{name}({arguments})"), words(output)]


@pytest.mark.parametrize("rows", [[], ()])
def test_a_table_of_nothing(rows: Any) -> None:
    assert table(rows) == "none"


def test_who_speaks_and_what_was_done_stand_out() -> None:
    lines = dialogue_markdown(builders.dialogue()).split("\n\n")
    assert lines[0] == "*Sub-task 1*"
    assert lines[1].startswith("**user**: Find me a garage")
    assert lines[2] == '**call**: `find_garage({"city": "Ghent"})`'
    assert lines[3].startswith("**result**: `{")
    assert lines.count("*Sub-task 2*") == 1
