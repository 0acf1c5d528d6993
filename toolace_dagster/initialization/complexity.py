"""Drawing which complexities a dialogue will be given.

The paper draws one to three types a dialogue. The sub-types are ours, and so is
the clarification setting: where it is set, each sub-task's request is
under-specified with that probability, and the other types are drawn as ever.

Belongs here: drawing types and sub-types before a model is asked. Does not belong
here: where in a dialogue one goes (``refinement.anchors``).
"""

from __future__ import annotations

import random

from toolace_dagster.entities import SUB_TYPES, InjectionSubType, InjectionType
from toolace_dagster.settings import Settings


def draw_injections(rng: random.Random, settings: Settings, wanted: int, sub_tasks: int) -> tuple[InjectionType, ...]:
    """Draw the types of one dialogue's injections, in the order they are made.

    Args:
        rng: Source of randomness.
        settings: Mix of sub-types, share of under-specified requests.
        wanted: How many types.
        sub_tasks: Number of sub-tasks; a clarification belongs to one.

    Returns:
        Distinct types first; a type recurs only when more are wanted than there are types, and a
        clarification where several requests are under-specified.
    """
    able = [kind for kind in InjectionType if any(settings.injection_mix.get(each, 0) > 0 for each in SUB_TYPES[kind])]
    if settings.clarification_share is None:
        return tuple(_distinct(rng, able, wanted))
    under_specified = sum(rng.random() < settings.clarification_share for _ in range(sub_tasks))
    others = [kind for kind in able if kind is not InjectionType.CLARIFICATION]
    # It is one of the types that were drawn, however many requests it concerns.
    kinds = _distinct(rng, others, wanted - bool(under_specified)) if others else []
    kinds += [InjectionType.CLARIFICATION] * under_specified
    rng.shuffle(kinds)
    return tuple(kinds)


def draw_sub_types(
    rng: random.Random, settings: Settings, kinds: tuple[InjectionType, ...]
) -> tuple[InjectionSubType, ...]:
    """Draw what exactly each injection does, by the weights of the mix; no sub-type twice while another is left."""
    chosen: list[InjectionSubType] = []
    for kind in kinds:
        able = [each for each in SUB_TYPES[kind] if settings.injection_mix.get(each, 0) > 0] or list(SUB_TYPES[kind])
        able = [each for each in able if each not in chosen] or able
        weights = [settings.injection_mix.get(each, 0) or 1.0 for each in able]
        chosen.append(rng.choices(able, weights)[0])
    return tuple(chosen)


def _distinct(rng: random.Random, able: list[InjectionType], wanted: int) -> list[InjectionType]:
    kinds: list[InjectionType] = []
    for _ in range(max(0, wanted)):
        unused = [kind for kind in able if kind not in kinds]
        kinds.append(rng.choice(unused or able))
    return kinds
