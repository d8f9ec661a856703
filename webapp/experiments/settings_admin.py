"""Settings of answers in the administration: versions with approval, and what of them is in force."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from webapp.accounts.models import User
from webapp.experiments import settings_pages
from webapp.experiments.models import SettingsVersion
from webapp.experiments.results_admin import staff_of
from webapp.experiments.services import production, settings_versions
from webapp.experiments.settings_forms import SettingsForm
from webapp.experiments.version_admin import Sent, VersionAdmin, View
from webapp.experiments.version_forms import ReasonForm


@admin.register(SettingsVersion)
class SettingsVersionAdmin(VersionAdmin):
    puts = "put"
    page_template, form_template = "experiments/settings_version.html", "experiments/settings_form.html"
    new_title = gettext_lazy("New settings")

    list_display = ("number_shown", "says", "note", "author", "approval_shown", "created_at")
    list_select_related = ("author", "starters")
    list_before_template = "experiments/settings_in_force.html"
    search_fields = ("note",)

    class Media:
        css = {
            "all": (
                *("moderation/moderation.css", "experiments/prompts.css", "experiments/experiments.css"),
                "experiments/plots.css",
            )
        }

    def acts(self) -> Mapping[str, View]:
        return {"put": self.put_view}

    @display(description=gettext_lazy("says"))
    def says(self, version: SettingsVersion) -> str:
        return settings_pages.said(version)

    def in_production(self) -> Mapping[str, Any]:
        return settings_pages.in_force()

    def form_for_new(self, request: HttpRequest) -> tuple[forms.Form, Mapping[str, Any]]:
        return SettingsForm(request.POST or None, initial=dict(production.in_force())), {}

    def write(self, sent: Sent, *, author: User) -> SettingsVersion:
        return settings_versions.create(sent, note=sent["note"], author=author)

    def about(self, request: HttpRequest, version: SettingsVersion) -> Mapping[str, Any]:
        """Against what is in force."""
        put_form = ReasonForm(initial={"seen": production.last_change()})
        return {**settings_pages.version_page(version), "put_form": put_form}

    def roll_back(self, sent: Sent, *, by: User) -> str:
        production.roll_back(by=by, **sent)
        return _("What was in force before is so again.")

    def put_view(self, request: HttpRequest, version_id: int) -> HttpResponse:
        """Everybody is served with them."""

        def put(version: SettingsVersion, sent: Sent) -> None:
            production.put(version, by=staff_of(request), **sent)
            messages.success(request, _("In production. Everybody gets it with their next message."))

        may = self.has_put_permission(request)
        return self.done(request, version_id, may=may, form=ReasonForm, name="put_form", act=put)
