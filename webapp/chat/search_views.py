"""Search: a page that works without scripts, and the same results as a fragment for the palette.

What is similar in meaning comes with a request of its own, so that the words never wait for it.
"""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from asgiref.sync import async_to_sync
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from webapp import rate_limits, wiring
from webapp.accounts.middleware import PersonRequest
from webapp.accounts.models import User
from webapp.chat.models import Conversation
from webapp.chat.organising_views import own_conversation
from webapp.chat.services.search import MAX_HITS, Hit, by_chat, search
from webapp.chat.services.search_meaning import similar
from webapp.chat.services.search_query import parse

NUM_RECENT = 6
HITS_ON_PAGE = 200


@require_GET
def search_page(request: PersonRequest) -> HttpResponse:
    """With `by=meaning` all of it in one page, for whoever has no scripts."""
    context = _context(request, limit=HITS_ON_PAGE)
    if request.GET.get("by") == "meaning" and context["similar_url"]:
        wait_s = rate_limits.seconds_to_wait(request, "search_similar")
        if wait_s:
            return rate_limits.too_many(request, wait_s)
        context |= _similar(request.person, context["typed"], context["scope"])
    return render(request, "chat/search.html", context)


@require_GET
def results(request: PersonRequest) -> HttpResponse:
    context = _context(request, limit=MAX_HITS)
    typed = context["typed"].casefold()
    context["places"] = [place for place in _places() if typed in place["label"].casefold()]
    if not typed and request.person:
        rows = Conversation.objects.of(request.person).kept().filter(archived_at=None)
        context["recent"] = rows.order_by("-updated_at")[:NUM_RECENT]
    return render(request, "chat/_results.html", context)


@require_GET
def similar_results(request: PersonRequest) -> HttpResponse:
    """What is similar in meaning, as a fragment: for the palette, or for the `page`."""
    context = _similar(request.person, *_asked(request)) | {"num_hits": request.GET.get("found")}
    return render(request, "chat/_similar_on_page.html" if request.GET.get("page") else "chat/_similar.html", context)


def _similar(person: User | None, typed: str, scope: Conversation | None) -> dict[str, Any]:
    """Nothing at all while it cannot be had: no words are lost by that."""

    async def find(person: User) -> list[Hit] | None:
        async with wiring.text_encoder() as encoder:
            return await similar(person, typed, scope, encoder=encoder)

    hits = async_to_sync(find)(person) if person else None
    return {} if hits is None else {"similar": by_chat(hits), "num_similar": len(hits), "was_searched": True}


def _context(request: PersonRequest, *, limit: int) -> dict[str, Any]:
    typed, scope = _asked(request)
    hits = search(request.person, typed, scope, limit) if request.person else []
    has_meaning = request.person and parse(typed).meaning
    asked = {"q": typed, "in": scope.pk if scope else "", "found": len(hits) or ""}
    return {
        "typed": typed,
        "scope": scope,
        "chats": by_chat(hits),
        "num_hits": len(hits),
        "similar_url": f"{reverse('search_similar')}?{urlencode(asked)}" if has_meaning else "",
    }


def _asked(request: PersonRequest) -> tuple[str, Conversation | None]:
    scope = own_conversation(request, _uuid(request.GET["in"])) if request.GET.get("in") else None
    return request.GET.get("q", "").strip(), scope


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
