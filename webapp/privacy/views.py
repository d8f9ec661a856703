"""The pages about what is kept of somebody, and what they can do with it."""

from uuid import UUID

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from allauth.core.exceptions import ReauthenticationRequired
from django.contrib import messages
from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from webapp.accounts.middleware import PersonRequest
from webapp.accounts.models import User
from webapp.privacy import pages
from webapp.privacy.errors import NotFound, NotThisAccount
from webapp.privacy.forms import ConfirmForm, word
from webapp.privacy.models import ErasureReceipt
from webapp.privacy.services import erasure, exports


@never_cache
@require_GET
def your_data(request: PersonRequest) -> HttpResponse:
    return render(request, "privacy/your_data.html", pages.your_data(request.person))


@require_POST
def data_export(request: PersonRequest) -> HttpResponse:
    exports.request_export(_somebody(request))
    return redirect("your_data")


@never_cache
@require_GET
def download(request: PersonRequest, export_id: UUID) -> FileResponse:
    try:
        file = exports.file_of(request.person, export_id)
    except NotFound:
        raise Http404 from None
    return FileResponse(file.open("rb"), as_attachment=True, filename="cria-export.zip")


@require_http_methods(["GET", "POST"])
def wipe_data(request: PersonRequest) -> HttpResponse:
    """Erase what the person made and keep the account."""
    person = _somebody(request)
    form = ConfirmForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return redirect("erasure_receipt", erasure.wipe(person).pk)
    return render(request, "privacy/wipe.html", {"form": form, "word": word()})


@never_cache
@require_http_methods(["GET", "POST"])
def delete_account(request: PersonRequest) -> HttpResponse:
    """Erase the person. A member has shown a moment ago who they are; a guest types a word."""
    person = _somebody(request)
    if not person.is_guest:
        try:
            raise_if_reauthentication_required(request, app="webapp.privacy")
        except ReauthenticationRequired:
            if request.method == "POST":
                return redirect("delete_account")  # from there they prove who they are and see the page again
            raise
    form = ConfirmForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            receipt = erasure.erase_account(person)
        except User.DoesNotExist:  # a second click, and the first one did it
            return redirect("new_chat")
        except NotThisAccount as refusal:
            messages.error(request, str(refusal))
            return redirect("your_data")
        request.session.flush()
        return redirect("erasure_receipt", receipt.pk)
    return render(request, "privacy/delete.html", {"form": form, "word": word()})


@never_cache
@require_GET
def receipt(request: PersonRequest, receipt_id: UUID) -> HttpResponse:
    """For whoever has its address, because the person may have no account any more."""
    found = get_object_or_404(ErasureReceipt, pk=receipt_id)
    context = {"receipt": found, "erased": pages.erased(found), "kept": pages.kept(found)}
    return render(request, "privacy/receipt.html", context)


@never_cache
@require_GET
def receipt_text(request: PersonRequest, receipt_id: UUID) -> HttpResponse:
    found = get_object_or_404(ErasureReceipt, pk=receipt_id)
    response = HttpResponse(pages.as_text(found), content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="cria-receipt-{found.pk}.txt"'
    return response


def _somebody(request: PersonRequest) -> User:
    if request.person is None:
        raise Http404
    return request.person
