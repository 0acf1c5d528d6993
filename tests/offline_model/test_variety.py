"""How varied the offline model's users are, over a real run of 50 dialogues of one domain."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.pipeline.homes import context
from toolace_dagster.entities import Register, Skeleton, TaskSpec
from toolace_dagster.initialization.personas import REGISTERS
from toolace_dagster.pipeline.pool import write_pool
from toolace_dagster.pipeline.stage_run import run_stage
from toolace_dagster.pipeline.stages import Skeletons, first_stage
from toolace_dagster.settings import SHIPPED_POOL, ModelSettings, Settings
from toolace_dagster.tool_pool import load_pool
from toolace_dagster.verification.rules.languages import language_of

DIALOGUES = 50


def words(text: str) -> list[str]:
    """Words as white space separates them, in lower case, without the marks around them."""
    return [bare for word in text.lower().split() if (bare := word.strip(".,;:!?()\"'"))]


def distinct_3(texts: list[str]) -> float:
    """Distinct runs of three words over all of them; no run goes from one text into the next."""
    runs = Counter(run for text in texts for run in zip(*(words(text)[at:] for at in range(3)), strict=False))
    return len(runs) / runs.total()


def test_distinct_3_counts_runs_inside_texts() -> None:
    assert distinct_3(["a b c d", "a b c"]) == 2 / 3
    assert distinct_3(["A b, c.", "d e f"]) == 1.0


@pytest.fixture(scope="module", params=["library_lending", "freight_logistics"])
def users(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[TaskSpec, list[str]]]:
    """Each task with what its user says."""
    home: Path = tmp_path_factory.mktemp("home")
    where = context(home, Settings(dialogues=DIALOGUES), domain=request.param)
    write_pool(where.store, load_pool(where.settings.pool).domain(where.domain))
    for stage in (first_stage(), Skeletons()):
        run_stage(stage, where)
    specs = where.payloads("task_specs", TaskSpec)
    return [
        (specs[key], [turn.content for turn in skeleton.to_dialogue().turns if turn.role == "user"])
        for key, skeleton in where.payloads("skeletons", Skeleton).items()
    ]


def test_no_two_openings_are_alike(users: list[tuple[TaskSpec, list[str]]]) -> None:
    assert len(users) >= DIALOGUES - 3
    assert alike([said[0] for _, said in users]) == []


def alike(openings: list[str]) -> list[str]:
    """What openings have in common: their first ten words, or a first sentence that is more than a greeting."""
    starts = Counter(" ".join(words(text)[:10]) for text in openings)
    sentences = Counter(re.split(r"(?<=[.!?])\s", text)[0].lower() for text in openings)
    return [
        *(text for text, times in starts.items() if times > 1),
        *(text for text, times in sentences.items() if times > 1 and len(words(text)) > 3),
    ]


@pytest.mark.parametrize("domain", sorted(path.stem for path in SHIPPED_POOL.glob("*.json")))
def test_no_two_openings_of_short_tasks_are_alike_in_any_domain(domain: str, tmp_path: Path) -> None:
    """With little to ask there is least to vary."""
    short = {"sub_tasks": {"low": 1, "high": 1}, "steps": {"low": 2, "high": 3}, "ground_arguments": False}
    where = context(tmp_path, Settings.model_validate({"dialogues": DIALOGUES, **short}), domain=domain)
    write_pool(where.store, load_pool(where.settings.pool).domain(domain))
    for stage in (first_stage(), Skeletons()):
        run_stage(stage, where)
    openings = [skeleton.to_dialogue().turns[0].content for skeleton in where.payloads("skeletons", Skeleton).values()]
    assert len(openings) >= DIALOGUES - 5
    assert alike(openings) == []


def test_distinct_3_over_user_turns(users: list[tuple[TaskSpec, list[str]]]) -> None:
    assert distinct_3([text for _, said in users for text in said]) >= 0.35


def test_registers_can_be_told_apart(users: list[tuple[TaskSpec, list[str]]]) -> None:
    first = {name: [said[0] for spec, said in users if spec.manner == text] for name, text in REGISTERS.items()}
    assert all(len(texts) >= 4 for texts in first.values())
    assert all(text[0].islower() or not text[0].isalpha() for text in first[Register.CASUAL])
    assert not any(text[0].islower() for text in first[Register.FORMAL])
    greeting = re.compile(r"(hi|hello|good (day|morning|afternoon|evening)|dear|thank)\b", re.IGNORECASE)
    assert not any(greeting.match(text) for text in first[Register.TERSE])
    mean = {name: sum(len(words(text)) for text in texts) / len(texts) for name, texts in first.items()}
    assert mean[Register.TERSE] < mean[Register.THOROUGH]


@pytest.mark.parametrize("language", ["German", "French", "Spanish", "Basque"])
def test_it_speaks_the_language_it_is_told_or_else_english(language: str, tmp_path: Path) -> None:
    where = context(tmp_path, Settings(dialogues=6, languages={language: 1}, llm=ModelSettings(error_rate=0)))
    write_pool(where.store, load_pool(where.settings.pool).domain(where.domain))
    for stage in (first_stage(), Skeletons()):
        run_stage(stage, where)
    spoken = "English" if language == "Basque" else language
    made = where.payloads("skeletons", Skeleton).values()
    turns = [turn for skeleton in made for turn in skeleton.to_dialogue().turns]
    said = [turn.content for turn in turns if len(turn.content) > 40]
    told = [name for text in said if (name := language_of(text)) is not None]
    assert len(told) > len(said) / 3, "the others are too full of labels and values to tell"
    assert told.count(language_of(SAMPLES[spoken]) or "") >= 0.9 * len(told)


SAMPLES = {
    "English": "Could you please tell me what the house in the park is and who has been there?",
    "German": "Können Sie mir bitte sagen, was das für ein Haus ist und wer nicht mehr da ist?",
    "French": "Pouvez-vous me dire ce que c'est et qui est dans la maison avec nous pour la nuit ?",
    "Spanish": "¿Puede usted decirme qué es y quién está en la casa con el perro por la noche?",
}
