"""The price table: what a token costs, by endpoint and model.

The shipped table is ``prices.toml`` beside this module; a file of the user's comes
before it. A price is of a model *at an endpoint*, since the same open model costs
something else at each host, and nothing at one's own.

Belongs here: reading price files and finding a price. Does not belong here: adding
up what was spent (``budget``), or prices themselves (``prices.toml``).
"""

from __future__ import annotations

import datetime
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from toolace_dagster.llm.protocol import Usage
from toolace_dagster.llm.records import CallMode

OFFLINE_ENDPOINT = "offline"
SHIPPED = "the shipped price table"

_MILLION = 1_000_000
_DEARER = 2.0
_DATED = re.compile(r"^(?P<model>.+?)-(?P<day>\d{4}-\d{2}-\d{2}|\d{8})$")
_OF_A_PROVIDER = ("endpoints", "source", "batch", "models")
_EXAMPLE = '[mine]\nendpoints = ["{endpoint}"]\n[mine.models]\n"{model}" = {{ prompt = 0.50, completion = 1.50 }}'

Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class PriceError(ValueError):
    """A price file that can't be used; the message names file, entry and mend."""


class BatchPrice(BaseModel):
    """Prices of batches where they are no fixed share of the live ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: Dollars
    cached: Dollars | None = None
    completion: Dollars


class Price(BaseModel):
    """Prices of one model, in US dollars per million tokens.

    Attributes:
        prompt: Tokens of the prompt that the endpoint had not cached.
        cached: Tokens of the prompt that it had; None means no discount.
        cache_write: Tokens of the prompt that it puts into its cache; None means they cost no more than others.
        completion: Tokens of the reply, hidden reasoning included.
        batch: Share of the live price that a batch costs, or prices of its own; None means not known.
        max_prompt: Longest prompt the price is for, in tokens.
        date: Day the figures are from.
        until: Last day they are for, where that is known.
        source: Page they stand on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: Dollars
    cached: Dollars | None = None
    cache_write: Dollars | None = None
    completion: Dollars
    batch: Annotated[float, Field(ge=0, le=1)] | BatchPrice | None = None
    max_prompt: Annotated[int, Field(gt=0)] | None = None
    date: datetime.date | None = None
    until: datetime.date | None = None
    source: str = ""

    def cost(self, usage: Usage, mode: CallMode = "live") -> float | None:
        """Dollars of one call.

        Args:
            usage: Its tokens. Cached and written ones are part of the prompt, reasoning is part of the completion.
            mode: How it was made.

        Returns:
            None when the table has no price for such a call: a longer prompt, or a batch.
        """
        if self.max_prompt is not None and usage.prompt_tokens > self.max_prompt:
            return None
        prompt, cached, written, completion, factor = self.prompt, self.cached, self.cache_write, self.completion, 1.0
        if mode == "batch":
            if self.batch is None:
                return None
            if isinstance(self.batch, BatchPrice):
                prompt, cached, written, completion = self.batch.prompt, self.batch.cached, None, self.batch.completion
            else:
                factor = self.batch
        hit = min(usage.cached_tokens, usage.prompt_tokens)
        put = min(usage.cache_write_tokens, usage.prompt_tokens - hit)
        plain = usage.prompt_tokens - hit - put
        total = (
            plain * prompt
            + hit * (prompt if cached is None else cached)
            + put * (prompt if written is None else written)
            + usage.completion_tokens * completion
        )
        return factor * total / _MILLION

    def reckoned(self, usage: Usage, mode: CallMode = "live") -> float:
        """Dollars of one call to reckon with, where the table has no price for such a call: rather too many.

        A prompt longer than ``max_prompt`` counts as twice as dear, which is what Google and Anthropic charge at most
        ; a batch of unknown price counts as live.
        """
        known = self.cost(usage, mode)
        if known is not None:
            return known
        too_long = self.max_prompt is not None and usage.prompt_tokens > self.max_prompt
        plain = self.model_copy(update={"max_prompt": None})
        cost = plain.cost(usage, mode)
        if cost is None:
            cost = plain.cost(usage) or 0.0
        return cost * (_DEARER if too_long else 1.0)


FREE = Price(prompt=0, completion=0, batch=1.0)


@dataclass(frozen=True)
class Quote:
    """A price as found.

    Attributes:
        name: Provider and model of the entry, such as ``openai gpt-4o``; ``offline`` for the offline model.
        price: The price.
        file: File it is from.
    """

    name: str
    price: Price
    file: str

    @property
    def free(self) -> bool:
        """Whether nothing is charged."""
        return self.price.prompt == 0 and self.price.completion == 0

    @property
    def label(self) -> str:
        """Name and date, as it is stored with a call."""
        return f"{self.name} ({self.price.date})" if self.price.date else self.name


_OFFLINE = Quote(OFFLINE_ENDPOINT, FREE, "")


@dataclass(frozen=True)
class Provider:
    """Prices of one provider in one file.

    Attributes:
        name: Its name in the file.
        endpoints: Hosts it answers at; empty means any.
        models: Prices by model name.
        file: The file.
    """

    name: str
    endpoints: tuple[str, ...]
    models: Mapping[str, Price]
    file: str


@dataclass(frozen=True)
class PriceTable:
    """Prices, first come first served.

    Attributes:
        providers: The user's own before the shipped ones.
        file: The user's file, if there is one.
    """

    providers: tuple[Provider, ...] = ()
    file: Path | None = None

    def find(self, model: str, endpoint: str, day: datetime.date | None = None) -> Quote | None:
        """The price of a model at an endpoint.

        A dated name such as ``gpt-4o-2024-08-06`` takes the price of ``gpt-4o`` unless it has one of its own. No
        other likeness of names counts: a guess may be wrong by a factor of ten.

        Args:
            model: Model name as the endpoint knows it.
            endpoint: Host of the endpoint, with its port where it has one; ``offline`` for the offline model.
            day: Day of the call; today when None.

        Returns:
            None when there is no price for it.
        """
        if endpoint == OFFLINE_ENDPOINT:
            return _OFFLINE
        day = day or _today()
        for name in (model, _undated(model)):
            for provider in self._at(endpoint):
                price = provider.models.get(name) if name else None
                if price is not None and (price.until is None or day <= price.until):
                    return Quote(f"{provider.name} {name}", price, provider.file)
        return None

    def missing(self, model: str, endpoint: str, day: datetime.date | None = None) -> str:
        """Why a model has no price, and how to give it one, in words."""
        day = day or _today()
        known = [
            (p, p.models[name]) for p in self._at(endpoint) for name in (model, _undated(model)) if name in p.models
        ]
        place = self.file or "a file of your own, named with --prices"
        form = _EXAMPLE.format(endpoint=endpoint, model=model)
        if known and known[0][1].until:
            why = f"{known[0][0].file} has a price for {model} only until {known[0][1].until}"
        else:
            why = f"no price is known for {model} at {endpoint}"
        return f"{why}. Write it, in dollars per million tokens, into {place}:\n{form}"

    def _at(self, endpoint: str) -> list[Provider]:
        mine = [p for p in self.providers if endpoint in p.endpoints]
        return [*mine, *(p for p in self.providers if not p.endpoints)]


def load_prices(path: Path | None = None) -> PriceTable:
    """Read the shipped table, and a file of the user's to come before it.

    Args:
        path: The user's file.

    Raises:
        PriceError: If the file is no price file.
    """
    own = () if path is None else read_prices(_text_of(path), str(path))
    return PriceTable(providers=(*own, *_shipped()), file=path)


def read_prices(text: str, file: str) -> tuple[Provider, ...]:
    """Read the text of a price file.

    Args:
        text: TOML.
        file: Name of the file, for messages.

    Raises:
        PriceError: If it is no price file.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PriceError(f"{file}: {error}. A price file is TOML; docs/costs.md shows one.") from None
    return tuple(_provider(name, table, file) for name, table in tables.items())


@cache
def _shipped() -> tuple[Provider, ...]:
    return read_prices(files(__package__ or __name__).joinpath("prices.toml").read_text(encoding="utf-8"), SHIPPED)


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise PriceError(f"{path}: {why}. --prices, or the setting `prices`, names a TOML file of prices.") from None


def _provider(name: str, table: Any, file: str) -> Provider:
    if not isinstance(table, dict):
        raise PriceError(f'{file}: {name} stands outside a provider. Begin with a heading such as "[{name}.models]".')
    fields = cast("dict[str, Any]", table)
    if unknown := [field for field in fields if field not in _OF_A_PROVIDER]:
        raise PriceError(f"{file}: {name}.{unknown[0]} is unknown. A provider has {', '.join(_OF_A_PROVIDER)}.")
    endpoints = _hosts(fields.get("endpoints", []), f"{file}: {name}.endpoints")
    models = fields.get("models")
    if not isinstance(models, dict) or not models:
        raise PriceError(f'{file}: {name} has no models. Put them below the heading "[{name}.models]".')
    inherited = {field: fields[field] for field in ("batch", "source") if field in fields}
    prices = {
        model: _price(price, inherited, f"{file}: {name}.models.{_quoted(model)}")
        for model, price in cast("dict[str, Any]", models).items()
    }
    return Provider(name, endpoints, prices, file)


def _hosts(value: Any, place: str) -> tuple[str, ...]:
    listed = cast("list[Any]", value) if isinstance(value, list) else [value]
    hosts = [host for host in listed if isinstance(host, str) and host and "/" not in host]
    if not isinstance(value, list) or len(hosts) < len(listed):
        raise PriceError(f'{place} has to be a list of hosts without "http://" and path, such as ["localhost:8000"].')
    return tuple(hosts)


def _price(value: Any, inherited: dict[str, Any], place: str) -> Price:
    if not isinstance(value, dict):
        raise PriceError(f"{place} has to be a table such as {{ prompt = 0.50, completion = 1.50 }}.")
    try:
        return Price.model_validate(inherited | cast("dict[str, Any]", value))
    except ValidationError as error:
        fault = error.errors()[0]
        field = str(fault["loc"][0]) if fault["loc"] else ""
        mend = {
            "missing": f"Add {field} = dollars per million tokens.",
            "extra_forbidden": f"Leave it out, or name one of {', '.join(Price.model_fields)}.",
        }.get(fault["type"], f"It is {fault['input']!r}.")
        raise PriceError(f"{place}: {field}: {fault['msg']}. {mend}") from None


def _undated(model: str) -> str:
    """The name without a whole date at its end; empty when it has none."""
    found = _DATED.match(model)
    if found is None:
        return ""
    try:
        datetime.date.fromisoformat(found["day"])
    except ValueError:
        return ""
    return found["model"]


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else f'"{name}"'
