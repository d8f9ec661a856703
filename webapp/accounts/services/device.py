"""What kind of device a browser runs on, as far as its User-Agent and its client hints, where it sends them, say."""

import re
from collections.abc import Mapping
from typing import Literal

from webapp.accounts.models import User

Device = Literal["phone", "tablet", "desktop", ""]

_TABLET = re.compile(r"iPad|Tablet|PlayBook|Kindle|Silk/", re.IGNORECASE)
_PHONE = re.compile(r"iPhone|iPod|Windows Phone|\bMobi", re.IGNORECASE)


def device_of(headers: Mapping[str, str]) -> Device:
    """By the headers of a request, in lower case. "" if it says nothing.

    A tablet with Android is one that does not call itself mobile. An iPad that poses as a Mac is taken for one.
    """
    agent, platform = headers.get("user-agent", ""), headers.get("sec-ch-ua-platform", "").strip('"')
    if _TABLET.search(agent):
        return "tablet"
    if headers.get("sec-ch-ua-mobile") == "?1" or _PHONE.search(agent):
        return "phone"
    if platform == "Android" or "Android" in agent:
        return "tablet"
    return "desktop" if agent else ""


def remember_device(person: User, headers: Mapping[str, str]) -> None:
    """Keep what the browser says now, if it says something."""
    device = device_of(headers)
    if device and device != person.device:
        person.device = device
        User.objects.filter(pk=person.pk).update(device=device)
