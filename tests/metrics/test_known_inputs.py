"""Small dialogues whose figures were worked out by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from tests.builders import call, dialogue, output, reply, user
from tests.metrics.homes import Attempt, Call, write_home
from toolace_dagster.entities import Dialogue, InjectionType, Origin, ToolOutput, Turn
from toolace_dagster.entities.task import InjectionSubType
from toolace_dagster.metrics import METRICS, MetricRow, Over, figure, measure_home

CLARIFYING = Origin(
    operation="complexity_injection",
    round=1,
    injection=InjectionType.CLARIFICATION,
    sub_type=InjectionSubType.MISSING_VALUE,
)


def asking_back() -> Dialogue:
    """One request: the assistant asks back, the first call fails, the second does not."""
    first = call("t03", "find_garage", {"city": "Ghent"})
    second = call("t05", "find_garage", {"city": "Ghent", "limit": 3})
    turns: tuple[Turn, ...] = (
        user("t00", "Find me a garage in Ghent.", origin=CLARIFYING),
        reply("t01", "Which day would suit you?", origin=CLARIFYING),
        user("t02", "The 14th.", origin=CLARIFYING),
        first,
        output("t04", first, {"error": "unavailable"}, is_error=True),
        second,
        output("t06", second, {"garages": ["Dok Noord"]}),
        reply("t07", "I found Dok Noord."),
    )
    return dialogue(turns, id="garages-0001-abcdef")


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> list[MetricRow]:
    """The garage dialogue, accepted; one that was rejected; and one of which there is nothing but a failed task."""
    calls = [
        Call("task_specs", prompt_tokens=100, cached_tokens=40, completion_tokens=10, cost=0.5),
        Call("task_specs", prompt_tokens=200, cached_tokens=0, completion_tokens=20, cost=1.0),
        Call("verification", prompt_tokens=300, cached_tokens=290, completion_tokens=30, cost=1.5),
        # Nothing came back, so nothing was paid.
        Call("verification", more={"error_kind": "timeout"}),
    ]
    warehouse = write_home(
        tmp_path_factory.mktemp("home"),
        [
            Attempt(dialogue()),
            Attempt(asking_back(), "rejected", check="rule.grounding"),
            Attempt(None, "failed", stage="task_specs", check="server"),
        ],
        calls=calls,
        questions=("coherence",),
    )
    return measure_home(warehouse)


GARAGE = "find me a garage in ghent and book it for 14 july 2026 / give them 4 stars would you"
"""19 tokens, all different; 17 pairs, 15 runs of three."""
# Both dialogues: 27 tokens, of which find, me, a, garage, in, ghent come twice.
BOTH_ENTROPY = -(15 * 1 / 27 * math.log2(1 / 27) + 6 * 2 / 27 * math.log2(2 / 27))


@pytest.mark.parametrize(
    ("metric", "over", "part", "value", "count"),
    [
        ("dialogues", "attempted", None, 3, 3),
        ("dialogues", "accepted", None, 1, 1),
        ("user_turns", "accepted", None, 2, 1),
        ("user_turns", "attempted", None, 2, 2),
        ("calls_per_user_turn", "accepted", None, 3 / 2, 2),
        ("calls_per_user_turn", "attempted", None, 5 / 4, 4),
        ("steps", "accepted", None, 3, 1),
        ("steps", "attempted", None, 5 / 2, 2),
        ("turns", "accepted", None, 10, 1),
        ("turns", "attempted", None, 9, 2),
        ("words_per_user_turn", "accepted", None, 19 / 2, 2),
        ("words_per_user_turn", "attempted", None, 27 / 4, 4),
        ("dialogues_by_user_turns", "attempted", "2", 2, 2),
        ("dialogues_by_steps", "attempted", "3", 1, 2),
        ("dialogues_by_steps", "attempted", "2", 1, 2),
        ("injection_share", "attempted", "clarification", 1 / 2, 2),
        ("shapes", "attempted", None, 2, 2),
        ("shape_repetition", "attempted", None, 0, 2),
        ("largest_shape", "attempted", None, 1 / 2, 2),
        ("token_entropy", "accepted", None, math.log2(19), 19),
        ("token_entropy", "attempted", None, BOTH_ENTROPY, 27),
        ("distinct_1", "accepted", None, 1, 19),
        ("distinct_1", "attempted", None, 21 / 27, 27),
        # 17 pairs of one dialogue; of the other's 6, all five of its first turn are there already.
        ("distinct_2", "attempted", None, 18 / 23, 23),
        ("distinct_3", "attempted", None, 15 / 19, 19),
        # Both begin with "find me a garage in".
        ("opening_repetition", "attempted", None, 1, 2),
        ("openings", "attempted", None, 1, 2),
        ("largest_opening", "attempted", None, 1, 2),
        ("opening_repetition", "accepted", None, 0, 1),
        ("tool_coverage", "accepted", None, 1, 3),
        ("tool_coverage", "attempted", None, 1, 3),
        # city, limit; garage_id, date; garage_id, stars.
        ("parameter_coverage", "accepted", None, 5 / 6, 6),
        ("parameter_coverage", "attempted", None, 1, 6),
        # city was given three times, always as Ghent; nothing else twice.
        ("value_diversity", "attempted", None, 1 / 3, 1),
        # Three requests: two of one dialogue, one of the other, on which the assistant asks back.
        ("clarification_rate", "attempted", None, 1 / 3, 3),
        ("clarification_rate", "accepted", None, 0, 2),
        ("error_rate", "attempted", None, 1 / 5, 5),
        ("error_rate", "accepted", None, 0, 3),
        ("error_recovery_rate", "attempted", None, 1, 1),
        # "Dok Noord takes your van at 09:30; the booking is BK-30918.": of noord, takes, your, 09, 30, booking and
        # 30918 the tools said noord, 09, 30 and 30918, and of "booking_id" booking. "I rated them 4 stars.": of rated,
        # them, 4 and stars the user said three.
        ("coherence_lexical", "accepted", None, (5 / 7 + 3 / 4) / 2, 2),
        ("pass_rate", "attempted", None, 1 / 3, 3),
        ("check_pass_rate", "attempted", "rule.grounding", 1 / 2, 2),
        ("check_pass_rate", "attempted", "expert.coherence", 1, 2),
        ("calls", "attempted", None, 1, 3),
        ("calls", "accepted", None, 3, 1),
        ("calls", "accepted", "task_specs", 2, 1),
        ("calls", "attempted", "verification", 1 / 3, 3),
        ("prompt_tokens", "accepted", None, 600, 1),
        ("cached_tokens", "accepted", None, 330, 1),
        ("cached_tokens", "accepted", "task_specs", 40, 1),
        ("completion_tokens", "attempted", None, 20, 3),
        ("cost", "accepted", None, 3.0, 1),
        ("cost", "attempted", "verification", 0.5, 3),
    ],
)
@pytest.mark.parametrize("domain", [None, "garages"])
def test_figure(
    measured: list[MetricRow], metric: str, over: Over, part: str | None, value: float, count: int, domain: str | None
) -> None:
    (row,) = [r for r in measured if (r.metric, r.over, r.part, r.domain) == (metric, over, part, domain)]
    assert row.value == pytest.approx(value)
    assert row.count == count


def test_value_diversity_of_a_parameter_is_of_its_domain(measured: list[MetricRow]) -> None:
    assert figure(measured, "value_diversity", over="attempted", domain="garages", part="find_garage.city") == 1 / 3
    assert figure(measured, "value_diversity", over="attempted", part="find_garage.city") is None


def test_what_was_not_seen_is_no_zero(measured: list[MetricRow]) -> None:
    assert figure(measured, "error_recovery_rate") is None
    assert figure(measured, "self_bleu") is None
    assert figure(measured, "coherence_entailment") is None


def test_characters_are_those_of_texts_arguments_and_outputs(tmp_path: Path) -> None:
    step = call("t01", "find_garage", {"city": "Ghent"})
    turns = (user("t00", "12345"), step, output("t02", step, "ab"), reply("t03", "123"))
    found = measure_home(write_home(tmp_path, [Attempt(dialogue(turns))]))
    assert figure(found, "characters") == 5 + len('{"city":"Ghent"}') + len('"ab"') + 3


def test_the_accepted_reading_is_the_repaired_dialogue(tmp_path: Path) -> None:
    repaired = dialogue(dialogue().turns[:6])
    found = measure_home(write_home(tmp_path, [Attempt(dialogue(), accepted=repaired)]))
    assert (figure(found, "user_turns", over="attempted"), figure(found, "user_turns")) == (2, 1)


def test_a_cost_that_is_not_known_is_left_out(tmp_path: Path) -> None:
    calls = [Call("task_specs"), Call("verification", cost=None)]
    found = measure_home(write_home(tmp_path, [Attempt(dialogue())], calls=calls))
    assert figure(found, "cost", part="task_specs") == 0.5
    assert figure(found, "cost", part="verification") is None
    assert figure(found, "cost") is None
    assert figure(found, "calls") == 2


def test_domains_are_apart_and_together(tmp_path: Path) -> None:
    write_home(tmp_path, [Attempt(dialogue())])
    other = dialogue(dialogue().turns[:6], id="vans-0000-abcdef", domain="vans")
    found = measure_home(write_home(tmp_path, [Attempt(other), Attempt(None, "failed", stage="task_specs")], "vans"))
    assert [figure(found, "user_turns", domain=name) for name in (None, "garages", "vans")] == [1.5, 2, 1]
    assert [figure(found, "dialogues", over="attempted", domain=name) for name in (None, "garages", "vans")] == [
        3,
        1,
        2,
    ]
    assert figure(found, "pass_rate", over="attempted") == pytest.approx(2 / 3)
    # 19 tokens of one, of which the other repeats 13.
    assert figure(found, "distinct_1") == pytest.approx(19 / 32)


def test_a_rule_that_objected_in_one_domain_looked_at_the_others_too(tmp_path: Path) -> None:
    write_home(tmp_path, [Attempt(dialogue(), "rejected", check="rule.grounding")])
    others = [Attempt(dialogue(id=f"vans-000{n}-abcdef", domain="vans")) for n in range(3)]
    found = measure_home(write_home(tmp_path, others, "vans"))
    rates = {
        n: figure(found, "check_pass_rate", over="attempted", part="rule.grounding", domain=n) for n in (None, "vans")
    }
    assert rates == {None: 3 / 4, "vans": 1}


def test_an_early_rejection_counts_beside_what_reached_its_stage(tmp_path: Path) -> None:
    early = Attempt(None, "rejected", check="task.steps", stage="task_specs")
    found = measure_home(write_home(tmp_path, [Attempt(dialogue()), early]))
    assert figure(found, "check_pass_rate", over="attempted", part="task.steps") == 1 / 2


def test_a_skeleton_that_went_no_further_is_measured_as_it_is(tmp_path: Path) -> None:
    warehouse = write_home(tmp_path, [Attempt(dialogue(), "rejected", check="rule.x")])
    turns = [turn.model_dump(mode="json") for turn in dialogue().turns]
    skeleton = {"sub_trajectories": [{"sub_task": 0, "turns": turns[:6]}, {"sub_task": 1, "turns": turns[6:]}]}
    before = measure_home(warehouse)
    with warehouse.domain("garages").write() as connection:
        connection.execute(
            "UPDATE stage_rows SET stage = 'skeletons', payload = $p::JSON WHERE stage LIKE 'refinement%'",
            {"p": json.dumps(skeleton)},
        )
    after = measure_home(warehouse)
    for name in ("user_turns", "steps", "distinct_1", "shapes", "clarification_rate"):
        assert figure(after, name, over="attempted") == figure(before, name, over="attempted"), name


def test_scripts_without_spaces_are_counted_by_letter(tmp_path: Path) -> None:
    turns = (user("t00", "東京の天気は? ÉTÉ"), reply("t01", "晴れです。"))
    found = measure_home(write_home(tmp_path, [Attempt(dialogue(turns))]))
    assert figure(found, "words_per_user_turn") == 7


def test_an_output_of_another_tool_is_no_recovery(tmp_path: Path) -> None:
    failing = call("t01", "find_garage", {"city": "Ghent"})
    other = call("t03", "rate_garage", {"garage_id": "GR-771", "stars": 4})
    turns = (
        user("t00", "Go."),
        failing,
        output("t02", failing, "no", is_error=True),
        other,
        output("t04", other, {"ok": True}),
        reply("t05", "Done."),
    )
    assert isinstance(turns[2].outputs[0], ToolOutput)
    found = measure_home(write_home(tmp_path, [Attempt(dialogue(turns))]))
    assert figure(found, "error_recovery_rate") == 0


def test_every_metric_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert [name for name in METRICS if f"`{name}`" not in text] == []


def test_calls_of_a_method_that_the_home_was_switched_from_are_no_cost_of_what_it_holds(tmp_path: Path) -> None:
    run = {"run_id": "run-2"}
    spent = [
        Call("task_specs", prompt_tokens=100),
        Call("skeletons", prompt_tokens=1000),
        Call("refinement_round_02", prompt_tokens=2000),
        Call("verification", prompt_tokens=4000),
        Call("simulated_dialogues", prompt_tokens=7, more=run),
        Call("verification", prompt_tokens=20, more=run),
    ]
    warehouse = write_home(tmp_path, [], calls=spent)
    write_home(tmp_path, [Attempt(dialogue())], run="run-2", method="simulation")
    found = measure_home(warehouse)
    assert figure(found, "calls") == 3
    assert figure(found, "prompt_tokens") == 100 + 7 + 20
    assert figure(found, "prompt_tokens", part="skeletons") is None
    assert figure(found, "prompt_tokens", part="verification", domain="garages") == 20
    assert [(row.domain, row.part, row.value) for row in found if row.metric == "calls_left_out"] == [
        (None, "non_autoregressive", 3), ("garages", "non_autoregressive", 3)
    ]  # fmt: skip
    with warehouse.domain("garages").write() as connection:
        # Before the new method wrote anything, nothing is left out.
        connection.execute("DELETE FROM stage_rows WHERE stage NOT IN ('task_specs', 'verification')")
    found = measure_home(warehouse)
    assert figure(found, "calls", over="attempted") == 6
    assert not [row for row in found if row.metric == "calls_left_out"]


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Which day?", True),
        ("Which day? 🙂", True),
        ("Which day? 👍🏽👩‍💻 ☺️", True),
        ("Which one, “the red one?”", True),
        ("Er fragte: „Welcher Tag?“", True),
        ("「何曜日ですか\uff1f」", True),
        ("**Which day?!**", True),
        ("أي يوم؟", True),
        ("Ποια μέρα;", True),
        ("Ποια μέρα\u037e", True),
        ("Θέλετε τις 3; 🙂", True),
        ("Done; that is all;", False),
        ("\u0397 κράτηση έγινε. Done; that is all;", False),
        ("Is that right? Done.", False),
        ("Booked 🙂", False),
    ],
)
def test_what_asks_back(tmp_path: Path, text: str, asks: bool) -> None:
    turns = (user("t00", "Find me a garage."), reply("t01", text), user("t02", "The 14th."), reply("t03", "Good."))
    found = measure_home(write_home(tmp_path, [Attempt(dialogue(turns))]))
    assert figure(found, "clarification_rate") == asks
