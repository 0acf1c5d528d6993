"""Plans over the dependency graph: valid for any tools, of the set shapes, covering every tool."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st
from pydantic import JsonValue

from toolace_dagster.entities import DistractorKind, PlanShape, Provenance, Slot, TaskPlan, Tool
from toolace_dagster.initialization.coverage import share_of
from toolace_dagster.initialization.sampling import PlanSampler, offered_tools
from toolace_dagster.initialization.shapes import holds
from toolace_dagster.settings import Range, Settings
from toolace_dagster.tool_pool import ToolGraph, find_links, load_pool

SETTINGS = Settings()
POOL = load_pool(SETTINGS.pool)
VERBS = "find create get list update cancel check pay".split()
NOUNS = "order invoice parcel depot driver route claim customer product".split()


def make(name: str, takes: list[str], options: Sequence[str] = (), gives: list[str] | None = None) -> Tool:
    text: dict[str, JsonValue] = {"type": "string"}
    return Tool(
        name=name,
        description=f"{name.replace('_', ' ').capitalize()}.",
        parameters={"type": "object", "properties": dict.fromkeys([*takes, *options], text), "required": [*takes]},
        result={"type": "object", "properties": dict.fromkeys(gives, text)} if gives is not None else None,
        domain="orders",
        provenance=Provenance(source="orders.json"),
    )


def many(number: int, seed: int) -> list[Tool]:
    """A domain of tools that create, find and use things of nine kinds, with identifiers between them."""
    rng = random.Random(seed)
    tools: dict[str, Tool] = {}
    while len(tools) < number:
        verb, noun = rng.choice(VERBS), rng.choice(NOUNS)
        name = f"{verb}_{noun}_{rng.choice('batch draft copy history label note'.split())}"
        others = rng.sample(NOUNS, rng.randint(0, 2))
        takes = [f"{other}_id" for other in others] if verb in ("find", "create", "list") else [f"{noun}_id"]
        gives = [f"{noun}_id"] if verb in ("find", "create", "list") else ["outcome"]
        tools[name] = make(name, [*takes, "note"], rng.sample(["fast", "color", "tag"], 2), gives)
    return list(tools.values())


def plans(
    tools: list[Tool],
    number: int,
    settings: Settings = SETTINGS,
    borrowed: Sequence[Tool] = (),
) -> list[TaskPlan]:
    sampler = PlanSampler(tools, find_links(tools), settings, borrowed)
    return [sampler.plan(Slot(domain="orders", number=n, seed=settings.seed)) for n in range(number)]


def sound(plan: TaskPlan, graph: ToolGraph, settings: Settings) -> None:
    """Assert what every plan has to hold, whatever the tools."""
    assert settings.sub_tasks.low <= len(plan.sub_tasks) <= settings.sub_tasks.high
    called: list[str] = []
    for sub_task in plan.sub_tasks:
        assert settings.steps.low <= sub_task.steps <= settings.steps.high
        assert len(set(sub_task.tools)) == len(sub_task.tools)
        assert holds(sub_task.shape, sub_task.tools, graph)
        assert not any(graph.undoes(a, b) for a in sub_task.tools for b in sub_task.tools if a != b)
        for name in sub_task.tools:
            handed = {p for p, sources in graph.needs[name].items() if sources & set(called)}
            required = {*graph.needs[name], *graph.from_user[name]}
            assert set(sub_task.from_user.get(name, ())) == required - handed
            called.append(name)
        for name, parameter in sub_task.options.items():
            assert name in sub_task.tools
            assert parameter in graph.tools[name].properties.keys() - graph.tools[name].required
    assert not set(plan.distractors) & set(plan.needed_tools)
    assert len(set(plan.distractors)) == len(plan.distractors) == len(plan.distractor_kinds)
    assert sorted(offered_tools(plan)) == sorted([*plan.needed_tools, *plan.distractors])


_names = st.sampled_from([f"{verb}_{noun}" for verb in [*VERBS, "unlock", "lock"] for noun in NOUNS[:4]])
_keys = st.lists(st.sampled_from(["order_id", "depot_id", "id", "note", "ids", "route_code"]), max_size=3, unique=True)
_pools = st.lists(
    st.builds(make, _names, _keys, st.lists(st.sampled_from(["fast", "tag"]), unique=True), st.none() | _keys),
    min_size=1,
    max_size=14,
    unique_by=lambda tool: tool.name,
)
_ranges = st.tuples(st.integers(1, 4), st.integers(0, 3)).map(lambda pair: Range(low=pair[0], high=sum(pair)))
_weights = st.dictionaries(
    st.sampled_from([shape for shape in PlanShape if shape not in (PlanShape.SINGLE, PlanShape.MIXED)]),
    st.floats(0.1, 5),
    min_size=1,
)


@budget(max_examples=80, deadline=None)
@given(_pools, _ranges, _ranges, _weights, st.integers(0, 40), st.integers(0, 3))
def test_any_tools_give_sound_plans(
    tools: list[Tool], sub_tasks: Range, steps: Range, weights: dict[PlanShape, float], number: int, seed: int
) -> None:
    settings = Settings(sub_tasks=sub_tasks, steps=steps, plan_shapes=weights, seed=seed)
    sampler = PlanSampler(tools, find_links(tools), settings)
    slot = Slot(domain="orders", number=number, seed=seed)
    plan = sampler.plan(slot)

    sound(plan, sampler.graph, settings)
    assert PlanSampler(tools, find_links(tools), settings).plan(slot) == plan
    assert plan == TaskPlan.model_validate_json(plan.model_dump_json())


@pytest.mark.parametrize("domain", [domain.name for domain in POOL.domains])
def test_plans_of_the_shipped_pool_are_sound_and_ask_the_user_for_no_identifier_a_tool_hands_out(domain: str) -> None:
    found = POOL.domain(domain)
    sampler = PlanSampler(found.tools, find_links(found.tools), SETTINGS, found.borrowed)
    used: set[str] = set()
    options: set[tuple[str, str]] = set()
    for number in range(80):
        plan = sampler.plan(Slot(domain=domain, number=number, seed=0))
        sound(plan, sampler.graph, SETTINGS)
        used |= set(plan.needed_tools)
        for sub_task in plan.sub_tasks:
            options |= set(sub_task.options.items())
            for name, parameters in sub_task.from_user.items():
                # A story that time cuts in three does not fit into two sub-tasks; its beginning lies before them.
                for parameter in set(parameters) - sampler.graph.from_user[name]:
                    assert len(plan.sub_tasks) == 2
                    assert any(sampler.graph.awaits(name, tool) for tool in sampler.graph.needs[name][parameter])
    assert used == {tool.name for tool in found.tools}
    free = {(t.name, p) for t in found.tools for p in t.properties.keys() - t.required if not p.endswith("_id")}
    assert free <= options


@pytest.mark.parametrize("seed", range(6))
def test_every_tool_of_sixty_is_used_within_a_hundred_and_twenty_dialogues(seed: int) -> None:
    tools = many(60, seed)
    settings = Settings(seed=seed)
    made = plans(tools, 120, settings)
    uses = Counter(name for plan in made for name in plan.needed_tools)
    assert len(tools) == 60
    assert set(uses) == {tool.name for tool in tools}
    # Each leads one dialogue in each round of sixty, so every tool comes twice at least.
    assert min(uses.values()) >= 2
    # Of two optional parameters each has its turn as lead in two rounds.
    options = {pair for plan in made for sub_task in plan.sub_tasks for pair in sub_task.options.items()}
    assert len(options) > 0.9 * 120


def test_more_slots_and_another_order_change_no_plan() -> None:
    tools = many(30, 1)
    sampler = PlanSampler(tools, find_links(tools), SETTINGS)
    slots = [Slot(domain="orders", number=number, seed=0) for number in range(40)]
    backwards = [sampler.plan(slot) for slot in reversed(slots)][::-1]
    assert plans(tools, 20) == backwards[:20]
    assert plans(list(reversed(tools)), 20) == backwards[:20]
    assert plans(tools, 20, Settings(seed=1)) != backwards[:20]


def test_weights_written_in_another_order_draw_the_same_plans() -> None:
    mixed = {"languages": {"German": 1, "English": 1, "Dutch": 2}, "registers": {"terse": 1, "chatty": 2, "formal": 1}}
    given = SETTINGS.model_dump(mode="json") | mixed
    turned = {
        name: dict(reversed(value.items())) if isinstance(value, dict) and name not in ("llm", "roles") else value
        for name, value in given.items()
    }
    one, other = Settings.model_validate(given), Settings.model_validate(turned)
    assert [*given["plan_shapes"]] != [*turned["plan_shapes"]]
    assert plans(many(12, 3), 30, one) == plans(many(12, 3), 30, other)
    assert one.model_dump_json() == other.model_dump_json()


def test_shapes_come_in_their_set_shares_where_the_tools_allow_it() -> None:
    weights = {PlanShape.CHAIN: 4.0, PlanShape.FAN_OUT: 2.0, PlanShape.FAN_IN: 1.0, PlanShape.INDEPENDENT: 3.0}
    made = plans(many(120, 3), 300, Settings(plan_shapes=weights))
    sub_tasks = [s for plan in made for s in plan.sub_tasks if s.wanted is not PlanShape.SINGLE]
    shapes = Counter(sub_task.shape for sub_task in sub_tasks)
    for shape, weight in weights.items():
        assert abs(shapes[shape] / len(sub_tasks) - weight / 10) < 0.04
    assert sum(sub_task.shape is sub_task.wanted for sub_task in sub_tasks) > 0.9 * len(sub_tasks)


def test_a_shape_the_tools_do_not_allow_is_recorded_as_wanted_and_not_made() -> None:
    tools = [make(f"{verb}_{noun}", ["note"], [], []) for verb, noun in zip(VERBS, NOUNS, strict=False)]
    made = plans(tools, 40, Settings(plan_shapes={PlanShape.CHAIN: 1, PlanShape.INDEPENDENT: 1}))
    counts = Counter((s.wanted, s.shape) for plan in made for s in plan.sub_tasks if s.wanted is not PlanShape.SINGLE)
    assert counts[PlanShape.CHAIN, PlanShape.CHAIN] == 0
    assert counts[PlanShape.CHAIN, PlanShape.INDEPENDENT] > 20


def test_a_tool_that_takes_back_comes_in_a_later_sub_task_than_what_it_takes_back() -> None:
    tools = [make("book_table", ["note"], [], ["booking_id"]), make("cancel_table", ["booking_id"], [], [])]
    graph = ToolGraph(tools, find_links(tools))
    for plan in plans(tools, 60):
        sound(plan, graph, SETTINGS)
        first = plan.needed_tools.index("cancel_table") if "cancel_table" in plan.needed_tools else 1
        assert first == 1


@pytest.mark.parametrize(
    ("domain_name", "before", "after", "neither"),
    [
        ("home_energy", "book_energy_survey", "get_survey_report", "compare_energy_tariffs"),
        # A lease is of an accepted application, and somebody has to decide on that first.
        ("apartment_rentals", "submit_rental_application", "sign_rental_lease", "estimate_fair_rent"),
    ],
)
def test_what_came_of_a_booking_is_asked_in_a_later_sub_task_before_which_time_passes(
    domain_name: str, before: str, after: str, neither: str
) -> None:
    domain = POOL.domain(domain_name)
    graph = ToolGraph(domain.tools, find_links(domain.tools))
    assert graph.awaits(after, before)
    assert not graph.awaits(before, after)
    assert not graph.awaits(neither, before)
    drawn = plans(list(domain.tools), 80)
    later = 0
    for plan in drawn:
        booked = False
        for sub_task in plan.sub_tasks:
            asks, books = ({name} <= {*sub_task.tools} for name in (after, before))
            assert not (asks and books), "nobody has the findings of a visit in the message that books it"
            assert not (booked and asks) or sub_task.time_passes
            later += booked and asks
            booked = (booked and not sub_task.time_passes) or books
    assert later > 5
    assert any(sub_task.time_passes for plan in drawn for sub_task in plan.sub_tasks)


def test_a_look_up_is_repeated_once_and_what_a_list_feeds_twice() -> None:
    tools = [make("check_weather", ["city_name"], [], ["outcome"])]
    steps = [each.steps for plan in plans(tools, 60) for each in plan.sub_tasks]
    assert max(steps) == 2


def test_a_look_up_of_what_one_result_holds_is_not_repeated_unless_the_user_can_vary_it() -> None:
    finds = make("find_order", ["customer_name"], [], ["order_id"])
    for takes, gains in ([["order_id"], False], [["order_id", "language_name"], True]):
        drawn = plans([finds, make("check_order_label", [*takes], [], ["outcome"])], 60)
        parts = [part for plan in drawn for part in plan.sub_tasks if part.tools == ("find_order", "check_order_label")]
        assert any("find_order" in part.again for part in parts)
        assert any("check_order_label" in part.again for part in parts) is gains


def shared(plan: TaskPlan) -> list[bool]:
    """Of each sub-task with two tools or more: whether tools share a step."""
    return [part.steps < len(part.tools) for part in plan.sub_tasks if len(part.tools) > 1]


def test_tools_that_do_not_need_each_other_share_a_step_as_often_as_it_is_set() -> None:
    tools = list(POOL.domain("farm_irrigation").tools)
    graph = ToolGraph(tools, find_links(tools))
    made = {share: plans(tools, 120, Settings(parallel_share=share)) for share in (0.0, 0.5, 1.0)}
    none, half, every = (sum(each for plan in drawn for each in shared(plan)) for drawn in made.values())
    assert every - none > 50
    assert abs((half - none) / (every - none) - 0.5) < 0.12
    for apart, together in zip(made[0.0], made[1.0], strict=True):
        for one, other in zip(apart.sub_tasks, together.sub_tasks, strict=True):
            # Nothing else of a plan depends on it.
            assert one.model_copy(update={"steps": 0, "again": ()}) == other.model_copy(
                update={"steps": 0, "again": ()}
            )
            if one.steps != other.steps:
                assert other.steps == len(other.tools) - 1
                assert not other.again
                assert any(not graph.is_fed(after, before) for before, after in pairwise(other.tools))


def test_tools_that_need_each_other_never_share_a_step() -> None:
    made = plans(list(POOL.domain("home_energy").tools), 100, Settings(parallel_share=1))
    chains = [part for plan in made for part in plan.sub_tasks if part.shape is PlanShape.CHAIN]
    assert len(chains) > 50
    assert all(part.steps >= len(part.tools) for part in chains)


def test_steps_are_never_fewer_than_set() -> None:
    settings = Settings(parallel_share=1, steps=Range(low=3, high=3))
    made = plans(list(POOL.domain("farm_irrigation").tools), 60, settings)
    assert {part.steps for plan in made for part in plan.sub_tasks} == {3}


def test_distractors_come_in_their_set_shares_and_borrowed_ones_are_not_of_the_domain() -> None:
    tools = many(60, 5)
    borrowed = list(POOL.domain("museum_visits").tools)
    mix = {DistractorKind.SAME_DOMAIN: 1.0, DistractorKind.LOOK_ALIKE: 1.0, DistractorKind.OTHER_DOMAIN: 2.0}
    made = plans(tools, 200, Settings(distractor_mix=mix), borrowed)
    kinds = Counter(kind for plan in made for kind in plan.distractor_kinds)
    total = sum(kinds.values())
    assert 2 <= total / 200 <= 4
    for kind, weight in mix.items():
        assert abs(kinds[kind] / total - weight / 4) < 0.05
    lent = {tool.name for tool in borrowed}
    for plan in made:
        for name, kind in zip(plan.distractors, plan.distractor_kinds, strict=True):
            assert (name in lent) == (kind is DistractorKind.OTHER_DOMAIN)
    assert {n for plan in made for n in plan.distractors} & lent == lent
    own = plans(tools, 50, Settings(distractor_mix={DistractorKind.LOOK_ALIKE: 1}), borrowed)
    assert not {name for plan in own for name in plan.distractors} & lent


def test_a_look_alike_is_like_a_needed_tool() -> None:
    tools = [make(f"{verb}_{noun}", ["note"]) for noun in NOUNS for verb in VERBS]
    made = plans(tools, 40, Settings(distractor_mix={DistractorKind.LOOK_ALIKE: 1}))
    alike = [
        bool(set(name.split("_")) & {word for needed in plan.needed_tools for word in needed.split("_")})
        for plan in made
        for name, kind in zip(plan.distractors, plan.distractor_kinds, strict=True)
        if kind is DistractorKind.LOOK_ALIKE
    ]
    assert len(alike) > 80
    assert all(alike)


def test_another_tool_lent_changes_few_plans() -> None:
    tools, borrowed = many(40, 2), list(POOL.domain("museum_visits").tools)
    before = plans(tools, 100, borrowed=borrowed)
    after = plans(tools, 100, borrowed=borrowed[1:])
    gone = borrowed[0].name
    assert [x for x, y in zip(before, after, strict=True) if x != y] == [x for x in before if gone in x.distractors]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"plan_shapes": {"chain": 0}}, "at least one weight"),
        ({"plan_shapes": {"chain": -1}}, "greater than or equal"),
        ({"plan_shapes": {"single": 1}}, "steps decides"),
        ({"plan_shapes": {"ring": 1}}, "plan_shapes"),
        ({"distractor_mix": {}}, "at least one weight"),
        ({"distractor_mix": {"look_alike": float("inf")}}, "finite"),
    ],
)
def test_weights_are_checked(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings.model_validate(change)


@given(st.dictionaries(st.sampled_from("abcd"), st.integers(0, 5), min_size=1), st.integers(0, 10**6))
@budget(max_examples=60, deadline=None)
def test_shares_come_out_as_set(weights: dict[str, float], start: int) -> None:
    if not sum(weights.values()):
        return
    drawn = Counter(share_of(weights, start + place, "a seed") for place in range(200))
    for choice, weight in weights.items():
        assert abs(drawn[choice] / 200 - weight / sum(weights.values())) < 0.03
