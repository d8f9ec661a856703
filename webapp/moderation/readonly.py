"""Records that the staff look at and nobody edits, not even a superuser."""

from typing import Any
from uuid import UUID

from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline


def short(identifier: UUID) -> str:
    """The first eight characters: enough for people to tell rows apart, and to search by."""
    return str(identifier)[:8]


def page_link(model: str, identifier: UUID) -> SafeString:
    """A link to the page of one row of `model` ("app_model")."""
    return format_html(
        '<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>',
        reverse(f"admin:{model}_change", args=[identifier]),
        short(identifier),
    )


class ReadOnlyAdmin(ModelAdmin):
    """Lists and shows; adds, changes and deletes nothing.

    Lists filter by the fields they name in `list_filter` and by no other. Django would take any field of the model
    from the address bar, so that `?text__startswith=a` and patience would spell out a private message.
    """

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        names = {_name_of(entry) for entry in (*self.list_filter, self.date_hierarchy) if entry}
        is_filter = any(lookup == name or lookup.startswith(f"{name}__") for name in names)
        return is_filter and super().lookup_allowed(lookup, value, request)

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyInline(TabularInline):
    """The same, as a table on the page of something else."""

    extra = 0
    hide_title = True
    per_page = 50
    can_delete = False

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def _name_of(entry: Any) -> str:
    """The parameter in the address of an entry of `list_filter`: a field, a field with its filter, or a filter."""
    if isinstance(entry, tuple):
        return entry[0]
    return entry if isinstance(entry, str) else entry.parameter_name
