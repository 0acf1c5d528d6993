"""The optional asset that fine-tunes on the TRL export.

Belongs here: starting the script and recording what it measured. Does not belong here:
training (``examples/finetune_lora.py``): the package is free of trainers.
"""

import dagster as dg
from pydantic import Field

from toolace_dagster.orchestration.materialize import Materialized
from toolace_dagster.orchestration.resources import Toolace
from toolace_dagster.orchestration.training import TrainingFailed, run_training


class LoraConfig(dg.Config):
    """What to train and with what.

    Attributes:
        model: A model of the Hub, or a folder.
        script: The training script; takes --model, --data and --out, and writes metrics.json.
        python: Interpreter with the extra ``train``; empty means this one.
        arguments: Further arguments of the script.
    """

    model: str
    script: str = "examples/finetune_lora.py"
    python: str = ""
    arguments: list[str] = Field(default_factory=list[str])


@dg.asset(deps=["trl_export"], group_name="stage_5_training", kinds={"python"})
def lora_adapter(context: dg.AssetExecutionContext, config: LoraConfig, toolace: Toolace) -> Materialized:
    """A LoRA adapter trained on the TRL export; in no job, since it takes a GPU and hours."""
    warehouse = toolace.warehouse()
    out = warehouse.home / "adapters" / context.run.run_id[:8]
    try:
        metrics = run_training(
            config.script,
            ["--model", config.model, "--data", str(warehouse.exports / "trl"), "--out", str(out), *config.arguments],
            out,
            python=config.python,
            log=context.log.info,
        )
    except TrainingFailed as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    return dg.MaterializeResult(metadata={"adapter": dg.PathMetadataValue(str(out)), **metrics})
