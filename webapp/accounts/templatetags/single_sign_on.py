"""What templates ask about accounts elsewhere."""

from dataclasses import dataclass

from django import template
from django.conf import settings
from django.urls import reverse

register = template.Library()


@dataclass(frozen=True, slots=True)
class Provider:
    name: str
    address: str


@register.simple_tag
def identity_providers() -> list[Provider]:
    """Whose accounts log people in here, in the order of CRIA_OIDC."""
    return [
        Provider(name, reverse("openid_connect_login", args=[key])) for key, name in settings.IDENTITY_PROVIDERS.items()
    ]


@register.filter
def provider_name(key: str) -> str:
    """Of one that is no longer offered, the name it had in the settings."""
    return str(settings.IDENTITY_PROVIDERS.get(key, key))
