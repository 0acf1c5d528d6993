"""The worlds behind the shipped domains: results fit the pool, the day and one another, and calls change later ones."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any

import jsonschema_rs
import pytest

from tests.execution.runs import call, run_of
from toolace_dagster.execution.executor import domain_executor
from toolace_dagster.execution.protocol import ExecutedCall, Outcome
from toolace_dagster.execution.shipped.apartment_rentals import RentalOffice
from toolace_dagster.execution.shipped.clinic_appointments import Clinic
from toolace_dagster.execution.shipped.library_lending import Library
from toolace_dagster.execution.shipped.podcast_studio import PodcastStudio
from toolace_dagster.settings import SHIPPED_POOL
from toolace_dagster.tool_pool import load_pool

POOL = load_pool(SHIPPED_POOL)
WORLDS: dict[str, Any] = {
    "apartment_rentals": RentalOffice,
    "clinic_appointments": Clinic,
    "library_lending": Library,
    "podcast_studio": PodcastStudio,
}
SEEDS = range(25)


def samples(schema: dict[str, Any], *, every: bool) -> dict[str, Any]:
    """Arguments out of a tool's own examples and choices; the required ones, or every one."""

    def one(of: dict[str, Any]) -> Any:
        if of["type"] == "object":
            return samples(of, every=every)
        if of["type"] == "array":
            return [one(of["items"])]
        if of["type"] == "boolean":
            return True
        return (of.get("examples") or of["enum"])[0]

    wanted = of if (of := schema["properties"]) and every else {n: of[n] for n in schema["required"]}
    return {name: one(view) for name, view in wanted.items()}


def test_four_shipped_domains_run_for_real() -> None:
    assert {domain.name for domain in POOL.domains if domain.backends} == set(WORLDS)


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("every", [False, True])
def test_every_tool_answers_what_its_schema_says(name: str, every: bool) -> None:
    refused: dict[str, int] = {}
    for tool in POOL.domain(name).tools:
        assert tool.result is not None
        arguments = samples(dict(tool.parameters), every=every)
        for seed in SEEDS:
            world = WORLDS[name](seed=seed)
            try:
                answer = getattr(world, tool.name)(**arguments)
            except ValueError:
                refused[tool.name] = refused.get(tool.name, 0) + 1
                continue
            jsonschema_rs.validate(tool.result, answer)
            assert getattr(WORLDS[name](seed=seed), tool.name)(**arguments) == answer
    # An identifier that the user brings is good in most worlds.
    assert all(count < 0.6 * len(SEEDS) for count in refused.values()), refused


def outcomes_of(name: str, *calls: ExecutedCall) -> tuple[Outcome, ...]:
    """What the pool's own backend answers, in its confined worker."""
    domain = POOL.domain(name)
    executor = domain_executor(name, domain.backends, {tool.name: tool for tool in domain.tools})
    assert executor is not None
    assert executor.executes == {tool.name for tool in domain.tools}

    async def ran() -> tuple[Outcome, ...]:
        async with executor as entered:
            return await entered.run(run_of(*calls))

    return asyncio.run(ran())


def test_a_slot_is_taken_by_one_appointment_and_freed_by_its_cancellation() -> None:
    clinic = Clinic(seed=4)
    patient = clinic.register_clinic_patient("Ines Moreau", "1988-04-02", "+33155501234")["patient_id"]
    with pytest.raises(ValueError, match=f"registered already, as patient {patient}"):
        clinic.register_clinic_patient("Ines Moreau", "1988-04-02", "+33155501234")
    doctor = clinic.find_clinician("nutrition", "Porto")["clinicians"][0]["clinician_id"]
    first, second, *_ = [slot["slot_id"] for slot in clinic.list_open_slots(doctor, "2026-06-01")["slots"]]
    booked = clinic.book_clinic_appointment(first, patient, "yearly check-up")["appointment_id"]
    with pytest.raises(ValueError, match="is taken"):
        clinic.book_clinic_appointment(first, patient, "yearly check-up")
    assert first not in str(clinic.list_open_slots(doctor, "2026-06-01"))
    assert clinic.move_clinic_appointment(booked, second)["appointment_status"] == "moved"
    assert clinic.confirm_appointment_attendance(booked)["appointment_status"] == "confirmed"
    assert clinic.confirm_appointment_attendance(booked)["appointment_status"] == "already_confirmed"
    clinic.cancel_clinic_appointment(booked, "recovered")
    assert {first, second} <= {slot["slot_id"] for slot in clinic.list_open_slots(doctor, "2026-06-01")["slots"]}
    with pytest.raises(ValueError, match="was cancelled"):
        clinic.move_clinic_appointment(booked, first)
    with pytest.raises(ValueError, match="there is no appointment AP-000000"):
        clinic.cancel_clinic_appointment("AP-000000", "other")


def test_a_lease_lets_the_apartment_it_is_for() -> None:
    office = RentalOffice(seed=1)
    listing = office.search_apartments("Cork", 5000.0)["listings"][0]["listing_id"]
    person = office.create_applicant_profile("Bao Tran", "bao@example.org", 6000.0, "employed")["applicant_id"]
    with pytest.raises(ValueError, match=f"already: {person}"):
        office.create_applicant_profile("Bao Tran", "bao@example.org", 6000.0)
    applied = office.submit_rental_application(listing, person, "2026-09-01")
    assert applied["application_status"] == "accepted"
    sign = (applied["application_id"], "Bao Tran", "2026-08-20", True)
    with pytest.raises(ValueError, match="in the name of Bao Tran"):
        office.sign_rental_lease(applied["application_id"], "Somebody Else", "2026-08-20", True)
    lease = office.sign_rental_lease(*sign)["lease_id"]
    with pytest.raises(ValueError, match="signed already"):
        office.sign_rental_lease(*sign)
    assert listing not in str(office.search_apartments("Cork", 5000.0))
    with pytest.raises(ValueError, match="is let"):
        office.schedule_apartment_viewing(listing, person, "2026-08-21T10:00:00Z")
    office.request_apartment_repair(lease, "heating", "Radiator stays cold")
    with pytest.raises(ValueError, match="under way already"):
        office.request_apartment_repair(lease, "heating", "Radiator stays cold")


def test_a_search_without_a_match_mostly_brings_one_up() -> None:
    wish = {"min_bedrooms": 3, "amenities": ["furnished", "garden", "lift"], "pets_allowed": True}
    found = 0
    for seed in range(40):
        office = RentalOffice(seed=seed)
        listings = office.search_apartments("Osaka", 700.0, available_from="2026-09-01", **wish)["listings"]
        assert all(each["monthly_rent"] <= 700 and each["bedrooms"] >= 3 for each in listings)
        assert office.search_apartments("Osaka", 700.0, available_from="2026-09-01", **wish)["listings"] == listings
        if listings:
            found += 1
            details = office.get_apartment_details(listings[0]["listing_id"])
            assert details["monthly_rent"] == listings[0]["monthly_rent"]
            assert details["available_from"] <= "2026-09-01"
    assert 30 <= found < 40
    assert RentalOffice(seed=1).search_apartments("Osaka", 100.0)["listings"] == []


def test_an_application_above_the_limit_waits_and_cannot_be_signed() -> None:
    office = RentalOffice(seed=1)
    listing = office.search_apartments("Cork", 5000.0)["listings"][-1]["listing_id"]
    person = office.create_applicant_profile("Bao Tran", "bao@example.org", 900.0, "student")["applicant_id"]
    applied = office.submit_rental_application(listing, person, "2026-09-01")
    assert applied["application_status"] == "received"
    with pytest.raises(ValueError, match="not accepted yet"):
        office.sign_rental_lease(applied["application_id"], "Bao Tran", "2026-08-20", True)
    # The failed signature told of no lease, and one that is made up after it is none.
    with pytest.raises(ValueError, match="there is no lease LS-WY3461"):
        office.request_apartment_repair("LS-WY3461", "heating", "Radiator stays cold")


def test_an_episode_needs_audio_and_is_published_once() -> None:
    studio = PodcastStudio(seed=2)
    room = studio.find_recording_studio("Wellington", seats=1)["studios"][0]["studio_id"]
    show = studio.create_podcast_show("Fog Signals", "Ana Reyes", "history")["show_id"]
    assert studio.create_podcast_show("fog signals", "Ana Reyes", "history")["show_status"] == "title_taken"
    session = studio.book_studio_session(room, show, "2026-05-06T10:00:00Z", 2)["studio_session_id"]
    with pytest.raises(ValueError, match="is taken from 10:00 to 12:00"):
        studio.book_studio_session(room, show, "2026-05-06T11:00:00Z", 2)
    silent = studio.draft_podcast_episode(show, "No sound yet")
    assert silent["draft_status"] == "waiting_for_audio"
    assert studio.publish_podcast_episode(silent["episode_id"], "2026-06-01T08:00:00Z")["episode_status"] == "blocked"
    drafted = studio.draft_podcast_episode(show, "Forty winters", session)
    assert (drafted["episode_number"], drafted["draft_status"]) == (2, "ready_for_edit")
    with pytest.raises(ValueError, match="is in episode"):
        studio.draft_podcast_episode(show, "Forty winters again", session)
    episode = drafted["episode_id"]
    with pytest.raises(ValueError, match="is not published"):
        studio.get_episode_audience(episode)
    assert studio.publish_podcast_episode(episode, "2026-06-01T08:00:00Z")["episode_status"] == "scheduled"
    with pytest.raises(ValueError, match="published already"):
        studio.publish_podcast_episode(episode, "2026-06-02T08:00:00Z")
    assert studio.get_episode_audience(episode, to_date="2026-07-01")["play_count"] > 0


DAYS = [date(2026, 1, 5), date(2026, 8, 22), date(2027, 12, 18)]


@pytest.mark.parametrize("today", DAYS)
def test_a_world_lives_on_the_day_it_is_told(today: date) -> None:
    for seed in SEEDS:
        library = Library(seed=seed, today=today)
        member = library.find_library_member("Ines Moreau", "ines@example.org")
        valid = date.fromisoformat(member["card_expires_on"]) >= today
        assert (member["membership_status"] == "active") is valid
        listed = library.list_member_loans(member["member_id"], include_returned=True)
        out = [loan for loan in listed["loans"] if not loan["returned"]]
        assert listed["overdue_count"] == sum(loan["due_date"] < today.isoformat() for loan in out)
        assert all(abs(date.fromisoformat(loan["due_date"]) - today) < timedelta(days=30) for loan in out)
        assert out[0] == library.list_member_loans(member["member_id"])["loans"][0], "which is due first can be told"
        clinic = Clinic(seed=seed, today=today)
        doctors = clinic.find_clinician("nutrition", "Porto")["clinicians"]
        assert all(doctor["next_free_date"] > today.isoformat() for doctor in doctors)
        slots = clinic.list_open_slots(doctors[0]["clinician_id"], today.isoformat())["slots"]
        assert slots
        assert all(slot["starts_at"] > today.isoformat() for slot in slots)


def test_what_has_to_lie_ahead_can_not_lie_behind() -> None:
    today, past = date(2026, 8, 22), "2026-08-21"
    office = RentalOffice(seed=1, today=today)
    listing = office.search_apartments("Cork", 5000.0, available_from="2026-08-01")["listings"][0]["listing_id"]
    person = office.create_applicant_profile("Bao Tran", "bao@example.org", 6000.0, "employed")["applicant_id"]
    with pytest.raises(ValueError, match="starts_at lies in the past: today is 2026-08-22"):
        office.schedule_apartment_viewing(listing, person, f"{past}T10:00:00Z")
    with pytest.raises(ValueError, match="free_on lies in the past"):
        PodcastStudio(seed=1, today=today).find_recording_studio("Cork", free_on=past)


@pytest.mark.parametrize("seed", range(6))
def test_time_passes_where_somebody_asks_what_came_of_a_thing(seed: int) -> None:
    studio = PodcastStudio(seed=seed, today=date(2026, 8, 22))
    room = studio.find_recording_studio("Wellington", seats=1, free_on="2026-09-03")["studios"][0]["studio_id"]
    show = studio.create_podcast_show("Fog Signals", "Ana Reyes", "history")["show_id"]
    session = studio.book_studio_session(room, show, "2026-09-03T10:00:00Z", 2)["studio_session_id"]
    episode = studio.draft_podcast_episode(show, "Forty winters", session)["episode_id"]
    transcript = studio.create_episode_transcript(episode)
    assert transcript["ready_at"].startswith("2026-09-03"), "the session was recorded by then"
    assert studio.publish_podcast_episode(episode, "2026-09-10T08:00:00Z")["episode_status"] == "scheduled"
    whole, part = studio.get_episode_audience(episode), studio.get_episode_audience(episode, to_date="2026-09-12")
    assert whole["play_count"] > part["play_count"] > 0
    with pytest.raises(ValueError, match="can't be heard before"):
        studio.get_episode_audience(episode, to_date="2026-09-09")


def test_a_title_is_one_entry_however_it_is_searched_for() -> None:
    for seed in SEEDS:
        library = Library(seed=seed, today=date(2026, 8, 22))
        every = library.search_catalogue("history of weaving", max_results=25)
        entries = {each["title_id"]: each["title"] for each in every["titles"]}
        assert len(set(entries.values())) == len(entries), "no title stands under two identifiers"
        assert not any("history of history" in title.lower() for title in entries.values())
        for language in ("english", "french"):
            for form in ("book", "audiobook"):
                found = library.search_catalogue(
                    "history of weaving", media_format=form, language=language, max_results=25
                )
                known = library.search_catalogue("history of weaving", max_results=100)["titles"]
                assert all(each in known for each in found["titles"])


def test_nobody_waits_for_what_is_on_the_shelf_and_a_hold_comes_last_in_the_queue() -> None:
    waited = 0
    for seed in SEEDS:
        library = Library(seed=seed, today=date(2026, 8, 22))
        member = library.find_library_member("Ines Moreau", "ines@example.org")
        branch = library.find_library_branch("Millbrook")["branch_id"]
        if member["membership_status"] == "expired":
            continue
        for each in library.search_catalogue("beekeeping", media_format="book", language="english")["titles"][:4]:
            before = library.get_title_details(each["title_id"])
            assert not (before["copies_available"] and before["waiting_count"])
            hold = library.place_title_hold(each["title_id"], member["member_id"], branch)
            waits = hold["hold_status"] == "waiting"
            assert waits is not bool(before["copies_available"])
            assert hold["queue_position"] == (before["waiting_count"] + 1 if waits else 1)
            assert not waits or hold["expected_ready_date"] > before["earliest_due_date"]
            waited += waits
    assert waited


def test_the_confined_worker_runs_each_shipped_world() -> None:
    found, broken = outcomes_of(
        "clinic_appointments",
        call("find_clinician", specialty="cardiology", city="Osaka"),
        call("list_open_slots", clinician_id="CL-0000", from_date="2026-06-01"),
    )
    assert not found.is_error
    assert broken.content == {"error": "there is no clinician CL-0000"}
    searched, viewed = outcomes_of(
        "apartment_rentals",
        call("search_apartments", city="Graz", max_rent=2500),
        call("get_apartment_details", listing_id="APT-00000"),
    )
    assert not searched.is_error
    assert viewed.is_error
    (made,) = outcomes_of(
        "podcast_studio",
        call("create_podcast_show", show_title="Cold Seeds", host_name="Uma Rao", genre="science"),
    )
    assert not made.is_error
