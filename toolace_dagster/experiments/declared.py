"""Experiments as data: a TOML file each, with its arms and what they set.

Belongs here: what a file can say, reading it, and the settings of an arm. Does not
belong here: making an arm (``making``).
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from toolace_dagster.configuration.names import UnknownSetting
from toolace_dagster.configuration.values import Values, checked, flat, put
from toolace_dagster.settings import OFFLINE_MODEL, Settings

ORDER = ("methods", "ablation", "scaling", "initialization", "judges", "pools")
"""Shipped experiments, in the order they are listed."""
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]


class ExperimentFault(ValueError):
    """An experiment that can't be used; the message names the file and the mend."""


class Arm(BaseModel):
    """One arm: settings laid over those of the experiment.

    Attributes:
        name: In names of folders, partitions and rows.
        label: What it is called in tables and plots.
        about: What it is there for, in a sentence.
        settings: What it sets, by dotted name or in tables.
        domains: The domains it is about; empty means all that were asked for.
        after: The arm whose rows it goes on from; the experiment's first when it names none.
        verified: Whether what verification rejects is kept out of what the arm hands over. Where it isn't,
            verification only measures.
        on_curve: Whether it is a point of the experiment's curve, rather than a mark beside it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    label: str
    about: str = ""
    settings: dict[str, Any] = Field(default_factory=dict[str, Any])
    domains: tuple[str, ...] = ()
    after: str | None = None
    verified: bool = True
    on_curve: bool = True


class Experiment(BaseModel):
    """One experiment.

    Attributes:
        name: In names of folders, assets and rows.
        title: A heading.
        question: What it answers.
        reading: How its figures are to be read.
        plot: ``bars`` an arm, a ``curve`` of quality against cost, or none.
        settings: What it sets where the user sets nothing else.
        offline: The same, for the offline model alone.
        arms: Its arms, in order.
        arm_by_domain: Each domain is an arm; ``arms`` is empty then.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    title: str
    question: str
    reading: str = ""
    plot: Literal["bars", "curve", "none"] = "bars"
    settings: dict[str, Any] = Field(default_factory=dict[str, Any])
    offline: dict[str, Any] = Field(default_factory=dict[str, Any])
    arms: tuple[Arm, ...] = ()
    arm_by_domain: bool = False

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if bool(self.arms) == self.arm_by_domain:
            raise ValueError("it needs arms, or arm_by_domain")
        seen: list[str] = []
        for arm in self.arms:
            if arm.name in seen:
                raise ValueError(f"two arms are named {arm.name}")
            if arm.after is not None and arm.after not in seen:
                raise ValueError(f"the arm {arm.name} goes on from {arm.after}, which is no arm before it")
            seen.append(arm.name)
        return self

    def resolved(self, domains: Collection[str]) -> tuple[Arm, ...]:
        """The arms, where each domain is one too.

        Args:
            domains: Names of the domains it is about.
        """
        if not self.arm_by_domain:
            return self.arms
        return tuple(Arm(name=name, label=name.replace("_", " "), domains=(name,)) for name in domains)

    def arm(self, name: str, domains: Collection[str] = ()) -> Arm:
        """One arm by its name.

        Raises:
            ExperimentFault: If there is none; with the names there are.
        """
        arms = {arm.name: arm for arm in self.resolved(domains)}
        if name not in arms:
            raise ExperimentFault(f"{self.name} has no arm {name!r}; there are {', '.join(arms)}")
        return arms[name]

    def before(self, arm: Arm) -> Arm | None:
        """The arm whose rows an arm goes on from; None for the first, and where each domain is an arm."""
        if not self.arms or arm.name == self.arms[0].name:
            return None
        return next(each for each in self.arms if each.name == (arm.after or self.arms[0].name))

    def basis(self, settings: Settings, given: Collection[str]) -> Settings:
        """The settings that all arms have in common.

        Args:
            settings: Those that count without the experiment.
            given: Dotted names of those that somebody set; the experiment leaves them alone.
        """
        values = settings.model_dump(mode="json")
        own = checked(self.settings)
        if settings.llm.model == OFFLINE_MODEL:
            own |= checked(self.offline)
        for name, value in own.items():
            if not any(name == each or name.startswith(f"{each}.") or each.startswith(f"{name}.") for each in given):
                put(values, name, value)
        return Settings.model_validate(values)


def arm_settings(basis: Settings, arm: Arm) -> Settings:
    """The settings of an arm: those in common with its own laid over them.

    Args:
        basis: Of the experiment.
        arm: The arm.

    Raises:
        ExperimentFault: If what it sets can't be used.
    """
    values: Values = basis.model_dump(mode="json")
    for name, value in checked(arm.settings).items():
        put(values, name, value)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise ExperimentFault(f"the arm {arm.name}: {error.errors()[0]['msg']}") from None


def shipped() -> dict[str, Experiment]:
    """All shipped experiments by name."""
    return {name: _shipped(name) for name in ORDER}


@cache
def _shipped(name: str) -> Experiment:
    path = files("toolace_dagster.experiments").joinpath("shipped", f"{name}.toml")
    return _read(path.read_text(encoding="utf-8"), name, f"{name}.toml")


def find_experiment(name: str) -> Experiment:
    """A shipped experiment, or one of the user's own.

    Args:
        name: Name of a shipped one, or the path of a TOML file.

    Raises:
        ExperimentFault: If there is none, or the file can't be used.
    """
    if name in ORDER:
        return _shipped(name)
    path = Path(name)
    if path.suffix != ".toml":
        raise ExperimentFault(f"there is no experiment {name!r}; there are {', '.join(ORDER)}, or name a .toml file")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ExperimentFault(f"{path} can't be read: {error}") from None
    made = _read(text, path.stem, str(path))
    if made.name in ORDER:
        raise ExperimentFault(f"{path}: a shipped experiment is named {made.name}; give the file another name")
    return made


def _read(text: str, name: str, source: str) -> Experiment:
    try:
        made = Experiment.model_validate({"name": name, **tomllib.loads(text)})
    except tomllib.TOMLDecodeError as error:
        raise ExperimentFault(f"{source} is no TOML: {error}") from None
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(part) for part in fault["loc"])
        raise ExperimentFault(f"{source}: {place + ': ' if place else ''}{fault['msg']}") from None
    for where, settings in _all_settings(made):
        try:
            checked(settings)
            Settings.model_validate(_laid(settings))
        except UnknownSetting as error:
            raise ExperimentFault(f"{source}, {where}: {error}") from None
        except ValidationError as error:
            fault = error.errors()[0]
            place = ".".join(str(part) for part in fault["loc"])
            raise ExperimentFault(f"{source}, {where}: {place}: {fault['msg']}") from None
    return made


def _all_settings(experiment: Experiment) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield "settings", experiment.settings
    yield "offline", experiment.offline
    for arm in experiment.arms:
        yield f"arm {arm.name}", arm.settings


def _laid(settings: Mapping[str, Any]) -> Values:
    values = Settings().model_dump(mode="json")
    for name, value in flat(settings):
        put(values, name, value)
    return values
