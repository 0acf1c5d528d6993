"""The shipped domain ``clinic_appointments``, run for real: patients, clinicians, slots, appointments, referrals.

Belongs here: the eight tools, patients, appointments and referrals. Does not belong
here: clinicians and their slots (``clinic_calendar``), the tools' definitions.
Standard library only.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

from toolace_dagster.execution.shipped.clinic_calendar import CLINICS, Calendar
from toolace_dagster.execution.shipped.world import Records, World, day_of, stamp

_NEEDS_REFERRAL = frozenset(("dermatology", "cardiology", "ophthalmology"))
_ROOMS = ("Room 4", "Room 2B", "Room 11", "Ground floor 7", "Blue wing 12")
_REMOTE = {"video": "Video room", "phone": "By phone"}
_URGENCY = {"routine": (180, 28), "soon": (90, 10), "urgent": (30, 2)}
_CHANGE_FEES = {2: 0.0, 1: 5.0, 0: 10.0}


@dataclasses.dataclass
class _Patient:
    id: str
    name: str
    born: str


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

    def __init__(self, seed: int = 0, today: dt.date | None = None) -> None:
        super().__init__(seed, today)
        self._calendar = Calendar(self)
        self._patients: Records[_Patient] = Records(self, "patient", "PT-######", lambda i: _Patient(i, "", ""))
        self._appointments: Records[_Appointment] = Records(self, "appointment", "AP-######", self._brought_appointment)
        self._referrals: Records[_Referral] = Records(
            self, "referral", "RF-#####", lambda i: _Referral(i, "", "", self.today + dt.timedelta(days=400))
        )

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
            "home_clinic": self.pick(CLINICS, "home"),
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
        found = [
            each
            for each in self._calendar.roster(specialty, city)
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
        clinician = self._calendar.clinician(clinician_id)
        first = self.coming(from_date, "from_date", may_lie_behind=True)
        last = None if to_date is None else day_of(to_date, "to_date")
        if last is not None and last < first:
            raise ValueError("to_date comes before from_date")
        if visit_mode not in clinician.modes:
            offered = ", ".join(sorted(clinician.modes))
            raise ValueError(f"{clinician.name} offers no {visit_mode} visits, only {offered}")
        free = self._calendar.free(clinician, first, last, time_of_day)
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
        patient, slot = self._patients.get(patient_id), self._calendar.open(slot_id)
        clinician = self._calendar.clinician(slot.clinician)
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
        starts = self._calendar.slot(appointment.slot).starts
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
        old = self._calendar.slot(appointment.slot)
        new = self._calendar.open(slot_id)
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
        slot = self._calendar.slot(appointment.slot)
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
        suggested = self._calendar.specialist(specialty)
        return {
            "referral_id": made.id,
            "clinician_id": suggested.id,
            "valid_until": until.isoformat(),
            "expected_wait_days": wait + self.number(0, 5, made.id),
        }

    def _brought_appointment(self, identifier: str) -> _Appointment:
        slot = self._calendar.slot_of(identifier)
        slot.taken = True
        return _Appointment(identifier, "", slot.id, self.code("%%%%", identifier))

    def _standing(self, appointment_id: str) -> _Appointment:
        appointment = self._appointments.get(appointment_id)
        if appointment.status == "cancelled":
            raise ValueError(f"appointment {appointment_id} was cancelled")
        return appointment
