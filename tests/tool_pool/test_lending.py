"""Tools that domains of a pool lend each other."""

from __future__ import annotations

from toolace_dagster.settings import SHIPPED_POOL
from toolace_dagster.tool_pool import load_pool
from toolace_dagster.tool_pool.lending import MOST_BORROWED, with_borrowed

POOL = load_pool(SHIPPED_POOL)


def test_a_domain_borrows_other_domains_tools_under_names_it_does_not_have() -> None:
    for domain in POOL.domains:
        assert len(domain.borrowed) == MOST_BORROWED
        assert len({tool.name for tool in domain.borrowed}) == MOST_BORROWED
        assert all(tool.domain != domain.name for tool in domain.borrowed)
        assert not {tool.name for tool in domain.borrowed} & {tool.name for tool in domain.tools}
    assert len({tuple(tool.name for tool in domain.borrowed) for domain in POOL.domains}) == len(POOL.domains)


def test_a_name_of_the_domains_own_is_not_borrowed() -> None:
    library = POOL.domain("library_lending")
    clashing = library.tools[0].model_copy(update={"domain": "other"})
    other = library.model_copy(update={"name": "other", "tools": (clashing,)})
    assert with_borrowed([library, other])[0].borrowed == ()


def test_a_tool_less_matters_to_those_who_borrowed_it_alone() -> None:
    lender = POOL.domain("museum_visits")
    gone = lender.tools[0]
    domains = [d if d is not lender else d.model_copy(update={"tools": d.tools[1:]}) for d in POOL.domains]
    for before, after in zip(POOL.domains, with_borrowed(domains), strict=True):
        if before.name == lender.name:
            continue
        names = {tool.name for tool in before.borrowed}
        assert len(names - {tool.name for tool in after.borrowed}) == (gone.name in names)


def test_a_pool_of_one_domain_borrows_nothing() -> None:
    assert with_borrowed([POOL.domains[0]])[0].borrowed == ()
