"""What arms are compared by beside quality: over the dialogues they hand over, and variety over as many of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import call, dialogue, output, reply, user
from tests.metrics.homes import Attempt, write_home
from toolace_dagster.entities import Dialogue
from toolace_dagster.experiments.declared import Arm, Experiment
from toolace_dagster.experiments.homes import arm_home, examined_store
from toolace_dagster.experiments.making import Undertaking
from toolace_dagster.experiments.measures import ArmResult, measure, read_results
from toolace_dagster.experiments.pages import page, tables
from toolace_dagster.experiments.variety import LEAST, same_size
from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Warehouse, insert

DOMAIN = "garages"
EVERY = Arm(name="every", label="without verification", verified=False)
KEPT = Arm(name="kept", label="full")
EXPERIMENT = Experiment(name="two", title="Two", question="Which?", arms=(EVERY, KEPT))
LONG = 9


def planned(folder: Path) -> Undertaking:
    return Undertaking(Warehouse(folder), EXPERIMENT, Settings(), (DOMAIN,))


def talk(number: int, user_turns: int = 1) -> Dialogue:
    """Every user says the same, so that Distinct-n is one by the number of user turns."""
    turns = [user(f"t{place}", "Find me a garage.") for place in range(user_turns)]
    find = call("a", "find_garage", {"city": "Ghent"})
    return dialogue(
        (*turns, find, output("b", find, {"garages": []}), reply("c", "None.")), id=f"garages-{number:04d}-a"
    )


def hand_over(made: Undertaking, arm: Arm, accepted: int, rejected: int = 0, lost: int = 0) -> None:
    """An arm with so many dialogues accepted, rejected, and lost in refinement; these have more user turns."""
    whole = accepted + rejected
    attempts = [Attempt(talk(number)) for number in range(accepted)]
    attempts += [Attempt(talk(number), "rejected", check="rule.x") for number in range(accepted, whole)]
    attempts += [Attempt(talk(number, LONG), "failed") for number in range(whole, whole + lost)]
    home = write_home(arm_home(made.home, made.experiment, arm).home, attempts)
    with home.domain(DOMAIN).write() as connection:
        connection.execute("DELETE FROM stage_rows WHERE state = 'failed'")
        connection.execute(
            "UPDATE stage_rows SET stage = 'skeletons' WHERE stage LIKE 'refinement%' AND slot >= ?", [whole]
        )
    rows = [
        {
            "experiment": made.experiment.name,
            "arm": arm.name,
            "dialogue_id": talk(number).id,
            "domain": DOMAIN,
            "state": "accepted" if number < accepted else "rejected" if number < whole else "failed",
            "defects_before": [] if number < whole else None,
            "defects_after": [] if number < accepted else None,
        }
        for number in range(whole + lost)
    ]
    with examined_store(made.home, DOMAIN).write() as connection:
        connection.execute("DELETE FROM arm_dialogues WHERE arm = ?", [arm.name])
        insert(connection, "arm_dialogues", rows)


def figures(made: Undertaking) -> dict[str, dict[str, float]]:
    return {each.name: dict(each.figures) for each in read_results(made.home, made.experiment.name)}


def test_what_never_reached_verification_is_not_handed_over(tmp_path: Path) -> None:
    made = planned(tmp_path)
    hand_over(made, EVERY, accepted=8, rejected=4, lost=6)
    hand_over(made, KEPT, accepted=8, rejected=4, lost=6)
    measure(made, made.arms)
    found = figures(made)
    assert (found["every"]["handed_over"], found["kept"]["handed_over"]) == (12, 8)
    # A skeleton that refinement failed on says much more.
    assert found["every"]["user_turns.handed_over"] == found["kept"]["user_turns.handed_over"] == 1
    assert found["every"]["distinct_3.handed_over"] == 1 / found["every"]["handed_over"]


def test_variety_is_compared_over_as_many_dialogues_of_each_arm(tmp_path: Path) -> None:
    made = planned(tmp_path)
    hand_over(made, EVERY, accepted=12, rejected=18)
    hand_over(made, KEPT, accepted=12, rejected=18)
    measure(made, made.arms)
    found = figures(made)
    assert (found["every"]["handed_over"], found["kept"]["handed_over"]) == (30, 12)
    assert {name: each["drawn"] for name, each in found.items()} == {"every": 12, "kept": 12}
    assert found["every"]["distinct_3.handed_over"] == found["kept"]["distinct_3.handed_over"] == 1 / 12
    results = read_results(made.home, "two")
    title, rows, note = tables(results)[-1]
    assert title == "Its variety, over 12 dialogues of each arm"
    assert {"metric": "Distinct-3", "without verification": "0.083", "full": "0.083"} in rows
    assert "the same number in each arm: 12" in note
    assert note in page(EXPERIMENT, results, ["toolace"], None)
    assert not [row for row in tables(results)[-2].rows if row["metric"] in ("Distinct-3", "Tools used")]


def test_an_arm_of_another_size_has_the_others_measured_anew(tmp_path: Path) -> None:
    made = planned(tmp_path)
    hand_over(made, EVERY, accepted=30)
    hand_over(made, KEPT, accepted=12)
    measure(made, [EVERY])
    # An arm that nobody measured yet cuts none down.
    assert {name: each["drawn"] for name, each in figures(made).items()} == {"every": 30}
    measure(made, [KEPT])
    found = figures(made)
    assert {name: each["distinct_3.handed_over"] for name, each in found.items()} == {"every": 1 / 12, "kept": 1 / 12}
    assert found["every"]["pass_rate"] == 1


def test_an_arm_of_too_few_dialogues_is_left_out_and_cuts_no_other_down(tmp_path: Path) -> None:
    made = planned(tmp_path)
    hand_over(made, EVERY, accepted=0, rejected=30)
    hand_over(made, KEPT, accepted=LEAST - 1)
    measure(made, made.arms)
    found = figures(made)
    assert found["every"]["drawn"] == 30
    assert "drawn" not in found["kept"]
    assert "distinct_3.handed_over" not in found["kept"]
    assert found["kept"]["user_turns.handed_over"] == 1
    _, rows, note = tables(read_results(made.home, "two"))[-1]
    assert {row["full"] for row in rows} == {"-"}
    assert note.endswith("Too few for that (under 10) are handed over by: full.")


def test_variety_over_sets_of_different_size_is_not_shown() -> None:
    former = [ArmResult(name, name, {"handed_over": 50.0, "distinct_3.handed_over": 0.5}) for name in ("a", "b")]
    assert "Distinct-3" not in str(tables(former))
    assert tables(former)[-1].note == "Variety is not measured: no arm hands over 10 dialogues."


def test_an_arm_that_was_never_finished_is_named_and_the_others_are_measured(tmp_path: Path) -> None:
    made = planned(tmp_path)
    hand_over(made, EVERY, accepted=12)
    (left,) = measure(made, made.arms)
    assert str(left) == (
        "the arm kept of two has not been finished in garages, so it is not measured. `toolace experiment` with "
        "two.toml goes on with it; what was paid for is kept."
    )
    assert set(figures(made)) == {"every"}
    said = "Not finished, so without figures: full. `toolace experiment` with two.toml goes on with them."
    assert said in page(EXPERIMENT, read_results(made.home, "two"), ["toolace"], None)
    # Its dialogues were made, but not examined.
    hand_over(made, KEPT, accepted=12)
    with examined_store(made.home, DOMAIN).write() as connection:
        connection.execute("DELETE FROM arm_dialogues WHERE arm = 'kept'")
    assert [each.arm for each in measure(made, made.arms)] == ["kept"]
    hand_over(made, KEPT, accepted=12)
    assert measure(made, made.arms) == []
    assert set(figures(made)) == {"every", "kept"}
    assert said not in page(EXPERIMENT, read_results(made.home, "two"), ["toolace"], None)


ids = st.lists(st.integers(0, 60).map(lambda number: f"garages-{number:04d}-a"), unique=True)


@given(st.lists(ids, min_size=1, max_size=4))
@settings(max_examples=60)
def test_a_draw_gives_all_arms_one_size_and_the_same_tasks(arms: Sequence[list[str]]) -> None:
    given = {str(number): {DOMAIN: each[::2], "boats": each[1::2]} for number, each in enumerate(arms)}
    drawn = same_size(given)
    enough = [len(each) for each in arms if len(each) >= LEAST]
    assert [sum(map(len, each.values())) for each in drawn.values()] == [min(enough, default=0)] * len(enough)
    assert all(set(each[domain]) <= set(given[name][domain]) for name, each in drawn.items() for domain in each)
    # The draw falls on a task whatever arm it is of, and in whatever order an arm has it.
    turned = {name: {domain: found[::-1] for domain, found in each.items()} for name, each in given.items()}
    assert same_size(turned) == drawn
    flat = {name: {one for found in each.values() for one in found} for name, each in drawn.items()}
    for name, one in flat.items():
        for other, theirs in flat.items():
            common = {each for found in given[name].values() for each in found} & {
                each for found in given[other].values() for each in found
            }
            if len(common) == len(arms[int(name)]) == len(arms[int(other)]):
                assert one == theirs


def test_a_curve_that_is_not_finished_converges_nowhere(tmp_path: Path) -> None:
    """The second arm was examined in one of its two domains, which says nothing yet of the one before it."""
    arms = tuple(
        Arm(name=name, label=name, on_curve=True, domains=domains)
        for name, domains in (("r0", (DOMAIN,)), ("r1", (DOMAIN, "vans")))
    )
    curve = EXPERIMENT.model_copy(update={"arms": arms, "plot": "curve"})
    made = Undertaking(Warehouse(tmp_path), curve, Settings(), (DOMAIN, "vans"))
    for arm in arms:
        hand_over(made, arm, accepted=12)
    for _ in range(2):
        assert [each.arm for each in measure(made, arms)] == ["r1"]
        found = figures(made)
        assert found.keys() == {"r0"}
        assert not [name for name in found["r0"] if name.startswith(("convergence", "undecided"))]
        assert found["r0"]["drawn"] == 12
    assert measure(replace(made, domains=(DOMAIN,)), arms) == []
    assert all("convergence_point.refined" in each for each in figures(made).values())
