"""Thumbs: saved when they are pressed; a panel then asks why. And copying, which is an opinion too."""

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from webapp.accounts.middleware import PersonRequest
from webapp.chat.errors import NotFound, Refused
from webapp.chat.models import Feedback
from webapp.chat.services import feedback as service

THUMBS = {"up": Feedback.Thumb.UP, "down": Feedback.Thumb.DOWN}


@require_POST
def thumb(request: PersonRequest, reply_id: UUID) -> HttpResponse:
    """Give the thumb `up` or `down` and get the panel, or take it back with `none`."""
    wanted = request.POST.get("thumb", "")
    try:
        if wanted == "none":
            service.take_back(person=request.person, reply_id=reply_id)
            return HttpResponse(status=204)
        if wanted not in THUMBS:
            raise Http404
        given = service.give(person=request.person, reply_id=reply_id, thumb=THUMBS[wanted])
    except NotFound:
        raise Http404 from None
    except Refused as error:
        return HttpResponse(error.user_text, status=409, content_type="text/plain")
    context = {
        "feedback": given,
        "reasons": service.REASONS[given.thumb].items(),
        "worth_a_report": service.WORTH_A_REPORT,
        "max_chars": service.MAX_TEXT_CHARS,
    }
    return render(request, "chat/_feedback.html", context)


@require_POST
def copied(request: PersonRequest, reply_id: UUID) -> HttpResponse:
    """Said by the page; once is enough."""
    try:
        service.note_copy(person=request.person, reply_id=reply_id)
    except NotFound:
        raise Http404 from None
    return HttpResponse(status=204)


@require_POST
def reasons(request: PersonRequest, reply_id: UUID) -> HttpResponse:
    try:
        service.explain(
            person=request.person,
            reply_id=reply_id,
            reasons=request.POST.getlist("reason"),
            text=request.POST.get("text", ""),
        )
    except NotFound:
        raise Http404 from None
    except Refused as error:
        return HttpResponse(error.user_text, status=409, content_type="text/plain")
    return HttpResponse(status=204)
