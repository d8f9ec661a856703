"""What the assistant keeps in mind of a chat: how full its window is, the summary in it, and the prompt itself."""

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from webapp.accounts.middleware import PersonRequest
from webapp.chat.errors import NotFound, Refused
from webapp.chat.models import Conversation
from webapp.chat.services.compacting import ask_for_summary
from webapp.chat.services.conversations import conversation_for
from webapp.chat.services.gauge import gauge_of
from webapp.chat.services.preview import preview_prompt


def _conversation(request: PersonRequest, conversation_id: UUID) -> Conversation:
    try:
        return conversation_for(request.person, conversation_id)
    except NotFound:
        raise Http404 from None


@require_GET
def gauge(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    """What stands at the composer, and in the chat where its summary ends, as a fragment."""
    conversation = _conversation(request, conversation_id)
    return render(request, "chat/_gauge.html", {"conversation": conversation, "gauge": gauge_of(conversation)})


@require_GET
def window(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    """The parts of it, the words of the summary and the way to another one, for the dialog."""
    return _window(request, _conversation(request, conversation_id))


@require_GET
def prompt(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    """What the model would be sent next, without passages, as a fragment."""
    conversation = _conversation(request, conversation_id)
    parts = preview_prompt(conversation.owner, _("(Your next message)"), conversation=conversation)
    return render(request, "settings/_prompt.html", {"parts": parts})


@require_POST
def summarise(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    if request.person is None:
        raise Http404
    try:
        conversation = ask_for_summary(request.person, conversation_id)
    except NotFound:
        raise Http404 from None
    except Refused as error:
        return _window(request, _conversation(request, conversation_id), error=error.user_text)
    return _window(request, conversation, is_asked_for=True)


def _window(
    request: PersonRequest, conversation: Conversation, *, error: str = "", is_asked_for: bool = False
) -> HttpResponse:
    context = {
        "conversation": conversation,
        "gauge": gauge_of(conversation),
        "error": error,
        "is_asked_for": is_asked_for,
    }
    return render(request, "chat/_window.html", context)
