"""Preference pairs: what a judge preferred, turns that were repaired, and calls as they were before a mistake.

Three sources, each with a reason that is on record:

- **refinement**: a turn that was written anew, where the judge preferred one version of
  the dialogue to the other. Its verdict is on the whole edit; which turns it is a ground for
  is told by ``preference_grounds``. Where a turn before had changed too, the loser was
  written in another context than the prompt shows; such pairs say so (``same_context``).
- **repair**: a turn that verification found at fault and had written anew, where the dialogue
  was accepted then. The reason is what was found wrong with the turn.
- **injected mistake**: an error simulation turned a sound call into one that the tool refused.
  The sound call is chosen over the refused one, and the reason is the tool's error.

Ties, and pairs whose versions say the same, are left out and counted. So is a pair whose
winner lost to another version after the same messages, or that verification found at fault: a
later verdict overruled it, or two contradict each other. What was cut off a dialogue gives no pair.

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
from toolace_dagster.dataset.preference_grounds import bears_on, fails, is_meant_to_fail, is_wording, named_turns
from toolace_dagster.dataset.rows import Split
from toolace_dagster.entities import (
    Dialogue,
    Edit,
    Finding,
    InjectionType,
    Replacement,
    Tool,
    Turn,
    apply_edit,
    canonical_json,
)

PairSource = Literal["refinement", "repair", "injected_mistake"]
PairEnd = Literal["pairs", "same_text", "no_preference", "failed_call", "not_named", "wording", "reversed", "cut_off"]
"""What becomes of two versions of a turn.

- ``pairs``: a pair is written.
- ``same_text``: they say the same.
- ``no_preference``: the judge called it a tie, or the repair did not lead to acceptance.
- ``failed_call``: the better one is a call that its tool answers with an error.
- ``not_named``: the reason names other turns as at fault, and the turn is no reply, after the same messages, to the
  output of one.
- ``wording``: the calls, or the facts that the replies tell, differ, and the reason speaks of something else.
- ``reversed``: a later verdict overruled it.
- ``cut_off``: the turn is not in the dialogue as it was accepted.
"""


@dataclass(frozen=True)
class PreferencePair:
    """Two versions of one assistant turn after the same messages.

    Attributes:
        dialogue_id: The dialogue.
        split: Its side of the dataset.
        edit_id: The edit it comes from.
        source: Where the preference comes from.
        reason: The judge's reason for the edit that the turn is part of; of a repair, what verification found wrong
            with the rejected turn; of an injected mistake, the error that the rejected call met.
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


@dataclass(frozen=True)
class _Work:
    """What all candidates of a dialogue have in common."""

    tools: Mapping[str, Tool]
    split: Split
    counts: PairCounts

    def pair(
        self,
        source: PairSource,
        edit: Edit,
        reason: str,
        winner: Dialogue,
        loser: Dialogue,
        chosen: Turn,
        rejected: Turn,
    ) -> PreferencePair:
        """The pair of two versions of a turn, after the winner's messages."""
        place = winner.position(chosen.id)
        return PreferencePair(
            dialogue_id=winner.id,
            split=self.split,
            edit_id=edit.id,
            source=source,
            reason=reason,
            same_context=_same_context(winner, loser, chosen.id),
            prompt=_messages(winner, winner.turns[:place], self.tools),
            chosen=_messages(winner, (chosen,), self.tools),
            rejected=_messages(winner, (rejected,), self.tools),
            tools=[self.tools[name].as_openai() for name in winner.initial_tools],
        )

    def leave_out(self, source: PairSource, end: PairEnd, number: int = 1) -> None:
        """Count candidates that are no pair."""
        self.counts.counts[source, end] += number


def preference_pairs(
    history: Sequence[tuple[Dialogue, Edit]],
    tools: Mapping[str, Tool],
    split: Split,
    counts: PairCounts,
    findings: Sequence[Finding] = (),
    accepted: Dialogue | None = None,
) -> Iterator[PreferencePair]:
    """Find the pairs in one dialogue's history.

    Args:
        history: Each edit with the dialogue as it was just before.
        tools: Tools by name.
        split: The dialogue's side.
        counts: Told what became of each candidate.
        findings: Of verification, those that a repair mended among them.
        accepted: The dialogue as it was accepted, where that is not all that the history came to.

    Yields:
        Pairs in the order of the edits, then of the turns.
    """
    work = _Work(tools, split, counts)
    found: list[tuple[Turn, PreferencePair]] = []
    faulty: set[str] = set()
    for before, edit in history:
        if edit.operation == "reasonability_refinement":
            found += _refinement(before, edit, work)
        elif edit.operation == "repair":
            reasons = _mended(edit, findings)
            found += _repair(before, edit, reasons, work)
            faulty |= {_fault(r.before, r.after[0]) for r in _rewritten(edit) if r.before.id in reasons}
        elif edit.injection is InjectionType.ERROR_SIMULATION and edit.outcome == "accepted":
            found += _injected_mistake(before, edit, work)
    lost = {(_plain(pair.prompt), _plain(pair.rejected)) for _, pair in found}
    kept = None if accepted is None else {turn.id for turn in accepted.turns}
    for chosen, pair in found:
        if kept is not None and chosen.id not in kept:
            work.leave_out(pair.source, "cut_off")
            continue
        if (_plain(pair.prompt), _plain(pair.chosen)) in lost or faulty & {_words_of(chosen), _calls_of(chosen)}:
            work.leave_out(pair.source, "reversed")
            continue
        counts.counts[pair.source, "pairs"] += 1
        counts.same_context[pair.source] += pair.same_context
        yield pair


def _rewritten(edit: Edit) -> list[Replacement]:
    """The assistant's turns that an edit wrote anew."""
    return [r for r in edit.replacements if r.before.role == "assistant" and len(r.after) == 1]


def _refinement(before: Dialogue, edit: Edit, work: _Work) -> Iterator[tuple[Turn, PreferencePair]]:
    changed = _rewritten(edit)
    if edit.order_shown is None or edit.outcome == "discarded":
        # The judge was never asked.
        return
    prefers_new = edit.outcome == "accepted"
    # Versions before verdicts were recorded don't tell a tie from a preference for the old.
    if not prefers_new and edit.verdict != "old":
        work.leave_out("refinement", "no_preference", len(changed))
        return
    after = apply_edit(before, edit.model_copy(update={"outcome": "accepted"}))
    winner, loser = (after, before) if prefers_new else (before, after)
    named = named_turns(edit.reason, winner)
    for replacement in changed:
        old, new = replacement.before, replacement.after[0]
        chosen, rejected = (new, old) if prefers_new else (old, new)
        both_meant_to_fail = fails(loser, old.id) and is_meant_to_fail(winner, old.id)
        same_context = _same_context(winner, loser, old.id)
        if _same(chosen, rejected):
            work.leave_out("refinement", "same_text")
        elif fails(winner, old.id) and not both_meant_to_fail:
            work.leave_out("refinement", "failed_call")
        elif named and not bears_on(old.id, named, winner, same_context=same_context):
            work.leave_out("refinement", "not_named")
        elif is_wording(edit.reason, named, winner, loser, old.id, same_context=same_context):
            work.leave_out("refinement", "wording")
        else:
            yield chosen, work.pair("refinement", edit, edit.reason, winner, loser, chosen, rejected)


def _mended(edit: Edit, findings: Sequence[Finding]) -> dict[str, str]:
    """What a repair was to mend, by turn."""
    messages: dict[str, list[str]] = {}
    for finding in findings:
        message = finding.mended_message(edit.id)
        if message is not None and finding.turn_id is not None:
            messages.setdefault(finding.turn_id, []).append(message)
    return {turn_id: " ".join(each) for turn_id, each in messages.items()}


def _repair(
    before: Dialogue, edit: Edit, reasons: Mapping[str, str], work: _Work
) -> Iterator[tuple[Turn, PreferencePair]]:
    changed = _rewritten(edit)
    if edit.outcome != "accepted":
        # Verification did not accept what came of it, or the fill was unusable.
        work.leave_out("repair", "no_preference", len(changed))
        return
    after = apply_edit(before, edit)
    for replacement in changed:
        rejected, chosen = replacement.before, replacement.after[0]
        if _same(chosen, rejected):
            work.leave_out("repair", "same_text")
        elif fails(after, chosen.id):
            work.leave_out("repair", "failed_call")
        elif rejected.id not in reasons:
            # It was brought in step with a turn at fault; nothing was wrong with it before.
            work.leave_out("repair", "not_named")
        else:
            yield chosen, work.pair("repair", edit, reasons[rejected.id], after, before, chosen, rejected)


def _injected_mistake(before: Dialogue, edit: Edit, work: _Work) -> Iterator[tuple[Turn, PreferencePair]]:
    for replacement in edit.replacements:
        for acting, answer in pairwise(replacement.after):
            if not (acting.is_call and replacement.before.is_call and any(o.is_error for o in answer.outputs)):
                continue
            chosen = replacement.before
            if _same(chosen, acting):
                # The call was sound and the service failed: nothing to prefer.
                work.leave_out("injected_mistake", "same_text")
                continue
            if fails(before, chosen.id):
                work.leave_out("injected_mistake", "failed_call")
                break
            reason = next(_text(output.content) for output in answer.outputs if output.is_error)
            yield chosen, work.pair("injected_mistake", edit, reason, before, before, chosen, acting)
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


def _same_context(one: Dialogue, other: Dialogue, turn_id: str) -> bool:
    """Whether two versions say the same up to a turn."""
    mine, theirs = (version.turns[: version.position(turn_id)] for version in (one, other))
    return [_said(turn) for turn in mine] == [_said(turn) for turn in theirs]


def _fault(faulty: Turn, mended: Turn) -> str:
    """What was wrong with a turn that a repair wrote anew: its calls where these changed, else all it says."""
    return _calls_of(faulty) if faulty.is_call and _calls_of(faulty) != _calls_of(mended) else _words_of(faulty)


def _words_of(turn: Turn) -> str:
    return f"{_root(turn)} {_said(turn)}"


def _calls_of(turn: Turn) -> str:
    return f"{_root(turn)} {canonical_json([[call.name, call.arguments] for call in turn.tool_calls])}"


def _root(turn: Turn) -> str:
    """Id of the turn that injections made this one of; the sound call of a failure is ``t11.2`` and was ``t11``."""
    return turn.id.partition(".")[0]


def _text(content: Any) -> str:
    return content if isinstance(content, str) else compact_json(content)
