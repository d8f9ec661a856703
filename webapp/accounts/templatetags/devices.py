"""What a browser calls itself, in words that its owner knows."""

import re

from django import template
from django.utils.translation import gettext as _

register = template.Library()

# The first that is found counts: browsers also name those they descend from.
BROWSERS = {"Edg": "Edge", "OPR": "Opera", "Firefox": "Firefox", "FxiOS": "Firefox", "Chrome": "Chrome"}
BROWSERS |= {"CriOS": "Chrome", "Safari": "Safari"}
SYSTEMS = {"iPhone": "iPhone", "iPad": "iPad", "Android": "Android", "Windows": "Windows", "Mac OS X": "macOS"}
SYSTEMS |= {"CrOS": "ChromeOS", "Linux": "Linux"}


@register.filter
def device(user_agent: str) -> str:
    """ "Firefox, Linux" for the name that Firefox on Linux sends."""
    browser = next((name for mark, name in BROWSERS.items() if re.search(rf"{mark}\w*/", user_agent)), "")
    system = next((name for mark, name in SYSTEMS.items() if mark in user_agent), "")
    return ", ".join(filter(None, (browser, system))) or _("An unknown browser")
