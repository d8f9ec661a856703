"""Taking chats along as files."""

import tempfile
from pathlib import Path
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZipFile

from django.http import FileResponse, Http404, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET

from webapp.accounts.middleware import PersonRequest
from webapp.chat.errors import NotFound
from webapp.chat.services.conversations import conversation_for
from webapp.sharing.services import exporting


@require_GET
def export_chat(request: PersonRequest, conversation_id: UUID) -> HttpResponseBase:
    """One chat, as `?as=md`, `json` or `html`."""
    as_ = next((known for known in exporting.FORMATS if known == request.GET.get("as", "md")), None)
    if as_ is None:
        raise Http404
    try:
        conversation = conversation_for(request.person, conversation_id)
    except NotFound:
        raise Http404 from None
    name = exporting.file_name(conversation, as_)
    return StreamingHttpResponse(
        exporting.export(conversation, as_),
        content_type=exporting.CONTENT_TYPES[as_],
        headers={
            "Content-Disposition": content_disposition_header(True, name) or "attachment",
            "Cache-Control": "private, no-store",
        },
    )


@require_GET
def export_all(request: PersonRequest) -> HttpResponseBase:
    """Every chat, in a zip that is made on disk and gone when it is sent."""
    if request.person is None:
        raise Http404
    zipped = tempfile.TemporaryFile()  # the response closes it  # noqa: SIM115
    with tempfile.TemporaryDirectory() as folder, ZipFile(zipped, "w", ZIP_DEFLATED) as archive:
        exporting.write_all(request.person, Path(folder))
        for path in sorted(Path(folder).iterdir()):
            archive.write(path, path.name)
    zipped.seek(0)
    return FileResponse(
        zipped, as_attachment=True, filename="chats.zip", headers={"Cache-Control": "private, no-store"}
    )
