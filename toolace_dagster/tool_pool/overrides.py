"""What the user says about domains: a file ``domains.toml`` in the pool.

Belongs here: reading that file and applying it to tools. Does not belong here:
domains as the source gives them (``grouping``).
"""

from __future__ import annotations

import difflib
import fnmatch
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from toolace_dagster.entities import Entity
from toolace_dagster.tool_pool.grouping import domain_name
from toolace_dagster.tool_pool.repairs import Unusable

FILE_NAME = "domains.toml"


class DomainWish(Entity):
    """What the user wants of one domain.

    Attributes:
        tools: Names of tools, or ``domain/name``, with ``*`` for any text: these belong to the domain.
        description: What an assistant with these tools is for.
    """

    tools: tuple[str, ...] = ()
    description: str = ""


class Overrides(Entity):
    """The whole file.

    Attributes:
        max_tools: Tools a domain may have, in place of the setting.
        exclude: Tools that are left out, named as in ``DomainWish.tools``.
        domains: Wishes by domain name. The first domain that names a tool has it.
    """

    max_tools: Annotated[int, Field(ge=2)] | None = None
    exclude: tuple[str, ...] = ()
    domains: dict[str, DomainWish] = Field(default_factory=dict)


def read_overrides(file: Path) -> Overrides:
    """Read the file.

    Args:
        file: Its path; it exists.

    Returns:
        What it says, domain names brought to the form domains have.

    Raises:
        Unusable: It cannot be read, is no TOML, or says what is not known.
    """
    try:
        given = tomllib.loads(file.read_text(encoding="utf-8-sig"))
        overrides = Overrides.model_validate(given)
    except OSError as error:
        raise Unusable(f"the file cannot be read: {error.strerror}", "check that you may read it") from error
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(part) for part in fault["loc"])
        raise Unusable(
            f"{place}: {fault['msg']}", "use max_tools, exclude and [domains.NAME] with tools and description"
        ) from error
    except (ValueError, RecursionError) as error:
        raise Unusable(f"the file is not TOML: {error}", "correct it there") from error
    return overrides.model_copy(
        update={"domains": {domain_name(name): wish for name, wish in overrides.domains.items()}}
    )


class Placement:
    """Applies overrides, and remembers which of their patterns met a tool."""

    def __init__(self, overrides: Overrides) -> None:
        self._overrides = overrides
        self._contested: set[tuple[str, str, str]] = set()
        self._unmet = {*overrides.exclude, *(each for wish in overrides.domains.values() for each in wish.tools)}

    def excluded(self, domain: str, names: Sequence[str]) -> bool:
        """Whether the user wants a tool left out.

        Args:
            domain: The domain it would have.
            names: Its name and its name in the source.
        """
        return self._met(self._overrides.exclude, domain, names)

    def domain(self, domain: str, names: Sequence[str]) -> str:
        """The domain a tool has in the end.

        Args:
            domain: The one it has by its source.
            names: Its name and its name in the source.

        Returns:
            The user's choice, else ``domain``.
        """
        found = [name for name, wish in self._overrides.domains.items() if self._met(wish.tools, domain, names)]
        for other in found[1:]:
            # A pattern with * that comes later takes what is left; a name written out was meant.
            plain = [each for each in self._overrides.domains[other].tools if "*" not in each]
            if any(each in (name, f"{domain}/{name}") for each in plain for name in names):
                self._contested.add((found[0], other, names[0]))
        return found[0] if found else domain

    def contested(self) -> list[tuple[str, Unusable]]:
        """Tools that one domain names and an earlier one has.

        Returns:
            Each with what is wrong.
        """
        return [
            (tool, Unusable(f"domains {first} and {other} both ask for {tool!r}; {first} has it", "name it in one"))
            for first, other, tool in sorted(self._contested)
        ]

    def _met(self, patterns: Sequence[str], domain: str, names: Sequence[str]) -> bool:
        for pattern in patterns:
            if any(fnmatch.fnmatchcase(each, pattern) for name in names for each in (name, f"{domain}/{name}")):
                self._unmet.discard(pattern)
                return True
        return False

    def unmet(self, names: Sequence[str], domains: Sequence[str]) -> list[tuple[str, Unusable]]:
        """Patterns that met no tool, and domains that are described but do not exist.

        Args:
            names: Names of all tools, bare and as ``domain/name``.
            domains: Names of all domains.

        Returns:
            Each with what is wrong and the nearest names.
        """
        faults = [
            (pattern, Unusable(f"no tool is called {pattern!r}", _nearest(pattern, names)))
            for pattern in sorted(self._unmet)
        ]
        for name, wish in self._overrides.domains.items():
            if not wish.tools and name not in domains:
                faults.append((name, Unusable(f"there is no domain {name!r}", _nearest(name, domains))))
        return faults


def _nearest(wanted: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(wanted.strip("*"), dict.fromkeys(names), n=3, cutoff=0.6)
    return f"did you mean {' or '.join(close)}?" if close else "correct the name or delete it"
