"""Where people find somebody to talk to, by country. Each line was in service and open to all when it was added.

Kept short: a person in distress reads one number, not a directory. The directory at the end lists the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class HelpLine:
    name: str
    number: str


DIRECTORY_URL = "https://findahelpline.com"

HELP_LINES: Mapping[str, HelpLine] = MappingProxyType(
    {
        "AT": HelpLine("TelefonSeelsorge", "142"),
        "AU": HelpLine("Lifeline", "13 11 14"),
        "BE": HelpLine("Zelfmoordlijn", "1813"),
        "BR": HelpLine("CVV", "188"),
        "CA": HelpLine("988 Suicide Crisis Helpline", "988"),
        "CH": HelpLine("Die Dargebotene Hand", "143"),
        "DE": HelpLine("TelefonSeelsorge", "0800 1110111"),
        "DK": HelpLine("Livslinien", "70 201 201"),
        "ES": HelpLine("Línea 024", "024"),
        "FR": HelpLine("Numéro national de prévention du suicide", "3114"),
        "GB": HelpLine("Samaritans", "116 123"),
        "IE": HelpLine("Samaritans", "116 123"),
        "IN": HelpLine("Tele-MANAS", "14416"),
        "JP": HelpLine("よりそいホットライン", "0120-279-338"),
        "MX": HelpLine("Línea de la Vida", "800 911 2000"),
        "NL": HelpLine("113 Zelfmoordpreventie", "113"),
        "NZ": HelpLine("Need to talk?", "1737"),
        "SE": HelpLine("Mind Självmordslinjen", "90101"),
        "US": HelpLine("988 Suicide & Crisis Lifeline", "988"),
    }
)
"""ISO 3166-1 alpha-2 code -> the line."""


def help_line(country: str) -> HelpLine | None:
    return HELP_LINES.get(country.upper())
