"""Units of measure and what a quantity is in other units of its dimension.

Belongs here: names and factors. Does not belong here: finding quantities in a
text (``quantities``).
"""

from __future__ import annotations

from collections.abc import Iterator

_TABLE: dict[str, dict[str, float]] = {
    "time": {
        "ms millisecond milliseconds": 0.001,
        "s sec secs second seconds sekunden secondes segundos": 1.0,
        "min mins minute minutes minuten minuti minutos": 60.0,
        "h hr hrs hour hours stunde stunden heure heures hora horas ora ore uur": 3600.0,
        "d day days night nights tag tage tagen nacht nachte jour jours nuit nuits dia dias noche noches": 86400.0,
        "week weeks woche wochen semaine semaines semana semanas settimane": 604800.0,
        "fortnight fortnights": 1209600.0,
        "month months monat monate mois mes meses mesi": 2629800.0,
        "year years yr yrs jahr jahre ans anos anni": 31557600.0,
    },
    "length": {
        "mm millimetre millimetres millimeter millimeters": 0.001,
        "cm centimetre centimetres centimeter centimeters": 0.01,
        "m metre metres meter meters": 1.0,
        "km kms kilometre kilometres kilometer kilometers": 1000.0,
        "in inch inches": 0.0254,
        "ft foot feet": 0.3048,
        "yd yard yards": 0.9144,
        "mi mile miles": 1609.344,
    },
    "mass": {
        "mg milligram milligrams": 1e-6,
        "g gram grams gramme grammes": 0.001,
        "kg kgs kilo kilos kilogram kilograms": 1.0,
        "t tonne tonnes ton tons": 1000.0,
        "oz ounce ounces": 0.028349523125,
        "lb lbs pound pounds": 0.45359237,
    },
    "volume": {
        "ml millilitre millilitres milliliter milliliters": 0.001,
        "cl centilitre centilitres": 0.01,
        "l litre litres liter liters": 1.0,
        "m3 cbm": 1000.0,
        "gal gallon gallons": 3.785411784,
        "pint pints": 0.473176473,
    },
    "area": {"m² sqm m2": 1.0, "ha hectare hectares": 10000.0, "acre acres": 4046.8564224, "sqft": 0.09290304},
    "speed": {"km/h kmh kph": 1.0, "mph": 1.609344, "m/s": 3.6},
    "energy": {"wh": 0.001, "kwh": 1.0, "mwh": 1000.0, "j": 1 / 3.6e6, "kj": 1 / 3600.0, "mj": 1 / 3.6},
    "power": {"w watt watts": 0.001, "kw kilowatt kilowatts": 1.0, "mw megawatt megawatts": 1000.0},
    "data": {"kb": 1.0, "mb": 1e3, "gb": 1e6, "tb": 1e9},
    "pressure": {"bar": 1.0, "psi": 0.0689475729, "kpa": 0.01, "hpa": 0.001},
    "money": {"$ usd dollar dollars eur euro euros gbp chf": 1.0, "cent cents penny pence ct": 0.01},
}
_DIMENSIONS: dict[str, tuple[str, float]] = {
    name: (dimension, factor)
    for dimension, units in _TABLE.items()
    for names, factor in units.items()
    for name in names.split()
}
_FACTORS = {dimension: sorted(set(units.values())) for dimension, units in _TABLE.items()}
_CELSIUS = frozenset({"°c", "c", "celsius", "°", "degree", "degrees"})
_FAHRENHEIT = frozenset({"°f", "f", "fahrenheit", "°", "degree", "degrees"})


def other_units(value: float, unit: str) -> Iterator[float]:
    """What a quantity is in the other units of its dimension; a percentage also as a fraction.

    Args:
        value: The number.
        unit: Its unit, folded.
    """
    if unit in ("%", "percent", "prozent", "pct"):
        yield value / 100
    if unit in _CELSIUS:
        yield value * 9 / 5 + 32
    if unit in _FAHRENHEIT:
        yield (value - 32) * 5 / 9
    known = _DIMENSIONS.get(unit)
    if known is not None:
        dimension, factor = known
        for other in _FACTORS[dimension]:
            if other != factor:
                yield value * factor / other
