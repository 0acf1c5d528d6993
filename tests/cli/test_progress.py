"""Progress in the terminal: what is done, what is left, and how fast."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from toolace_dagster.cli import progress as module
from toolace_dagster.cli.forecast import Forecast, stage_weights
from toolace_dagster.cli.progress import ProgressDisplay, duration
from toolace_dagster.llm.progress import Progress
from toolace_dagster.pipeline.progress import StageProgress
from toolace_dagster.pipeline.stages import domain_stages
from toolace_dagster.settings import Settings

STAGES = [stage.name for stage in domain_stages(Settings())]


def at(domain: str, stage: str, rows: int, **calls: int) -> StageProgress:
    return StageProgress(domain=domain, stage=stage, rows=10, calls=Progress(rows=rows, **calls))


def test_a_run_is_done_when_all_domains_are() -> None:
    forecast = Forecast(stage_weights(Settings()), ["banking", "travel"])
    assert forecast.share == 0
    assert forecast.seconds_left(5.0) is None
    forecast.update(at("banking", STAGES[-1], 10))
    assert forecast.share == pytest.approx(0.5)
    assert forecast.seconds_left(60.0) == pytest.approx(60.0)
    forecast.update(at("travel", STAGES[-1], 10))
    assert forecast.share == pytest.approx(1.0)
    assert forecast.seconds_left(60.0) == pytest.approx(0.0)


def test_stages_weigh_as_many_calls_as_they_make() -> None:
    one, many = (Forecast(stage_weights(Settings(questions_per_call=number)), ["banking"]) for number in (5, 1))
    for forecast in (one, many):
        forecast.update(at("banking", STAGES[-1], 0))
    assert one.share > many.share, "with one question a call, verification is a larger part of the run"


@given(moves=st.lists(st.tuples(st.sampled_from(STAGES), st.integers(0, 20)), max_size=20))
@settings(max_examples=50)
def test_the_share_stays_between_nothing_and_all(moves: list[tuple[str, int]]) -> None:
    forecast = Forecast(stage_weights(Settings()), ["banking"])
    for stage, rows in moves:
        forecast.update(at("banking", stage, rows))
        forecast.update(at("elsewhere", stage, rows))
        assert 0 <= forecast.share <= 1


def test_the_terminal_shows_sums_over_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(module, "err", Console(file=screen, force_terminal=True, width=150))
    with ProgressDisplay(stage_weights(Settings()), ["banking"]) as display:
        display.update(at("banking", STAGES[0], 10, done=10, retried=3, prompt_tokens=1000))
        display.update(at("banking", STAGES[1], 4, done=12, failed=1, in_flight=2, cached=5, prompt_tokens=500))
    shown = screen.getvalue()
    assert f"2/{len(STAGES)}" in shown
    assert "4/10" in shown
    last = shown[shown.rindex("banking") :]
    for figure in ("22", "1,500", "22 calls (5 from the cache)", "tokens/s", "% done in"):
        assert figure in last
    assert " left" in last


def test_it_is_quiet_when_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(module, "err", Console(file=screen, force_terminal=False, width=150))
    with ProgressDisplay(stage_weights(Settings()), ["banking"]) as display:
        for rows in range(10):
            display.update(at("banking", STAGES[0], rows, done=rows))
    assert screen.getvalue().splitlines() == ["banking: started"]


def test_a_warning_is_shown_once_and_hides_no_figures(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(module, "err", Console(file=screen, force_terminal=True, width=150))
    with ProgressDisplay(stage_weights(Settings()), ["banking", "travel"]) as display:
        display.update(at("banking", STAGES[0], 3, done=7_531))
        for domain in ("banking", "travel"):
            display.update(StageProgress(domain=domain, stage=STAGES[0], rows=10, warning="the cache is [full]"))
        display.update(at("travel", STAGES[0], 1, done=1))
    assert capfd.readouterr().err == "warning: banking: the cache is [full]\n"
    shown = screen.getvalue()
    assert "7,532 calls" in shown[shown.rindex("banking") :]


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59.4, "59 s"), (60, "1 min 00 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")]
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words
