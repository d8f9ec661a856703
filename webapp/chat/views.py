"""The pages of the chat. Answers stream over the socket; what is stored is rendered here from the same rows."""

from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.conf import settings
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST, require_safe

from webapp import wiring
from webapp.accounts.middleware import PersonRequest
from webapp.chat import hints, pages
from webapp.chat import starters as ideas
from webapp.chat.errors import Ended, NotFound, Refused
from webapp.chat.models import Conversation
from webapp.chat.services import branches, limits, organising, temporary
from webapp.chat.services import conversations as service
from webapp.chat.services.absence import absence
from webapp.chat.services.erasing import erase
from webapp.chat.services.gauge import gauge_of
from webapp.experiments.services import serving
from webapp.library.reading.kinds import ACCEPTED
from webapp.moderation.services.reports import NAMES


def _kept_as_the_chat_is(response: HttpResponse, conversation: Conversation) -> HttpResponse:
    """A browser keeps nothing of a temporary chat on its disk."""
    if conversation.is_temporary:
        response["Cache-Control"] = "private, no-store"
    return response


def _conversation(request: PersonRequest, conversation_id: UUID) -> Conversation:
    try:
        return service.conversation_for(request.person, conversation_id)
    except Ended:
        raise
    except NotFound:
        raise Http404 from None


def _named(request: PersonRequest, name: str) -> UUID | None:
    """The id in the address, or None: a mangled link still opens the chat."""
    try:
        return UUID(request.GET.get(name, ""))
    except ValueError:
        return None


def _is_looked_at(request: PersonRequest) -> bool:
    """Whether a person goes to the page, as the browser says, and does not have it fetched in advance."""
    return request.headers.get("Sec-Fetch-Mode") == "navigate" and "Sec-Purpose" not in request.headers


def _chat_page(
    request: PersonRequest, conversation: Conversation | None, shown: pages.Shown, *, passage: str = ""
) -> HttpResponse:
    context: dict[str, Any] = {
        "conversation": conversation,
        "shown": shown,
        "passage": passage,
        "queue": pages.queued(conversation) if conversation else [],
        "away": absence(),
        "gauge": gauge_of(conversation) if conversation else None,
        "drawn": _drawn(request),
        "max_chars": settings.TURNS.max_message_chars,
        "accept": ACCEPTED,
        "report_reasons": NAMES.items(),
    }
    return render(request, "chat/page.html", context)


def _drawn(request: PersonRequest, number: int = 0) -> ideas.Drawn:
    person = request.person
    own = serving.for_page(person).starters
    return ideas.draw(person_id=person and person.pk, day=timezone.localdate(), number=number, own=own)


@require_GET
def starters(request: PersonRequest) -> HttpResponse:
    """Other ideas to begin with, as a fragment."""
    asked = request.GET.get("draw", "")
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 0
    serving.note_page(request.person)
    return render(request, "chat/_starters.html", {"drawn": _drawn(request, number)})


@require_safe
def new_chat(request: PersonRequest) -> HttpResponse:
    if _is_looked_at(request):
        serving.note_page(request.person)
    return _chat_page(request, None, pages.Shown())


@require_GET
def model_is_away(request: PersonRequest) -> HttpResponse:
    """For how long the model has been away, or null: for a page that has no connection to be told on."""
    return JsonResponse({"away": absence()})


@require_GET
def chat(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    """The chat; with `at` the branch that holds this message or reply, and that turn in sight. What is marked there is
    for the page to say: the words `q`, or what stands at the `chars` of the text."""
    conversation = _conversation(request, conversation_id)
    if _is_looked_at(request):
        organising.seen(conversation)
    at = _named(request, "at")
    shown = pages.around(conversation, at) if at else pages.newest(conversation)
    passage = pages.passage(conversation, at, request.GET.get("chars", "")) if at else ""
    response = _chat_page(request, conversation, shown, passage=passage)
    return _kept_as_the_chat_is(response, conversation)


@require_GET
def turns(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    """Turns for a page that is open, as a fragment: those before the message `before`, or those after the reply
    `after` (the header Cria-After says so; where it is not on the branch any more, the newest of it)."""
    conversation = _conversation(request, conversation_id)
    first, last = _named(request, "before"), _named(request, "after")
    shown = pages.before(conversation, first) if first else pages.after(conversation, last) if last else None
    response = render(request, "chat/_turns.html", {"shown": shown or pages.newest(conversation)})
    if last and shown is not None:
        response["Cria-After"] = str(last)
    return _kept_as_the_chat_is(response, conversation)


@require_POST
def select(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    """Show the branch through another version of a turn, here and on the person's other pages."""
    try:
        turn = UUID(request.POST.get("turn", ""))
        conversation = branches.select(person=request.person, conversation_id=conversation_id, turn=turn)
    except (NotFound, ValueError):
        raise Http404 from None
    except Refused as error:
        return HttpResponse(error.user_text, status=409, content_type="text/plain")
    async_to_sync(hints.conversation_changed)(
        conversation.owner_id,
        conversation_id=conversation.pk,
        title=conversation.title,
        reply_id=conversation.selected_id,
    )
    return render(request, "chat/_turns.html", {"shown": pages.around(conversation, turn)})


@require_GET
def queue(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    """The messages that wait, as a fragment."""
    conversation = _conversation(request, conversation_id)
    response = render(request, "chat/_queue.html", {"queue": pages.queued(conversation)})
    return _kept_as_the_chat_is(response, conversation)


@require_POST
def close(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    """The page of a temporary chat was left: it ends. It is said more than once, so the answer is always the same."""
    temporary.close(request.person, conversation_id)
    return HttpResponse(status=204)


@require_GET
def conversations(request: PersonRequest) -> HttpResponse:
    return render(request, "chat/_conversations.html")


@require_POST
def rename(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    service.rename(_conversation(request, conversation_id), request.POST.get("title", ""))
    return _after_change(request)


@require_POST
def delete(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    erase(Conversation.objects.filter(pk=_conversation(request, conversation_id).pk))
    return _after_change(request)


@require_safe
def about(request: PersonRequest) -> HttpResponse:
    pace = limits.picture_pace(request.person)
    context = {
        "searches_web": wiring.searches_web(),
        "draws_pictures": wiring.draws_pictures(),
        "pictures_per_day": pace.limit if pace else 0,
    }
    return render(request, "chat/about.html", context)


def _after_change(request: PersonRequest) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return render(request, "chat/_conversations.html")
    return redirect("new_chat")
