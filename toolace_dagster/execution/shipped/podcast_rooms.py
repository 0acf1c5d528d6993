"""The studios behind ``podcast_studio``: which there are in a city, what they cost, when they are taken.

Belongs here: studios and sessions in them. Does not belong here: shows, guests and
episodes (``podcast_studio``). Standard library only.
"""

from __future__ import annotations

import dataclasses
import datetime as dt

from toolace_dagster.execution.shipped.world import PEOPLE, Records, World

_STUDIOS = (
    "The Quiet Attic",
    "Studio Magpie",
    "Brick Lane Sound Room",
    "Casa Eco",
    "Low Hum",
    "The Padded Cellar",
    "Northlight Audio",
    "Foxglove Studios",
    "Two Doors Down",
    "The Tin Chapel",
)
_EQUIPMENT = ("video_cameras", "phone_line", "piano", "soundboard", "headphones")
_RATES = (18.0, 22.0, 28.5, 35.5, 42.0, 48.0, 65.0, 90.0)
_ENGINEER_RATE = 18.0


@dataclasses.dataclass
class Studio:
    """A recording studio."""

    id: str
    name: str
    rate: float
    seats: int
    equipment: frozenset[str]


@dataclasses.dataclass
class Session:
    """A booked session; ``show`` is empty where it is not known, ``episode`` until one is drafted from it."""

    id: str
    studio: str
    show: str
    starts: dt.datetime
    ends: dt.datetime
    episode: str = ""


class Rooms:
    """All studios and their sessions."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._studios: Records[Studio] = Records(
            world, "studio", "ST-@@###", lambda i: self._studio(i, world.pick(_STUDIOS, i))
        )
        self._sessions: Records[Session] = Records(world, "studio session", "RS-######", self._brought)
        self._cities: dict[str, list[Studio]] = {}

    def in_city(self, city: str) -> list[Studio]:
        """The studios of a city, cheapest first.

        Raises:
            ValueError: If no city is named.
        """
        where = city.strip().casefold()
        if not where:
            raise ValueError("city must not be empty")
        if where not in self._cities:
            names = self._world.several(_STUDIOS, self._world.number(5, 8, where), where)
            made = [self._studios.add(lambda i, name=name: self._studio(i, name), where, name) for name in names]
            self._cities[where] = sorted(made, key=lambda each: each.rate)
        return self._cities[where]

    def is_full(self, studio: Studio, day: dt.date) -> bool:
        """Whether a studio is booked out on a day."""
        return self._world.likely(0.08, "full", studio.id, day)

    def book(self, studio_id: str, show: str, starts: dt.datetime, hours: float) -> Session:
        """Book a session.

        Raises:
            ValueError: If there is no such studio, or it is taken.
        """
        self._sessions.expect()
        studio = self._studios.get(studio_id)
        ends = starts + dt.timedelta(hours=hours)
        if self.is_full(studio, starts.date()):
            raise ValueError(f"{studio.name} is booked out on {starts.date()}")
        for each in self._sessions.all():
            if each.studio == studio.id and each.starts < ends and starts < each.ends:
                raise ValueError(f"{studio.name} is taken from {each.starts:%H:%M} to {each.ends:%H:%M} on that day")
        return self._sessions.add(lambda i: Session(i, studio.id, show, starts, ends), studio.id, starts)

    def price(self, studio_id: str, hours: float, *, with_engineer: bool) -> float:
        """What a session costs, in euros."""
        rate = self._studios.get(studio_id).rate
        return round(hours * (rate + (_ENGINEER_RATE if with_engineer else 0.0)), 2)

    def engineer(self, studio_id: str, day: dt.date) -> str:
        """Name of the sound engineer who works in a studio on a day."""
        return self._world.pick(PEOPLE, "engineer", studio_id, day)

    def session(self, identifier: str) -> Session:
        """A session.

        Raises:
            ValueError: If there is none.
        """
        return self._sessions.get(identifier)

    def _studio(self, identifier: str, name: str) -> Studio:
        world = self._world
        return Studio(
            id=identifier,
            name=name,
            rate=world.pick(_RATES, identifier),
            seats=world.number(2, 8, identifier),
            equipment=frozenset(each for each in _EQUIPMENT if world.likely(0.7, each, identifier)),
        )

    def _brought(self, identifier: str) -> Session:
        starts = dt.datetime.fromisoformat(f"{self._world.later(-self._world.number(2, 30, identifier))}T10:00")
        return Session(identifier, "", "", starts, starts + dt.timedelta(hours=2))
