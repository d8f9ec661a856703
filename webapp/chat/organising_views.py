"""Keeping chats in order. A change answers with no content and a hint for the page, which then asks for its list."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from webapp.accounts.middleware import PersonRequest
from webapp.chat.errors import EmptyTag, Full, NameTaken, NotFound
from webapp.chat.models import Conversation, Folder
from webapp.chat.services import organising
from webapp.chat.services.conversations import conversation_for
from webapp.chat.services.duplicating import duplicate
from webapp.chat.services.erasing import erase
from webapp.chat.sidebar import PAGE, with_signs

CHANGED = "conversations-changed"


def own_conversation(request: PersonRequest, conversation_id: UUID) -> Conversation:
    try:
        return conversation_for(request.person, conversation_id)
    except NotFound:
        raise Http404 from None


def _own_folder(request: PersonRequest, folder_id: UUID) -> Folder:
    try:
        return organising.folder_for(request.person, folder_id)
    except NotFound:
        raise Http404 from None


def _own_rows(request: PersonRequest, ids: list[UUID]) -> QuerySet[Conversation]:
    try:
        return organising.chosen(request.person, ids)
    except NotFound:
        raise Http404 from None


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404 from None


def _changed(response: HttpResponse | None = None) -> HttpResponse:
    response = response or HttpResponse(status=204)
    response["HX-Trigger"] = CHANGED
    return response


@require_POST
def pin(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    organising.pin(_own_rows(request, [conversation_id]), is_pinned=request.POST.get("on") == "1")
    return _changed()


@require_POST
def archive(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    organising.archive(_own_rows(request, [conversation_id]), is_archived=request.POST.get("on") == "1")
    return _changed()


@require_POST
def seen(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    """It is on the screen. The page of a temporary chat says so each minute, for else it is erased."""
    organising.seen(own_conversation(request, conversation_id))
    return HttpResponse(status=204)


@require_POST
def unread(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    organising.mark_unread(own_conversation(request, conversation_id))
    return _changed()


@require_POST
def fork(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    """A copy up to the reply named by `upto`, or of the branch on the page; the browser goes there."""
    upto = _uuid(request.POST["upto"]) if request.POST.get("upto") else None
    try:
        fresh = duplicate(own_conversation(request, conversation_id), upto=upto)
    except NotFound:
        raise Http404 from None
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": fresh.get_absolute_url()})
    return redirect(fresh)


def folder_choice(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    """The dialog that moves a chat: into a folder, a new one, or out of all."""
    conversation = own_conversation(request, conversation_id)
    if request.method != "POST":
        context = {"conversation": conversation, "folders": Folder.objects.filter(owner=request.person)}
        return render(request, "chat/_folder_choice.html", context)
    rows = _own_rows(request, [conversation_id])
    return _or_say_why(request, lambda: organising.move(rows, _folder_asked_for(request)))


def tags(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    """The dialog with the tags of a chat. It stays open: people often put on several."""
    conversation = own_conversation(request, conversation_id)
    error = ""
    if request.method == "POST":
        try:
            if "remove" in request.POST:
                organising.untag(conversation, request.POST["remove"])
            else:
                organising.tag(_own_rows(request, [conversation_id]), request.POST.get("name", ""))
        except (EmptyTag, Full) as refusal:
            error = refusal.user_text
    own = list(conversation.tags.values_list("name", flat=True))
    others = [name for name in organising.tag_names(conversation.owner) if name not in own]
    context = {"conversation": conversation, "tags": own, "others": others, "error": error}
    response = render(request, "chat/_tags.html", context)
    return _changed(response) if request.method == "POST" else response


def folder(request: PersonRequest, folder_id: UUID) -> HttpResponse:
    """The dialog that renames or deletes a folder."""
    asked = _own_folder(request, folder_id)
    if request.method != "POST":
        return render(request, "chat/_folder.html", {"folder": asked})
    try:
        organising.rename_folder(asked, request.POST.get("name", ""))
    except NameTaken as refusal:
        return render(request, "chat/_folder.html", {"folder": asked, "error": refusal.user_text})
    return _changed()


@require_POST
def delete_folder(request: PersonRequest, folder_id: UUID) -> HttpResponse:
    """The chats in it stay."""
    _own_folder(request, folder_id).delete()
    return _changed()


def new_folder(request: PersonRequest) -> HttpResponse:
    if request.method != "POST":
        return render(request, "chat/_folder.html", {"folder": None})
    person = request.person
    if person is None:
        raise Http404
    return _or_say_why(request, lambda: organising.make_folder(person, request.POST.get("name", "")))


@require_GET
def all_chats(request: PersonRequest) -> HttpResponse:
    return _list_page(request, is_archive=False)


@require_GET
def archived(request: PersonRequest) -> HttpResponse:
    return _list_page(request, is_archive=True)


@require_POST
def act(request: PersonRequest) -> HttpResponse:
    """What was chosen for the chats that are ticked on a list page; back to that page with how many it was."""
    ids = [_uuid(text) for text in request.POST.getlist("chat")]
    rows = _own_rows(request, ids)
    try:
        text = _carry_out(request, rows, num_chats=len(set(ids)))
        messages.success(request, text)
    except (EmptyTag, Full) as refusal:
        messages.error(request, refusal.user_text)
    back = request.POST.get("back", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        back = reverse("all_chats")
    return redirect(back)


def _carry_out(request: PersonRequest, rows: QuerySet[Conversation], *, num_chats: int) -> str:
    match request.POST.get("act"):
        case "archive":
            organising.archive(rows, is_archived=True)
            done = ngettext(
                "%(count)s chat is in the archive now.", "%(count)s chats are in the archive now.", num_chats
            )
        case "unarchive":
            organising.archive(rows, is_archived=False)
            done = ngettext("%(count)s chat is back in the list.", "%(count)s chats are back in the list.", num_chats)
        case "move":
            organising.move(rows, _folder_asked_for(request))
            done = ngettext("%(count)s chat was moved.", "%(count)s chats were moved.", num_chats)
        case "tag":
            organising.tag(rows, request.POST.get("tag", ""))
            done = ngettext("%(count)s chat was tagged.", "%(count)s chats were tagged.", num_chats)
        case "delete":
            erase(rows)
            done = ngettext("%(count)s chat was deleted.", "%(count)s chats were deleted.", num_chats)
        case _:
            raise Http404
    return done % {"count": num_chats}


def _folder_asked_for(request: PersonRequest) -> Folder | None:
    """The folder named by id, else a new one by name, else none."""
    if request.POST.get("folder"):
        return _own_folder(request, _uuid(request.POST["folder"]))
    if request.person is not None and request.POST.get("new_folder"):
        return organising.make_folder(request.person, request.POST["new_folder"])
    return None


def _or_say_why(request: PersonRequest, change: Callable[[], object]) -> HttpResponse:
    try:
        change()
    except Full as full:
        return render(request, "chat/_cannot.html", {"reason": full.user_text})
    return _changed()


def _list_page(request: PersonRequest, *, is_archive: bool) -> HttpResponse:
    person = request.person
    everything = Conversation.objects.of(person).kept() if person else Conversation.objects.none()
    rows: QuerySet[Conversation] = everything.filter(archived_at__isnull=not is_archive)
    asked_tag, asked_folder = request.GET.get("tag", "").replace("\0", ""), None
    if asked_tag:
        rows = rows.filter(tags__name=asked_tag)
    if request.GET.get("folder"):
        asked_folder = _own_folder(request, _uuid(request.GET["folder"]))
        rows = rows.filter(folder=asked_folder)
    rows = with_signs(rows).select_related("folder").prefetch_related("tags").order_by("-updated_at")
    context = {
        "page": Paginator(rows, PAGE).get_page(request.GET.get("page")),
        "is_archive": is_archive,
        "heading": _("Archive") if is_archive else _("All chats"),
        "asked_tag": asked_tag,
        "asked_folder": asked_folder,
        "folders": Folder.objects.filter(owner=person) if person else [],
        "all_tags": organising.tag_names(person) if person else [],
    }
    return render(request, "chat/all.html", context)
