"""Which clock is on somebody's wall: the time zone that their browser names, in a cookie that `js/clock.js` writes."""

from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.http.cookie import parse_cookie

from webapp.accounts.models import User

COOKIE = "zone"


def zone_named(name: str) -> ZoneInfo | None:
    """The zone of this name in the time zone database; None if it has none, as for what somebody made up."""
    return ZoneInfo(name) if name in _names() else None


def zone_of(person: User | None) -> ZoneInfo | None:
    """As the browser last said; to be given to `django.utils.timezone.override`, for which None is the site's own."""
    return zone_named(person.time_zone) if person else None


def remember_zone(person: User, cookies: str) -> None:
    """Keep what the browser says now in the header of its cookies, if it says something."""
    zone = zone_named(parse_cookie(cookies).get(COOKIE, ""))
    if zone is not None and zone.key != person.time_zone:
        person.time_zone = zone.key
        User.objects.filter(pk=person.pk).update(time_zone=zone.key)


@cache
def _names() -> frozenset[str]:
    return frozenset(available_timezones())
