"""A model of entailment of the user's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders import dialogue
from tests.metrics.homes import Attempt, write_home
from toolace_dagster.metrics import EntailmentError, figure, measure_home

SOURCE = """
asked = []

def entails(pairs):
    asked.extend(pairs)
    return [0.9 if "stars" in hypothesis else 0.2 for premise, hypothesis in pairs]

def premises(pairs):
    return [1.0 if "Dok Noord" in premise and "09:30" in premise else 0.0 for premise, _ in pairs]

def short(pairs):
    return []

def wild(pairs):
    return [7] * len(pairs)

def broken(pairs):
    raise RuntimeError("out of memory")

text = "not a function"
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.py"
    path.write_text(SOURCE)
    return path


def measured(folder: Path, named: str) -> float | None:
    warehouse = write_home(folder / "home", [Attempt(dialogue())])
    return figure(measure_home(warehouse, entailment=named), "coherence_entailment")


def test_the_share_of_replies_it_says_are_entailed(tmp_path: Path, model: Path) -> None:
    assert measured(tmp_path, str(model)) == 1 / 2


def test_the_premise_is_the_last_message_and_what_tools_answered_since(tmp_path: Path, model: Path) -> None:
    # The second reply answers the second message, where the first one's outputs are no part of the premise.
    assert measured(tmp_path, f"{model}:premises") == 1 / 2


def test_a_module_by_its_dotted_name(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(model.parent))
    assert measured(tmp_path, "model:entails") == 1 / 2


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("short", "gave 0 values for 2 pairs"),
        ("wild", "gave 7.0. A probability is from 0 to 1"),
        ("broken", "RuntimeError: out of memory"),
        ("text", "no function 'text'"),
        ("missing", "no function 'missing'"),
    ],
)
def test_what_can_not_be_used_is_named_with_the_mend(tmp_path: Path, model: Path, function: str, words: str) -> None:
    with pytest.raises(EntailmentError, match=words) as fault:
        measured(tmp_path, f"{model}:{function}")
    assert "model.py" in str(fault.value)


@pytest.mark.parametrize("named", ["nothing_of_the_kind", "missing.py", "missing.py:entails"])
def test_a_model_that_is_not_there(tmp_path: Path, named: str) -> None:
    with pytest.raises(EntailmentError, match="can't be loaded"):
        measured(tmp_path, named)
