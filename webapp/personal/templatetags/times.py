"""Moments as people write them."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.formats import date_format

register = template.Library()


@register.filter
def moment(at: datetime) -> str:
    """Day, hour and the zone they are told in, in the order of the language."""
    local = timezone.localtime(at)
    return f"{date_format(local, 'DATETIME_FORMAT')} ({local:%Z})"
