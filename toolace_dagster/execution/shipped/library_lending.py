"""The shipped domain ``library_lending``, run for real: catalogue, branches, members, holds and loans.

Belongs here: the eight tools, branches, members, holds and loans. Does not belong
here: titles (``library_catalogue``), the tools' definitions. Standard library only.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

from toolace_dagster.execution.shipped.library_catalogue import Catalogue
from toolace_dagster.execution.shipped.world import Records, World, day_of

_STREETS = ("23 Harbour Street", "5 Millers Lane", "44 Swallow Road", "17 Banyan Walk", "8 Linden Avenue")
_LOAN_LIMIT = 4
_HOLD_LIMIT = 6
_SERVICE_LIMIT = 3


@dataclasses.dataclass
class _Branch:
    id: str
    name: str


@dataclasses.dataclass
class _Hold:
    id: str
    title: str
    member: str
    status: str
    waits: bool = False


@dataclasses.dataclass
class _Loan:
    id: str
    member: str
    title: str
    due: dt.date
    renewals_left: int
    has_waiting_list: bool
    returned: bool = False


@dataclasses.dataclass
class _Member:
    id: str
    fines: float
    expires: dt.date
    loans: list[_Loan] = dataclasses.field(default_factory=list["_Loan"])


class Library(World):
    """A public library."""

    def __init__(self, seed: int = 0, today: dt.date | None = None) -> None:
        super().__init__(seed, today)
        self._catalogue = Catalogue(self, lambda district: self._branch(district, told=False).id)
        self._branches: Records[_Branch] = Records(self, "branch", "BR-@@#", lambda i: _Branch(i, "Central Library"))
        self._members: Records[_Member] = Records(self, "member", "LM-######", self._member)
        self._holds: Records[_Hold] = Records(self, "hold", "HD-#####", lambda i: _Hold(i, "", "", "active"))
        self._loans: Records[_Loan] = Records(self, "loan", "LN-#####", lambda i: self._loan(i, "", 0))
        self._by_district: dict[str, _Branch] = {}
        self._by_name: dict[tuple[str, str], _Member] = {}

    def search_catalogue(
        self,
        query: str,
        media_format: str | None = None,
        language: str | None = None,
        available_only: bool = False,
        max_results: int = 5,
    ) -> dict[str, Any]:
        if not query.strip():
            raise ValueError("query must not be empty")
        found = self._catalogue.search(query, media_format, language)
        if available_only:
            found = [title for title in found if title.copies]
        shown = [
            {"title_id": title.id, "title": title.title, "author": title.author, "year": title.year}
            for title in found[:max_results]
        ]
        return {"total_found": len(found), "titles": shown}

    def get_title_details(self, title_id: str, include_waiting_list: bool = True) -> dict[str, Any]:
        title = self._catalogue.get(title_id)
        details: dict[str, Any] = {
            "title": title.title,
            "page_count": self.number(96, 640, title.id),
            "copies_available": title.copies,
            "earliest_due_date": title.due.isoformat(),
            "branch_id": title.branch,
        }
        return details | {"waiting_count": title.waiting} if include_waiting_list else details

    def find_library_branch(
        self, district: str, open_at: str | None = None, services: list[str] | None = None
    ) -> dict[str, Any]:
        self._branches.expect()
        about = district.strip().casefold()
        if not about:
            raise ValueError("district must not be empty")
        opens, closes = self.pick(("08:30", "09:00", "10:00"), about), self.pick(("18:30", "19:00", "20:00"), about)
        if open_at is not None:
            clock = open_at[11:16]
            if clock and not opens <= clock < closes:
                raise ValueError(
                    f"no branch in {district} is open at {clock}; they open at {opens} and close at {closes}"
                )
        if services and len(services) > _SERVICE_LIMIT:
            raise ValueError(f"no branch in {district} offers all of these services")
        return {
            "branch_id": self._branch(district.strip()).id,
            "branch_name": f"{district.strip()} Library",
            "street_address": self.pick(_STREETS, about),
            "opens_at": opens,
            "closes_at": closes,
        }

    def find_library_member(self, full_name: str, email: str, birth_date: str | None = None) -> dict[str, Any]:
        self._members.expect()
        if "@" not in email:
            raise ValueError("email must be an e-mail address")
        if birth_date is not None:
            day_of(birth_date, "birth_date")
        who = (full_name.strip().casefold(), email.strip().casefold())
        if who not in self._by_name:
            self._by_name[who] = self._members.add(self._member, *who)
        member = self._by_name[who]
        return {
            "member_id": member.id,
            "membership_status": "active" if member.expires >= self.today else "expired",
            "card_expires_on": member.expires.isoformat(),
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
        self._holds.expect()
        title, member = self._catalogue.get(title_id), self._members.get(member_id)
        branch = self._branches.get(branch_id)
        if member.expires < self.today:
            raise ValueError(f"the card of member {member.id} expired on {member.expires}")
        if needed_by is not None:
            self.coming(needed_by, "needed_by")
        held = [hold for hold in self._holds.all() if hold.member == member.id and hold.status == "active"]
        if any(hold.title == title.id for hold in held):
            raise ValueError(f"member {member.id} has a hold on {title.id} already")
        if len(held) >= _HOLD_LIMIT:
            raise ValueError(f"member {member.id} has {_HOLD_LIMIT} holds, the most there may be")
        made = self._holds.add(lambda i: _Hold(i, title.id, member.id, "active"), title.id, member.id)
        if title.copies:
            title.copies -= 1
            here = branch.id == title.branch
            status, position, ready = "ready" if here else "in_transit", 1, self.today + dt.timedelta(0 if here else 3)
        else:
            title.waiting += 1
            status, position = "waiting", title.waiting
            ready = title.due + dt.timedelta(weeks=2 * (position - 1), days=1)
        made.waits = status == "waiting"
        return {
            "hold_id": made.id,
            "hold_status": status,
            "queue_position": position,
            "expected_ready_date": ready.isoformat(),
        }

    def cancel_title_hold(self, hold_id: str, cancel_reason: str | None = None) -> dict[str, Any]:  # noqa: ARG002
        hold = self._holds.get(hold_id)
        status = "cancelled" if hold.status == "active" else "already_cancelled"
        if hold.status == "active" and hold.title:
            title = self._catalogue.get(hold.title)
            if hold.waits:
                title.waiting -= 1
            else:
                title.copies += 1
        hold.status = "cancelled"
        left = sum(each.member == hold.member and each.status == "active" for each in self._holds.all())
        return {"hold_status": status, "cancelled_at": self.clock(), "active_holds_left": left}

    def list_member_loans(
        self, member_id: str, include_returned: bool = False, due_before: str | None = None
    ) -> dict[str, Any]:
        self._loans.expect()
        member = self._members.get(member_id)
        before = day_of(due_before, "due_before") if due_before is not None else None
        shown = sorted(
            (
                loan
                for loan in self._loans_of(member)
                if (include_returned or not loan.returned) and (before is None or loan.due < before)
            ),
            key=lambda loan: loan.due,
        )
        listed = [
            {"loan_id": loan.id, "title": loan.title, "due_date": loan.due.isoformat(), "returned": loan.returned}
            for loan in shown
        ]
        overdue = sum(loan.due < self.today and not loan.returned for loan in shown)
        return {"loan_count": len(listed), "overdue_count": overdue, "loans": listed}

    def renew_loan(self, loan_id: str, extra_weeks: int = 2, fine_payment: float = 0.0) -> dict[str, Any]:
        loan = self._loans.get(loan_id)
        if loan.returned:
            raise ValueError(f"the item of loan {loan_id} was returned already")
        if loan.member:
            member = self._members.get(loan.member)
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

    def _branch(self, district: str, *, told: bool = True) -> _Branch:
        where = district.casefold()
        if where not in self._by_district:
            self._by_district[where] = self._branches.add(lambda i: _Branch(i, district), where, told=told)
        return self._by_district[where]

    def _member(self, identifier: str) -> _Member:
        # Few cards have run out.
        days = self.number(40, 600, identifier)
        if self.likely(0.05, "expired", identifier):
            days = -self.number(5, 60, identifier)
        fines = self.pick((0.0, 0.0, 1.5, 4.2), identifier)
        return _Member(identifier, fines, expires=self.today + dt.timedelta(days=days))

    def _loans_of(self, member: _Member) -> list[_Loan]:
        if not member.loans:
            for place in range(self.number(2, _LOAN_LIMIT, "loans", member.id)):
                loan = self._loans.add(
                    lambda i, place=place: self._loan(i, member.id, place), member.id, place, told=False
                )
                member.loans.append(loan)
            member.loans[-1].returned = True
            member.loans[-1].due = self.today - dt.timedelta(days=self.number(30, 300, member.id))
        return member.loans

    def _loan(self, identifier: str, member: str, place: int) -> _Loan:
        return _Loan(
            id=identifier,
            member=member,
            title=self._catalogue.loaned(place, member or identifier),
            due=self.today + dt.timedelta(days=self.number(-4, 18, identifier)),
            renewals_left=self.number(0, 3, "renewals", identifier),
            has_waiting_list=self.likely(0.15, identifier),
        )
