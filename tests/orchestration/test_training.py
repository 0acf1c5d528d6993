"""The optional training asset: runs a script, records its metrics, and says what went wrong."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from toolace_dagster.assets.training import lora_adapter
from toolace_dagster.orchestration.resources import Toolace

SCRIPT = """
import json, pathlib, sys
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
out = pathlib.Path(given["--out"])
out.mkdir(parents=True)
print("one step")
if given["--model"] == "broken":
    sys.exit("no such model")
if given["--model"] != "mute":
    (out / "metrics.json").write_text(json.dumps({"steps": 3, "last_loss": 0.5, "data": given["--data"], "none": None}))
"""


def materialize(tmp_path: Path, **config: object) -> dg.ExecuteInProcessResult:
    (tmp_path / "train.py").write_text(SCRIPT)
    given = {"script": str(tmp_path / "train.py"), **config}
    return dg.materialize(
        [lora_adapter, dg.AssetSpec("trl_export")],
        resources={"toolace": Toolace(home=str(tmp_path / "home"))},
        run_config={"ops": {"lora_adapter": {"config": given}}},
        selection=[lora_adapter],
        raise_on_error=False,
    )


def test_metrics_of_the_script_are_recorded(tmp_path: Path) -> None:
    result = materialize(tmp_path, model="tiny")
    assert result.success
    (event,) = result.asset_materializations_for_node("lora_adapter")
    metadata = {name: value.value for name, value in event.metadata.items()}
    assert (metadata["steps"], metadata["last_loss"]) == (3, 0.5)
    assert metadata["data"] == str(tmp_path.resolve() / "home/exports/trl")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"model": "broken"}, "no such model"),
        ({"model": "mute"}, "left no metrics"),
        ({"model": "tiny", "script": "gone.py"}, "no script gone.py"),
    ],
)
def test_what_went_wrong_is_said(tmp_path: Path, config: dict[str, str], words: str) -> None:
    result = materialize(tmp_path, **config)
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    said = failure.step_failure_data.user_failure_data
    assert said is not None
    assert words in (said.description or "")
