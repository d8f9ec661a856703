"""Search: a page that works without scripts, and the same results as a fragment for the palette."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from webapp.accounts.middleware import PersonRequest
from webapp.chat.models import Conversation
from webapp.chat.organising_views import own_conversation
from webapp.chat.services.search import MAX_HITS, by_chat, search

NUM_RECENT = 6
HITS_ON_PAGE = 200


@require_GET
def search_page(request: PersonRequest) -> HttpResponse:
    return render(request, "chat/search.html", _context(request, limit=HITS_ON_PAGE))


@require_GET
def results(request: PersonRequest) -> HttpResponse:
    context = _context(request, limit=MAX_HITS)
    typed = context["typed"].casefold()
    context["places"] = [place for place in _places() if typed in place["label"].casefold()]
    if not typed and request.person:
        rows = Conversation.objects.of(request.person).kept().filter(archived_at=None)
        context["recent"] = rows.order_by("-updated_at")[:NUM_RECENT]
    return render(request, "chat/_results.html", context)


def _context(request: PersonRequest, *, limit: int) -> dict[str, Any]:
    typed = request.GET.get("q", "").strip()
    scope = own_conversation(request, _uuid(request.GET["in"])) if request.GET.get("in") else None
    hits = search(request.person, typed, scope, limit) if request.person else []
    return {"typed": typed, "scope": scope, "chats": by_chat(hits), "num_hits": len(hits)}


def _places() -> list[dict[str, str]]:
    """Where the palette leads besides chats."""
    wanted = [
        ("new_chat", _("New chat"), "new-chat"),
        ("all_chats", _("All chats"), "list"),
        ("archived", _("Archive"), "archive"),
        ("library:list", _("Library"), "book"),
        ("settings", _("Settings"), "wrench"),
        ("settings_memory", _("Memory"), "learn"),
        ("your_data", _("Your data"), "shield"),
        ("safety", _("Safety"), "shield"),
        ("about", _("About Cria"), "info"),
    ]
    return [{"url": url, "label": label, "icon": icon} for name, label, icon in wanted if (url := _url(name))]


def _url(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404 from None
