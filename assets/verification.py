"""Assets of stage 3: verdicts, and the dialogues that were accepted.

Belongs here: the factory of both, which follow the last refinement round or the simulation. Does
not belong here: rules or experts (``toolace_dagster.verification``).
"""

import dagster as dg

from toolace_dagster.orchestration.materialize import Materialized, Remark, materialize_stage, stage_checks
from toolace_dagster.orchestration.partitions import TOOL_DOMAINS
from toolace_dagster.orchestration.resources import Toolace
from toolace_dagster.pipeline.health import budget_faults, pass_rate_faults, repetition_faults
from toolace_dagster.pipeline.stages import Verification, VerifiedDialogues, last_writing_stage
from toolace_dagster.settings import Method

_VERDICTS = (
    Remark(
        "pass_rate_as_usual",
        "As many dialogues pass as in the runs before, but for chance.",
        pass_rate_faults,
        look="toolace why --domain {domain}",
    ),
    Remark(
        "budget_lasts",
        "Less than four fifths of what the run may spend is spent.",
        budget_faults,
        look="toolace plan --domain {domain}",
    ),
)
_DIALOGUES = (
    Remark(
        "no_repetition",
        "No two dialogues of a domain have the same user turns.",
        repetition_faults,
        look="the view verified_dialogues in warehouse/{domain}.duckdb",
        state="accepted",
    ),
)


def verification_assets(rounds: int, method: Method = "non_autoregressive") -> list[dg.AssetsDefinition]:
    """Make the assets behind the last stage that writes dialogues.

    Args:
        rounds: Number of refinement rounds.
        method: How dialogues are made.
    """

    @dg.asset(
        partitions_def=TOOL_DOMAINS,
        deps=[last_writing_stage(rounds, method)],
        group_name="stage_3_verification",
        kinds={"duckdb", "openai"},
        check_specs=stage_checks("verification", _VERDICTS),
    )
    def verification(context: dg.AssetExecutionContext, toolace: Toolace) -> Materialized:
        """Offline verification (paper, stage 3): rules, then experts' answers to sub-questions, then a verdict."""
        return materialize_stage(context, toolace, Verification(rounds, method), remarks=_VERDICTS)

    @dg.asset(
        partitions_def=TOOL_DOMAINS,
        deps=["verification"],
        group_name="stage_3_verification",
        kinds={"duckdb"},
        check_specs=stage_checks("verified_dialogues", _DIALOGUES),
    )
    def verified_dialogues(context: dg.AssetExecutionContext, toolace: Toolace) -> Materialized:
        """The dialogues that every rule and expert passed."""
        return materialize_stage(context, toolace, VerifiedDialogues(rounds, method), remarks=_DIALOGUES)

    return [verification, verified_dialogues]
