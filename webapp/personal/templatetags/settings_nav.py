"""The list of settings pages. Pages of other applications stand in it too, as long as they exist."""

from collections.abc import Iterator
from dataclasses import dataclass

from django import template
from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

register = template.Library()


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    address: str
    icon: str
    label: Promise
    is_current: bool


@dataclass(frozen=True, slots=True)
class _Page:
    name: str
    icon: str
    label: Promise
    for_members: bool = False
    needs: str = ""  # a setting without which there is nothing to see


_GROUPS = (
    (
        _Page("settings_general", "sliders", _("General")),
        _Page("settings_assistant", "chat", _("Assistant")),
        _Page("settings_memory", "memory", _("Memory")),
        _Page("settings_keys", "keyboard", _("Keyboard")),
    ),
    (
        _Page("account_email", "mail", _("Email address"), for_members=True),
        _Page("account_change_password", "key", _("Password"), for_members=True),
        _Page("mfa_index", "shield", _("Two-step login"), for_members=True),
        _Page(
            "socialaccount_connections", "link", _("Connected accounts"), for_members=True, needs="IDENTITY_PROVIDERS"
        ),
        _Page("usersessions_list", "system", _("Devices"), for_members=True),
    ),
    (
        _Page("archived", "archive", _("Archived chats")),
        _Page("shared_links", "link", _("Shared links")),
        _Page("import_chats", "chat", _("Import chats")),
        _Page("your_data", "data", _("Your data")),
    ),
)


@register.simple_tag(takes_context=True)
def settings_groups(context: template.Context) -> list[list[Item]]:
    """The pages this person can open, in groups."""
    return [items for group in _GROUPS if (items := list(_items(group, context["request"])))]


def _items(pages: tuple[_Page, ...], request: HttpRequest) -> Iterator[Item]:
    for page in pages:
        if page.for_members and not request.user.is_authenticated:
            continue
        if page.needs and not getattr(settings, page.needs):
            continue
        try:
            address = reverse(page.name)
        except NoReverseMatch:
            continue
        yield Item(address=address, icon=page.icon, label=page.label, is_current=request.path.startswith(address))
