"""Names that settings choose among.

Belongs here: the names and what they stand for. Does not belong here: where they may be set (``run``, ``model``).
"""

from __future__ import annotations

from typing import Literal, get_args

ModelRole = Literal["generator", "refiner", "judge", "expert"]
ROLES: tuple[ModelRole, ...] = get_args(ModelRole)
"""Who is asked: the generator writes specs and skeletons, the refiner edits, judge and experts decide."""
FormatName = Literal["trl", "openai", "llama_factory", "axolotl", "ms_swift", "hermes", "toolace"]
FORMAT_NAMES: tuple[FormatName, ...] = get_args(FormatName)
"""Formats of training files, in the order they are listed."""
CheckedFormat = Literal[FormatName, "preferences"]
"""What can be checked: files of dialogues in any format, and preference pairs."""
RefinementOperation = Literal["complexity_injection", "reasonability_refinement"]
REFINEMENT_OPERATIONS: tuple[RefinementOperation, ...] = get_args(RefinementOperation)
"""What a refinement round does, in this order."""
MaskedTurn = Literal["failed_calls", "injected_mistakes"]
"""Assistant turns that may be kept out of the loss: any call that failed, or only those written to fail."""
SliceKind = Literal["single_turn", "parallel_calls", "irrelevance"]
"""Examples cut out of dialogues: a request and one call, several calls at once, or a reply without a call."""
MONEY_SETTINGS = frozenset({"prices", "max_cost", "max_tokens_total", "max_calls"})
"""Settings that say what may be spent: they change nothing of what is made."""
Method = Literal["non_autoregressive", "simulation"]
Trajectory = Literal["auto", "whole", "by_sub_task", "by_turn"]
