"""Where a browser says it is: the region of its first language, which is the nearest thing to a country it tells."""

import re
from uuid import UUID

from webapp.accounts.models import User

_RANGE = re.compile(r"(?P<language>[A-Za-z]{2,3})(?:-[A-Za-z]{4})?-(?P<region>[A-Za-z]{2})(?![A-Za-z0-9])[^;]*(?:;.*)?")


def country_of(accept_language: str) -> str:
    """The first region in an Accept-Language header, as an ISO 3166-1 code: "en-GB,en;q=0.9" is "GB". "" if none is."""
    for part in accept_language.split(","):
        match = _RANGE.fullmatch(part.strip())
        if match:
            return match["region"].upper()
    return ""


def remember_country(person: User, accept_language: str) -> None:
    """Keep what the browser says now, if it says something."""
    country = country_of(accept_language)
    if country and country != person.country:
        person.country = country
        User.objects.filter(pk=person.pk).update(country=country)


def country_for(person_id: UUID, *, default: str) -> str:
    """The country whose help lines this person is shown."""
    return User.objects.filter(pk=person_id).values_list("country", flat=True).first() or default
