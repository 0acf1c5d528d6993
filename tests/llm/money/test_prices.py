"""The price table: what is found, what is not, and what a bad file is told."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolace_dagster.llm.money import Price, PriceError, dollars, load_prices
from toolace_dagster.llm.money.prices import read_prices
from toolace_dagster.llm.protocol import Usage

OPENAI = "api.openai.com"
DAY = datetime.date(2026, 11, 1)
MINE = """
[mine]
endpoints = ["localhost:8000"]
[mine.models]
"qwen" = { prompt = 1.0, completion = 2.0 }

[ours]
[ours.models]
"gpt-4o" = { prompt = 7.0, completion = 8.0, date = 2026-11-01 }
"""


def own(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "prices.toml"
    path.write_text(text)
    return path


def test_every_shipped_price_has_a_date_and_a_source() -> None:
    for provider in load_prices().providers:
        assert provider.endpoints
        for model, price in provider.models.items():
            assert price.date is not None, model
            assert price.source.startswith("https://"), model
            assert price.completion >= price.prompt > 0, model
            assert price.cached is None or price.cached < price.prompt, model


@pytest.mark.parametrize(
    ("model", "entry"),
    [
        ("gpt-4o", "openai gpt-4o"),
        ("gpt-4o-2024-08-06", "openai gpt-4o"),
        ("gpt-4o-20240806", "openai gpt-4o"),
        ("gpt-4o-mini-2024-07-18", "openai gpt-4o-mini"),
        ("gpt-4o-2024-05-13", "openai gpt-4o-2024-05-13"),
        ("gpt-4o-2024-13-40", None),
        ("gpt-4o-audio-preview", None),
        ("gpt-4o-latest", None),
        ("gpt-4", None),
        ("gpt-4-0613", None),
        ("ft:gpt-4o-2024-08-06:us:x:y", None),
        ("2024-08-06", None),
    ],
)
def test_a_dated_name_takes_the_undated_price_and_no_other_likeness_counts(model: str, entry: str | None) -> None:
    found = load_prices().find(model, OPENAI, DAY)
    assert (found.name if found else None) == entry


def test_a_price_is_of_an_endpoint() -> None:
    assert load_prices().find("gpt-4o", "127.0.0.1:8000", DAY) is None
    assert "no price is known for gpt-4o at 127.0.0.1:8000" in load_prices().missing("gpt-4o", "127.0.0.1:8000", DAY)


def test_a_price_ends_on_its_last_day() -> None:
    last = datetime.date(2026, 11, 21)
    assert load_prices().find("gpt-5.6-sol", OPENAI, last) is not None
    after = last + datetime.timedelta(days=1)
    assert load_prices().find("gpt-5.6-sol", OPENAI, after) is None
    assert "only until 2026-11-21" in load_prices().missing("gpt-5.6-sol", OPENAI, after)


def test_the_offline_model_is_free_and_not_unknown() -> None:
    found = load_prices().find("offline", "offline")
    assert found is not None
    assert found.free
    assert found.price.cost(Usage(prompt_tokens=1000, completion_tokens=10), "batch") == 0


def test_the_user_s_own_file_comes_first_and_the_shipped_prices_stay(tmp_path: Path) -> None:
    table = load_prices(own(tmp_path, MINE))
    mine = table.find("qwen", "localhost:8000")
    assert mine is not None
    assert mine.price.cost(Usage(prompt_tokens=1_000_000, completion_tokens=1_000_000)) == 3.0
    anywhere = table.find("gpt-4o-2024-08-06", "a-proxy.example")
    assert anywhere is not None
    assert anywhere.label == "ours gpt-4o (2026-11-01)"
    # A price for this very endpoint is more to the point than one for any.
    shipped = table.find("gpt-4o", OPENAI)
    assert shipped is not None
    assert shipped.name == "openai gpt-4o"
    assert table.find("gpt-4.1", OPENAI) is not None
    override = load_prices(own(tmp_path, MINE.replace("localhost:8000", OPENAI).replace('"qwen"', '"gpt-4o"')))
    found = override.find("gpt-4o", OPENAI)
    assert found is not None
    assert found.price.prompt == 1.0


def test_what_is_missing_shows_an_entry_that_mends_it(tmp_path: Path) -> None:
    told = load_prices().missing("Qwen/Qwen3", "localhost:8000")
    text = told[told.index("[mine]") :]
    assert load_prices(own(tmp_path, text)).find("Qwen/Qwen3", "localhost:8000") is not None


def test_parts_of_a_call_have_their_own_prices() -> None:
    price = Price(prompt=4.0, cached=1.0, cache_write=5.0, completion=10.0, batch=0.5, max_prompt=1_000_000)
    usage = Usage(
        prompt_tokens=1_000_000,
        cached_tokens=500_000,
        cache_write_tokens=100_000,
        completion_tokens=200_000,
        reasoning_tokens=150_000,
    )
    # 0.4 M plain, 0.5 M cached, 0.1 M written; reasoning is part of the completion.
    assert price.cost(usage) == pytest.approx(1.6 + 0.5 + 0.5 + 2.0)
    assert price.cost(usage, "batch") == pytest.approx(2.3)
    assert price.cost(Usage(prompt_tokens=1_000_001)) is None


def test_a_batch_without_a_price_is_unknown_and_with_its_own_takes_that() -> None:
    usage = Usage(prompt_tokens=1_000_000, cached_tokens=400_000, completion_tokens=1_000_000)
    assert Price(prompt=1, completion=1).cost(usage, "batch") is None
    own_prices = Price.model_validate({"prompt": 1, "completion": 1, "batch": {"prompt": 0.25, "completion": 0.75}})
    assert own_prices.cost(usage, "batch") == 1.0


tokens = st.integers(0, 10**7)
amounts = st.floats(0, 1000)


@settings(max_examples=100)
@given(prompt=amounts, discount=st.floats(0, 1), completion=amounts, counts=st.tuples(tokens, tokens, tokens, tokens))
def test_a_cost_lies_between_all_cached_and_nothing_cached(
    prompt: float, discount: float, completion: float, counts: tuple[int, int, int, int]
) -> None:
    """Whatever an endpoint says: parts that exceed the whole are not charged twice, and never negatively."""
    price = Price(prompt=prompt, cached=prompt * discount, completion=completion)
    whole, cached, written, reply = counts
    usage = Usage(prompt_tokens=whole, cached_tokens=cached, cache_write_tokens=written, completion_tokens=reply)
    least = (whole * prompt * discount + reply * completion) / 1e6
    most = (whole * prompt + reply * completion) / 1e6
    cost = price.cost(usage)
    assert cost is not None
    assert least * 0.999999 <= cost <= most * 1.000001


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[", ["TOML"]),
        ("x = 1", ["x stands outside a provider", "[x.models]"]),
        ("[a]\nurl = 1", ["a.url is unknown", "endpoints"]),
        ("[a]\nendpoints = ['h']", ["a has no models", "[a.models]"]),
        ("[a]\nendpoints = 'h'\n[a.models]\nm = {prompt=1,completion=1}", ["a.endpoints", "localhost:8000"]),
        ("[a]\nendpoints = ['http://h/v1']\n[a.models]\nm = {prompt=1,completion=1}", ["a.endpoints", "without"]),
        ("[a.models]\nm = 3", ["a.models.m", "{ prompt = 0.50, completion = 1.50 }"]),
        ("[a.models]\nm = {prompt=1}", ["a.models.m: completion", "Add completion"]),
        ("[a.models]\n'm.x' = {prompt=-1,completion=1}", ['a.models."m.x": prompt', "-1"]),
        ("[a.models]\nm = {prompt=nan,completion=1}", ["a.models.m: prompt", "finite"]),
        ("[a.models]\nm = {prompt=1,completion=1,output=2}", ["a.models.m: output", "completion"]),
        ("[a.models]\nm = {prompt=1,completion=1,batch=50}", ["a.models.m: batch"]),
    ],
)
def test_a_bad_file_is_told_with_entry_and_mend(text: str, words: list[str]) -> None:
    with pytest.raises(PriceError) as told:
        read_prices(text, "my.toml")
    assert str(told.value).startswith("my.toml: ")
    for word in words:
        assert word in str(told.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "gone.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PriceError, match=r"gone\.toml: .*--prices"):
        load_prices(path)


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (0, "$0"),
        (12345.678, "$12,345.68"),
        (1.0, "$1.00"),
        (0.5, "$0.5000"),
        (4e-4, "$0.0004"),
        (4.2e-6, "$4.2e-06"),
    ],
)
def test_amounts_keep_the_digits_that_tell_something(amount: float, words: str) -> None:
    assert dollars(amount) == words
