"""Branches at a glance: the map of a chat, and two answers side by side."""

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from webapp.accounts.middleware import PersonRequest
from webapp.chat.branch_map import branch_map
from webapp.chat.errors import CannotBeRated, NotFound, TurnInProgress
from webapp.chat.models import Reply
from webapp.chat.services import branches, comparisons
from webapp.chat.services.conversations import conversation_for


@require_GET
def chat_map(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    try:
        conversation = conversation_for(request.person, conversation_id)
    except NotFound:
        raise Http404 from None
    return render(request, "chat/_map.html", {"conversation": conversation, "map": branch_map(conversation)})


@require_http_methods(["GET", "POST"])
def compare(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    """`left` and `right` side by side, and what the person says of them; with `reply` alone chance finds the
    pair, and without either there is the chat."""
    try:
        if "reply" in request.GET:
            left, right = comparisons.draw(
                person=request.person, conversation_id=conversation_id, reply_id=_id(request.GET["reply"])
            )
            return redirect(_address(conversation_id, left, right))
        if not {"left", "right"} <= request.GET.keys():
            conversation_for(request.person, conversation_id)
            return redirect("chat", conversation_id)
        left, right = _id(request.GET["left"]), _id(request.GET["right"])
        if request.method == "POST":
            choice = request.POST.get("choice", "")
            comparisons.choose(
                person=request.person, conversation_id=conversation_id, left=left, right=right, choice=choice
            )
            return redirect(_address(conversation_id, left, right))
        pair = comparisons.pair(person=request.person, conversation_id=conversation_id, left=left, right=right)
    except NotFound:
        raise Http404 from None
    except CannotBeRated as error:
        messages.error(request, error.user_text)
        return redirect("chat", conversation_id)
    context = {
        "pair": pair,
        "sides": _sides(pair),
        "message": pair.left.message,
        "conversation": pair.left.conversation,
    }
    return render(request, "chat/compare.html", context)


@require_POST
def keep(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    """Go on from this version."""
    try:
        branches.select(person=request.person, conversation_id=conversation_id, turn=_id(request.POST.get("turn", "")))
    except NotFound:
        raise Http404 from None
    except TurnInProgress as error:
        messages.error(request, error.user_text)
    return redirect("chat", conversation_id)


def _sides(pair: comparisons.Pair) -> list[dict[str, Reply | int | str]]:
    """Left and right, each with the number that its version has in the chat."""
    order = list(Reply.objects.filter(message=pair.left.message).order_by("created_at").values_list("pk", flat=True))
    return [
        {"side": side, "reply": reply, "number": order.index(reply.pk) + 1}
        for side, reply in (("left", pair.left), ("right", pair.right))
    ]


def _address(conversation_id: UUID, left: UUID, right: UUID) -> str:
    return f"{reverse('compare', args=[conversation_id])}?{urlencode({'left': left, 'right': right})}"


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None
