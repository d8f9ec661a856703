"""The pages about safety that are for everybody: how it works, and what it did to whoever asks."""

from dataclasses import dataclass
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
    person, refused = request.person, None
    if request.method == "POST":
        refused = _appeal_from_page(request, _somebody(request))
        if refused is None:
            return redirect("my_safety")
    record = records.record_of(person) if person else None
    has_form = refused is not None and record is not None and record.offers(refused.field, refused.value)
    context = {"record": record, "num_unseen": 0, "refused": refused, "refused_has_form": has_form}
    response = render(request, "safety/mine.html", context)
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


@dataclass(frozen=True, slots=True)
class _Refused:
    """An appeal that was not taken, as it was sent, so that nobody has to write it again."""

    field: str
    value: str
    text: str
    why: str


def _appeal_from_page(request: PersonRequest, person: User) -> _Refused | None:
    """None for one that was taken."""
    text = request.POST.get("text", "")
    field = "reply" if request.POST.get("reply") else "suspension"
    reply_id, suspension_id = _uuid(request.POST.get("reply")), _number(request.POST.get("suspension"))
    try:
        appeals.appeal(person, reply_id=reply_id, suspension_id=suspension_id, text=text)
    except CannotAppeal as refusal:
        return _Refused(field, str(reply_id or suspension_id), text, str(refusal))
    except NotFound:
        raise Http404 from None
    messages.success(request, _("Somebody of the staff will look at it. The answer will be here."))
    return None


def _uuid(value: str | None) -> UUID | None:
    try:
        return UUID(value) if value else None
    except ValueError:
        raise Http404 from None


def _number(value: str | None) -> int | None:
    return int(value) if value and value.isdecimal() and len(value) < 18 else None
