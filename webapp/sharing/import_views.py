"""Bringing chats along from elsewhere."""

from collections.abc import Sequence

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from webapp.accounts.middleware import PersonRequest
from webapp.accounts.services.guests import ensure_guest
from webapp.chat.organising_views import CHANGED
from webapp.sharing.errors import BadFile
from webapp.sharing.importing.files import MAX_FILE_BYTES
from webapp.sharing.models import ChatImport
from webapp.sharing.services import import_jobs, importing
from webapp.sharing.wording import left_out, refusal


@require_http_methods(["GET", "HEAD", "POST"])
def import_chats(request: PersonRequest) -> HttpResponse:
    """The form, and how far the last import is. After POST, a worker takes in the chats."""
    if request.method != "POST":
        return _page(request)
    try:
        chosen, file = _chosen(request), _file(request)
        if (file.size or 0) > MAX_FILE_BYTES:
            raise BadFile("too_large")
        import_jobs.request_import(request.person or ensure_guest(request.session), file.read(), chosen)
    except BadFile as error:
        return _page(request, refusal=error.user_text)
    return redirect("import_chats")


@require_safe
def import_state(request: PersonRequest) -> HttpResponse:
    """How far the last import is, as a fragment; nothing if that is what has been `seen`, the form when it is over."""
    asked = import_jobs.latest(request.person)
    if asked and asked.is_waiting:
        if request.GET.get("seen") == asked.step:
            return HttpResponse(status=204)
        return render(request, "sharing/_import_state.html", _shown(asked))
    response = render(request, "sharing/_import_state.html", {**_shown(asked), "brings_form": True})
    response["HX-Trigger"] = CHANGED
    return response


@require_POST
def preview(request: PersonRequest) -> HttpResponse:
    """What is in the file, to choose from."""
    try:
        found = importing.read(request.person, _file(request).open())
    except BadFile as error:
        return render(request, "sharing/_import_preview.html", {"refusal": error.user_text})
    context = {"previews": found, "num_messages": sum(preview.chat.num_messages for preview in found)}
    return render(request, "sharing/_import_preview.html", context)


def _page(request: PersonRequest, **context: str) -> HttpResponse:
    return render(request, "sharing/import.html", {**_shown(import_jobs.latest(request.person)), **context})


def _shown(asked: ChatImport | None) -> dict[str, object]:
    form = {"max_bytes": MAX_FILE_BYTES, "too_large": refusal("too_large")}
    if asked is None:
        return {"asked": None, **form}
    return {
        **form,
        "asked": asked,
        "failure": refusal(asked.error) if asked.error else "",
        "left_out": left_out(asked.left_out),
    }


def _chosen(request: PersonRequest) -> Sequence[str] | None:
    """Ids of chats; None is all, where nothing could be chosen because there are no scripts."""
    if "all" in request.POST:
        return None
    chosen = request.POST.getlist("chat")
    if not chosen:
        raise BadFile("none_chosen")
    return chosen


def _file(request: PersonRequest) -> UploadedFile:
    file = request.FILES.get("file")
    if file is None:
        raise BadFile("no_file")
    return file
