"""From work and evidence to an estimate with its uncertainty.

The dialogue is the unit: what it used at all its stages goes together, and a stage it
did not reach counts as nothing, so that dialogues that end early are in the figures.
Domains are estimated apart where there is enough to go by.

Belongs here: the arithmetic. Does not belong here: where figures come from
(``work``, ``evidence``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolace_dagster.llm.money import PriceTable
from toolace_dagster.llm.records import CallMode
from toolace_dagster.llm.transport import endpoint_host
from toolace_dagster.pipeline.estimate.evidence import ENOUGH, DialogueUse, Evidence, Used
from toolace_dagster.pipeline.estimate.work import Work
from toolace_dagster.pipeline.stages import VERIFIED_STAGE, domain_stages
from toolace_dagster.settings import ModelRole, ModelSettings, Settings

_DRAWS = 2000
_LOW, _HIGH = 5, 95
_SEED = 20250818

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Range:
    """An amount and where it lies with a probability of 90 %.

    Attributes:
        value: What is expected.
        low: One run in twenty needs less.
        high: One run in twenty needs more.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class StageEstimate:
    """What one stage, or the whole run, will use.

    Attributes:
        stage: Name of the stage.
        dialogues: Dialogues that start at it or come to it; some may end before.
        calls: Model calls.
        prompt_tokens: Tokens of prompts.
        completion_tokens: Tokens of replies.
        live: Dollars; None when a model has no price.
        batch: Dollars in batches; None when a model has no price for them.
    """

    stage: str
    dialogues: int
    calls: Range
    prompt_tokens: Range
    completion_tokens: Range
    live: Range | None
    batch: Range | None


@dataclass(frozen=True)
class Estimate:
    """What a run will use.

    Attributes:
        stages: By stage, in order; those that need nothing are left out.
        whole: The run.
        replies: Dollars of the whole that are for replies, and so grow with their length; None without a price.
        seconds_by_limits: The least time that requests and tokens per minute allow; None when neither is known.
        seconds_by_latency: Time at the concurrency of the settings if calls take as long as past ones; None when
            nothing is known of that.
    """

    stages: tuple[StageEstimate, ...]
    whole: StageEstimate
    replies: float | None
    seconds_by_limits: float | None
    seconds_by_latency: float | None


@dataclass(frozen=True)
class _Figures:
    """Amounts of each dialogue of the evidence (rows) at each stage (columns)."""

    calls: Floats
    prompt: Floats
    completion: Floats
    live: Floats | None
    batch: Floats | None
    replies: Floats | None
    seconds: Floats


class _Totals:
    """Sums over groups of dialogues, for the mean and for each draw."""

    def __init__(self, stages: int) -> None:
        self.value = np.zeros(stages)
        self.draws = np.zeros((_DRAWS, stages))
        self.whole = np.zeros(_DRAWS)

    def add(self, amounts: Floats, count: int, weights: Floats, noise: Floats) -> None:
        """Add a group.

        Args:
            amounts: Of each dialogue that stands for the group, by stage.
            count: Dialogues in the group.
            weights: Of these dialogues in each draw: how often it was drawn, as a share.
            noise: For each draw, how far the group's dialogues as a whole are from what is to be expected of them.
        """
        number = len(amounts)
        mean = amounts.mean(axis=0)
        # A resample of n varies by (n - 1) / n too little.
        stretch = np.sqrt(number / (number - 1)) if number > 1 else 1.0
        spread = amounts.std(axis=0, ddof=1) if number > 1 else np.zeros(len(mean))
        drawn = mean + (weights @ amounts - mean) * stretch
        self.value += count * mean
        self.draws += np.maximum(0.0, count * drawn + np.sqrt(count) * noise[:, None] * spread)
        sums = amounts.sum(axis=1)
        spread_of_sum = sums.std(ddof=1) if number > 1 else 0.0
        drawn_sum = sums.mean() + (weights @ sums - sums.mean()) * stretch
        self.whole += np.maximum(0.0, count * drawn_sum + np.sqrt(count) * noise * spread_of_sum)

    def add_again(self, own: Floats, others: Floats, noise: Floats) -> None:
        """Add dialogues that were made before by the same plan.

        What they used then is what is expected of them. How far off that is can't be told from it; it is taken to vary
        as much as dialogues do among each other, which is rather too much.

        Args:
            own: What each of them used, by stage.
            others: What dialogues of their kind used.
            noise: As for a group.
        """
        scale = np.sqrt(len(own)) * noise
        spread, spread_of_sum = (
            (others.std(axis=0, ddof=1), others.sum(axis=1).std(ddof=1))
            if len(others) > 1
            else (np.zeros(own.shape[1]), 0.0)
        )
        self.value += own.sum(axis=0)
        self.draws += np.maximum(0.0, own.sum(axis=0) + scale[:, None] * spread)
        self.whole += np.maximum(0.0, own.sum() + scale * spread_of_sum)

    def stage(self, position: int) -> Range:
        """The range of one stage."""
        return _range(float(self.value[position]), self.draws[:, position])

    def all(self) -> Range:
        """The range of all stages together."""
        return _range(float(self.value.sum()), self.whole)


def make_estimate(work: Sequence[Work], evidence: Evidence, settings: Settings, prices: PriceTable) -> Estimate:
    """Estimate what a run will use.

    Args:
        work: What is to be made, by domain.
        evidence: Dialogues that tell what others will use.
        settings: Settings of the run.
        prices: The price table.
    """
    stages = [stage.name for stage in domain_stages(settings) if stage.name != VERIFIED_STAGE]
    pricer = _Pricer(settings, prices)
    names = ("calls", "prompt", "completion", "live", "batch", "replies", "seconds")
    totals = {name: _Totals(len(stages)) for name in names}
    reaching = dict.fromkeys(stages, 0)
    known = dict.fromkeys(names, True)
    rng = np.random.default_rng(_SEED)
    for piece in work:
        for begin, count in piece.from_stage.items():
            uses = _like(evidence.dialogues, piece.domain, begin)
            later = stages[stages.index(begin) :]
            for stage in later:
                reaching[stage] += count
            figures = _figures(uses, stages, frozenset(later), pricer)
            again = piece.again.get(begin, frozenset())
            own = [use for use in evidence.dialogues if use.domain == piece.domain and use.dialogue_id in again]
            own_figures = _figures(own, stages, frozenset(later), pricer)
            weights = rng.multinomial(len(uses), [1 / len(uses)] * len(uses), size=_DRAWS) / len(uses)
            noise = rng.standard_normal(_DRAWS)
            for name in names:
                amounts: Floats | None = getattr(figures, name)
                own_amounts: Floats | None = getattr(own_figures, name)
                if amounts is None or own_amounts is None:
                    known[name] = False
                    continue
                if count > len(own):
                    totals[name].add(amounts, count - len(own), weights, noise)
                if own:
                    totals[name].add_again(own_amounts, amounts, noise)

    def row(stage: str, position: int | None, dialogues: int) -> StageEstimate:
        def amount(name: str) -> Range:
            return totals[name].all() if position is None else totals[name].stage(position)

        return StageEstimate(
            stage=stage,
            dialogues=dialogues,
            calls=amount("calls"),
            prompt_tokens=amount("prompt"),
            completion_tokens=amount("completion"),
            live=amount("live") if known["live"] else None,
            batch=amount("batch") if known["batch"] else None,
        )

    whole = row("all", None, sum(piece.dialogues for piece in work))
    rows = tuple(row(stage, position, reaching[stage]) for position, stage in enumerate(stages))
    return Estimate(
        stages=tuple(stage for stage in rows if stage.calls.value),
        whole=whole,
        replies=totals["replies"].all().value if known["replies"] else None,
        seconds_by_limits=_by_limits(whole, settings),
        seconds_by_latency=_by_latency(totals["seconds"].all().value, whole.dialogues, evidence, settings),
    )


def _like(uses: Sequence[DialogueUse], domain: str, begin: str) -> list[DialogueUse]:
    """Dialogues that stand for those of a domain that begin at a stage."""
    came = [use for use in uses if begin in use.reached] or list(uses)
    own = [use for use in came if use.domain == domain]
    return own if len(own) >= ENOUGH else came


def _figures(
    uses: Sequence[DialogueUse],
    stages: Sequence[str],
    later: frozenset[str],
    pricer: _Pricer,
) -> _Figures:
    def amounts(of: Mapping[tuple[str, ModelRole], float]) -> list[float]:
        return [sum(value for (stage, _), value in of.items() if stage == name) for name in stages]

    def table(values: Sequence[Mapping[tuple[str, ModelRole], float]]) -> Floats:
        return np.array([amounts(value) for value in values], dtype=np.float64)

    used = [{key: value for key, value in use.used.items() if key[0] in later} for use in uses]

    def dollars(mode: CallMode, *, replies: bool = False) -> Floats | None:
        costs = [{key: pricer.cost(key[1], one, mode, replies=replies) for key, one in part.items()} for part in used]
        if any(cost is None for part in costs for cost in part.values()):
            return None
        return table([{key: cost or 0.0 for key, cost in part.items()} for part in costs])

    return _Figures(
        calls=table([{key: float(one.calls) for key, one in part.items()} for part in used]),
        prompt=table([{key: float(one.usage.prompt_tokens) for key, one in part.items()} for part in used]),
        completion=table([{key: float(one.usage.completion_tokens) for key, one in part.items()} for part in used]),
        live=dollars("live"),
        batch=dollars("batch"),
        replies=dollars("live", replies=True),
        seconds=table([{key: one.seconds for key, one in part.items()} for part in used]),
    )


class _Pricer:
    """Prices what roles are asked."""

    def __init__(self, settings: Settings, prices: PriceTable) -> None:
        self._quotes = {role: prices.find(model.model, endpoint_host(model)) for role, model in settings.models.items()}

    def cost(self, role: ModelRole, used: Used, mode: CallMode, *, replies: bool) -> float | None:
        """Dollars of what one stage asks one role for one dialogue, or of the replies alone."""
        quote = self._quotes[role]
        if quote is None:
            return None
        # That limit is of one call, and these are several.
        price = quote.price.model_copy(update={"max_prompt": None})
        usage = used.usage
        if replies:
            usage = usage.model_copy(update={"prompt_tokens": 0, "cached_tokens": 0, "cache_write_tokens": 0})
        return price.cost(usage, mode)


def _by_limits(whole: StageEstimate, settings: Settings) -> float | None:
    """The least time the limits of the run's models allow, as if the tightest had to let all calls through."""
    tokens = whole.prompt_tokens.value + whole.completion_tokens.value
    models: list[ModelSettings] = list({model.connection: model for model in settings.models.values()}.values())
    if len(models) > 1:
        return None
    pairs = [(whole.calls.value, models[0].requests_per_minute), (tokens, models[0].tokens_per_minute)]
    times = [60 * amount / limit for amount, limit in pairs if limit]
    return max(times) if times else None


def _by_latency(seconds: float, dialogues: int, evidence: Evidence, settings: Settings) -> float | None:
    """Calls of one dialogue mostly follow each other, so it takes at least as long as one dialogue does."""
    if evidence.kind != "same" or not seconds:
        return None
    return max(seconds / settings.llm.concurrency, seconds / dialogues)


def _range(value: float, draws: Floats) -> Range:
    low, high = np.percentile(draws, [_LOW, _HIGH])
    return Range(value, float(low), float(high))
