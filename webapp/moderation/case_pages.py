"""The pages of one case: what is known, the logged look, the acts, and what is said when somebody else was faster."""

import copy
import math
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin

from assistant.safety.taxonomy import plain_name
from webapp.accounts.models import User
from webapp.chat.errors import NotFound
from webapp.chat.picture_views import as_response
from webapp.moderation.case_acts import SUSPENDING, press
from webapp.moderation.case_forms import BulkForm, CaseForm, errors_of
from webapp.moderation.models import Case
from webapp.moderation.services import cases, looks, queue, scoring, undoing
from webapp.moderation.services.cases import CannotDecide, CaseChanged
from webapp.moderation.services.withholding import may_be_withheld

OTHER_CASES_SHOWN = 10
MAX_ID_DIGITS = 18


class CasePages(ModelAdmin):
    """The part of `CaseAdmin` that is about one case. Every act is a POST and ends at the next page."""

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The case without a word of the conversation: whoever may see the queue may see this."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        case = self.get_object(request, object_id)
        if case is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return self._not_about_oneself(request, case) or self._case_page(request, case)

    def look_view(self, request: HttpRequest, case_id: UUID) -> HttpResponse:
        """The same page with the turn on it, once: a reload asks for another look, which is another record."""
        staff = self.reviewer(request)
        case = get_object_or_404(self.get_queryset(request), pk=case_id)
        if refusal := self._not_about_oneself(request, case):
            return refusal
        if request.method != "POST":
            return redirect(self.address(request, case.pk))
        wants_all = "personal_data" in request.POST
        if wants_all and not staff.has_perm("moderation.reveal_conversation"):
            raise PermissionDenied
        look = looks.look(case, staff=staff, kind="look_personal_data" if wants_all else "look")
        return self._case_page(request, case, look=look)

    def picture_view(self, request: HttpRequest, case_id: UUID, picture_id: UUID) -> HttpResponseBase:
        """One picture of the turns that a look shows, as a file, in this one answer."""
        staff = self.reviewer(request)
        case = get_object_or_404(self.get_queryset(request), pk=case_id)
        if refusal := self._not_about_oneself(request, case):
            return refusal
        if request.method != "POST":
            return redirect(self.address(request, case.pk))
        try:
            picture, content = looks.look_at_picture(case, picture_id, staff=staff)
        except NotFound:
            raise Http404 from None
        return as_response(request, picture, content)

    def act_view(self, request: HttpRequest, case_id: UUID) -> HttpResponse:
        reviewer = self.reviewer(request)
        case = get_object_or_404(self.get_queryset(request), pk=case_id)
        if about_oneself := self._not_about_oneself(request, case):
            return about_oneself
        form = CaseForm(request.POST)
        if request.method != "POST" or not form.is_valid():
            messages.error(request, _("Please look at what you filled in: %(errors)s") % {"errors": errors_of(form)})
            return redirect(self.address(request, case.pk))
        given = form.cleaned_data
        if given["act"] in SUSPENDING and not reviewer.has_perm("accounts.suspend_user"):
            raise PermissionDenied
        following = queue.neighbours(self.queue_of(request), case)[1]
        try:
            stays = press(case, reviewer, given)
        except CaseChanged as changed:
            return self._changed_page(request, changed)
        except CannotDecide as refusal:
            messages.error(request, str(refusal))
            stays = True
        if stays:
            return redirect(self.address(request, case.pk))
        return redirect(self.address(request, following.pk) if following else self.queue_address(request))

    def undo_view(self, request: HttpRequest) -> HttpResponse:
        """Take back one decision and return to its case, or several and return to the queue; or ask for more time."""
        reviewer = self.reviewer(request)
        if "hold" in request.POST:
            return JsonResponse({"seconds": undoing.hold(reviewer)})
        undone: list[UUID] = []
        chosen = request.POST.getlist("review")
        wants_all = "all" in request.POST
        named = [int(review_id) for review_id in chosen if review_id.isdecimal() and len(review_id) <= MAX_ID_DIGITS]
        for review_id in [review.pk for review in queue.undoable(reviewer)] if wants_all else named:
            try:
                undone.append(cases.undo(review_id, by=reviewer).pk)
            except CannotDecide as refusal:
                messages.error(request, str(refusal))
        if undone:
            messages.success(request, _("Undone."))
        return redirect(self.address(request, undone[0]) if len(undone) == 1 else self.queue_address(request))

    def bulk_view(self, request: HttpRequest) -> HttpResponse:
        reviewer = self.reviewer(request)
        form = BulkForm(request.POST)
        if request.method != "POST" or not form.is_valid():
            messages.error(request, _("Nothing was chosen."))
            return redirect(self.queue_address(request))
        given = form.cleaned_data
        try:
            bulk = cases.bulk_decide(
                given["seen"], reviewer=reviewer, outcome=given["outcome"], category=given["category"]
            )
        except CannotDecide as refusal:
            messages.error(request, str(refusal))
            return redirect(self.queue_address(request))
        messages.success(request, _("Decided: %(num)d.") % {"num": len(bulk.reviews)})
        if bulk.num_left:
            left = _("Left as they are, because they had changed, are appealed or not yours to decide: %(num)d.")
            messages.warning(request, left % {"num": bulk.num_left})
        return redirect(self.queue_address(request))

    # What the pages share

    def has_review_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request) and request.user.has_perm("moderation.review_case")

    def queue_of(self, request: HttpRequest) -> QuerySet[Case]:
        """The queue as it was filtered when a case was opened from it; all that is to do where that cannot be read."""
        filtered, filters = copy.copy(request), QueryDict(request.GET.get("_changelist_filters", ""), mutable=True)
        filters.pop(PAGE_VAR, None)  # a queue that has grown shorter may not have that page any more
        filtered.GET = filters  # type: ignore[assignment]  # mutable here, read only from now on
        try:
            return self.get_changelist_instance(filtered).queryset
        except IncorrectLookupParameters:
            return self.get_queryset(request).exclude(state=Case.State.CLOSED)

    def facts(self, case: Case) -> dict[str, Any]:
        """What is told of a case without a word of the conversation."""
        flags = list(case.flags.all())
        chips = {(_(plain_name(flag.category)), flag.get_source_display()): flag for flag in flags}
        return {
            "category_name": _(plain_name(case.category)) if case.category else _("reported"),
            "priority": scoring.priority_at(case.score, timezone.now()),
            "chips": [(name, source, flag) for (name, source), flag in chips.items()],
            "languages": sorted({flag.verdict.language for flag in flags if flag.verdict and flag.verdict.language}),
        }

    def reviewer(self, request: HttpRequest) -> User:
        """Whoever asks, if they may decide cases. Raises PermissionDenied."""
        if not self.has_review_permission(request):
            raise PermissionDenied
        assert isinstance(request.user, User)
        return request.user

    def address(self, request: HttpRequest, case_id: UUID, page: str = "change") -> str:
        """Of a page of this case; the filters of the queue travel along."""
        filters = self.get_preserved_filters(request)
        return reverse(f"admin:moderation_case_{page}", args=[case_id]) + (f"?{filters}" if filters else "")

    def queue_address(self, request: HttpRequest) -> str:
        filters = request.GET.get("_changelist_filters", "")
        return reverse("admin:moderation_case_changelist") + (f"?{filters}" if filters else "")

    def undoable(self, request: HttpRequest) -> dict[str, Any]:
        assert isinstance(request.user, User)
        reviews = queue.undoable(request.user)
        left = reviews[0].due_at - timezone.now() if reviews and reviews[0].due_at else timedelta()
        return {"reviews": reviews, "seconds": max(1, math.ceil(left.total_seconds()))}

    def page(self, request: HttpRequest, template: str, title: str, **context: Any) -> TemplateResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media, "title": title}
        return TemplateResponse(request, template, {**shared, **context})

    def _case_page(self, request: HttpRequest, case: Case, *, look: looks.Look | None = None) -> HttpResponse:
        before, after = queue.neighbours(self.queue_of(request), case)
        others = self.get_queryset(request).filter(person=case.person_id).exclude(pk=case.pk)
        is_settled_above = case.state == Case.State.ESCALATED and not request.user.has_perm("moderation.settle_case")
        return self.page(
            request,
            "moderation/case.html",
            _("Case %(id)s") % {"id": str(case.pk)[:8]},
            case=case,
            look=look,
            form=CaseForm(initial={"version": case.version}),
            # Enter in its fields must not press the first button of the other form.
            suspend_form=CaseForm(initial={"version": case.version}, auto_id="suspend_%s"),
            verdicts=case.reply.verdicts.order_by("created_at"),
            flags=case.flags.all(),
            appeals=case.appeals.order_by("created_at").defer("text"),
            reviews=case.reviews.filter(second_of=None).select_related("reviewer"),
            notes=case.notes.select_related("author"),
            history=queue.history(case),
            others=[(other, self.facts(other)) for other in others.order_by("-opened_at")[:OTHER_CASES_SHOWN]],
            may_be_withheld=may_be_withheld(case.reply),
            may_review=self.has_review_permission(request),
            may_decide=self.has_review_permission(request) and not is_settled_above,
            look_address=self.address(request, case.pk, "look"),
            act_address=self.address(request, case.pk, "act"),
            queue_address=self.queue_address(request),
            before_address=self.address(request, before.pk) if before else "",
            after_address=self.address(request, after.pk) if after else "",
            undoable=self.undoable(request),
            **self.facts(case),
        )

    def _not_about_oneself(self, request: HttpRequest, case: Case) -> HttpResponse | None:
        """The way back, and why, for somebody who opens a case about themselves; None for everybody else."""
        if case.person_id != request.user.pk:
            return None
        messages.error(request, _("This case is about you. A colleague decides it."))
        return redirect(self.queue_address(request))

    def _changed_page(self, request: HttpRequest, changed: CaseChanged) -> HttpResponse:
        """Who did what meanwhile, so that nobody has to find out by comparing."""
        page = self.page(
            request,
            "moderation/changed.html",
            _("This case has changed"),
            case=changed.case,
            history=queue.history(changed.case, after_version=changed.seen_version),
            case_address=self.address(request, changed.case.pk),
            queue_address=self.queue_address(request),
        )
        page.status_code = 409
        return page
