"""The pages of the chat. Answers stream over the socket; what is stored is rendered here from the same rows."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from webapp.accounts.middleware import PersonRequest
from webapp.chat.errors import NotFound
from webapp.chat.models import Conversation
from webapp.chat.pages import STARTERS, shown_turns
from webapp.chat.services import conversations as service
from webapp.moderation.services.reports import NAMES


def _conversation(request: PersonRequest, conversation_id: UUID) -> Conversation:
    try:
        return service.conversation_for(request.person, conversation_id)
    except NotFound:
        raise Http404 from None


def _chat_page(request: PersonRequest, conversation: Conversation | None) -> HttpResponse:
    context: dict[str, Any] = {
        "conversation": conversation,
        "turns": shown_turns(conversation) if conversation else [],
        "starters": STARTERS,
        "max_chars": settings.TURNS.max_message_chars,
        "report_reasons": NAMES.items(),
    }
    return render(request, "chat/page.html", context)


@require_GET
def new_chat(request: PersonRequest) -> HttpResponse:
    return _chat_page(request, None)


@require_GET
def chat(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    return _chat_page(request, _conversation(request, conversation_id))


@require_GET
def turns(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    """The turns after the reply named by `after` (all of them without it), as a fragment for a page that is open."""
    shown = shown_turns(_conversation(request, conversation_id))
    after = request.GET.get("after", "")
    position = next((number for number, turn in enumerate(shown, start=1) if str(turn.reply.id) == after), 0)
    return render(request, "chat/_turns.html", {"turns": shown[position:]})


@require_GET
def conversations(request: PersonRequest) -> HttpResponse:
    return render(request, "chat/_conversations.html")


@require_POST
def rename(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    service.rename(_conversation(request, conversation_id), request.POST.get("title", ""))
    return _after_change(request)


@require_POST
def delete(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    _conversation(request, conversation_id).delete()
    return _after_change(request)


@require_GET
def about(request: PersonRequest) -> HttpResponse:
    return render(request, "chat/about.html")


def _after_change(request: PersonRequest) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return render(request, "chat/_conversations.html")
    return redirect("new_chat")
