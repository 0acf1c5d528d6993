"""The domain model: what every stage reads and writes.

Belongs here: immutable, validated entities and the pure operations on their
structure. Does not belong here: anything that calls a model, reads a file or
opens a database.
"""

from toolace_dagster.entities.base import Entity, JsonObject, canonical_json, content_hash, text_hash
from toolace_dagster.entities.dialogue import (
    Dialogue,
    InjectionRecord,
    Operation,
    Origin,
    Role,
    Skeleton,
    StructureFault,
    SubTrajectory,
    ToolCall,
    ToolOutput,
    Turn,
    structure_faults,
)
from toolace_dagster.entities.edit import Edit, EditOutcome, JudgeVerdict, Replacement, apply_edit
from toolace_dagster.entities.simulation import Complication, SimulatedDialogue, Stop
from toolace_dagster.entities.task import (
    SUB_TYPES,
    Detail,
    DistractorKind,
    InjectionSubType,
    InjectionType,
    PlanShape,
    Register,
    Slot,
    SubTask,
    SubTaskPlan,
    Taken,
    TaskPlan,
    TaskSpec,
)
from toolace_dagster.entities.tool import TOOL_NAME, ImportNote, Provenance, Tool, ToolDomain
from toolace_dagster.entities.verdict import ExpertAnswer, Finding, Rejection, Severity, TerminalState, Verdict

__all__ = [
    "SUB_TYPES",
    "TOOL_NAME",
    "Complication",
    "Detail",
    "Dialogue",
    "DistractorKind",
    "Edit",
    "EditOutcome",
    "Entity",
    "ExpertAnswer",
    "Finding",
    "ImportNote",
    "InjectionRecord",
    "InjectionSubType",
    "InjectionType",
    "JsonObject",
    "JudgeVerdict",
    "Operation",
    "Origin",
    "PlanShape",
    "Provenance",
    "Register",
    "Rejection",
    "Replacement",
    "Role",
    "Severity",
    "SimulatedDialogue",
    "Skeleton",
    "Slot",
    "Stop",
    "StructureFault",
    "SubTask",
    "SubTaskPlan",
    "SubTrajectory",
    "Taken",
    "TaskPlan",
    "TaskSpec",
    "TerminalState",
    "Tool",
    "ToolCall",
    "ToolDomain",
    "ToolOutput",
    "Turn",
    "Verdict",
    "apply_edit",
    "canonical_json",
    "content_hash",
    "structure_faults",
    "text_hash",
]
