"""The queue of cases in the administration, and the addresses of the pages behind it."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from webapp.moderation.case_filters import FILTERS
from webapp.moderation.models import Case
from webapp.moderation.quality_pages import QualityPages
from webapp.moderation.readonly import ReadOnlyAdmin
from webapp.moderation.services import queue


@admin.register(Case)
class CaseAdmin(QualityPages, ReadOnlyAdmin):
    """The queue. A case has no form of its own: what can be done with it are acts, each with its address."""

    list_display = ("card",)
    list_filter = FILTERS
    list_filter_sheet = False
    list_fullwidth = True
    list_per_page = 50
    list_before_template = "moderation/queue_top.html"
    list_disable_select_all = True  # only what was on the page is decided
    search_fields = ("id__startswith", "reply__id__startswith", "reply__conversation__id__startswith")
    search_help_text = _("Beginning of the case's, the reply's or the conversation's id")
    ordering = ("-score", "opened_at")
    show_full_result_count = False
    actions = ("agree_with_all", "disagree_with_all")

    class Media:
        css = {"all": ("moderation/moderation.css",)}

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        ours = [
            path("bulk/", view(self.bulk_view), name="moderation_case_bulk"),
            path("undo/", view(self.undo_view), name="moderation_case_undo"),
            path("second/", view(self.second_view), name="moderation_case_second"),
            path("quality/", view(self.quality_view), name="moderation_case_quality"),
            path("<uuid:case_id>/look/", view(self.look_view), name="moderation_case_look"),
            path("<uuid:case_id>/picture/<uuid:picture_id>/", view(self.picture_view), name="moderation_case_picture"),
            path("<uuid:case_id>/act/", view(self.act_view), name="moderation_case_act"),
        ]
        return [*ours, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Case]:
        return queue.with_what_cards_show(super().get_queryset(request))

    @display(description=_("most urgent first"))
    def card(self, case: Case) -> str:
        return render_to_string("moderation/card.html", {"case": case, **self.facts(case)})

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        top = {"standing": queue.standing(), "undoable": self.undoable(request), "title": _("Cases to decide")}
        return super().changelist_view(request, {**top, **(extra_context or {})})

    # Many at once

    @admin.action(description=_("Rule broken in all of them …"), permissions=["review"])
    def agree_with_all(self, request: HttpRequest, chosen: QuerySet[Case]) -> HttpResponse | None:
        return self._confirm(request, chosen, Case.Outcome.AGREED)

    @admin.action(description=_("False alarm in all of them …"), permissions=["review"])
    def disagree_with_all(self, request: HttpRequest, chosen: QuerySet[Case]) -> HttpResponse | None:
        return self._confirm(request, chosen, Case.Outcome.DISAGREED)

    def _confirm(self, request: HttpRequest, chosen: QuerySet[Case], outcome: Case.Outcome) -> HttpResponse | None:
        cases = list(chosen)
        categories = {case.category for case in cases}
        if len(categories) != 1:
            messages.error(request, _("Please choose cases of one category: they are decided alike."))
            return None
        chosen_ids = {str(case.pk) for case in cases}
        return TemplateResponse(
            request,
            "moderation/bulk.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "media": self.media,
                "title": _("Decide several cases"),
                "seen": [seen for seen in request.POST.getlist("seen") if seen.partition(":")[0] in chosen_ids],
                "category": categories.pop(),
                "category_name": self.facts(cases[0])["category_name"],
                "outcome": outcome,
                "cases": cases,
            },
        )
