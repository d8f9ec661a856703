"""A shared chat, for whoever has the link. It sets no cookie and knows of its reader only whether they made it."""

from uuid import UUID, uuid4

from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from webapp.accounts.middleware import PersonRequest
from webapp.accounts.services.guests import ensure_guest, person_behind
from webapp.chat.errors import NotFound
from webapp.chat.picture_views import as_response
from webapp.moderation.services import reports
from webapp.moderation.services.reports import MAX_TEXT_CHARS, NAMES
from webapp.sharing.headers import unlisted
from webapp.sharing.models import ShareLink
from webapp.sharing.services import links
from webapp.sharing.services.code_reports import with_reports

# Not /s/: a robot that may not fetch a page never reads that it is not to be listed, and may list its bare address.
ROBOTS = "User-agent: *\nDisallow: /c/\n"


@require_safe
@unlisted()
def shared_chat(request: PersonRequest, token: str) -> HttpResponse:
    link = _link(token)
    reader = person_behind(request.session, request.user)  # not `request.person`, which notes a visit in the session
    is_owner = reader is not None and reader.pk == link.owner_id
    if not is_owner:
        seen_from = f"{request.META.get('REMOTE_ADDR')}\n{request.headers.get('User-Agent')}"
        links.count_view(link, str(reader.pk) if reader else seen_from)
    turns = [{**turn, "blocks": with_reports(turn["blocks"], turn["code_reports"])} for turn in link.turns]
    return render(request, "sharing/shared.html", {"link": link, "turns": turns, "is_owner": is_owner})


@require_safe
@unlisted()
def shared_picture(request: PersonRequest, token: str, picture_id: UUID) -> HttpResponseBase:
    try:
        picture = links.picture_in(_link(token), picture_id)
    except NotFound:
        raise Http404 from None
    return as_response(request, picture)


@require_http_methods(["GET", "HEAD", "POST"])
@unlisted(has_form=True)
def continue_shared(request: PersonRequest, token: str) -> HttpResponse:
    """Asks first: a page that changes something has a form of its own, so that reading needs no cookie."""
    link = _link(token)
    if request.method != "POST":
        return render(request, "sharing/continue.html", {"link": link, "copy_id": uuid4()})
    person = request.person or ensure_guest(request.session)
    return redirect(links.continue_as(person, link, copy_id=_uuid(request.POST.get("copy", ""))))


@require_http_methods(["GET", "HEAD", "POST"])
@unlisted(has_form=True)
def report_shared(request: PersonRequest, token: str, reply_id: UUID) -> HttpResponse:
    """One answer of the page."""
    link = _link(token)
    turn = next((turn for turn in link.turns if turn["reply"] == str(reply_id)), None)
    if turn is None:
        raise Http404
    context = {"link": link, "turn": turn, "reasons": NAMES.items(), "max_chars": MAX_TEXT_CHARS}
    if request.method != "POST":
        return render(request, "sharing/report.html", context)
    reason = request.POST.get("reason", "")
    told = request.POST.get("text", "").replace("\x00", "").replace("\r\n", "\n").strip()[:MAX_TEXT_CHARS]
    if reason not in NAMES:
        return render(request, "sharing/report.html", {**context, "is_unchosen": True, "text": told})
    try:
        reports.report_shared(reply_id, reason, told)
    except NotFound:
        raise Http404 from None
    return render(request, "sharing/report.html", {**context, "is_done": True})


@require_safe
def robots(request: PersonRequest) -> HttpResponse:
    return HttpResponse(ROBOTS, content_type="text/plain; charset=utf-8")


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404 from None


def _link(token: str) -> ShareLink:
    try:
        return links.open_link(token)
    except NotFound:
        raise Http404 from None
