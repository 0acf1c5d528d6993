"""The shipped domain ``apartment_rentals``, run for real: listings, applicants, viewings, leases, repairs.

Belongs here: the eight tools, applicants, viewings, applications and leases. Does
not belong here: apartments and rents (``apartment_market``), the tools' definitions.
Standard library only.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

from toolace_dagster.execution.shipped.apartment_market import Market
from toolace_dagster.execution.shipped.world import PEOPLE, Records, World, time_of

_NO_LIMIT = 50_000.0
_POINTS = ("Front door", "Lobby by the letter boxes", "Café on the corner")
_FORWARDED = frozenset(("windows", "kitchen"))
_WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclasses.dataclass
class _Applicant:
    id: str
    name: str
    email: str
    limit: float
    complete: bool


@dataclasses.dataclass
class _Viewing:
    id: str
    listing: str
    applicant: str
    day: dt.date


@dataclasses.dataclass
class _Application:
    id: str
    listing: str
    applicant: str
    status: str
    moves_in: dt.date
    due: dt.date
    signed: bool = False


@dataclasses.dataclass
class _Lease:
    id: str
    starts: dt.date
    open_repairs: dict[str, str] = dataclasses.field(default_factory=dict[str, str])


class RentalOffice(World):
    """A rental office."""

    def __init__(self, seed: int = 0, today: dt.date | None = None) -> None:
        super().__init__(seed, today)
        self._market = Market(self)
        self._applicants: Records[_Applicant] = Records(
            self, "applicant", "TN-#####", lambda i: _Applicant(i, "", "", _NO_LIMIT, True)
        )
        self._viewings: Records[_Viewing] = Records(
            self, "viewing", "VW-#####", lambda i: _Viewing(i, "", "", self.today)
        )
        self._applications: Records[_Application] = Records(self, "application", "RA-######", self._brought_application)
        self._leases: Records[_Lease] = Records(self, "lease", "LS-@@####", lambda i: _Lease(i, self.today))

    def search_apartments(
        self,
        city: str,
        max_rent: float,
        min_bedrooms: int = 1,
        amenities: list[str] | None = None,
        pets_allowed: bool = False,
        available_from: str | None = None,
    ) -> dict[str, Any]:
        day = None
        if available_from is not None:
            day = self.coming(available_from, "available_from", may_lie_behind=True)
        found = self._market.search(
            city, max_rent, min_bedrooms, frozenset(amenities or ()), pets=pets_allowed, day=day
        )
        shown = [
            {
                "listing_id": each.id,
                "neighbourhood": each.neighbourhood,
                "monthly_rent": each.rent,
                "bedrooms": each.bedrooms,
            }
            for each in found
        ]
        return {"total_found": len(found), "listings": shown}

    def get_apartment_details(self, listing_id: str, include_bills: bool = False) -> dict[str, Any]:
        listing = self._market.get(listing_id)
        details: dict[str, Any] = {
            "street_address": listing.address,
            "monthly_rent": listing.rent,
            "deposit": 2 * listing.rent,
            "floor_area_m2": listing.area,
            "available_from": listing.free_from.isoformat(),
        }
        return details | {"monthly_bills": 40.0 + round(1.5 * listing.area)} if include_bills else details

    def estimate_fair_rent(
        self,
        city: str,
        neighbourhood: str,
        bedrooms: int,
        floor_area_m2: float | None = None,
        condition: str = "average",
    ) -> dict[str, Any]:
        return self._market.fair_rent(city, neighbourhood, bedrooms, floor_area_m2, condition)

    def create_applicant_profile(
        self,
        full_name: str,
        email: str,
        monthly_income: float,
        employment: str | None = None,
        household: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        self._applicants.expect()
        for each in self._applicants.all():
            if each.email == email.strip().casefold():
                raise ValueError(f"there is a profile for {email} already: {each.id}")
        made = self._applicants.add(
            lambda i: _Applicant(
                id=i,
                name=full_name.strip(),
                email=email.strip().casefold(),
                limit=round(monthly_income / 30) * 10.0,
                complete=employment is not None or household is not None,
            ),
            email,
        )
        return {
            "applicant_id": made.id,
            "profile_status": "complete" if made.complete else "documents_missing",
            "rent_limit": made.limit,
            "valid_until": self.later(180),
        }

    def schedule_apartment_viewing(
        self,
        listing_id: str,
        applicant_id: str,
        starts_at: str,
        viewing_mode: str = "in_person",
        companions: int = 0,  # noqa: ARG002 - accepted, and of no consequence here
    ) -> dict[str, Any]:
        self._viewings.expect()
        listing, applicant = self._market.open(listing_id), self._applicants.get(applicant_id)
        starts = time_of(starts_at, "starts_at")
        self.coming(starts_at, "starts_at")
        if not 8 <= starts.hour < 19:
            raise ValueError("viewings are held between 08:00 and 19:00")
        for each in self._viewings.all():
            if (each.listing, each.applicant) == (listing.id, applicant.id):
                raise ValueError(f"applicant {applicant.id} has a viewing of {listing.id} already: {each.id}")
        made = self._viewings.add(
            lambda i: _Viewing(i, listing.id, applicant.id, starts.date()), listing.id, applicant.id
        )
        return {
            "viewing_id": made.id,
            "viewing_status": "waiting_for_agent" if starts.weekday() == 6 else "scheduled",
            "agent_name": self.pick(PEOPLE, "agent", listing.neighbourhood),
            "meeting_point": "Video link by e-mail" if viewing_mode == "video" else self.pick(_POINTS, listing.id),
        }

    def submit_rental_application(
        self,
        listing_id: str,
        applicant_id: str,
        move_in_date: str,
        lease_months: int = 12,  # noqa: ARG002
        viewing_id: str | None = None,
        cover_note: str | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        self._applications.expect()
        listing, applicant = self._market.open(listing_id), self._applicants.get(applicant_id)
        moves_in = self.coming(move_in_date, "move_in_date")
        if moves_in < listing.free_from:
            raise ValueError(f"{listing.id} is free from {listing.free_from} on, not on {moves_in}")
        if viewing_id is not None:
            viewing = self._viewings.get(viewing_id)
            if viewing.listing not in ("", listing.id) or viewing.applicant not in ("", applicant.id):
                raise ValueError(f"viewing {viewing_id} is another applicant's or of another apartment")
            # It is the viewing the applicant went to.
            self.pass_to(viewing.day)
        for each in self._applications.all():
            if (each.listing, each.applicant) == (listing.id, applicant.id):
                raise ValueError(f"applicant {applicant.id} has applied for {listing.id} already: {each.id}")
        status = "accepted" if applicant.complete else "incomplete"
        if listing.rent > applicant.limit:
            status = "received"
        due = self.today + dt.timedelta(days=self.number(3, 12, listing.id, applicant.id))
        made = self._applications.add(
            lambda i: _Application(i, listing.id, applicant.id, status, moves_in, due), listing.id, applicant.id
        )
        return {
            "application_id": made.id,
            "application_status": made.status,
            "decision_due_date": due.isoformat(),
            "application_fee": self.pick((0.0, 25.0, 40.0), "fee", listing.neighbourhood),
        }

    def sign_rental_lease(
        self,
        application_id: str,
        signer_name: str,
        signing_date: str,
        house_rules_accepted: bool,
        deposit_by: str = "bank_transfer",
    ) -> dict[str, Any]:
        self._leases.expect()
        application = self._applications.get(application_id)
        if application.signed:
            raise ValueError(f"the lease of application {application_id} is signed already")
        if application.status == "incomplete":
            raise ValueError(f"application {application_id} is incomplete: the applicant's documents are missing")
        if application.status == "received":
            raise ValueError(
                f"application {application_id} is not accepted yet; the owner decides by {application.due}, "
                "since the rent is above the applicant's limit"
            )
        name = self._applicants.get(application.applicant).name if application.applicant else ""
        if name and name.casefold() != signer_name.strip().casefold():
            raise ValueError(f"application {application_id} is in the name of {name}, who has to sign")
        if not house_rules_accepted:
            raise ValueError("the house rules have to be accepted")
        listing = self._market.open(application.listing)
        signed_on = self.coming(signing_date, "signing_date")
        application.signed = listing.let = True
        starts = max(signed_on, application.moves_in)
        made = self._leases.add(lambda i: _Lease(i, starts), application.id)
        return {
            "lease_id": made.id,
            "lease_status": "signed" if deposit_by == "bank_transfer" else "waiting_for_owner",
            "lease_starts_on": starts.isoformat(),
            "first_payment": listing.rent + (2 * listing.rent if deposit_by == "bank_transfer" else 0.0),
        }

    def request_apartment_repair(
        self,
        lease_id: str,
        repair_area: str,
        fault_note: str,
        access_days: list[str] | None = None,
        repair_urgency: str = "normal",
    ) -> dict[str, Any]:
        if not fault_note.strip():
            raise ValueError("fault_note must not be empty")
        lease = self._leases.get(lease_id)
        if repair_area in lease.open_repairs:
            raise ValueError(f"a repair of {repair_area} is under way already: {lease.open_repairs[repair_area]}")
        # A repair is for an apartment somebody lives in.
        self.pass_to(lease.starts)
        repair = self.code("RQ-#####", lease.id, repair_area)
        lease.open_repairs[repair_area] = repair
        visit = self.today + dt.timedelta(days={"emergency": 1, "normal": 4, "low": 9}[repair_urgency])
        while access_days and _WEEK[visit.weekday()] not in access_days:
            visit += dt.timedelta(days=1)
        emergency = repair_urgency == "emergency"
        return {
            "repair_id": repair,
            "repair_status": "forwarded_to_owner" if repair_area in _FORWARDED and not emergency else "accepted",
            "visit_date": visit.isoformat(),
            "repairer_name": self.pick(PEOPLE, repair_area),
        }

    def _brought_application(self, identifier: str) -> _Application:
        listing = self._market.applied_for(identifier)
        return _Application(identifier, listing.id, "", "accepted", listing.free_from, self.today)
