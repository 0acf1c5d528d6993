"""Headers as endpoints write them, and as nobody should."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolace_dagster.llm.limits.headers import Allowance, read_allowances, read_count, read_reset

NOW = 1_800_000_000.0
DATE = datetime.fromtimestamp(NOW, UTC) + timedelta(seconds=90)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("6m0s", 360.0),
        ("1s", 1.0),
        ("20ms", 0.02),
        ("2m59.56s", 179.56),
        ("1h2m3s", 3723.0),
        ("1d", 86400.0),
        ("350µs", 0.00035),
        ("12.5", 12.5),
        (" 10 ", 10.0),
        ("0", 0.0),
        (DATE.isoformat(), 90.0),
        (DATE.strftime("%Y-%m-%dT%H:%M:%SZ"), 90.0),
        (DATE.replace(tzinfo=None).isoformat(), 90.0),
        (format_datetime(DATE, usegmt=True), 90.0),
        (str(NOW + 30), 30.0),
        (str(int((NOW + 30) * 1000)), 30.0),
        ((DATE - timedelta(hours=1)).isoformat(), 0.0),
    ],
)
def test_resets_are_read(text: str, seconds: float) -> None:
    assert read_reset(text, NOW) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", [None, "", "soon", "6m0", "m", "-5", "nan", "inf", "1s later", "9" * 500, "1..2s", "0s\x00"]
)
def test_garbage_says_nothing(text: str | None) -> None:
    assert read_reset(text, NOW) is None


OPENAI = {
    "x-ratelimit-limit-requests": "500",
    "x-ratelimit-limit-tokens": "30000",
    "x-ratelimit-remaining-requests": "499",
    "x-ratelimit-remaining-tokens": "29976",
    "x-ratelimit-reset-requests": "120ms",
    "x-ratelimit-reset-tokens": "48ms",
}
ANTHROPIC = {
    "anthropic-ratelimit-requests-limit": "50",
    "anthropic-ratelimit-requests-remaining": "0",
    "anthropic-ratelimit-requests-reset": DATE.isoformat(),
    "anthropic-ratelimit-tokens-limit": "8000",
    "anthropic-ratelimit-tokens-remaining": "8000",
    "anthropic-ratelimit-tokens-reset": DATE.isoformat(),
}
AZURE = {"x-ratelimit-remaining-requests": "9", "x-ratelimit-remaining-tokens": "-1", "x-ratelimit-reset-requests": "6"}
MINUTES = {"x-ratelimit-limit-req-minute": "60", "x-ratelimit-limit-tokens-minute": "500000"}
NONSENSE = {"x-ratelimit-limit-requests": "unlimited", "x-ratelimit-limit-tokens": "0"}


@pytest.mark.parametrize(
    ("headers", "requests", "tokens"),
    [
        pytest.param(OPENAI, Allowance(500, 499, 0.12), Allowance(30000, 29976, 0.048), id="openai"),
        pytest.param(ANTHROPIC, Allowance(50, 0, 90), Allowance(8000, 8000, 90), id="anthropic"),
        pytest.param(AZURE, Allowance(None, 9, 6), Allowance(), id="azure"),
        pytest.param(MINUTES, Allowance(60), Allowance(500000), id="by_the_minute"),
        pytest.param(NONSENSE, Allowance(), Allowance(), id="nonsense"),
        pytest.param({"content-type": "application/json"}, Allowance(), Allowance(), id="none"),
    ],
)
def test_endpoints_are_understood(headers: dict[str, str], requests: Allowance, tokens: Allowance) -> None:
    for spelled in (headers, httpx2.Headers(headers), {name.title(): value for name, value in headers.items()}):
        assert read_allowances(spelled, NOW) == (requests, tokens)


def test_what_is_used_up_is_waited_for() -> None:
    assert Allowance(60, 0, 60).wait(1) == pytest.approx(1.0)
    assert Allowance(60000, 500, 30).wait(1500) == pytest.approx(1.0)
    assert Allowance(60, 0, 0.2).wait(1) == pytest.approx(0.2)
    assert Allowance(60, 1, 60).wait(1) == 0
    assert Allowance(60, None, 60).wait(1) == 0


@settings(max_examples=100)
@given(st.text(max_size=80))
def test_no_text_is_a_fault(text: str) -> None:
    for value in (read_reset(text, NOW), read_count(text)):
        assert value is None or (math.isfinite(value) and value >= 0)


@pytest.mark.parametrize(
    ("limit", "remaining", "reset", "kept"),
    [
        (14400, 14370, "2m59.56s", None),
        (10000, 9999, "8.64s", None),
        (1000, 0, "23h", None),
        (500, 499, "120ms", 500),
        (60, 59, "1s", 60),
        (50, 0, "90s", 50),
        (50, 20, "60s", 50),
        (50, 50, "0s", 50),
    ],
)
def test_a_limit_of_a_day_is_no_pace(limit: int, remaining: int, reset: str, kept: int | None) -> None:
    told = {"limit": str(limit), "remaining": str(remaining), "reset": reset}
    requests, _ = read_allowances({f"x-ratelimit-{what}-requests": said for what, said in told.items()}, NOW)
    assert requests.limit == kept
    assert requests.remaining == remaining
    assert (requests.wait(1.0) > 0) == (remaining == 0)
