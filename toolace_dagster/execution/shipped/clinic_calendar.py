"""The calendar behind ``clinic_appointments``: clinicians, and when they are free.

Belongs here: clinicians and slots. Does not belong here: patients, appointments and
referrals (``clinic_appointments``). Standard library only.
"""

from __future__ import annotations

import dataclasses
import datetime as dt

from toolace_dagster.execution.shipped.world import PEOPLE, Records, World

_SPECIALTIES = (
    "general_practice",
    "dermatology",
    "cardiology",
    "physiotherapy",
    "paediatrics",
    "ophthalmology",
    "nutrition",
)
_LANGUAGES = ("english", "french", "arabic", "portuguese", "hindi", "ukrainian")
CLINICS = (
    "Riverside Clinic",
    "North Gate Health House",
    "Maple Court Clinic",
    "Seaview Practice",
    "Chapel Lane Clinic",
)
_HOURS = {
    "morning": ("08:30", "09:15", "10:00", "10:45"),
    "midday": ("12:00", "12:45"),
    "afternoon": ("14:00", "15:15", "16:00"),
    "evening": ("17:30", "18:15"),
}
_DAYS = 14


@dataclasses.dataclass
class Clinician:
    """A clinician, free from a day on."""

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
class Slot:
    """A time a clinician can be seen; its mode is the one it was last asked about in."""

    id: str
    clinician: str
    starts: dt.datetime
    mode: str = "in_person"
    taken: bool = False


class Calendar:
    """All clinicians and their slots."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._clinicians: Records[Clinician] = Records(
            world,
            "clinician",
            "CL-####",
            lambda i: self._clinician(i, world.pick(_SPECIALTIES, i), world.pick(PEOPLE, i)),
        )
        self._slots: Records[Slot] = Records(world, "free slot", "SLT-@@####", self._brought_slot)
        self._rosters: dict[tuple[str, str], list[Clinician]] = {}
        self._days: dict[tuple[str, dt.date], list[Slot]] = {}

    def roster(self, specialty: str, city: str) -> list[Clinician]:
        """The clinicians of a specialty in a city."""
        self._clinicians.expect()
        where = (specialty, city.strip().casefold())
        if where not in self._rosters:
            names = self._world.several(PEOPLE, self._world.number(4, 7, where), where)
            self._rosters[where] = [
                self._clinicians.add(lambda i, name=name: self._clinician(i, specialty, name), where, name)
                for name in names
            ]
        return self._rosters[where]

    def specialist(self, specialty: str) -> Clinician:
        """Whom a referral suggests: the first that is known."""
        known = [each for each in self._clinicians.all() if each.specialty == specialty]
        return known[0] if known else self.roster(specialty, "")[0]

    def clinician(self, identifier: str) -> Clinician:
        """A clinician.

        Raises:
            ValueError: If there is none.
        """
        return self._clinicians.get(identifier)

    def slot(self, identifier: str) -> Slot:
        """A slot, taken or not.

        Raises:
            ValueError: If there is none.
        """
        return self._slots.get(identifier)

    def open(self, identifier: str) -> Slot:
        """A slot that can be booked.

        Raises:
            ValueError: If there is none, or it is taken.
        """
        slot = self._slots.get(identifier)
        if slot.taken:
            raise ValueError(f"slot {identifier} is taken")
        return slot

    def slot_of(self, appointment_id: str) -> Slot:
        """The slot of an appointment that the user brought."""
        return self._slots.add(self._brought_slot, "appointment", appointment_id, told=False)

    def free(self, clinician: Clinician, first: dt.date, last: dt.date | None, part: str | None) -> list[Slot]:
        """The free slots of a clinician in a range of days, two weeks of them at most.

        Args:
            clinician: The clinician.
            first: First day; the clinician's first free day and today come before it.
            last: Last day; a week that has free ones when None.
            part: Part of the day.
        """
        self._slots.expect()
        if last is None:
            last = max(first, clinician.free_from) + dt.timedelta(days=7)
        first = max(first, clinician.free_from, self._world.today)
        days = [first + dt.timedelta(days=n) for n in range(min((last - first).days + 1, _DAYS))]
        return [
            slot
            for day in days
            for slot in self._day(clinician, day)
            if not slot.taken and (part is None or f"{slot.starts:%H:%M}" in _HOURS[part])
        ]

    def _day(self, clinician: Clinician, day: dt.date) -> list[Slot]:
        if (clinician.id, day) not in self._days:
            hours = [hour for part in _HOURS.values() for hour in part]
            chosen = sorted(self._world.several(hours, 2, clinician.id, day)) if day.weekday() < 5 else []
            self._days[clinician.id, day] = [
                self._slots.add(
                    lambda i, hour=hour: Slot(i, clinician.id, dt.datetime.fromisoformat(f"{day}T{hour}")),
                    clinician.id,
                    day,
                    hour,
                )
                for hour in chosen
            ]
        return self._days[clinician.id, day]

    def _clinician(self, identifier: str, specialty: str, name: str) -> Clinician:
        world = self._world
        modes = [mode for mode in ("video", "phone") if world.likely(0.6, mode, identifier)]
        return Clinician(
            id=identifier,
            name=name,
            specialty=specialty,
            clinic=world.pick(CLINICS, identifier),
            fee=world.pick((0.0, 35.0, 42.0, 48.5, 60.0, 70.0, 95.0), "fee", identifier),
            free_from=_weekday(world.today + dt.timedelta(days=world.number(1, 16, "free", identifier))),
            minutes=world.pick((15, 20, 30, 45), "minutes", identifier),
            languages=frozenset(("english", *world.several(_LANGUAGES, 3, identifier))),
            modes=frozenset(("in_person", *modes)),
            children=specialty in ("paediatrics", "general_practice") or world.likely(0.5, "children", identifier),
        )

    def _brought_slot(self, identifier: str) -> Slot:
        world = self._world
        made = self._clinician(identifier, world.pick(_SPECIALTIES, identifier), world.pick(PEOPLE, identifier))
        clinician = self._clinicians.add(lambda i: dataclasses.replace(made, id=i), "slot", identifier, told=False)
        hour = world.pick(_HOURS["morning"], identifier)
        return Slot(identifier, clinician.id, dt.datetime.fromisoformat(f"{clinician.free_from}T{hour}"))


def _weekday(day: dt.date) -> dt.date:
    return day + dt.timedelta(days=7 - day.weekday() if day.weekday() > 4 else 0)
