"""Prompts in the administration: versions with approval, and the labels that point to them."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from assistant.prompt_text import SYSTEM_PROMPT, VARIABLES, content_hash
from webapp.accounts.models import User
from webapp.experiments import prompt_pages
from webapp.experiments.models import Arm, Experiment, PromptVersion
from webapp.experiments.prompt_forms import LabelForm, PromptForm, TakeAwayForm
from webapp.experiments.results_admin import staff_of
from webapp.experiments.services import labels, prompts, rejecting
from webapp.experiments.version_admin import Sent, VersionAdmin, View


@admin.register(PromptVersion)
class PromptVersionAdmin(VersionAdmin):
    puts = "label"
    page_template, form_template = "experiments/prompt.html", "experiments/prompt_form.html"
    new_title = gettext_lazy("New prompt")

    list_display = (
        *("number_shown", "content_hash", "note", "author", "labels_shown", "approval_shown", "used_in"),
        "created_at",
    )
    list_filter = ("created_at",)
    list_select_related = ("author",)
    list_before_template = "experiments/production.html"
    search_fields = ("note", "content_hash__startswith")

    class Media:
        css = {"all": ("moderation/moderation.css", "experiments/prompts.css")}
        js = ("experiments/prompts.js",)

    def acts(self) -> Mapping[str, View]:
        return {"label": self.label_view, "unlabel": self.unlabel_view}

    def get_queryset(self, request: HttpRequest) -> QuerySet[PromptVersion]:
        arms = Arm.objects.filter(prompt=OuterRef("pk"), experiment__state=Experiment.State.RUNNING).order_by()
        num = arms.values("prompt").annotate(num=Count("experiment", distinct=True)).values("num")
        return super().get_queryset(request).annotate(num_running=Coalesce(Subquery(num), 0)).prefetch_related("labels")

    @display(description=gettext_lazy("labels"), label=True)
    def labels_shown(self, version: PromptVersion) -> list[str]:
        return [label.name for label in version.labels.all()]

    @display(description=gettext_lazy("running experiments"), ordering="num_running")
    def used_in(self, version: PromptVersion) -> int:
        return getattr(version, "num_running", 0)

    def in_production(self) -> Mapping[str, Any]:
        return prompt_pages.production()

    def form_for_new(self, request: HttpRequest) -> tuple[forms.Form, Mapping[str, Any]]:
        """It begins with what is in production, or with the version named by `from`."""
        base = prompt_pages.version_named(request.GET.get("from", ""), default=labels.production())
        initial = {"text": base.text if base else SYSTEM_PROMPT, "based_on": base}
        return PromptForm(request.POST or None, initial=initial), {"base": base, "variables": VARIABLES}

    def write(self, sent: Sent, *, author: User) -> PromptVersion:
        return prompts.create(author=author, **sent)

    def about(self, request: HttpRequest, version: PromptVersion) -> Mapping[str, Any]:
        """And how it differs from another one."""
        return {
            **prompt_pages.version_page(version, against=request.GET.get("against", "")),
            "label_form": LabelForm(initial={"name": "candidate"}),
            "built_in_hash": content_hash(SYSTEM_PROMPT),
        }

    def reject(self, request: HttpRequest, version: PromptVersion, note: str) -> None:
        if paused := rejecting.reject(version, by=staff_of(request), note=note):
            names = ", ".join(experiment.name for experiment in paused)
            messages.warning(request, _("Paused, as they ran with it: %(experiments)s.") % {"experiments": names})

    def roll_back(self, sent: Sent, *, by: User) -> str:
        target = labels.rollback(by=by, **sent)
        return _("In production again: %(prompt)s.") % {"prompt": target or _("Built-in")}

    def label_view(self, request: HttpRequest, version_id: int) -> HttpResponse:
        def label(version: PromptVersion, sent: Sent) -> None:
            labels.put(sent["name"], version, by=staff_of(request), reason=sent["reason"])

        may = self.has_put_permission(request)
        return self.done(request, version_id, may=may, form=LabelForm, name="label_form", act=label)

    def unlabel_view(self, request: HttpRequest, version_id: int) -> HttpResponse:
        def take_away(version: PromptVersion, sent: Sent) -> None:
            if version.labels.filter(name=sent["name"]).exists():
                labels.take_away(sent["name"], by=staff_of(request), reason=_("Taken away on the page of the prompt"))

        may = self.has_put_permission(request)
        return self.done(request, version_id, may=may, form=TakeAwayForm, name="take_away_form", act=take_away)
