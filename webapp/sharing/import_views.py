"""Bringing chats along from elsewhere."""

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from webapp.accounts.middleware import PersonRequest
from webapp.accounts.services.guests import ensure_guest
from webapp.sharing.errors import BadFile
from webapp.sharing.services import importing


@require_http_methods(["GET", "HEAD", "POST"])
def import_chats(request: PersonRequest) -> HttpResponse:
    if request.method != "POST":
        return render(request, "sharing/import.html")
    chosen = frozenset(request.POST.getlist("chat"))
    try:
        if not chosen:
            raise BadFile(_("Choose at least one chat."))
        file = _file(request)
        done = importing.take(request.person or ensure_guest(request.session), file.open(), chosen)
    except BadFile as error:
        return render(request, "sharing/import.html", {"refusal": error.user_text})
    told = ngettext("%(num)d chat was imported.", "%(num)d chats were imported.", done.num_chats)
    messages.success(request, told % {"num": done.num_chats})
    return redirect("new_chat")


@require_POST
def preview(request: PersonRequest) -> HttpResponse:
    """What is in the file, to choose from."""
    try:
        found = importing.read(request.person, _file(request).open())
    except BadFile as error:
        return render(request, "sharing/_import_preview.html", {"refusal": error.user_text})
    context = {"previews": found, "num_messages": sum(preview.chat.num_messages for preview in found)}
    return render(request, "sharing/_import_preview.html", context)


def _file(request: PersonRequest) -> UploadedFile:
    file = request.FILES.get("file")
    if file is None:
        raise BadFile(_("Choose a file first."))
    return file
