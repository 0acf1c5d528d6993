"""Preference pairs: what a judge preferred, and calls as they were before a mistake was put in.

Two sources, both with a reason that is on record:

- **refinement**: a turn that was written anew, where the judge preferred one version of
  the dialogue to the other. The judge saw whole dialogues, so all changed turns of an
  edit share its verdict. Where a turn before had changed too, the loser was written in
  another context than the prompt shows; such pairs say so (``same_context``).
- **repair**: an error simulation turned a sound call into one that the tool refused.
  The sound call is chosen over the refused one, and the reason is the tool's error.

Ties, and pairs whose versions say the same, are left out and counted. So is a pair whose
winner lost to another version after the same messages: a later verdict overruled it, or two
contradict each other.

Belongs here: finding pairs in a dialogue's history. Does not belong here: reading the
history (``pipeline.preferences``), or writing files (``formats.preferences``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, get_args

from toolace_dagster.dataset.exact_json import compact_json
from toolace_dagster.dataset.messages import ChatMessage, chat_messages
from toolace_dagster.dataset.rows import Split
from toolace_dagster.entities import Dialogue, Edit, InjectionType, Tool, Turn, apply_edit, canonical_json

PairSource = Literal["refinement", "repair"]
PairEnd = Literal["pairs", "same_text", "no_preference", "reversed"]


@dataclass(frozen=True)
class PreferencePair:
    """Two versions of one assistant turn after the same messages.

    Attributes:
        dialogue_id: The dialogue.
        split: Its side of the dataset.
        edit_id: The edit it comes from.
        source: Where the preference comes from.
        reason: The judge's reason, or the error the rejected call met.
        same_context: Whether both versions were written after exactly these messages.
        prompt: The messages before, in the winner's version.
        chosen: The turn that won.
        rejected: The turn that lost.
        tools: Tools offered from the start, as OpenAI definitions.
    """

    dialogue_id: str
    split: Split
    edit_id: str
    source: PairSource
    reason: str
    same_context: bool
    prompt: list[ChatMessage]
    chosen: list[ChatMessage]
    rejected: list[ChatMessage]
    tools: list[dict[str, Any]]


@dataclass
class PairCounts:
    """How many candidates became pairs, by source and end.

    Attributes:
        counts: Candidates by source and end.
        same_context: Pairs by source whose two versions were written after exactly the messages of the prompt.
    """

    counts: Counter[tuple[PairSource, PairEnd]] = field(default_factory=Counter[tuple[PairSource, PairEnd]])
    same_context: Counter[PairSource] = field(default_factory=Counter[PairSource])

    def table(self) -> dict[str, dict[str, int]]:
        """The counts by source, then end; sources and ends without any are named too."""
        ends: tuple[PairEnd, ...] = get_args(PairEnd)
        sources: tuple[PairSource, ...] = get_args(PairSource)
        return {source: {end: self.counts[source, end] for end in ends} for source in sources}


def preference_pairs(
    history: Sequence[tuple[Dialogue, Edit]], tools: Mapping[str, Tool], split: Split, counts: PairCounts
) -> Iterator[PreferencePair]:
    """Find the pairs in one dialogue's history.

    Args:
        history: Each edit with the dialogue as it was just before.
        tools: Tools by name.
        split: The dialogue's side.
        counts: Told what became of each candidate.

    Yields:
        Pairs in the order of the edits, then of the turns.
    """
    found: list[PreferencePair] = []
    for before, edit in history:
        if edit.operation == "reasonability_refinement":
            found += _refinement(before, edit, tools, split, counts)
        elif edit.injection is InjectionType.ERROR_SIMULATION and edit.outcome == "accepted":
            found += _repair(before, edit, tools, split, counts)
    lost = {(_plain(pair.prompt), _plain(pair.rejected)) for pair in found}
    for pair in found:
        if (_plain(pair.prompt), _plain(pair.chosen)) in lost:
            counts.counts[pair.source, "reversed"] += 1
            continue
        counts.counts[pair.source, "pairs"] += 1
        counts.same_context[pair.source] += pair.same_context
        yield pair


def _refinement(
    before: Dialogue, edit: Edit, tools: Mapping[str, Tool], split: Split, counts: PairCounts
) -> Iterator[PreferencePair]:
    changed = [r for r in edit.replacements if r.before.role == "assistant" and len(r.after) == 1]
    if edit.order_shown is None or edit.outcome == "discarded":
        # The judge was never asked.
        return
    prefers_new = edit.outcome == "accepted"
    # Versions before verdicts were recorded don't tell a tie from a preference for the old.
    if not prefers_new and edit.verdict != "old":
        counts.counts["refinement", "no_preference"] += len(changed)
        return
    after = apply_edit(before, edit.model_copy(update={"outcome": "accepted"}))
    winner, loser = (after, before) if prefers_new else (before, after)
    for replacement in changed:
        place = before.position(replacement.before.id)
        old, new = replacement.before, replacement.after[0]
        chosen, rejected = (new, old) if prefers_new else (old, new)
        if _same(chosen, rejected):
            counts.counts["refinement", "same_text"] += 1
            continue
        yield PreferencePair(
            dialogue_id=before.id,
            split=split,
            edit_id=edit.id,
            source="refinement",
            reason=edit.reason,
            same_context=_alike(winner.turns[:place], loser.turns[:place]),
            prompt=_messages(winner, winner.turns[:place], tools),
            chosen=_messages(winner, (chosen,), tools),
            rejected=_messages(winner, (rejected,), tools),
            tools=[tools[name].as_openai() for name in winner.initial_tools],
        )


def _repair(
    before: Dialogue, edit: Edit, tools: Mapping[str, Tool], split: Split, counts: PairCounts
) -> Iterator[PreferencePair]:
    for replacement in edit.replacements:
        for acting, answer in pairwise(replacement.after):
            if not (acting.is_call and replacement.before.is_call and any(o.is_error for o in answer.outputs)):
                continue
            if _same(replacement.before, acting):
                # The call was sound and the service failed: nothing to prefer.
                counts.counts["repair", "same_text"] += 1
                continue
            place = before.position(replacement.before.id)
            yield PreferencePair(
                dialogue_id=before.id,
                split=split,
                edit_id=edit.id,
                source="repair",
                reason=next(_text(output.content) for output in answer.outputs if output.is_error),
                same_context=True,
                prompt=_messages(before, before.turns[:place], tools),
                chosen=_messages(before, (replacement.before,), tools),
                rejected=_messages(before, (acting,), tools),
                tools=[tools[name].as_openai() for name in before.initial_tools],
            )
            break


def _messages(dialogue: Dialogue, turns: tuple[Turn, ...], tools: Mapping[str, Tool]) -> list[ChatMessage]:
    return chat_messages(dialogue.model_copy(update={"turns": turns}), tools)


def _plain(messages: list[ChatMessage]) -> str:
    """What messages say and call, without ids and spacing."""
    said = [
        {
            **{name: value for name, value in message.items() if name not in ("content", "tool_calls", "tool_call_id")},
            "content": " ".join(str(message["content"]).split()),
            "calls": [call["function"] for call in message.get("tool_calls", ())],
        }
        for message in messages
    ]
    return canonical_json(said)


def _said(turn: Turn) -> str:
    """What a turn says and calls, without ids and spacing."""
    calls = [[call.name, call.arguments] for call in turn.tool_calls]
    outputs = [[output.name, output.content] for output in turn.outputs]
    return canonical_json([turn.role, " ".join(turn.content.split()), calls, outputs])


def _same(one: Turn, other: Turn) -> bool:
    return _said(one) == _said(other)


def _alike(one: tuple[Turn, ...], other: tuple[Turn, ...]) -> bool:
    return [_said(turn) for turn in one] == [_said(turn) for turn in other]


def _text(content: Any) -> str:
    return content if isinstance(content, str) else compact_json(content)
