"""Token counts: with a tokenizer and its chat template, with a tokenizer alone, and without any."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.dataset.rows import row, rows
from toolace_dagster.dataset import chat_messages, listed_tools
from toolace_dagster.dataset.tokens import TokenizerUnusable, chatml, count_tokens, open_tokenizer, quantile

tokenizers = pytest.importorskip("tokenizers", reason="needs the extra `tokens`")

TEMPLATE = """{%- if tools %}tools: {% for tool in tools %}{{ tool | tojson }}{% endfor %}
{%- endif %}{% for message in messages %}{{ bos_token }}{{ message.role }}: {% generation %}{{ message.content }}
{%- for call in message.tool_calls %}{{ call.function | tojson }}{% endfor %}{% endgeneration %}{% endfor %}"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tokenizer that makes each byte a token, with a chat template, as a model's folder has them."""
    pieces = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    made = tokenizers.Tokenizer(tokenizers.models.BPE({piece: at for at, piece in enumerate(sorted(pieces))}, []))
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": TEMPLATE, "bos_token": "^"}))
    return tmp_path


def test_the_chat_template_is_what_is_counted(folder: Path):
    counter = open_tokenizer(folder)
    text = counter.render(chat_messages(row().dialogue, row().tools), listed_tools(row()))
    assert '"name": "find_garage"' in text.split("^user")[0]
    assert '{"name": "find_garage", "arguments": {"city": "Ghent"}}' in text
    report = count_tokens(rows(3), counter)
    assert report.exact
    assert report.lengths == (len(text.encode()),) * 3
    assert sum(report.tools) < sum(report.lengths)


def test_limits_say_what_they_keep(folder: Path):
    report = count_tokens(rows(4), open_tokenizer(folder))
    length = report.lengths[0]
    assert [report.kept(limit) for limit in (length - 1, length)] == [0, 4]
    assert quantile(report.lengths, 0.5) == length
    assert quantile([], 0.5) == 0


def test_a_tokenizer_without_a_template_is_laid_out_as_chatml(folder: Path):
    report = count_tokens(rows(1), open_tokenizer(folder / "tokenizer.json"))
    assert not report.exact
    assert "no chat template" in report.words
    wanted = chatml(chat_messages(row().dialogue, row().tools), listed_tools(row()))
    assert report.lengths == (len(wanted.encode()),)


def test_without_a_tokenizer_the_report_says_that_it_guesses():
    report = count_tokens(rows(1), open_tokenizer(None))
    assert report.lengths[0] > 0
    assert "guessed" in report.words
    assert not report.exact


def test_a_template_that_refuses_is_counted(folder: Path):
    (folder / "chat_template.jinja").write_text("{{ raise_exception('one call at a time') }}")
    report = count_tokens(rows(2), open_tokenizer(folder))
    assert (report.refused, report.refusal, report.lengths) == (2, "one call at a time", ())


def test_a_template_reaches_nothing_outside_its_sandbox(folder: Path):
    (folder / "chat_template.jinja").write_text("{{ messages.__class__.__mro__ }}")
    report = count_tokens(rows(1), open_tokenizer(folder))
    assert report.refused == 1


@pytest.mark.parametrize("content", [None, "{}", "no json"])
def test_what_is_no_tokenizer_says_so(tmp_path: Path, content: str | None):
    path = tmp_path / "tokenizer.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(TokenizerUnusable, match=r"tokenizer\.json"):
        open_tokenizer(path if content is not None else tmp_path)


def test_a_template_that_breaks_is_counted_as_one_that_refuses(folder: Path):
    """DeepSeek-V3's adds arguments, which are objects, to a text."""
    (folder / "chat_template.jinja").write_text(
        "{% for m in messages %}{% for c in m.tool_calls %}{{ 'call ' + c.function.arguments }}{% endfor %}{% endfor %}"
    )
    report = count_tokens(rows(2), open_tokenizer(folder))
    assert (report.refused, report.lengths) == (2, ())
    assert report.refusal.startswith("TypeError: can only concatenate str")


def test_tojson_writes_as_transformers_does(folder: Path):
    (folder / "chat_template.jinja").write_text(
        "{{ {'b': 'é', 'a': [1, 2]} | tojson(separators=(',', ':'), sort_keys=True, ensure_ascii=True) }}"
    )
    counter = open_tokenizer(folder)
    assert counter.render([], []) == r'{"a":[1,2],"b":"\u00e9"}'
    (folder / "chat_template.jinja").write_text("{{ {'b': 'é', 'a': '<'} | tojson }}")
    assert open_tokenizer(folder).render([], []) == '{"b": "é", "a": "<"}'


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b"\xff", b'{"chat_template": 5}', b'{"chat_template": [5]}', b'{"chat_template": "{% if %}"}'],
)
def test_a_malformed_configuration_says_so(folder: Path, content: bytes):
    (folder / "tokenizer_config.json").write_bytes(content)
    with pytest.raises(TokenizerUnusable, match=folder.name):
        open_tokenizer(folder)


def test_special_tokens_of_any_kind_are_no_fault(folder: Path):
    config = {"chat_template": "{{ bos_token }}", "bos_token": {"content": "<s>"}, "eos_token": 5, "pad_token": []}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    assert open_tokenizer(folder).render([], []) == "<s>"
