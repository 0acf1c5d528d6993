"""Plans as rows, and what they came to: shapes, distractors, coverage.

Belongs here: recording plans and reading their sums back. Does not belong here:
drawing plans (``initialization.sampling``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from toolace_dagster.entities import DistractorKind, PlanShape, TaskPlan, Tool, canonical_json, content_hash
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.reporting.markdown import table
from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Row, Store, sql

DRAWN_BY = (
    "seed",
    "sub_tasks",
    "steps",
    "injections",
    "injection_mix",
    "clarification_share",
    "distractors",
    "distractor_mix",
    "plan_shapes",
    "parallel_share",
    "personas",
    "registers",
    "languages",
    "today",
)
"""Settings that decide what is drawn for a slot: all that ``PlanSampler`` reads."""
_RAREST = 20
"""Tools shown where space is bounded."""


def plan_rows(stage: str, plan: TaskPlan) -> list[Row]:
    """A plan as rows of ``task_plans``, one a sub-task."""
    place = {"stage": stage, "dialogue_id": plan.slot.dialogue_id, "domain": plan.slot.domain}
    return [
        place | {"sub_task": index} | sub_task.model_dump(mode="json") for index, sub_task in enumerate(plan.sub_tasks)
    ]


def sampling_basis(settings: Settings) -> str:
    """What a drawn plan depends on besides the tools."""
    return content_hash(settings.of(*DRAWN_BY))


def drawn_row(stage: str, plan: TaskPlan, settings: Settings) -> Row:
    """A plan as a row of ``drawn_plans``."""
    return {
        "stage": stage,
        "dialogue_id": plan.slot.dialogue_id,
        "basis": sampling_basis(settings),
        "plan": plan.model_dump(mode="json"),
    }


def as_stored(plan: TaskPlan) -> TaskPlan:
    """A plan just as it is read back: the order of its tables' keys must not depend on whether it was drawn now."""
    return TaskPlan.model_validate_json(canonical_json(plan.model_dump(mode="json")))


def plans_in_force(store: Store, settings: Settings, tools: Mapping[str, Tool]) -> dict[str, TaskPlan]:
    """The plans drawn before that still can be carried out, by dialogue id.

    Args:
        store: The domain's file.
        settings: Settings of the run; plans drawn with others are not in force.
        tools: Tools of now, own and borrowed, by name. A plan whose tools are not all there, or lack a parameter that
            it names, is not in force.
    """
    basis = sampling_basis(settings)
    rows = store.read(sql("queries/drawn_plans"))
    others = {row["run_id"] for row in rows if row["basis"] != basis}
    alike = {run for run in others if run and _basis_of_run(store, run) == basis}
    kept = [row for row in rows if row["basis"] == basis or row["run_id"] in alike]
    plans = [TaskPlan.model_validate_json(row["plan"]) for row in kept]
    return {plan.slot.dialogue_id: plan for plan in plans if _can_be_kept(plan, tools)}


def _basis_of_run(store: Store, run_id: str) -> str | None:
    """The basis by the settings of the run that drew a plan: an earlier version hashed more settings into its own."""
    rows = store.read(sql("queries/settings_of_run"), {"run_id": run_id})
    try:
        return sampling_basis(Settings.model_validate_json(rows[0]["settings"])) if rows else None
    except ValidationError:
        return None


def _can_be_kept(plan: TaskPlan, tools: Mapping[str, Tool]) -> bool:
    if any(name not in tools for name in (*plan.needed_tools, *plan.distractors)):
        return False
    named = [(name, option) for sub_task in plan.sub_tasks for name, option in sub_task.options.items()]
    named += [(name, each) for sub_task in plan.sub_tasks for name, many in sub_task.from_user.items() for each in many]
    return all(parameter in tools[name].properties for name, parameter in named)


def distractor_rows(stage: str, plan: TaskPlan) -> list[Row]:
    """A plan's distractors as rows of ``plan_distractors``."""
    place = {"stage": stage, "dialogue_id": plan.slot.dialogue_id, "domain": plan.slot.domain}
    return [
        place | {"tool": name, "kind": kind.value}
        for name, kind in zip(plan.distractors, plan.distractor_kinds, strict=True)
    ]


def shape_rows(stores: Sequence[Store], settings: Settings) -> list[Row]:
    """The mix of shapes that came out beside the mix that was set.

    Args:
        stores: Files of domains.
        settings: Settings of the run.

    Returns:
        A row a shape: its set share, how many turns asked for it, how many of these the tools did not allow, how many
        sub-tasks have it and their share. Shares are of the sub-tasks whose turn asked for more than a single call.
    """
    wanted, kept, made = Counter[str](), Counter[str](), Counter[str]()
    for store in stores:
        for row in store.read(sql("queries/plan_shapes")):
            wanted[row["shape"]] += int(row["wanted"])
            kept[row["shape"]] += int(row["made_as_wanted"])
            made[row["shape"]] += int(row["made"])
    several = wanted.total() - wanted[PlanShape.SINGLE]
    fallen = made[PlanShape.SINGLE] - kept[PlanShape.SINGLE]
    rows: list[Row] = []
    for shape in PlanShape:
        if not (shape in settings.plan_shapes or made[shape] or wanted[shape]):
            continue
        counted = fallen if shape is PlanShape.SINGLE else made[shape]
        rows.append(
            {
                "shape": shape.value,
                "set": _set_share(settings.plan_shapes, shape) if shape in settings.plan_shapes else "-",
            }
            | {"wanted": wanted[shape], "not possible": wanted[shape] - kept[shape], "made": made[shape]}
            | {"share": f"{counted / several:.0%}" if several else "-"}
        )
    return rows


def kind_rows(stores: Sequence[Store], settings: Settings) -> list[Row]:
    """Distractors by kind, with the set share and the share that came out."""
    counts = Counter[str]()
    for store in stores:
        counts.update({row["kind"]: int(row["distractors"]) for row in store.read(sql("queries/plan_distractors"))})
    return [
        {"kind": kind.value, "set": _set_share(settings.distractor_mix, kind), "offered": counts[kind]}
        | {"share": f"{counts[kind] / counts.total():.0%}" if counts else "-"}
        for kind in DistractorKind
    ]


def coverage_rows(store: Store) -> list[Row]:
    """The domain's tools with how many dialogues need each, the rarest first, and how many optional parameters."""
    return store.read(sql("queries/plan_coverage"))


def _set_share(weights: Mapping[PlanShape, float] | Mapping[DistractorKind, float], name: str) -> str:
    weight = next((weight for key, weight in weights.items() if key == name), None)
    return "-" if weight is None else f"{weight / sum(weights.values()):.0%}"


def plan_tables(context: StageContext) -> dict[str, str]:
    """What a domain's plans came to, as Markdown tables by name."""
    with context.store.reading():
        return {
            "plan_shapes": table(shape_rows([context.store], context.settings)),
            "plan_distractors": table(kind_rows([context.store], context.settings)),
            "rarest_tools": table(coverage_rows(context.store)[:_RAREST]),
        }
