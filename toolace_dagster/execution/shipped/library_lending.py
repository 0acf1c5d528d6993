"""The shipped domain ``library_lending``, run for real: catalogue, branches, members, holds and loans.

Belongs here: the eight tools and their state. Does not belong here: their
definitions. Standard library only.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

from toolace_dagster.execution.shipped.world import TODAY, World, day_of, later

_AUTHORS = (
    "Piotr Zawadzki",
    "Saoirse Kavanagh",
    "Mei-Ling Chou",
    "Rafael Teixeira",
    "Tariq Mansoor",
    "Ximena Robledo",
    "Aroha Tamihana",
    "Henrik Lindqvist",
)
_FORMS = (
    "{topic}",
    "A Short History of {topic}",
    "{topic} for Beginners",
    "The Field Guide to {topic}",
    "Notes on {topic}",
    "{topic} and Other Stories",
)
_BORROWED = ("Knots and Splices", "Bread Without Hurry", "The Long Ferry", "Weather of the Coast", "A House of Cedar")
_STREETS = ("23 Harbour Street", "5 Millers Lane", "44 Swallow Road", "17 Banyan Walk", "8 Linden Avenue")
_LOAN_LIMIT = 3
_HOLD_LIMIT = 6
_SERVICE_LIMIT = 3


@dataclasses.dataclass
class _Title:
    id: str
    title: str
    author: str
    year: int
    copies: int
    waiting: int
    branch: str


@dataclasses.dataclass
class _Hold:
    id: str
    title: str
    member: str
    status: str


@dataclasses.dataclass
class _Loan:
    id: str
    member: str
    title: str
    due: dt.date
    renewals_left: int
    has_waiting_list: bool


@dataclasses.dataclass
class _Member:
    id: str
    status: str
    fines: float
    loans: list[str]


class Library(World):
    """A public library."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed)
        self._titles: dict[str, _Title] = {}
        self._branches: set[str] = set()
        self._members: dict[str, _Member] = {}
        self._holds: dict[str, _Hold] = {}
        self._loans: dict[str, _Loan] = {}
        self._returned: set[str] = set()

    def search_catalogue(
        self,
        query: str,
        media_format: str = "book",
        language: str = "english",
        available_only: bool = False,
        max_results: int = 5,
    ) -> dict[str, Any]:
        if not query.strip():
            raise ValueError("query must not be empty")
        about = (query.strip().casefold(), media_format, language)
        topic = query.strip()[:1].upper() + query.strip()[1:]
        found = [self._title(_FORMS[place].format(topic=topic), *about) for place in range(self._number(2, 5, *about))]
        if available_only:
            found = [title for title in found if title.copies]
        shown = [
            {"title_id": title.id, "title": title.title, "author": title.author, "year": title.year}
            for title in found[:max_results]
        ]
        return {"total_found": len(found), "titles": shown}

    def get_title_details(self, title_id: str, include_waiting_list: bool = True) -> dict[str, Any]:
        title = self._known(self._titles, title_id, "title")
        details: dict[str, Any] = {
            "title": title.title,
            "page_count": self._number(96, 640, title.id),
            "copies_available": title.copies,
            "earliest_due_date": later(self._number(3, 20, "due", title.id)),
            "branch_id": title.branch,
        }
        return details | {"waiting_count": title.waiting} if include_waiting_list else details

    def find_library_branch(
        self, district: str, open_at: str | None = None, services: list[str] | None = None
    ) -> dict[str, Any]:
        about = district.strip().casefold()
        if not about:
            raise ValueError("district must not be empty")
        opens, closes = self._pick(("08:30", "09:00", "10:00"), about), self._pick(("18:30", "19:00", "20:00"), about)
        if open_at is not None:
            clock = open_at[11:16]
            if clock and not opens <= clock < closes:
                raise ValueError(
                    f"no branch in {district} is open at {clock}; they open at {opens} and close at {closes}"
                )
        if services and len(services) > _SERVICE_LIMIT:
            raise ValueError(f"no branch in {district} offers all of these services")
        return {
            "branch_id": self._branch(about),
            "branch_name": f"{district.strip()} Library",
            "street_address": self._pick(_STREETS, about),
            "opens_at": opens,
            "closes_at": closes,
        }

    def find_library_member(self, full_name: str, email: str, birth_date: str | None = None) -> dict[str, Any]:
        if "@" not in email:
            raise ValueError("email must be an e-mail address")
        if birth_date is not None:
            day_of(birth_date, "birth_date")
        member = self._member(full_name.strip().casefold(), email.strip().casefold())
        return {
            "member_id": member.id,
            "membership_status": member.status,
            "card_expires_on": later(self._number(40, 600, member.id)),
            "fines_due": member.fines,
        }

    def place_title_hold(
        self,
        title_id: str,
        member_id: str,
        branch_id: str,
        notify_by: str = "email",  # noqa: ARG002 - accepted, and of no consequence here
        needed_by: str | None = None,
        collector: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        title = self._known(self._titles, title_id, "title")
        member = self._known(self._members, member_id, "member")
        if branch_id not in self._branches:
            raise ValueError(f"there is no branch {branch_id}")
        if needed_by is not None and day_of(needed_by, "needed_by") < TODAY:
            raise ValueError("needed_by lies in the past")
        held = [hold for hold in self._holds.values() if hold.member == member.id and hold.status == "active"]
        if any(hold.title == title.id for hold in held):
            raise ValueError(f"member {member.id} has a hold on {title.id} already")
        if len(held) >= _HOLD_LIMIT:
            raise ValueError(f"member {member.id} has {_HOLD_LIMIT} holds, the most there may be")
        hold = _Hold(self._digits("HD-", 5, title.id, member.id, len(self._holds)), title.id, member.id, "active")
        self._holds[hold.id] = hold
        if title.copies and branch_id == title.branch:
            title.copies -= 1
            status, position, days = "ready", 1, 0
        elif title.copies:
            title.copies -= 1
            status, position, days = "in_transit", 1, 3
        else:
            title.waiting += 1
            status, position, days = "waiting", title.waiting, 7 * title.waiting
        return {
            "hold_id": hold.id,
            "hold_status": status,
            "queue_position": position,
            "expected_ready_date": later(days),
        }

    def cancel_title_hold(self, hold_id: str, cancel_reason: str | None = None) -> dict[str, Any]:  # noqa: ARG002
        hold = self._known(self._holds, hold_id, "hold")
        status = "cancelled" if hold.status == "active" else "already_cancelled"
        if hold.status == "active":
            hold.status = "cancelled"
            title = self._titles[hold.title]
            title.waiting = max(0, title.waiting - 1)
        left = sum(each.member == hold.member and each.status == "active" for each in self._holds.values())
        return {"hold_status": status, "cancelled_at": f"{TODAY.isoformat()}T10:15:00Z", "active_holds_left": left}

    def list_member_loans(
        self, member_id: str, include_returned: bool = False, due_before: str | None = None
    ) -> dict[str, Any]:
        member = self._known(self._members, member_id, "member")
        before = day_of(due_before, "due_before") if due_before is not None else None
        loans = sorted((self._loans[loan] for loan in member.loans), key=lambda loan: loan.due)
        shown = [loan for loan in loans if before is None or loan.due < before]
        listed = [{"loan_id": loan.id, "title": loan.title, "due_date": loan.due.isoformat()} for loan in shown]
        if include_returned:
            day = TODAY - dt.timedelta(days=self._number(30, 300, member.id))
            returned = self._digits("LN-", 5, member.id, "returned")
            self._returned.add(returned)
            listed.insert(0, {"loan_id": returned, "title": "Lamps of the Old Quay", "due_date": day.isoformat()})
        return {"loan_count": len(listed), "overdue_count": sum(loan.due < TODAY for loan in shown), "loans": listed}

    def renew_loan(self, loan_id: str, extra_weeks: int = 2, fine_payment: float = 0.0) -> dict[str, Any]:
        if loan_id in self._returned:
            raise ValueError(f"the item of loan {loan_id} was returned already")
        loan = self._known(self._loans, loan_id, "loan")
        member = self._members[loan.member]
        if fine_payment > member.fines:
            raise ValueError(f"the fines due are {member.fines:.2f} euros, less than the payment")
        member.fines = round(member.fines - fine_payment, 2)
        status = "renewed"
        if loan.has_waiting_list:
            status = "refused_has_waiting_list"
        elif not loan.renewals_left:
            status = "refused_limit_reached"
        else:
            loan.renewals_left -= 1
            loan.due += dt.timedelta(weeks=extra_weeks)
        return {"renewal_status": status, "new_due_date": loan.due.isoformat(), "renewals_left": loan.renewals_left}

    def _title(self, name: str, *about: str) -> _Title:
        identifier = self._digits("TL-", 5, name, *about)
        if identifier not in self._titles:
            self._titles[identifier] = _Title(
                id=identifier,
                title=name,
                author=self._pick(_AUTHORS, name),
                year=self._number(1964, 2025, name),
                copies=self._number(0, 4, name, *about),
                waiting=self._number(0, 5, "waiting", name),
                branch=self._branch(self._pick(("eastgate", "millbrook", "old harbour"), name)),
            )
        return self._titles[identifier]

    def _branch(self, district: str) -> str:
        letters = "".join(self._rng("branch", district).choices("ABCDEFGHJKLMNPRSTVWXYZ", k=2))
        identifier = f"BR-{letters}{self._number(0, 9, 'branch', district)}"
        self._branches.add(identifier)
        return identifier

    def _member(self, name: str, email: str) -> _Member:
        identifier = self._digits("LM-", 6, name, email)
        if identifier not in self._members:
            member = _Member(identifier, "active", self._pick((0.0, 0.0, 1.5, 4.2), identifier), [])
            self._members[identifier] = member
            for place in range(self._number(1, _LOAN_LIMIT, "loans", identifier)):
                loan = _Loan(
                    id=self._digits("LN-", 5, identifier, place),
                    member=identifier,
                    title=_BORROWED[(place + self._number(0, 4, identifier)) % len(_BORROWED)],
                    due=TODAY + dt.timedelta(days=self._number(-4, 18, identifier, place)),
                    renewals_left=self._number(0, 3, "renewals", identifier, place),
                    has_waiting_list=self._likely(0.15, identifier, place),
                )
                self._loans[loan.id] = loan
                member.loans.append(loan.id)
        return self._members[identifier]

    def _known(self, things: dict[str, Any], identifier: str, kind: str) -> Any:
        if identifier not in things:
            raise ValueError(f"there is no {kind} {identifier}")
        return things[identifier]
