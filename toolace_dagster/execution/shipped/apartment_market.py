"""The apartments behind ``apartment_rentals``: what is for rent in a city, and what rents are fair.

Belongs here: listings and rents. Does not belong here: applicants, viewings and
leases (``apartment_rentals``). Standard library only.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

from toolace_dagster.execution.shipped.world import Records, World

_NEIGHBOURHOODS = (
    "Linden Quarter",
    "Old Harbour",
    "Canal Side",
    "University Hill",
    "Weavers' Row",
    "Station Gardens",
    "Upper Meadow",
    "Brewery Yard",
)
_STREETS = (
    "Linden Avenue",
    "Mill Lane",
    "Cedar Hollow Drive",
    "Tamarind Road",
    "Orchard Street",
    "Ropewalk",
    "Chapel Steps",
    "Station Road",
    "Heron Way",
)
_AMENITIES = ("balcony", "lift", "bike_room", "dishwasher", "furnished", "garden")
_CONDITION = {"new": 1.25, "renovated": 1.12, "average": 1.0, "needs_work": 0.82}
_MARKET = 12
_LEAST_RENT = 250.0
_GRANTED = 0.9


@dataclasses.dataclass
class Listing:
    """An apartment for rent; ``let`` once a lease is signed."""

    id: str
    neighbourhood: str
    address: str
    rent: float
    bedrooms: int
    area: float
    amenities: frozenset[str]
    pets: bool
    free_from: dt.date
    let: bool = False


class Market:
    """All apartments for rent."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._listings: Records[Listing] = Records(
            world, "listing", "APT-#####", lambda i: self._listing(i, "", world.pick(_NEIGHBOURHOODS, i))
        )
        self._cities: dict[str, list[Listing]] = {}

    def search(
        self, city: str, max_rent: float, bedrooms: int, asked: frozenset[str], *, pets: bool, day: dt.date | None
    ) -> list[Listing]:
        """The apartments that fit a search, cheapest first.

        Raises:
            ValueError: If no city is named.
        """

        def fits(each: Listing) -> bool:
            return (
                not each.let
                and each.rent <= max_rent
                and each.bedrooms >= bedrooms
                and each.amenities >= asked
                and (each.pets or not pets)
                and (day is None or each.free_from <= day)
            )

        market = self._in_city(city)
        found = [each for each in market if fits(each)]
        wish = (city.strip().casefold(), max_rent, bedrooms, *sorted(asked), pets, day)
        if not found and max_rent >= _LEAST_RENT and self._world.likely(_GRANTED, wish):
            # Few wishes are so particular that there is nothing: one that fits has just come up.
            market.append(self._listings.add(lambda i: self._wished(i, wish), "wish", wish))
            found = [each for each in market if fits(each)]
        return sorted(found, key=lambda each: each.rent)

    def get(self, listing_id: str) -> Listing:
        """A listing.

        Raises:
            ValueError: If there is none.
        """
        return self._listings.get(listing_id)

    def open(self, listing_id: str) -> Listing:
        """A listing that is still to be had.

        Raises:
            ValueError: If there is none, or it is let.
        """
        listing = self._listings.get(listing_id)
        if listing.let:
            raise ValueError(f"{listing_id} is let")
        return listing

    def applied_for(self, application_id: str) -> Listing:
        """The apartment behind an application that the user brought."""
        made = self._listing(application_id, "", self._world.pick(_NEIGHBOURHOODS, application_id))
        return self._listings.add(lambda i: dataclasses.replace(made, id=i), "application", application_id, told=False)

    def fair_rent(
        self, city: str, neighbourhood: str, bedrooms: int, floor_area: float | None, condition: str
    ) -> dict[str, Any]:
        """What rent is fair, from which number of apartments, by the office's own comparison."""
        world, where = self._world, neighbourhood.strip().casefold()
        area = 26.0 + 21.0 * bedrooms if floor_area is None else floor_area
        rent = area * self._rate(city) * (0.9 + 0.05 * world.number(0, 5, city, where)) * _CONDITION[condition]
        fair = _rent(rent)
        return {
            "fair_rent": fair,
            "low_rent": _rent(0.87 * fair),
            "high_rent": _rent(1.16 * fair),
            "compared_count": world.number(6, 90, city, where, bedrooms),
        }

    def _in_city(self, city: str) -> list[Listing]:
        where = city.strip().casefold()
        if not where:
            raise ValueError("city must not be empty")
        if where not in self._cities:
            self._cities[where] = [
                self._listings.add(lambda i, n=n: self._listing(i, where, _NEIGHBOURHOODS[n % 8]), where, n)
                for n in range(_MARKET)
            ]
        return self._cities[where]

    def _listing(self, identifier: str, city: str, neighbourhood: str) -> Listing:
        world = self._world
        bedrooms = world.pick((0, 1, 1, 2, 2, 3, 4), "bedrooms", identifier)
        area = 24.0 + 20.0 * bedrooms + world.number(0, 14, "area", identifier)
        return Listing(
            id=identifier,
            neighbourhood=neighbourhood,
            address=f"{world.number(2, 160, 'house', identifier)} {world.pick(_STREETS, identifier)}",
            rent=_rent(area * self._rate(city) * (0.8 + 0.05 * world.number(0, 8, "rent", identifier))),
            bedrooms=bedrooms,
            area=area,
            amenities=frozenset(each for each in _AMENITIES if world.likely(0.65, each, identifier)),
            pets=world.likely(0.6, "pets", identifier),
            free_from=world.today + dt.timedelta(days=world.number(-20, 30, "free", identifier)),
        )

    def _wished(self, identifier: str, wish: tuple[Any, ...]) -> Listing:
        """A listing that fits a search: city, highest rent, bedrooms, amenities, pets, day."""
        city, max_rent, bedrooms, *amenities, pets, day = wish
        made = self._listing(identifier, city, self._world.pick(_NEIGHBOURHOODS, wish))
        rooms = max(bedrooms, made.bedrooms)
        return dataclasses.replace(
            made,
            rent=min(made.rent, max_rent // 5 * 5),
            bedrooms=rooms,
            area=made.area + 20.0 * (rooms - made.bedrooms),
            amenities=made.amenities | set(amenities),
            pets=made.pets or pets,
            free_from=min(made.free_from, day or made.free_from),
        )

    def _rate(self, city: str) -> float:
        return 9.0 + 0.5 * self._world.number(0, 14, "rate", city.strip().casefold())


def _rent(amount: float) -> float:
    return max(100.0, round(amount / 5) * 5.0)
