"""The shipped library, run for real: results follow the pool's schemas, and what one call changes later ones see."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import jsonschema_rs

from tests.execution.runs import call, run_of
from tests.pipeline.homes import held, run_domain
from toolace_dagster.entities.backend import PythonBackend
from toolace_dagster.execution.executor import domain_executor
from toolace_dagster.execution.protocol import ExecutedCall, Outcome, ToolRun
from toolace_dagster.execution.shipped.library_lending import Library
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.refinement.rounds import RefinedDialogue
from toolace_dagster.settings import SHIPPED_POOL, ModelSettings, Settings
from toolace_dagster.tool_pool import load_pool
from toolace_dagster.warehouse import Warehouse

LIBRARY = PythonBackend(target="toolace_dagster.execution.shipped.library_lending:Library")
WHO = {"full_name": "Eun-ji Seo", "email": "seo@example.org"}


def run(*calls: ExecutedCall, dialogue_id: str = "a") -> tuple[Outcome, ...]:
    """Run calls of the library, and hold each result against the pool's schema."""
    domain = load_pool(SHIPPED_POOL).domain("library_lending")
    tools = {tool.name: tool for tool in domain.tools}
    executor = domain_executor(domain.name, [LIBRARY], tools)
    assert executor is not None
    assert executor.executes == set(tools)

    async def ran(run: ToolRun) -> tuple[Outcome, ...]:
        async with executor as entered:
            return await entered.run(run)

    outcomes = asyncio.run(ran(run_of(*calls, dialogue_id=dialogue_id)))
    for each, outcome in zip(calls, outcomes, strict=True):
        schema = tools[each.tool].result
        assert schema is not None
        assert outcome.is_error or jsonschema_rs.is_valid(schema, outcome.content), (each, outcome.content)
    return outcomes


def known() -> dict[str, Any]:
    """Identifiers that the world of this dialogue hands out."""
    found, member, branch = run(
        call("search_catalogue", query="beekeeping"),
        call("find_library_member", **WHO),
        call("find_library_branch", district="Millbrook"),
    )
    assert isinstance(found.content, dict)
    assert isinstance(member.content, dict)
    assert isinstance(branch.content, dict)
    titles: Any = found.content["titles"]
    return {
        "title_id": titles[0]["title_id"],
        "member_id": member.content["member_id"],
        "branch_id": branch.content["branch_id"],
    }


START = (
    call("search_catalogue", query="beekeeping"),
    call("find_library_member", **WHO),
    call("find_library_branch", district="Millbrook"),
)


def test_a_hold_is_there_until_it_is_cancelled() -> None:
    ids = known()
    placed = run(*START, call("place_title_hold", **ids), call("place_title_hold", **ids))
    assert not placed[3].is_error
    assert placed[4].content == {"error": f"member {ids['member_id']} has a hold on {ids['title_id']} already"}
    assert isinstance(placed[3].content, dict)
    hold = placed[3].content["hold_id"]
    cancel = call("cancel_title_hold", hold_id=hold)
    *_, first, second = run(*START, call("place_title_hold", **ids), cancel, cancel)
    assert isinstance(first.content, dict)
    assert isinstance(second.content, dict)
    assert (first.content["hold_status"], first.content["active_holds_left"]) == ("cancelled", 0)
    assert second.content["hold_status"] == "already_cancelled"


def test_a_renewal_moves_the_due_date_that_is_listed() -> None:
    library = Library(seed=3)
    member = library.find_library_member(**WHO)["member_id"]
    for loan in library.list_member_loans(member)["loans"]:
        renewed = library.renew_loan(loan["loan_id"], extra_weeks=3)
        now = {each["loan_id"]: each["due_date"] for each in library.list_member_loans(member)["loans"]}
        assert now[loan["loan_id"]] == renewed["new_due_date"]
        assert (renewed["new_due_date"] > loan["due_date"]) == (renewed["renewal_status"] == "renewed")


def test_identifiers_that_were_not_handed_out_are_unknown() -> None:
    outcomes = run(
        *START,
        call("list_member_loans", member_id=known()["member_id"]),
        call("place_title_hold", **known()),
        call("get_title_details", title_id="TL-00000"),
        call("renew_loan", loan_id="LN-00000"),
        call("list_member_loans", member_id="LM-000000"),
        call("cancel_title_hold", hold_id="HD-00000"),
    )
    assert [o.content for o in outcomes[5:]] == [
        {"error": "there is no title TL-00000"},
        {"error": "there is no loan LN-00000"},
        {"error": "there is no member LM-000000"},
        {"error": "there is no hold HD-00000"},
    ]


def test_a_dialogue_fixes_its_world() -> None:
    search = call("search_catalogue", query="folk tales")
    assert [o.content for o in run(search)] == [o.content for o in run(search)]
    assert run(search)[0].content != run(search, dialogue_id="b")[0].content


def test_dialogues_of_an_executable_domain_hold_real_outputs_to_the_end(tmp_path: Path) -> None:
    settings = Settings(dialogues=4, rounds=2, llm=ModelSettings(error_rate=0))
    where = StageContext(
        domain="library_lending", settings=settings, warehouse=Warehouse(tmp_path / "home"), run_id="first"
    )
    reports = run_domain(where)
    assert [report.failed for report in reports] == [0] * len(reports)
    outputs = [
        output
        for row in where.payloads("refinement_round_02", RefinedDialogue).values()
        for turn in row.dialogue.turns
        for output in turn.outputs
    ]
    assert outputs
    assert {output.source for output in outputs} <= {"executed", "injected"}
    before = held(where)
    assert [report.made for report in run_domain(where)] == [0] * len(reports)
    assert held(where) == before
