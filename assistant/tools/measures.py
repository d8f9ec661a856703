"""Units of measurement, and how many of the base unit of their kind each is."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["length", "mass", "temperature", "volume", "speed", "area", "data", "time"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """`value` units are `value * factor + offset` base units: metre, kilogram, kelvin, litre, metre per second, square
    metre, byte, second. `name` is the plural."""

    kind: Kind
    symbol: str
    name: str
    factor: float
    offset: float = 0.0


# Kind, then for each unit: symbol, factor, plural and further names. Imperial units are the international ones of
# 1959; gallons, pints and cups those of the United States.
_TABLE: Final[dict[Kind, tuple[tuple[str, float, str], ...]]] = {
    "length": (
        ("mm", 0.001, "millimetres millimetre millimeters millimeter"),
        ("cm", 0.01, "centimetres centimetre centimeters centimeter"),
        ("m", 1.0, "metres metre meters meter"),
        ("km", 1000.0, "kilometres kilometre kilometers kilometer kms"),
        ("in", 0.0254, "inches inch"),
        ("ft", 0.3048, "feet foot"),
        ("yd", 0.9144, "yards yard"),
        ("mi", 1609.344, "miles mile"),
        ("nmi", 1852.0, "nautical_miles nautical_mile"),
    ),
    "mass": (
        ("mg", 1e-6, "milligrams milligram"),
        ("g", 0.001, "grams gram grammes"),
        ("kg", 1.0, "kilograms kilogram kilos kilo kgs"),
        ("t", 1000.0, "tonnes tonne"),
        ("oz", 0.028349523125, "ounces ounce"),
        ("lb", 0.45359237, "pounds pound lbs"),
        ("st", 6.35029318, "stones stone"),
    ),
    "volume": (
        ("ml", 0.001, "millilitres millilitre milliliters milliliter"),
        ("cl", 0.01, "centilitres centilitre"),
        ("l", 1.0, "litres litre liters liter"),
        ("m³", 1000.0, "cubic_metres cubic_metre cubic_meters cubic_meter m3"),
        ("tsp", 0.00492892159375, "teaspoons teaspoon"),
        ("tbsp", 0.01478676478125, "tablespoons tablespoon"),
        ("fl oz", 0.0295735295625, "fluid_ounces fluid_ounce fl_oz"),
        ("cup", 0.2365882365, "cups cup"),
        ("pt", 0.473176473, "pints pint"),
        ("gal", 3.785411784, "gallons gallon"),
    ),
    "speed": (
        ("m/s", 1.0, "metres_per_second meters_per_second"),
        ("km/h", 1 / 3.6, "kilometres_per_hour kilometers_per_hour kph kmh"),
        ("mph", 0.44704, "miles_per_hour"),
        ("kn", 1852 / 3600, "knots knot"),
    ),
    "area": (
        ("cm²", 1e-4, "square_centimetres square_centimeters cm2"),
        ("m²", 1.0, "square_metres square_metre square_meters square_meter m2 sqm"),
        ("ha", 1e4, "hectares hectare"),
        ("km²", 1e6, "square_kilometres square_kilometers km2"),
        ("ft²", 0.09290304, "square_feet square_foot ft2 sqft"),
        ("acre", 4046.8564224, "acres acre"),
        ("mi²", 2589988.110336, "square_miles square_mile"),
    ),
    "data": (
        ("bit", 0.125, "bits bit"),
        ("B", 1.0, "bytes byte"),
        ("kB", 1e3, "kilobytes kilobyte kb"),
        ("MB", 1e6, "megabytes megabyte mb"),
        ("GB", 1e9, "gigabytes gigabyte gb"),
        ("TB", 1e12, "terabytes terabyte tb"),
        ("KiB", 2.0**10, "kibibytes kibibyte"),
        ("MiB", 2.0**20, "mebibytes mebibyte"),
        ("GiB", 2.0**30, "gibibytes gibibyte"),
        ("TiB", 2.0**40, "tebibytes tebibyte"),
    ),
    "time": (
        ("ms", 0.001, "milliseconds millisecond"),
        ("s", 1.0, "seconds second secs sec"),
        ("min", 60.0, "minutes minute mins"),
        ("h", 3600.0, "hours hour hrs hr"),
        ("d", 86400.0, "days day"),
        ("wk", 604800.0, "weeks week"),
        ("a", 31557600.0, "years year"),  # of 365.25 days
    ),
}
_TEMPERATURES: Final = (
    ("K", "kelvin kelvins", 1.0, 0.0),
    ("°C", "degrees_Celsius celsius centigrade c degrees_c degree_celsius", 1.0, 273.15),
    ("°F", "degrees_Fahrenheit fahrenheit f degrees_f degree_fahrenheit", 5 / 9, 459.67 * 5 / 9),
)


def _all() -> Iterator[tuple[str, Unit]]:
    """Every unit under each of its names."""
    for kind, rows in _TABLE.items():
        for symbol, factor, names in rows:
            unit = Unit(kind=kind, symbol=symbol, name=_spaced(names.split()[0]), factor=factor)
            yield from ((_key(name), unit) for name in (symbol, *names.split()))
    for symbol, names, factor, offset in _TEMPERATURES:
        unit = Unit(kind="temperature", symbol=symbol, name=_spaced(names.split()[0]), factor=factor, offset=offset)
        yield from ((_key(name), unit) for name in (symbol, *names.split()))


def unit_of(name: str) -> Unit | None:
    """The unit that somebody calls so, or None. Case is ignored: "mb" are megabytes."""
    return _UNITS.get(_key(name))


def convert(value: float, source: Unit, target: Unit) -> float:
    """Raises ValueError for units of different kinds, and for less than nothing."""
    if source.kind != target.kind:
        raise ValueError(f"{source.name} cannot be converted to {target.name}")
    base = value * source.factor + source.offset
    if base < 0 and source.kind == "temperature":
        raise ValueError("there is nothing colder than absolute zero")
    return (base - target.offset) / target.factor


def _key(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").strip(" .").split())


def _spaced(name: str) -> str:
    return name.replace("_", " ")


_UNITS: Final = dict(_all())
