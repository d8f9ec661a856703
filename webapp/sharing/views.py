"""Sharing a chat, and the list of what one has shared."""

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from webapp.accounts.middleware import PersonRequest
from webapp.chat.errors import NotFound
from webapp.chat.models import Conversation
from webapp.chat.services.conversations import conversation_for
from webapp.sharing.errors import NothingToShare
from webapp.sharing.forms import choice_of, expiry_of
from webapp.sharing.models import ShareLink
from webapp.sharing.services import links


@require_http_methods(["GET", "HEAD", "POST"])
def share(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    """The inside of the dialog: what to share; after POST, the link."""
    conversation = _conversation(request, conversation_id)
    context = {"conversation": conversation, "turns": links.turns_to_share(conversation)}
    if request.method != "POST":
        return render(request, "sharing/_choose.html", context)
    try:
        link = links.share(conversation, choice_of(request.POST), expiry=expiry_of(request.POST))
    except NothingToShare as error:
        return render(request, "sharing/_choose.html", {**context, "refusal": error.user_text})
    address = request.build_absolute_uri(link_path(link))
    return render(request, "sharing/_made.html", {"link": link, "address": address})


@require_POST
def hidden(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    """What the choice would hide, before anything is shared."""
    conversation = _conversation(request, conversation_id)
    found = links.hidden_by(conversation, choice_of(request.POST))
    return render(request, "sharing/_hidden.html", {"hidden": found})


@require_GET
def shared_links(request: PersonRequest) -> HttpResponse:
    made = ShareLink.objects.filter(owner=request.person).select_related("conversation") if request.person else []
    shown = [(link, request.build_absolute_uri(link_path(link))) for link in made]
    return render(request, "sharing/list.html", {"links": shown})


@require_POST
def revoke(request: PersonRequest, link_id: UUID) -> HttpResponse:
    try:
        links.revoke(request.person, link_id)
    except NotFound:
        raise Http404 from None
    return redirect("shared_links")


def link_path(link: ShareLink) -> str:
    return f"/s/{link.token}/"


def _conversation(request: PersonRequest, conversation_id: UUID) -> Conversation:
    """A temporary chat cannot be shared, so here it is absent."""
    try:
        conversation = conversation_for(request.person, conversation_id)
    except NotFound:
        raise Http404 from None
    if conversation.is_temporary:
        raise Http404
    return conversation
