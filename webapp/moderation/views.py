"""The pages about safety that are for everybody: how it works, and what it did to whoever asks."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from webapp import wiring
from webapp.accounts.middleware import PersonRequest
from webapp.accounts.models import User
from webapp.chat.errors import NotFound
from webapp.moderation import transparency as what_is_in_force
from webapp.moderation.services import appeals, policies, records, reports
from webapp.moderation.services.appeals import CannotAppeal
from webapp.moderation.services.reports import CannotReport


@require_GET
def transparency(request: PersonRequest) -> HttpResponse:
    policy = policies.active(num_parameters=wiring.model_card().parameters)
    return render(
        request,
        "safety/transparency.html",
        {
            "guard": wiring.guard_card(),
            "policy": policy,
            "rules": what_is_in_force.rules(policy),
            "code_rule": policy.code or wiring.usual_code_rule(),
            "keeps": settings.MODERATION,
            "streams": settings.TURNS.streaming,
            "draws_pictures": wiring.draws_pictures(),
        },
    )


@require_http_methods(["GET", "POST"])
def mine(request: PersonRequest) -> HttpResponse:
    """What the safety layer did to this person, and where they ask for another look. Opening it is seeing it."""
    person = request.person
    if request.method == "POST":
        return _appeal_from_page(request, _somebody(request))
    record = records.record_of(person) if person else None
    response = render(request, "safety/mine.html", {"record": record, "num_unseen": 0})
    if person is not None and record is not None:
        record.be_seen_by(person)
    return response


@require_GET
def review(request: PersonRequest, reply_id: UUID) -> HttpResponse:
    """How the review of one turn stands, as a fragment for the page that shows the turn."""
    try:
        return _review(request, reply_id)
    except NotFound:
        raise Http404 from None


@require_POST
def appeal(request: PersonRequest, reply_id: UUID) -> HttpResponse:
    """Ask for a review of one turn. A refusal is a plain text for the person."""
    try:
        appeals.appeal(_somebody(request), reply_id=reply_id, text=request.POST.get("text", ""))
        return _review(request, reply_id)
    except CannotAppeal as refusal:
        return _refusal(refusal)
    except NotFound:
        raise Http404 from None


@require_POST
def report(request: PersonRequest, reply_id: UUID) -> HttpResponse:
    """Report one answer. Says 204, or why not as a plain text for the person."""
    try:
        reports.report(_somebody(request), reply_id, request.POST.get("reason", ""), text=request.POST.get("text", ""))
        return HttpResponse(status=204)
    except CannotReport as refusal:
        return _refusal(refusal)
    except NotFound:
        raise Http404 from None


def _somebody(request: PersonRequest) -> User:
    if request.person is None:
        raise Http404
    return request.person


def _review(request: PersonRequest, reply_id: UUID) -> HttpResponse:
    return render(request, "safety/_review.html", {"review": appeals.about_reply(request.person, reply_id)})


def _refusal(refusal: Exception) -> HttpResponse:
    return HttpResponse(str(refusal), status=409, content_type="text/plain; charset=utf-8")


def _appeal_from_page(request: PersonRequest, person: User) -> HttpResponse:
    try:
        appeals.appeal(
            person,
            reply_id=_uuid(request.POST.get("reply")),
            suspension_id=_number(request.POST.get("suspension")),
            text=request.POST.get("text", ""),
        )
        messages.success(request, _("Somebody of the staff will look at it. The answer will be here."))
    except CannotAppeal as refusal:
        messages.error(request, str(refusal))
    except NotFound:
        raise Http404 from None
    return redirect("my_safety")


def _uuid(value: str | None) -> UUID | None:
    try:
        return UUID(value) if value else None
    except ValueError:
        raise Http404 from None


def _number(value: str | None) -> int | None:
    return int(value) if value and value.isdecimal() and len(value) < 18 else None
