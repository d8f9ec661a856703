"""What templates ask about letters."""

from django import template
from django.conf import settings

register = template.Library()


@register.simple_tag
def sends_letters() -> bool:
    """Whether this site has a mail server."""
    return bool(settings.SENDS_MAIL)
