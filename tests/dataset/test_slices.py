"""Single-turn examples cut out of dialogues: only what stands on its own, in the proportion asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders import call, dialogue, output, reply, user
from tests.dataset.rows import row, rows, task
from toolace_dagster.dataset import DatasetRow, chat_messages, export_rows, read_trl, slices_of, with_slices
from toolace_dagster.dataset.checking import check_file
from toolace_dagster.entities import InjectionType, Origin, ToolCall
from toolace_dagster.settings import FORMAT_NAMES, FormatName, SliceKind

CHAT = Origin(operation="complexity_injection", round=1, injection=InjectionType.NON_FUNCTION_CALLING)


def full(number: int = 0, split: str = "train") -> DatasetRow:
    """A dialogue with one example of each kind, and turns that must not be cut."""
    pair = tuple(ToolCall(id=i, name="find_garage", arguments={"city": i}) for i in ("Ghent", "Bruges"))
    both = reply("a0", "", tool_calls=pair)
    unsaid = call("a1", "rate_garage", {"garage_id": "GR-771", "stars": 4})
    said = call("a2", "rate_garage", {"garage_id": "GR-5", "stars": 3})
    failed = call("a3", "rate_garage", {"garage_id": "GR-6", "stars": 2})
    turns = (
        user("u0", "Find garages in Ghent, and in Bruges."),
        both,
        output("o0", both, []),
        reply("r0", "None."),
        user("u1", "Rate the first one: 4 stars.", tools_added=("rate_garage",)),
        unsaid,
        output("o1", unsaid, 1),
        reply("r1", "Done."),
        user("u2", "And GR-5 gets 3 stars."),
        said,
        output("o2", said, 1),
        reply("r2", "Done."),
        user("u3", "GR-6 gets 2 stars."),
        failed,
        output("o3", failed, "down", is_error=True),
        reply("r3", "That failed."),
        user("u4", "Nice weather, no?", origin=CHAT),
        reply("r4", "Lovely.", origin=CHAT),
    )
    name = f"d-{number}"
    made = dialogue(turns, initial_tools=("find_garage",))
    return row(name, split, dialogue=made, spec=task(f"Do {name}"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("single_turn", ["And GR-5 gets 3 stars."]),
        ("parallel_calls", ["Find garages in Ghent, and in Bruges."]),
        ("irrelevance", ["Nice weather, no?"]),
    ],
)
def test_only_turns_that_stand_on_their_own_are_cut(kind: SliceKind, asked: list[str]):
    found = list(slices_of(full(), kind))
    assert [each.dialogue.turns[0].content for each in found] == asked
    for each in found:
        messages = chat_messages(each.dialogue, each.tools)
        assert [message["role"] for message in messages] == ["user", "assistant"]
        assert messages[0]["content"] == asked[0]
        assert (each.kind, each.cut_from) == (kind, "d-0")
        assert each.dialogue.id.startswith(f"d-0/{kind}/")


def test_a_tool_that_had_arrived_is_offered_from_the_start():
    (single,) = slices_of(full(), "single_turn")
    assert single.dialogue.initial_tools == ("find_garage", "rate_garage")
    (parallel,) = slices_of(full(), "parallel_calls")
    assert parallel.dialogue.initial_tools == ("find_garage",)


def test_the_share_is_kept_on_each_side():
    given = [full(n, split) for n, split in enumerate(["train"] * 40 + ["test"] * 10)]
    made = list(with_slices(given, {"single_turn": 0.25, "irrelevance": 1.0}))
    for split, size in (("train", 40), ("test", 10)):
        kinds = [each.kind for each in made if each.split == split]
        assert kinds.count("single_turn") == int(size * 0.25)
        assert kinds.count("irrelevance") == size
        assert kinds.count("dialogue") == size
        assert kinds.count("parallel_calls") == 0


def test_what_the_dialogues_do_not_offer_is_not_made_up():
    assert [each.kind for each in with_slices(rows(5), {"parallel_calls": 1.0, "irrelevance": 1.0})] == ["dialogue"] * 5


@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_every_format_takes_examples_and_their_files_are_sound(tmp_path: Path, name: FormatName):
    shares: dict[SliceKind, float] = {"single_turn": 1.0, "parallel_calls": 1.0, "irrelevance": 1.0}
    report = export_rows(with_slices([full(number) for number in range(12)], shares), tmp_path, name)
    assert report.slices == {"single_turn": 12, "parallel_calls": 12, "irrelevance": 12}
    for file in (each for each in report.files if each.split == "train"):
        assert file.rows == 48
        checked = check_file(tmp_path / file.path, name)
        assert checked.sound == 48, checked.findings


def test_examples_are_labelled_and_counted(tmp_path: Path):
    report = export_rows(with_slices([full(0), full(1)], {"single_turn": 1.0}), tmp_path, "trl")
    assert report.rows == 4
    assert report.slices == {"single_turn": 2}
    kinds = [each["kind"] for each in read_trl(tmp_path / "trl/train.parquet")]
    assert kinds == ["dialogue", "single_turn", "dialogue", "single_turn"]
