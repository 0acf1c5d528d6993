"""Experiments as data: what files may say, and which settings arms have."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolace_dagster.experiments.declared import (
    ORDER,
    Arm,
    ExperimentFault,
    arm_settings,
    find_experiment,
    shipped,
)
from toolace_dagster.settings import MAX_ROUNDS, ModelSettings, Settings

ARM = '[[arms]]\nname = "one"\nlabel = "one"\n'


@pytest.mark.parametrize("name", ORDER)
def test_arms_differ_in_nothing_but_what_they_set(name: str) -> None:
    experiment = find_experiment(name)
    basis = experiment.basis(Settings(), [])
    common = basis.model_dump(mode="json")
    for arm in experiment.resolved(["banking", "travel"]):
        changed = {
            key for key, value in arm_settings(basis, arm).model_dump(mode="json").items() if common[key] != value
        }
        assert changed <= {setting.partition(".")[0] for setting in arm.settings}


def test_scaling_goes_up_to_the_most_passes_there_are() -> None:
    arms = find_experiment("scaling").arms
    assert [arm.settings["rounds"] for arm in arms if arm.on_curve] == [1, 3, 5, 10, 15, 20, MAX_ROUNDS]


def test_what_somebody_set_comes_before_what_the_experiment_sets() -> None:
    experiment = find_experiment("scaling")
    assert experiment.settings["dialogues"] != 77
    assert experiment.basis(Settings(dialogues=77), ["dialogues"]).dialogues == 77
    assert experiment.basis(Settings(dialogues=77), []).dialogues == experiment.settings["dialogues"]


def test_settings_for_the_offline_model_are_for_it_alone() -> None:
    experiment = find_experiment("ablation")
    assert experiment.basis(Settings(), []).llm.error_rate == 3
    assert experiment.basis(Settings(llm=ModelSettings(model="another")), []).llm.error_rate == 1
    assert experiment.basis(Settings(), ["llm.error_rate"]).llm.error_rate == 1


def test_each_domain_can_be_an_arm() -> None:
    arms = find_experiment("pools").resolved(["banking", "travel"])
    assert [(arm.name, arm.domains) for arm in arms] == [("banking", ("banking",)), ("travel", ("travel",))]


def test_an_experiment_of_ones_own_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "temperatures.toml"
    path.write_text(f'title = "Temperatures"\nquestion = "?"\n{ARM}settings = {{ "llm.temperature" = 0.2 }}\n')
    experiment = find_experiment(str(path))
    assert experiment.name == "temperatures"
    assert arm_settings(Settings(), experiment.arms[0]).llm.temperature == 0.2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title = ", "is no TOML"),
        ('title = "T"\nquestion = "?"\n', "it needs arms"),
        (f'title = "T"\nquestion = "?"\n{ARM}{ARM}', "two arms are named one"),
        (f'title = "T"\nquestion = "?"\n{ARM}after = "two"\n', "goes on from two, which is no arm before it"),
        (f'title = "T"\nquestion = "?"\n{ARM}settings = {{ rouns = 3 }}\n', "Did you mean rounds"),
        (f'title = "T"\nquestion = "?"\n{ARM}settings = {{ rounds = 99 }}\n', "rounds: Input should be less than"),
        (f'title = "T"\nquestion = "?"\n{ARM.replace("one", "../one", 1)}', "arms.0.name"),
        (f'title = "T"\nquestion = "?"\ncolour = 1\n{ARM}', "colour"),
    ],
)
def test_a_bad_file_is_refused_with_its_name_and_the_fault(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ExperimentFault) as refused:
        find_experiment(str(path))
    assert str(path) in str(refused.value)
    assert said in str(refused.value)


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(ExperimentFault, match=r"no experiment 'ablations'; there are .*ablation, scaling"):
        find_experiment("ablations")


def test_a_file_may_not_take_the_name_of_a_shipped_one(tmp_path: Path) -> None:
    path = tmp_path / "ablation.toml"
    path.write_text(f'title = "T"\nquestion = "?"\n{ARM}')
    with pytest.raises(ExperimentFault, match="another name"):
        find_experiment(str(path))


def test_settings_that_do_not_go_together_name_the_arm() -> None:
    with pytest.raises(ExperimentFault, match="the arm odd"):
        arm_settings(Settings(), Arm(name="odd", label="odd", settings={"validation_share": 0.6, "test_share": 0.6}))


def test_every_shipped_experiment_says_what_it_answers() -> None:
    assert [name for name, each in shipped().items() if not (each.title and each.question.endswith("?"))] == []
