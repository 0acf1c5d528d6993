"""Single-turn examples cut out of dialogues: only what stands on its own, in the proportion asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.builders import call, dialogue, output, reply, user
from tests.dataset.rows import row, rows, task
from toolace_dagster.dataset import DatasetRow, chat_messages, export_rows, read_trl, slices_of, with_slices
from toolace_dagster.dataset.checking import check_file
from toolace_dagster.entities import InjectionSubType, Origin, SubTask, ToolCall, Turn
from toolace_dagster.settings import FORMAT_NAMES, FormatName, SliceKind


def injected(sub_type: InjectionSubType) -> Origin:
    return Origin(operation="complexity_injection", round=1, injection=sub_type.type, sub_type=sub_type)


CHAT = injected(InjectionSubType.CHIT_CHAT)


def full(number: int = 0, split: str = "train") -> DatasetRow:
    """A dialogue with one example of each kind, and turns that must not be cut."""
    pair = tuple(ToolCall(id=i, name="find_garage", arguments={"city": i}) for i in ("Ghent", "Bruges"))
    both = reply("a0", "", tool_calls=pair)
    unsaid = call("a1", "rate_garage", {"garage_id": "GR-771", "stars": 4}, 1)
    said = call("a2", "rate_garage", {"garage_id": "GR-5", "stars": 3}, 2)
    failed = call("a3", "rate_garage", {"garage_id": "GR-6", "stars": 2}, 3)
    turns = (
        user("u0", "Find garages in Ghent, and in Bruges."),
        both,
        output("o0", both, []),
        reply("r0", "None."),
        user("u1", "Rate the first one: 4 stars.", 1, tools_added=("rate_garage",)),
        unsaid,
        output("o1", unsaid, 1),
        reply("r1", "Done.", 1),
        user("u2", "And GR-5 gets 3 stars.", 2),
        said,
        output("o2", said, 1),
        reply("r2", "Done.", 2),
        user("u3", "GR-6 gets 2 stars.", 3),
        failed,
        output("o3", failed, "down", is_error=True),
        reply("r3", "That failed.", 3),
        user("u4", "Nice weather, no?", 3, origin=CHAT),
        reply("r4", "Lovely.", 3, origin=CHAT),
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


def test_examples_that_come_early_are_kept_for_dialogues_that_offer_none() -> None:
    given = [full(n) for n in range(20)] + [row(f"plain-{n}", "train", spec=task(f"Plain {n}")) for n in range(80)]
    made = list(with_slices(given, {"irrelevance": 0.2}))
    cut = [each.cut_from for each in made if each.kind == "irrelevance"]
    assert len(cut) == len(set(cut)) == 20


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


def talk(*turns: Turn, language: str = "English", sub_tasks: tuple[SubTask, ...] | None = None) -> DatasetRow:
    """A dialogue of these turns."""
    spec = task("Do it.", "Do more.").model_copy(update={"language": language})
    if sub_tasks is not None:
        spec = spec.model_copy(update={"sub_tasks": sub_tasks})
    return row(dialogue=dialogue(turns), spec=spec)


def asked(kind: SliceKind, given: DatasetRow) -> list[str]:
    return [each.dialogue.turns[0].content for each in slices_of(given, kind)]


FOUND = {"garages": [{"garage_id": "GR-771", "name": "Dok Noord"}]}
FIND = call("t01", "find_garage", {"city": "Ghent"})
BEFORE = (user("t00", "Find garages in Ghent."), FIND, output("t02", FIND, FOUND), reply("t03", "Dok Noord (GR-771)."))


def aside(sub_type: InjectionSubType, said: str, answer: str) -> tuple[Turn, ...]:
    origin = injected(sub_type)
    return (user("t04", said, 1, origin=origin), reply("t05", answer, 1, origin=origin))


@pytest.mark.parametrize(
    ("sub_type", "said", "answer"),
    [
        (InjectionSubType.IRRELEVANT_REQUEST, "Find me the cheapest flight to Oslo, will you?", "I can't do flights."),
        (InjectionSubType.TOOL_NEVER_ARRIVES, "Is there a way for you to tow a van?", "I can't tow a van, I'm afraid."),
        (InjectionSubType.CHIT_CHAT, "What does a hold mean, generally?", "Somebody still has to confirm."),
    ],
)
def test_what_no_tool_serves_is_cut_wherever_it_stands(sub_type: InjectionSubType, said: str, answer: str) -> None:
    assert asked("irrelevance", talk(*BEFORE, *aside(sub_type, said, answer))) == [said]
    assert asked("irrelevance", talk(*aside(sub_type, said, answer))) == [said]
    # Nobody told us by which words people point back in other languages: only what opens a dialogue is safe there.
    assert asked("irrelevance", talk(*BEFORE, *aside(sub_type, said, answer), language="German")) == []
    assert asked("irrelevance", talk(*aside(sub_type, said, answer), language="German")) == [said]


@pytest.mark.parametrize(
    ("sub_type", "said", "answer"),
    [
        (InjectionSubType.QUESTION_ABOUT_RESULTS, "What is the garage ID?", "It is GR-771."),
        (InjectionSubType.SUMMARY_REQUEST, "Where do things stand?", "There is one garage: Dok Noord."),
        # The label alone does not decide: a refinement may have turned small talk into a question about results.
        (InjectionSubType.CHIT_CHAT, "What did you say the garage ID was?", "It was what you wanted."),
        (InjectionSubType.CHIT_CHAT, "What is the garage ID?", "It was GR-771."),
        (InjectionSubType.CHIT_CHAT, "Which garage do people like?", "Dok Noord, I hear."),
        (InjectionSubType.TOOL_NEVER_ARRIVES, "Can you tow my van to that one?", "I can't tow a van."),
        (InjectionSubType.TOOL_NEVER_ARRIVES, "Perfect! Can you tow my van?", "I can't tow a van."),
        (InjectionSubType.TOOL_NEVER_ARRIVES, "Can you tow my van?", "As I said, I can't tow a van."),
        (InjectionSubType.TOOL_ARRIVES_LATER, "Can you rate a garage?", "I can't at the moment."),
    ],
)
def test_no_example_needs_what_was_found_before(sub_type: InjectionSubType, said: str, answer: str) -> None:
    assert asked("irrelevance", talk(*BEFORE, *aside(sub_type, said, answer))) == []


def later(said: str, *more: Turn, **given: Any) -> DatasetRow:
    """A second sub-task: a message that is answered by a call whose values it says, and by further turns."""
    rate = call("t05", "rate_garage", {"garage_id": "GR-5", "stars": 3}, 1)
    done = reply("t09", "Done.", 1)
    return talk(*BEFORE, user("t04", said, 1), rate, output("t06", rate, {"ok": True}), *more, done, **given)


def test_a_request_that_several_calls_answer_is_not_cut_to_the_first() -> None:
    said = "Give GR-5 3 stars. Following that, find garages in Bruges."
    then = call("t07", "find_garage", {"city": "Bruges"}, 1)
    assert asked("single_turn", later("Give GR-5 3 stars.")) == [BEFORE[0].content, "Give GR-5 3 stars."]
    assert asked("single_turn", later(said, then, output("t08", then, []))) == [BEFORE[0].content]


@pytest.mark.parametrize(
    "said",
    [
        "Perfect! GR-5 gets 3 stars.",
        "On to the next: GR-5 gets 3 stars.",
        "Give GR-5 the same as Dok Noord: 3 stars.",
        "Now that this is settled, GR-5 gets 3 stars.",
        "GR-5 was better than the first one: 3 stars.",
        "I didn't like it, so GR-5 gets 3 stars.",
    ],
)
def test_a_request_that_points_back_or_goes_on_is_not_cut(said: str) -> None:
    assert asked("single_turn", later(said)) == [BEFORE[0].content]


@pytest.mark.parametrize("said", ["A garage that takes vans, GR-5, gets 3 stars.", "For next Friday: GR-5, 3 stars."])
def test_words_that_only_look_like_pointing_back_do_no_harm(said: str) -> None:
    assert said in asked("single_turn", later(said))


@pytest.mark.parametrize("change", [{"builds_on": (0,)}, {"time_passes": True}])
def test_a_request_that_the_task_ties_to_an_earlier_one_is_not_cut(change: dict[str, Any]) -> None:
    first, second = task("Do it.", "Do more.").sub_tasks
    tied = later("Give GR-5 3 stars.", sub_tasks=(first, second.model_copy(update=change)))
    assert asked("single_turn", tied) == [BEFORE[0].content]


def test_an_answer_to_a_question_is_no_request_of_its_own() -> None:
    find = call("t03", "find_garage", {"city": "Ghent"})
    turns = (user("t00", "Find me a garage."), reply("t01", "Where?"), user("t02", "In Ghent."), find)
    assert asked("single_turn", talk(*turns, output("t04", find, FOUND), reply("t05", "Dok Noord."))) == []


def test_a_date_may_be_said_as_people_say_it_but_not_left_out() -> None:
    book = call("t01", "book_service", {"garage_id": "GR-771", "date": "2026-07-14"})

    def booked(said: str) -> list[str]:
        return asked("single_turn", talk(user("t00", said), book, output("t02", book, {}), reply("t03", "Done.")))

    assert booked("Book GR-771 for 14 July 2026.") == ["Book GR-771 for 14 July 2026."]
    assert booked("Book GR-771 for me.") == []
