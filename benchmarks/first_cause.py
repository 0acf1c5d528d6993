"""How often `toolace why` names the step that introduced a defect.

    python benchmarks/first_cause.py [--home HOME] [--number 200]

Takes dialogues that a real run accepted, plants a defect into the skeleton or into
what one edit wrote, stores that in a copy of the home with the verdict that the
rules then come to, and asks for the story. The stage, the round and the turn it
names are compared with where the defect was planted. Without --home a run of the
offline model makes one first (two minutes).

Belongs here: planting and counting. Does not belong here: finding causes
(``toolace_dagster.verification.first_cause``).
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolace_dagster.entities import (
    Dialogue,
    Edit,
    ExpertAnswer,
    Finding,
    Replacement,
    Skeleton,
    SubTrajectory,
    Tool,
    Turn,
    canonical_json,
)
from toolace_dagster.reporting.history import History, offered_tools, read_histories
from toolace_dagster.reporting.story import read_story
from toolace_dagster.settings import Settings
from toolace_dagster.verification.first_cause import Step, differs, replay, root, turn_text
from toolace_dagster.verification.rules import Subject, run_rules
from toolace_dagster.verification.verdict import decide
from toolace_dagster.warehouse import Store, Warehouse, insert

Change = Callable[[Turn], Turn]


@dataclass(frozen=True)
class Plant:
    """A defect in a dialogue.

    Attributes:
        kind: What was planted.
        turn_id: The turn it was planted into.
        step: Index of the step that wrote the turn.
        change: Makes the defect.
        objection: An expert's objection instead of a rule's finding.
    """

    kind: str
    turn_id: str
    step: int
    change: Change
    objection: ExpertAnswer | None = None


@dataclass(frozen=True)
class Planted:
    """A dialogue with a defect, as it is stored, and where its cause is."""

    dialogue_id: str
    kind: str
    stage: str
    round: int
    edit_id: str | None
    turn_id: str


def last_writers(steps: tuple[Step, ...]) -> dict[str, int]:
    """Index of the step that wrote what each turn says at the end."""
    writers = {turn.id: 0 for turn in steps[0].dialogue.turns}
    for index, step in enumerate(steps):
        if step.edit is None or not step.changes:
            continue
        for replacement in step.edit.replacements:
            if differs(replacement):
                writers |= {turn.id: index for turn in replacement.after}
    return writers


def with_arguments(turn: Turn, arguments: dict[str, Any], **more: Any) -> Turn:
    """A call turn whose first call has other arguments."""
    first = turn.tool_calls[0].model_copy(update={"arguments": arguments} | more)
    return turn.model_copy(update={"tool_calls": (first, *turn.tool_calls[1:])})


def plants(history: History, tools: dict[str, Tool], rng: random.Random) -> Iterator[Plant]:
    """Every defect that can be planted into a dialogue, in random order."""
    writers = last_writers(history.steps)
    found: list[Plant] = []
    for turn in history.dialogue.turns:
        if turn.id not in writers:
            continue
        at = writers[turn.id]
        if turn.is_call:
            found += _in_call(turn, at, tools)
        elif turn.role == "assistant":
            stray = f"ZQ-{rng.randint(10000, 99999)}"
            says = f"{turn.content} The reference is {stray}."
            found.append(Plant("invented identifier in reply", turn.id, at, _saying(says)))
            odd = f"I also told your neighbour about case {rng.randint(1, 9)}."
            answer = ExpertAnswer(
                question="reply_faithfulness", passes=False, turn_id=turn.id, quote=odd, reason="Untrue.", call_id="c-0"
            )
            found.append(Plant("expert's quote", turn.id, at, _saying(f"{turn.content} {odd}"), answer))
        elif turn.role == "tool" and not turn.outputs[0].is_error:
            found += _in_output(turn, at, history.dialogue, writers, rng)
    rng.shuffle(found)
    return iter(found)


def _saying(content: str) -> Change:
    return lambda turn: turn.model_copy(update={"content": content})


def _in_call(turn: Turn, at: int, tools: dict[str, Tool]) -> list[Plant]:
    call = turn.tool_calls[0]
    tool = tools.get(call.name)
    found = [
        Plant("renamed tool", turn.id, at, lambda t: with_arguments(t, dict(call.arguments), name=f"{call.name}_v2"))
    ]
    if tool is None:
        return found
    for name, value in call.arguments.items():
        rest = {other: kept for other, kept in call.arguments.items() if other != name}
        if name in tool.required:
            found.append(Plant("dropped argument", turn.id, at, lambda t, rest=rest: with_arguments(t, rest)))
        if tool.properties.get(name, {}).get("type") == "string" and isinstance(value, str):
            wrong = {**call.arguments, name: 4711}
            found.append(Plant("wrong type", turn.id, at, lambda t, wrong=wrong: with_arguments(t, wrong)))
            if re.fullmatch(r"[A-Z]{2,3}-\d+", value):
                other = {**call.arguments, name: f"{value[:3]}{len(value)}90417"}
                found.append(Plant("invented identifier", turn.id, at, lambda t, o=other: with_arguments(t, o)))
    extra = {**call.arguments, "zq_extra": True}
    return [*found, Plant("extra argument", turn.id, at, lambda t: with_arguments(t, extra))]


def _in_output(turn: Turn, at: int, dialogue: Dialogue, writers: dict[str, int], rng: random.Random) -> list[Plant]:
    """Outputs that hand out another identifier than the one a later call uses."""
    place = dialogue.position(turn.id)
    found: list[Plant] = []
    for later in dialogue.turns[place + 1 :]:
        for call in later.tool_calls:
            for value in call.arguments.values():
                if not isinstance(value, str) or not re.fullmatch(r"[A-Z]{2,3}-\w+", value):
                    continue
                others = [t for t in dialogue.turns if t.role != "assistant" and t.id != turn.id]
                if writers.get(later.id, 0) > at or any(value in turn_text(other) for other in others):
                    continue
                if value in turn_text(turn):
                    fresh = f"{value[:3]}{rng.randint(100000, 999999)}"
                    found.append(Plant("swapped result", turn.id, at, _swapping(value, fresh)))
    return found


def _swapping(old: str, new: str) -> Change:
    def change(turn: Turn) -> Turn:
        return Turn.model_validate_json(turn.model_dump_json().replace(old, new))

    return change


def planted_steps(history: History, plant: Plant) -> list[Step]:
    """The history with the defect in it, from the step on that wrote the turn."""
    clean = history.dialogue.turn(plant.turn_id)

    def changed(turn: Turn) -> Turn:
        fields = ("content", "tool_calls", "outputs")
        same = turn.id == clean.id and all(getattr(turn, f) == getattr(clean, f) for f in fields)
        return plant.change(turn) if same else turn

    def replaced(each: Replacement) -> Replacement:
        after = tuple(changed(turn) for turn in each.after)
        return each.model_copy(update={"before": changed(each.before), "after": after})

    def rewritten(edit: Edit) -> Edit:
        return edit.model_copy(update={"replacements": tuple(replaced(each) for each in edit.replacements)})

    start = history.steps[0].dialogue
    if plant.step == 0:
        start = start.model_copy(update={"turns": tuple(changed(turn) for turn in start.turns)})
    edits: list[tuple[str, Edit]] = []
    for index, step in enumerate(history.steps[1:], start=1):
        assert step.edit is not None
        if index < plant.step:
            edits.append((step.stage, step.edit))
        elif index == plant.step:
            # Only what the edit wrote; what it found was sound.
            sound = rewritten(step.edit)
            mixed = zip(step.edit.replacements, sound.replacements, strict=True)
            parts = tuple(old.model_copy(update={"after": new.after}) for old, new in mixed)
            edits.append((step.stage, step.edit.model_copy(update={"replacements": parts})))
        else:
            edits.append((step.stage, rewritten(step.edit)))
    return replay(start, edits)


def store_planted(store: Store, history: History, tools: dict[str, Tool], plant: Plant) -> Planted | None:
    """Plant a defect and store the dialogue as a run would have left it.

    Returns:
        Where the cause is; None when the defect can't be planted so that the rules see it, and only from there on.
    """
    steps = planted_steps(history, plant)
    if steps[-1].dialogue.turns == history.dialogue.turns:
        return None

    def hard_at(index: int) -> list[Finding]:
        found = run_rules(Subject(dialogue=steps[index].dialogue, spec=history.spec, tools=tools))
        return [finding for finding in found if finding.severity == "hard"]

    findings = run_rules(Subject(dialogue=steps[-1].dialogue, spec=history.spec, tools=tools))
    verdict = decide(steps[-1].dialogue.id, findings, [plant.objection] if plant.objection else [], Settings())
    end = verdict.terminal
    if end.state != "rejected":
        return None
    if plant.objection is None:
        # While an earlier turn still holds what a swapped result took away, nothing is wrong yet: then the step that
        # rewrites that turn introduces the defect, and not the one that it was planted into.
        if not any((f.check, f.turn_id) == (end.check, end.turn_id) for f in hard_at(plant.step)):
            return None
        if plant.step > 0 and any(f.check == end.check for f in hard_at(plant.step - 1)):
            return None
    _write(store, steps, verdict)
    edit = steps[plant.step].edit
    return Planted(
        verdict.dialogue_id,
        plant.kind,
        steps[plant.step].stage,
        edit.round if edit else 0,
        edit.id if edit else None,
        plant.turn_id,
    )


def _write(store: Store, steps: list[Step], verdict: Any) -> None:
    start = steps[0].dialogue
    parts = [
        SubTrajectory(sub_task=number, turns=tuple(t for t in start.turns if t.sub_task == number))
        for number in sorted({turn.sub_task for turn in start.turns})
    ]
    skeleton = Skeleton(
        dialogue_id=start.id, domain=start.domain, offered_tools=start.initial_tools, sub_trajectories=tuple(parts)
    )
    end, where = verdict.terminal, {"id": start.id}
    with store.write() as connection:
        connection.execute(
            "UPDATE stage_rows SET payload = $payload WHERE dialogue_id = $id AND stage = 'skeletons'",
            where | {"payload": skeleton.model_dump_json()},
        )
        for step in steps[1:]:
            assert step.edit is not None
            connection.execute(
                "UPDATE edits SET replacements = $new WHERE edit_id = $edit",
                {"edit": step.edit.id, "new": canonical_json(list(step.edit.replacements))},
            )
        for table in ("findings", "first_causes"):
            connection.execute(f"DELETE FROM {table} WHERE dialogue_id = $id", where)  # noqa: S608 - our own names
        rows = [
            {"stage": "verification", "dialogue_id": start.id, "position": n, "check_id": f.check}
            | f.model_dump(exclude={"check"})
            for n, f in enumerate(verdict.findings)
        ]
        insert(connection, "findings", rows)
        connection.execute(
            "UPDATE stage_rows SET state = 'rejected', check_id = $check, turn_id = $turn, evidence = $evidence, "
            "reason = $reason WHERE dialogue_id = $id AND stage = 'verification'",
            where | {"check": end.check, "turn": end.turn_id, "evidence": end.evidence, "reason": end.reason},
        )


def plant_all(home: Path, number: int, seed: int = 0) -> list[Planted]:
    """Plant one defect into each of so many accepted dialogues of a home, kinds and steps by turns.

    Args:
        home: Home folder; its files are changed.
        number: Dialogues.
        seed: Of all choices.
    """
    rng = random.Random(seed)  # noqa: S311 - a draw, not a secret
    warehouse = Warehouse(home)
    planted: list[Planted] = []
    kinds: Counter[str] = Counter()
    stages: Counter[str] = Counter()
    late = 0
    for domain in warehouse.domains():
        store = warehouse.domain(domain)
        accepted = [r["dialogue_id"] for r in store.read("SELECT dialogue_id FROM outcomes WHERE state = 'accepted'")]
        for _, history in sorted(read_histories(store, accepted).items()):
            if len(planted) == number:
                return planted
            tools = offered_tools(store, history.spec)
            # Rare kinds first, edits as often as skeletons, which have most of the turns, and rare stages first.
            wants_edit = late <= len(planted) // 2
            choices = sorted(
                plants(history, tools, rng),
                key=lambda p: (kinds[p.kind], (p.step > 0) != wants_edit, stages[history.steps[p.step].stage]),
            )
            done = next((d for p in choices if (d := store_planted(store, history, tools, p)) is not None), None)
            if done is not None:
                planted.append(done)
                kinds[done.kind] += 1
                stages[done.stage] += 1
                late += done.edit_id is not None
    return planted


def wrong_causes(home: Path, planted: list[Planted]) -> list[tuple[Planted, str]]:
    """The dialogues whose first cause is not where the defect was planted, with what was said instead."""
    warehouse = Warehouse(home)
    wrong: list[tuple[Planted, str]] = []
    for each in planted:
        cause = read_story(warehouse, each.dialogue_id).first_cause
        expected = (each.stage, each.round, each.edit_id)
        if cause is None or (cause.stage, cause.round, cause.edit_id) != expected:
            wrong.append((each, cause.sentence if cause else "no cause"))
        elif each.edit_id is not None and root(each.turn_id) not in {root(turn_id) for turn_id in cause.changed}:
            wrong.append((each, cause.sentence))
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, help="a home that `toolace run` made")
    parser.add_argument("--number", type=int, default=200, help="dialogues to plant a defect into")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        if options.home:
            shutil.copytree(options.home / "warehouse", home / "warehouse")
        else:
            words = ["run", "--home", str(home), "--dialogues", str(options.number // 8), "--error-rate", "0.5"]
            subprocess.run([sys.executable, "-m", "toolace_dagster", *words], check=True, stdout=subprocess.DEVNULL)
        planted: list[Planted] = []
        wrong: list[tuple[Planted, str]] = []
        while len(planted) < options.number:
            # Where the run accepted fewer, they are gone through again in a fresh copy, with other defects.
            copy = Path(folder) / f"copy-{len(planted)}"
            shutil.copytree(home / "warehouse", copy / "warehouse")
            some = plant_all(copy, options.number - len(planted), seed=len(planted))
            wrong += wrong_causes(copy, some)
            planted += some
    print(f"{'planted':32} {'dialogues':>9} {'right':>6}")
    for kind, number in sorted(Counter(each.kind for each in planted).items()):
        print(f"{kind:32} {number:9} {number - sum(each.kind == kind for each, _ in wrong):6}")
    places = Counter(each.stage for each in planted)
    print(f"by stage: {dict(sorted(places.items()))}")
    print(f"right first cause: {len(planted) - len(wrong)} of {len(planted)}")
    for each, said in wrong:
        print(f"  {each.kind} at {each.stage}, {each.edit_id}, turn {each.turn_id}: {said}")


if __name__ == "__main__":
    main()
