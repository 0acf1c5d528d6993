"""Who may import whom, read from the source; the linter's banned-api covers the plain cases in editors."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Container
from importlib.metadata import packages_distributions

import pytest

from tests.packaging.source_tree import PACKAGE, ROOT, Import, Module, modules

MODULES = modules()
PARTS = {module.part for module in MODULES} - {""}

STAGES = ("tool_pool", "initialization", "refinement", "simulation", "verification", "dataset")
"""In the order data flows; each may import only those before it. The baseline stands where refinement has ended: what
is verified comes from either."""
SHARED = (
    "entities",
    "error_answers",
    "execution",
    "grounding",
    "likeness",
    "settings",
    "llm",
    "prompts",
    "warehouse",
    "words",
)
"""What every stage may use, and what knows no stage."""
OUTER = ("cli", "orchestration", "assets", "explorer")
"""The ways in; nothing else imports them, but that the command line starts the explorer."""


def part_of(found: Import) -> str:
    """The part of our package an import reaches, or an empty text."""
    names = found.target.split(".")
    return names[1] if len(names) > 1 and names[0] == PACKAGE and names[1] in PARTS else ""


def reaching(module: Module, parts: Container[str]) -> list[str]:
    """The module's imports of the given parts of our package, in words."""
    return [module.where(found) for found in module.imports if (part := part_of(found)) and part in parts]


def in_parts(*parts: str) -> list[Module]:
    """Our modules in the given parts."""
    return [module for module in MODULES if module.part in parts]


def test_dagster_is_imported_only_in_orchestration_and_assets() -> None:
    found = [
        module.where(found)
        for module in MODULES
        if module.part not in ("orchestration", "assets")
        for found in module.imports
        if re.match(r"dagster(_\w+)?(\.|$)", found.target)
    ]
    assert found == []


def test_nothing_outside_imports_the_ways_in() -> None:
    inner = [module for module in MODULES if module.part not in (*OUTER, "__main__")]
    found = [place for module in inner for place in reaching(module, OUTER)]
    found += [
        place for module in in_parts("orchestration", "assets") for place in reaching(module, ["cli", "explorer"])
    ]
    assert found == []


def test_cli_reaches_dagster_only_lazily() -> None:
    """Importing definitions takes seconds; `toolace why` must not pay for it."""
    eager = [
        module.where(found)
        for module in in_parts("cli", "__main__")
        for found in module.imports
        if part_of(found) in ("orchestration", "assets") and not found.lazy
    ]
    assert eager == []


@pytest.mark.parametrize("position", range(len(STAGES)), ids=STAGES)
def test_stage_imports_only_earlier_stages(position: int) -> None:
    stage = STAGES[position]
    barred = PARTS - {*SHARED, *STAGES[: position + 1]}
    assert [place for module in in_parts(stage) for place in reaching(module, barred)] == []


def test_shared_parts_know_no_stage() -> None:
    assert [place for module in in_parts(*SHARED) for place in reaching(module, PARTS - {*SHARED})] == []


def test_entities_import_nothing_else_of_ours() -> None:
    assert [place for module in in_parts("entities") for place in reaching(module, PARTS - {"entities"})] == []


@pytest.mark.parametrize(("part", "told"), [("experiments", ("reporting",)), ("rating", ("reporting",))])
def test_experiments_and_rating_are_known_only_to_what_tells_of_them(part: str, told: tuple[str, ...]) -> None:
    """They are made of everything else, which must do without them."""
    inner = [module for module in MODULES if module.part not in (*OUTER, "__main__", *told, part)]
    assert [place for module in inner for place in reaching(module, [part])] == []


WORKER = ("confinement", "frames", "landlock", "plain", "seccomp", "session", "zygote")
"""What is loaded in the process that runs tools."""


def test_metrics_know_how_data_is_stored_and_nothing_of_what_made_it() -> None:
    barred = PARTS - {"metrics", *SHARED}
    assert [place for module in in_parts("metrics") for place in reaching(module, barred)] == []


def test_execution_knows_only_entities() -> None:
    barred = PARTS - {"entities", "execution"}
    assert [place for module in in_parts("execution") for place in reaching(module, barred)] == []


def test_grounding_knows_only_entities_and_words() -> None:
    barred = PARTS - {"entities", "grounding", "words"}
    assert [place for module in in_parts("grounding") for place in reaching(module, barred)] == []


def test_the_process_that_runs_tools_loads_the_standard_library_alone() -> None:
    shipped = {module.name for module in MODULES if module.name.startswith(f"{PACKAGE}.execution.shipped")}
    inside = {f"{PACKAGE}.execution.{name}" for name in WORKER} | shipped
    allowed = (*sys.stdlib_module_names, *inside)
    found = [
        module.where(found)
        for module in MODULES
        if module.name in inside
        for found in module.imports
        if found.target not in (f"{PACKAGE}.execution", "__future__")
        and not any(f"{found.target}.".startswith(f"{name}.") for name in allowed)
    ]
    assert found == []


def test_offline_model_sees_only_the_request() -> None:
    """It stands in for an endpoint, so it may not look at prompts' sources or at rows."""
    offline = [module for module in MODULES if module.name.startswith(f"{PACKAGE}.llm.offline")]
    assert [place for module in offline for place in reaching(module, ["prompts", "warehouse"])] == []


def test_limits_know_nothing_of_calls() -> None:
    """They say when something may start, whatever it is."""
    own = f"{PACKAGE}.llm.limits"
    inside = [module for module in MODULES if module.name.startswith(own)]
    assert inside
    outside = [
        module.where(found)
        for module in inside
        for found in module.imports
        if found.target.split(".")[0] == PACKAGE and not found.target.startswith(own)
    ]
    assert outside == []


def test_assets_and_sql_are_never_imported_bare() -> None:
    tests = [Module(path.stem, path) for path in sorted((ROOT / "tests").rglob("*.py"))]
    bare = [
        module.where(found)
        for module in (*MODULES, *tests)
        for found in module.imports
        if found.target.split(".")[0] in ("assets", "sql", "")
    ]
    assert bare == [], "say toolace_dagster.assets and toolace_dagster.sql, and import nothing relatively"


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_module_says_what_belongs_there(module: Module) -> None:
    lines = (ast.get_docstring(module.tree) or "").splitlines()
    assert len([line for line in lines if line.strip()]) >= 2, (
        f"{module.path.relative_to(ROOT)}: say more in the docstring"
    )


def test_every_imported_distribution_is_declared() -> None:
    """What only a dependency of a dependency brings may go with its next release."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [line for name, lines in project["optional-dependencies"].items() if name != "dev" for line in lines]
    declared = {normal(re.split(r"[\[<>=!~; ]", line)[0]) for line in (*project["dependencies"], *extras)}
    providers = packages_distributions()
    undeclared = [
        module.where(found)
        for module in MODULES
        for found in module.imports
        if (top := found.target.split(".")[0]) not in (*sys.stdlib_module_names, PACKAGE)
        and not declared & {normal(name) for name in providers.get(top, [top])}
    ]
    assert undeclared == []


def normal(name: str) -> str:
    """A distribution's name as the index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()
