"""The source of each argument is stored by stage, and follows the dialogue through its edits."""

from __future__ import annotations

from typing import Any

from tests.builders import dialogue, garage_turns
from toolace_dagster.entities import Dialogue, Skeleton, TerminalState, Verdict
from toolace_dagster.grounding import GROUNDING_STATES, ground
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.stages import Verification
from toolace_dagster.refinement.rounds import RefinedDialogue


def stored(where: StageContext, query: str, **params: Any) -> dict[str, list[tuple[Any, ...]]]:
    """Stored sources by dialogue and place: state, kind and the place of the source."""
    rows = where.store.read(
        "SELECT dialogue_id, call_id, path, state, kind, source_turn, source_path, span "
        f"FROM {query} ORDER BY dialogue_id, position",
        params,
    )
    found: dict[str, list[tuple[Any, ...]]] = {}
    for row in rows:
        name, *rest = row.values()
        found.setdefault(name, []).append((*rest[:-1], tuple(rest[-1]) if rest[-1] else None))
    return {name: sorted(sources, key=str) for name, sources in found.items()}


def traced(where: StageContext, dialogues: list[Dialogue]) -> dict[str, list[tuple[Any, ...]]]:
    return {
        each.id: sorted(
            (
                (found.call_id, found.path, found.state, found.kind, found.source_turn, found.source_path, found.span)
                for found in ground(each, where.tools)
            ),
            key=str,
        )
        for each in dialogues
    }


def test_skeletons_have_the_source_of_each_argument(finished: StageContext) -> None:
    skeletons = finished.payloads("skeletons", Skeleton)
    expected = traced(finished, [skeleton.to_dialogue() for skeleton in skeletons.values()])
    for dialogue_id, sources in stored(finished, "argument_sources WHERE stage = 'skeletons'").items():
        assert sources == expected.pop(dialogue_id)
    assert expected == {}


def test_the_trace_follows_every_edit(finished: StageContext) -> None:
    last = f"refinement_round_{finished.settings.rounds:02d}"
    refined = {name: row.dialogue for name, row in finished.payloads(last, RefinedDialogue).items()}
    verdicts = finished.payloads("verification", Verdict)
    refined |= {name: each.dialogue for name, each in verdicts.items() if each.dialogue is not None}
    assert stored(finished, "current_argument_sources") == traced(finished, [*refined.values()])
    changed = finished.store.read(
        "SELECT DISTINCT stage, dialogue_id FROM edits WHERE outcome = 'accepted' AND stage LIKE 'refine%'"
    )
    rows = finished.store.read("SELECT DISTINCT stage, dialogue_id FROM argument_sources WHERE stage LIKE 'refine%'")
    assert {tuple(row.values()) for row in rows} == {tuple(row.values()) for row in changed}


def test_of_a_dialogue_that_verification_mended_the_mended_one_is_traced() -> None:
    end = TerminalState(state="accepted", stage="verification")
    mended = dialogue(garage_turns()[:6])
    for now in (mended, None):
        verdict = Verdict(dialogue_id=mended.id, findings=(), answers=(), terminal=end, dialogue=now)
        assert Verification(1).content(verdict).dialogue == now


def test_sources_are_where_they_are_said_to_be(finished: StageContext) -> None:
    for skeleton in finished.payloads("skeletons", Skeleton).values():
        start = skeleton.to_dialogue()
        for source in ground(start, finished.tools):
            if source.source_turn is not None:
                assert start.position(source.source_turn) < start.position(source.turn_id)
            if source.span is not None and source.kind == "user":
                assert source.source_turn is not None
                assert start.turn(source.source_turn).content[slice(*source.span)].strip()


def test_the_states_are_counted(finished: StageContext) -> None:
    counts = finished.store.read("SELECT state, sum(arguments) AS n FROM grounding_counts GROUP BY state")
    assert {row["state"] for row in counts} <= set(GROUNDING_STATES)
    total = finished.store.read("SELECT count(*) AS n FROM argument_sources")
    assert sum(row["n"] for row in counts) == total[0]["n"]
