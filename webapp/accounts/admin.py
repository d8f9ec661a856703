"""People and roles in the administration.

Administrators look after ordinary people; only a superuser looks after staff, so nobody can raise themselves or take
over a colleague's account. Who may only suspend sees no field that can be changed.
"""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.db.models import Count, QuerySet
from django.forms import Form
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import UserChangeForm, UserCreationForm

from webapp.accounts.models import User
from webapp.accounts.password_pages import PasswordLinkPages
from webapp.accounts.suspension_pages import SuspensionInline, SuspensionPages
from webapp.privacy.services.erasure import erase_account

for owned in (EmailAddress, Authenticator, UserSession, SocialAccount):  # people look after these themselves
    admin.site.unregister(owned)
for unused in (SocialApp, SocialToken):  # providers stand in the environment, and no token is kept
    admin.site.unregister(unused)
admin.site.unregister(Group)

SUSPENSION = ("suspended_until", "suspension_reason")
ROLE = ("is_active", "is_staff", "is_superuser", "must_change_password", "groups")
TIMES = ("date_joined", "last_login")


@admin.register(Group)
class RoleAdmin(GroupAdmin, ModelAdmin):
    """The roles written in `webapp.accounts.roles` are set anew with each migration; others stay as they are."""


class SuspendedFilter(admin.SimpleListFilter):
    title = "suspended"
    parameter_name = "suspended"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [("now", "Now"), ("before", "Before")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        match self.value():
            case "now":
                return queryset.filter(suspended_until__gt=timezone.now())
            case "before":
                return queryset.filter(suspended_until__lte=timezone.now())
        return queryset


@admin.register(User)
class PersonAdmin(PasswordLinkPages, SuspensionPages, UserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    list_display = ("display_name", "email", "standing", "num_conversations", "date_joined", "last_login")
    list_filter = ("is_guest", SuspendedFilter, "is_staff", "groups", "date_joined")
    search_fields = ("username", "email", "first_name", "id__startswith")
    search_help_text = "Username, address, name, beginning of the id"
    ordering = ("-date_joined",)
    filter_horizontal = ()
    autocomplete_fields = ()
    add_fieldsets = ((None, {"fields": ("username", "email", "usable_password", "password1", "password2")}),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).annotate(num_conversations=Count("conversations"))

    @display(description=gettext_lazy("person"), ordering="username")
    def display_name(self, person: User) -> str:
        return person.display_name

    @display(description=gettext_lazy("standing"), label={"suspended": "danger", "staff": "info", "guest": "warning"})
    def standing(self, person: User) -> str | None:
        if person.is_suspended:
            return "suspended"
        if person.is_staff:
            return "staff"
        return "guest" if person.is_guest else None

    @display(description=gettext_lazy("conversations"), ordering="num_conversations")
    def num_conversations(self, person: Any) -> int:
        return person.num_conversations

    # Who may do what

    def may_manage(self, request: HttpRequest, person: User | None = None) -> bool:
        if person is not None and person.is_staff and not request.user.is_superuser:
            return False
        return super().has_change_permission(request, person)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return self.may_manage(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and self.may_manage(request)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Staff are deactivated, not deleted: what they did stays on record under their name."""
        return super().has_delete_permission(request, obj) and not (obj is not None and obj.is_staff)

    # What they see

    def get_inlines(self, request: HttpRequest, obj: User | None) -> list[Any]:
        """The suspensions are there to be read, so a form that is sent holds nothing of them."""
        return [SuspensionInline] if obj is not None and request.method == "GET" else []

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        if obj is None:
            return self.add_fieldsets
        password = ("password",) if self.may_manage(request, obj) else ()
        return (
            (None, {"fields": ("id", "username", "email", "first_name", "is_guest", *password)}),
            ("Suspension", {"fields": SUSPENSION}),
            ("Role", {"fields": ROLE}),
            ("Times", {"fields": (*TIMES, "num_conversations")}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        if obj is None:
            return ()
        fixed = ("id", "email", "is_guest", *SUSPENSION, *TIMES, "num_conversations")
        if request.user.is_superuser:
            return fixed
        return (*fixed, *(field for field in ROLE if field != "is_active"))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """People are deleted one by one, each after a look at what goes with them."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What belongs to a person goes with them, though nobody may delete it for itself."""
        to_delete, counts, _perms_needed, protected = super().get_deleted_objects(objs, request)
        return to_delete, counts, set(), protected

    def save_model(self, request: HttpRequest, obj: User, form: Form, change: bool) -> None:
        if not change:
            obj.must_change_password = True  # somebody else chose it
        super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        """As when the person asks for it themselves: with their files and sessions, and a receipt on record."""
        assert isinstance(request.user, User)
        erase_account(obj, by=request.user)
