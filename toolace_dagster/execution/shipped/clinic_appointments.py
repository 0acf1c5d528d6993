"""The shipped domain ``clinic_appointments``, run for real: patients, clinicians, slots, appointments, referrals.

Belongs here: the eight tools and their state. Does not belong here: their
definitions. Standard library only.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

from toolace_dagster.execution.shipped.world import PEOPLE, Records, World, day_of, stamp

_SPECIALTIES = (
    "general_practice",
    "dermatology",
    "cardiology",
    "physiotherapy",
    "paediatrics",
    "ophthalmology",
    "nutrition",
)
_NEEDS_REFERRAL = frozenset(("dermatology", "cardiology", "ophthalmology"))
_LANGUAGES = ("english", "french", "arabic", "portuguese", "hindi", "ukrainian")
_CLINICS = (
    "Riverside Clinic",
    "North Gate Health House",
    "Maple Court Clinic",
    "Seaview Practice",
    "Chapel Lane Clinic",
)
_ROOMS = ("Room 4", "Room 2B", "Room 11", "Ground floor 7", "Blue wing 12")
_REMOTE = {"video": "Video room", "phone": "By phone"}
_HOURS = {
    "morning": ("08:30", "09:15", "10:00", "10:45"),
    "midday": ("12:00", "12:45"),
    "afternoon": ("14:00", "15:15", "16:00"),
    "evening": ("17:30", "18:15"),
}
_URGENCY = {"routine": (180, 28), "soon": (90, 10), "urgent": (30, 2)}
_CHANGE_FEES = {2: 0.0, 1: 5.0, 0: 10.0}
_CALENDAR_DAYS = 14


@dataclasses.dataclass
class _Patient:
    id: str
    name: str
    born: str


@dataclasses.dataclass
class _Clinician:
    id: str
    name: str
    specialty: str
    clinic: str
    fee: float
    free_from: dt.date
    minutes: int
    languages: frozenset[str]
    modes: frozenset[str]
    children: bool


@dataclasses.dataclass
class _Slot:
    id: str
    clinician: str
    starts: dt.datetime
    mode: str = "in_person"
    taken: bool = False


@dataclasses.dataclass
class _Appointment:
    id: str
    patient: str
    slot: str
    code: str
    status: str = "booked"
    moves_left: int = 3


@dataclasses.dataclass
class _Referral:
    id: str
    patient: str
    specialty: str
    until: dt.date


class Clinic(World):
    """A group of clinics."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed)
        self._patients: Records[_Patient] = Records(self, "patient", "PT-######", lambda i: _Patient(i, "", ""))
        self._clinicians: Records[_Clinician] = Records(
            self, "clinician", "CL-####", lambda i: self._clinician(i, self.pick(_SPECIALTIES, i), self.pick(PEOPLE, i))
        )
        self._slots: Records[_Slot] = Records(self, "free slot", "SLT-@@####", self._brought_slot)
        self._appointments: Records[_Appointment] = Records(self, "appointment", "AP-######", self._brought_appointment)
        self._referrals: Records[_Referral] = Records(
            self, "referral", "RF-#####", lambda i: _Referral(i, "", "", self.today + dt.timedelta(days=400))
        )
        self._rosters: dict[tuple[str, str], list[_Clinician]] = {}
        self._days: dict[tuple[str, dt.date], list[_Slot]] = {}

    def register_clinic_patient(
        self,
        full_name: str,
        birth_date: str,
        phone: str,  # noqa: ARG002 - accepted, and of no consequence here
        email: str | None = None,
        preferred_language: str = "english",  # noqa: ARG002
        emergency_contact: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        self._patients.expect()
        born = day_of(birth_date, "birth_date")
        if born > self.today:
            raise ValueError("birth_date lies in the future")
        for patient in self._patients.all():
            if (patient.name, patient.born) == (full_name.strip(), birth_date):
                raise ValueError(f"{patient.name} is registered already, as patient {patient.id}")
        made = self._patients.add(lambda i: _Patient(i, full_name.strip(), birth_date), full_name, birth_date)
        return {
            "patient_id": made.id,
            "registered_on": self.today.isoformat(),
            "home_clinic": self.pick(_CLINICS, "home"),
            "record_status": "complete" if email or emergency_contact else "awaiting_documents",
        }

    def find_clinician(
        self,
        specialty: str,
        city: str,
        spoken_language: str | None = None,
        accepts_children: bool = False,
        max_fee: float | None = None,
        visit_modes: list[str] | None = None,
    ) -> dict[str, Any]:
        self._clinicians.expect()
        found = [
            each
            for each in self._roster(specialty, city)
            if (spoken_language is None or spoken_language in each.languages)
            and (each.children or not accepts_children)
            and (max_fee is None or each.fee <= max_fee)
            and (not visit_modes or each.modes & set(visit_modes))
        ]
        shown = [
            {
                "clinician_id": each.id,
                "clinician_name": each.name,
                "next_free_date": each.free_from.isoformat(),
                "consultation_fee": each.fee,
            }
            for each in sorted(found, key=lambda each: each.free_from)
        ]
        return {"match_count": len(shown), "clinicians": shown}

    def list_open_slots(
        self,
        clinician_id: str,
        from_date: str,
        to_date: str | None = None,
        visit_mode: str = "in_person",
        time_of_day: str | None = None,
    ) -> dict[str, Any]:
        self._slots.expect()
        clinician = self._clinicians.get(clinician_id)
        first = self.coming(from_date, "from_date")
        last = first + dt.timedelta(days=7) if to_date is None else day_of(to_date, "to_date")
        if last < first:
            raise ValueError("to_date comes before from_date")
        if visit_mode not in clinician.modes:
            offered = ", ".join(sorted(clinician.modes))
            raise ValueError(f"{clinician.name} offers no {visit_mode} visits, only {offered}")
        if to_date is None:
            last = max(last, clinician.free_from + dt.timedelta(days=7))
        first = max(first, clinician.free_from)
        days = [first + dt.timedelta(days=n) for n in range(min((last - first).days + 1, _CALENDAR_DAYS))]
        free = [
            slot
            for day in days
            for slot in self._day(clinician, day)
            if not slot.taken and (time_of_day is None or f"{slot.starts:%H:%M}" in _HOURS[time_of_day])
        ]
        for slot in free:
            slot.mode = visit_mode
        return {
            "open_count": len(free),
            "clinic_name": clinician.clinic,
            "slots": [
                {"slot_id": slot.id, "starts_at": stamp(slot.starts), "length_minutes": clinician.minutes}
                for slot in free
            ],
        }

    def book_clinic_appointment(
        self,
        slot_id: str,
        patient_id: str,
        visit_reason: str,
        symptoms: list[str] | None = None,  # noqa: ARG002
        first_visit: bool = True,
        referral_id: str | None = None,
    ) -> dict[str, Any]:
        self._appointments.expect()
        if not visit_reason.strip():
            raise ValueError("visit_reason must not be empty")
        patient, slot = self._patients.get(patient_id), self._free(slot_id)
        clinician = self._clinicians.get(slot.clinician)
        if referral_id is not None:
            referral = self._referrals.get(referral_id)
            if referral.patient not in ("", patient.id):
                raise ValueError(f"referral {referral_id} is for another patient")
            if referral.specialty not in ("", clinician.specialty):
                raise ValueError(f"referral {referral_id} is to {referral.specialty}, not to {clinician.specialty}")
            if referral.until < slot.starts.date():
                raise ValueError(f"referral {referral_id} ends on {referral.until}, before the appointment")
        slot.taken = True
        made = self._appointments.add(
            lambda i: _Appointment(i, patient.id, slot.id, self.code("%%%%", i)), patient.id, slot.id
        )
        waits = clinician.specialty in _NEEDS_REFERRAL and referral_id is None
        return {
            "appointment_id": made.id,
            "starts_at": stamp(slot.starts),
            "room": _REMOTE.get(slot.mode) or self.pick(_ROOMS, clinician.id),
            "estimated_fee": clinician.fee + (15.0 if first_visit else 0.0),
            "appointment_status": "provisional" if waits else "booked",
        }

    def confirm_appointment_attendance(
        self,
        appointment_id: str,
        arrive_early_minutes: int = 10,
        needs_step_free_access: bool = False,  # noqa: ARG002
        companion_name: str | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        appointment = self._appointments.get(appointment_id)
        status = {"booked": "confirmed", "confirmed": "already_confirmed"}.get(appointment.status, "cancelled")
        if status == "confirmed":
            appointment.status = "confirmed"
        starts = self._slots.get(appointment.slot).starts
        return {
            "appointment_status": status,
            "check_in_code": appointment.code,
            "check_in_at": stamp(starts - dt.timedelta(minutes=arrive_early_minutes)),
        }

    def move_clinic_appointment(
        self,
        appointment_id: str,
        slot_id: str,
        move_reason: str | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        appointment = self._standing(appointment_id)
        old = self._slots.get(appointment.slot)
        new = self._free(slot_id)
        if not appointment.moves_left:
            raise ValueError(f"appointment {appointment_id} was moved three times and can't be moved again")
        if (old.starts.date() - self.today).days < 1:
            return {
                "appointment_status": "refused_too_late",
                "new_starts_at": stamp(old.starts),
                "change_fee": 0.0,
                "moves_left": appointment.moves_left,
            }
        old.taken, new.taken = False, True
        appointment.slot = new.id
        appointment.status = "booked"
        appointment.moves_left -= 1
        return {
            "appointment_status": "moved",
            "new_starts_at": stamp(new.starts),
            "change_fee": _CHANGE_FEES[appointment.moves_left],
            "moves_left": appointment.moves_left,
        }

    def cancel_clinic_appointment(
        self,
        appointment_id: str,
        cancel_reason: str,  # noqa: ARG002
        join_waiting_list: bool = False,
    ) -> dict[str, Any]:
        appointment = self._standing(appointment_id)
        slot = self._slots.get(appointment.slot)
        appointment.status = "cancelled"
        slot.taken = False
        done: dict[str, Any] = {
            "appointment_status": "cancelled",
            "cancelled_at": self.clock(),
            "late_fee": 20.0 if (slot.starts.date() - self.today).days < 2 else 0.0,
        }
        return done | ({"waiting_list_position": self.number(1, 14, slot.clinician)} if join_waiting_list else {})

    def create_specialist_referral(
        self,
        patient_id: str,
        specialty: str,
        clinical_note: str,
        urgency: str = "routine",
        last_seen_at: str | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        self._referrals.expect()
        if not clinical_note.strip():
            raise ValueError("clinical_note must not be empty")
        patient = self._patients.get(patient_id)
        for referral in self._referrals.all():
            if (referral.patient, referral.specialty) == (patient.id, specialty):
                raise ValueError(f"patient {patient.id} has a referral to {specialty} already: {referral.id}")
        days, wait = _URGENCY[urgency]
        until = self.today + dt.timedelta(days=days)
        made = self._referrals.add(lambda i: _Referral(i, patient.id, specialty, until), patient.id, specialty)
        known = [each for each in self._clinicians.all() if each.specialty == specialty]
        suggested = known[0] if known else self._roster(specialty, "")[0]
        return {
            "referral_id": made.id,
            "clinician_id": suggested.id,
            "valid_until": until.isoformat(),
            "expected_wait_days": wait + self.number(0, 5, made.id),
        }

    def _roster(self, specialty: str, city: str) -> list[_Clinician]:
        where = (specialty, city.strip().casefold())
        if where not in self._rosters:
            names = self.several(PEOPLE, self.number(4, 7, where), where)
            self._rosters[where] = [
                self._clinicians.add(lambda i, name=name: self._clinician(i, specialty, name), where, name)
                for name in names
            ]
        return self._rosters[where]

    def _clinician(self, identifier: str, specialty: str, name: str) -> _Clinician:
        modes = [mode for mode in ("video", "phone") if self.likely(0.6, mode, identifier)]
        languages = self.several(_LANGUAGES, 3, identifier)
        return _Clinician(
            id=identifier,
            name=name,
            specialty=specialty,
            clinic=self.pick(_CLINICS, identifier),
            fee=self.pick((0.0, 35.0, 42.0, 48.5, 60.0, 70.0, 95.0), "fee", identifier),
            free_from=_weekday(self.today + dt.timedelta(days=self.number(1, 16, "free", identifier))),
            minutes=self.pick((15, 20, 30, 45), "minutes", identifier),
            languages=frozenset(("english", *languages)),
            modes=frozenset(("in_person", *modes)),
            children=specialty in ("paediatrics", "general_practice") or self.likely(0.5, "children", identifier),
        )

    def _day(self, clinician: _Clinician, day: dt.date) -> list[_Slot]:
        if (clinician.id, day) not in self._days:
            hours = [hour for part in _HOURS.values() for hour in part]
            chosen = sorted(self.several(hours, 2, clinician.id, day)) if day.weekday() < 5 else []
            self._days[clinician.id, day] = [
                self._slots.add(
                    lambda i, hour=hour: _Slot(
                        i,
                        clinician.id,
                        dt.datetime.fromisoformat(f"{day}T{hour}"),
                    ),
                    clinician.id,
                    day,
                    hour,
                )
                for hour in chosen
            ]
        return self._days[clinician.id, day]

    def _brought_slot(self, identifier: str) -> _Slot:
        made = self._clinician(identifier, self.pick(_SPECIALTIES, identifier), self.pick(PEOPLE, identifier))
        clinician = self._clinicians.add(lambda i: dataclasses.replace(made, id=i), "slot", identifier, told=False)
        hour = self.pick(_HOURS["morning"], identifier)
        starts = dt.datetime.fromisoformat(f"{clinician.free_from}T{hour}")
        return _Slot(identifier, clinician.id, starts)

    def _brought_appointment(self, identifier: str) -> _Appointment:
        slot = self._slots.add(self._brought_slot, "appointment", identifier, told=False)
        slot.taken = True
        return _Appointment(identifier, "", slot.id, self.code("%%%%", identifier))

    def _free(self, slot_id: str) -> _Slot:
        slot = self._slots.get(slot_id)
        if slot.taken:
            raise ValueError(f"slot {slot_id} is taken")
        return slot

    def _standing(self, appointment_id: str) -> _Appointment:
        appointment = self._appointments.get(appointment_id)
        if appointment.status == "cancelled":
            raise ValueError(f"appointment {appointment_id} was cancelled")
        return appointment


def _weekday(day: dt.date) -> dt.date:
    return day + dt.timedelta(days=7 - day.weekday() if day.weekday() > 4 else 0)
