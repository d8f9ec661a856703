"""How good guards and reviewers are, and the second reviews that tell."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from assistant.safety.taxonomy import plain_name
from webapp.moderation.case_forms import SecondReviewForm
from webapp.moderation.case_pages import CasePages
from webapp.moderation.services import looks, quality, second_reviews
from webapp.moderation.services.cases import CannotDecide

PERIODS = (30, 90, 365)


class QualityPages(CasePages):
    """The part of `CaseAdmin` that is about many cases."""

    def quality_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked = request.GET.get("days", "")
        days = int(asked) if asked in map(str, PERIODS) else PERIODS[1]
        since = timezone.now() - timedelta(days=days)
        rows = [(_(plain_name(row.category)), row) for row in quality.precisions(since)]
        return self.page(
            request,
            "moderation/quality.html",
            _("Quality of guards and reviews"),
            rows=rows,
            agreement=quality.reviewer_agreement(since),
            num_waiting=second_reviews.waiting().count(),
            days=days,
            periods=PERIODS,
            may_review=self.has_review_permission(request),
        )

    def second_view(self, request: HttpRequest) -> HttpResponse:
        """One decided case, shown without its decision. Opening it is a look like any other."""
        reviewer = self.reviewer(request)
        if "outcome" in request.POST:
            return self._give(request)
        first = second_reviews.next_for(reviewer)
        context: dict[str, Any] = {"first": first, "form": SecondReviewForm(initial={"first": first and first.pk})}
        if first is not None and request.method == "POST":
            context["look"] = looks.look(first.case, staff=reviewer, kind="look_blind")
        return self.page(request, "moderation/second.html", _("Second review"), **context)

    def _give(self, request: HttpRequest) -> HttpResponse:
        form = SecondReviewForm(request.POST)
        if form.is_valid():
            given = form.cleaned_data
            try:
                second_reviews.give(
                    given["first"],
                    reviewer=self.reviewer(request),
                    outcome=given["outcome"],
                    category=given["category"],
                    note=given["note"],
                )
                messages.success(request, _("Thank you. Your review is kept beside the first one."))
            except CannotDecide as refusal:
                messages.error(request, str(refusal))
        return redirect("admin:moderation_case_second")
