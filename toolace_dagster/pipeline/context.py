"""What a stage needs to run over one domain.

Belongs here: the context and reading the domain's tools and payloads back. Does
not belong here: any stage.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from pydantic import TypeAdapter

from toolace_dagster.entities import Entity, Tool
from toolace_dagster.entities.backend import ToolBackend
from toolace_dagster.execution.executor import DomainExecutor, domain_executor, executable_tools
from toolace_dagster.llm.money import Budget
from toolace_dagster.pipeline.spending import budget_of
from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Row, Store, Warehouse, sql

EntityT = TypeVar("EntityT", bound=Entity)
_BACKEND: TypeAdapter[ToolBackend] = TypeAdapter(ToolBackend)


@dataclass(frozen=True)
class StageContext:
    """One domain, its file, the settings and the run.

    Attributes:
        domain: Tool domain.
        settings: Settings of the run.
        warehouse: The home's files.
        run_id: Id of the run, recorded with rows and calls.
        launch_id: What runs have in common that share a budget; empty when the run has one of its own.
    """

    domain: str
    settings: Settings
    warehouse: Warehouse
    run_id: str
    launch_id: str = ""

    @cached_property
    def store(self) -> Store:
        """The domain's DuckDB file."""
        return self.warehouse.domain(self.domain)

    @cached_property
    def own_tools(self) -> Mapping[str, Tool]:
        """The domain's current tools by name, as the ``tool_pool`` stage wrote them."""
        return self._named("queries/current_tools")

    @cached_property
    def borrowed_tools(self) -> Mapping[str, Tool]:
        """Tools of other domains that may be offered as distractors, by name."""
        return self._named("queries/borrowed_tools")

    @cached_property
    def tools(self) -> Mapping[str, Tool]:
        """Every tool a dialogue of the domain can offer, by name; a borrowed one never stands for one of its own."""
        return {**self.borrowed_tools, **self.own_tools}

    def _named(self, query: str) -> dict[str, Tool]:
        return {row["name"]: Tool.model_validate_json(row["definition"]) for row in self.store.read(sql(query))}

    @cached_property
    def budget(self) -> Budget:
        """Prices, and what the run may spend.

        Raises:
            PriceError: If the user's price file is none.
            PriceMissing: If there is a limit in dollars and a model has no price.
        """
        return budget_of(self.settings, self.warehouse, self.launch_id or self.run_id)

    @cached_property
    def backends(self) -> tuple[ToolBackend, ...]:
        """What runs the domain's tools, as the ``tool_pool`` stage wrote it."""
        rows = self.store.read(sql("queries/domain_backends"))
        return tuple(_BACKEND.validate_json(row["definition"]) for row in rows)

    @cached_property
    def executable(self) -> frozenset[str]:
        """Names of the tools that are run for real."""
        return executable_tools(self.backends, self.own_tools)

    def executor(self) -> DomainExecutor | None:
        """What runs them, not yet entered; None when there are none."""
        return domain_executor(self.domain, self.backends, self.own_tools)

    def payloads(self, stage: str, kind: type[EntityT]) -> dict[str, EntityT]:
        """Entities of the rows that passed a stage, by dialogue id, in slot order."""
        return {dialogue_id: kind.model_validate_json(text) for dialogue_id, text in self.texts(stage).items()}

    def texts(self, stage: str) -> dict[str, str]:
        """The same as JSON texts."""
        rows = self.store.read(sql("queries/passed_payloads"), {"stage": stage})
        return {row["dialogue_id"]: row["payload"] for row in rows}

    def places(self, stage: str) -> list[Row]:
        """Dialogue id, slot, attempt and content hash of the rows that passed a stage."""
        return self.store.read(sql("queries/passed_places"), {"stage": stage})
