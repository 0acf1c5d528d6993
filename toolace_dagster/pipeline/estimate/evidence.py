"""What dialogues used so far: calls and tokens by stage and role.

Belongs here: reading it from a home, past or rehearsed, and telling what of it is
like the run to come. Does not belong here: prices.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError

from toolace_dagster.llm.protocol import Usage
from toolace_dagster.settings import MONEY_SETTINGS, OFFLINE_MODEL, ModelRole, Settings
from toolace_dagster.settings.operation import OPERATION_SETTINGS
from toolace_dagster.warehouse import Store, Warehouse, sql

ENOUGH = 3
"""Dialogues from which on the past says something."""
_NOT_OF_THE_WORK = (
    MONEY_SETTINGS
    | OPERATION_SETTINGS
    | {
        "pool",
        "domain_limit",
        "skip_deprecated",
        "seed",
        "dialogues",
        "attempts",
        "target",
        "validation_share",
        "test_share",
        "split_likeness",
        "split_apart",
        "formats",
        "slices",
        "loss_mask",
        "cache",
        "llm",
        "roles",
    }
)
"""Settings that do not decide how many calls a dialogue needs, or (the models) are looked at by themselves."""


@dataclass(frozen=True)
class Used:
    """What one stage asked one role for one dialogue.

    Attributes:
        calls: Calls, tries that gave nothing usable included.
        usage: Their tokens.
        seconds: They took, one after the other.
    """

    calls: int
    usage: Usage
    seconds: float

    def __add__(self, other: Used) -> Used:
        counts = {name: getattr(self.usage, name) + getattr(other.usage, name) for name in Usage.model_fields}
        return Used(self.calls + other.calls, Usage(**counts), self.seconds + other.seconds)


_NOTHING = Used(0, Usage(), 0.0)


@dataclass(frozen=True)
class DialogueUse:
    """What one dialogue used.

    Attributes:
        domain: Tool domain.
        dialogue_id: The dialogue.
        reached: Stages it has a row in.
        used: By stage and role.
        models: Models that answered it.
    """

    domain: str
    dialogue_id: str
    reached: frozenset[str]
    used: Mapping[tuple[str, ModelRole], Used]
    models: frozenset[tuple[ModelRole, str]]


@dataclass(frozen=True)
class Evidence:
    """Dialogues that tell what others will use.

    Attributes:
        dialogues: The dialogues.
        kind: ``same`` for past runs with the models of the run to come, ``other`` for past runs with others,
            ``rehearsed`` for the offline model's, ``unlike`` for past runs with other settings.
        models: Models that answered, by name.
    """

    dialogues: tuple[DialogueUse, ...]
    kind: str
    models: frozenset[str] = field(default_factory=frozenset[str])


def past_evidence(warehouse: Warehouse, domains: Iterable[str], settings: Settings) -> Evidence | None:
    """What past runs of a home say of a run with these settings.

    Args:
        warehouse: The home.
        domains: Domains of the run.
        settings: Settings of the run.

    Returns:
        Dialogues answered by the same models if there are enough, else by others but the offline one; None when
        there are not enough of either.
    """
    past = [use for domain in domains for use in dialogue_uses(warehouse.domain(domain), domain, settings)]
    models = {role: model.model for role, model in settings.models.items()}
    same = [use for use in past if all(models[role] == model for role, model in use.models)]
    if len(same) >= ENOUGH:
        return _evidence(same, "same")
    real = [use for use in past if OFFLINE_MODEL not in {model for _, model in use.models}]
    return _evidence(real, "other") if len(real) >= ENOUGH else None


def nearest_evidence(warehouse: Warehouse, domains: Iterable[str], settings: Settings) -> Evidence | None:
    """What past runs say, even those that asked for other work or that the offline model answered.

    Args:
        warehouse: The home.
        domains: Domains of the run.
        settings: Settings of the run.

    Returns:
        As ``past_evidence``; else dialogues made with such settings by whatever models, else with other settings, by
        the same models if there are enough. None when there are not enough of any.
    """
    names = list(domains)
    near = past_evidence(warehouse, names, settings)
    if near is not None:
        return near
    alike = [use for domain in names for use in dialogue_uses(warehouse.domain(domain), domain, settings)]
    if len(alike) >= ENOUGH:
        return _evidence(alike, "other")
    unlike = [use for domain in names for use in dialogue_uses(warehouse.domain(domain), domain, None)]
    models = {role: model.model for role, model in settings.models.items()}
    same = [use for use in unlike if all(models[role] == model for role, model in use.models)]
    chosen = same if len(same) >= ENOUGH else unlike
    return _evidence(chosen, "unlike") if len(chosen) >= ENOUGH else None


def dialogue_uses(store: Store, domain: str, settings: Settings | None) -> list[DialogueUse]:
    """What the dialogues of a domain used, of those made with settings that ask for as much work as these.

    Args:
        store: The domain's file.
        domain: Its name.
        settings: Settings to compare with; None takes dialogues made with any.
    """
    with store.reading():
        alike = _runs_alike(store, settings)
        rows = store.read(sql("costs/rows_made"))
        used = store.read(sql("costs/row_usage"))
    reached: dict[str, set[str]] = {}
    strange: set[str] = set()
    for row in rows:
        reached.setdefault(row["dialogue_id"], set()).add(row["stage"])
        if row["run_id"] not in alike:
            strange.add(row["dialogue_id"])
    uses: dict[str, dict[tuple[str, ModelRole], Used]] = {name: {} for name in reached}
    models: dict[str, set[tuple[ModelRole, str]]] = {name: set() for name in reached}
    for row in used:
        name = row["dialogue_id"]
        if row["role"] is None:
            # A response that is not kept here: what it cost to make is not known.
            strange.add(name)
            continue
        counts = {count: row[count] for count in Usage.model_fields if count in row}
        key: tuple[str, ModelRole] = (row["stage"], row["role"])
        uses[name][key] = uses[name].get(key, _NOTHING) + Used(row["calls"], Usage(**counts), row["seconds"])
        models[name].add((row["role"], row["model"]))
    return [
        DialogueUse(domain, name, frozenset(stages), uses[name], frozenset(models[name]))
        for name, stages in reached.items()
        if name not in strange and models[name]
    ]


def rehearsed_evidence(uses: Iterable[DialogueUse]) -> Evidence:
    """Dialogues that the offline model answered."""
    return _evidence(list(uses), "rehearsed")


def _evidence(uses: list[DialogueUse], kind: str) -> Evidence:
    return Evidence(tuple(uses), kind, frozenset(model for use in uses for _, model in use.models))


def _runs_alike(store: Store, settings: Settings | None) -> set[str]:
    rows = store.read(sql("costs/settings_of_runs"))
    if settings is None:
        return {row["run_id"] for row in rows}
    wanted = settings.model_dump(exclude=set(_NOT_OF_THE_WORK))
    alike: set[str] = set()
    for row in rows:
        try:
            past = Settings.model_validate_json(row["settings"])
        except ValidationError:
            continue
        if past.model_dump(exclude=set(_NOT_OF_THE_WORK)) == wanted:
            alike.add(row["run_id"])
    return alike
