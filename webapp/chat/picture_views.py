"""A picture of an answer, as a file of its own."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from webapp.accounts.middleware import PersonRequest
from webapp.chat.errors import NotFound
from webapp.chat.models import Picture
from webapp.chat.services import pictures

_POLICY = "default-src 'none'; sandbox"


@require_safe
def picture(request: PersonRequest, picture_id: UUID) -> HttpResponseBase:
    try:
        found = pictures.picture_for(request.person, picture_id)
    except NotFound:
        raise Http404 from None
    response = as_response(request, found)
    if found.reply.conversation.is_temporary:
        del response["ETag"]
        response["Cache-Control"] = "private, no-store"
    return response


def as_response(request: HttpRequest, picture: Picture, content: bytes | None = None) -> HttpResponseBase:
    """The picture, or that the browser has it still, which it asks each time: it may have been withheld since.

    Opened as a page it may do nothing; a browser that has it takes the headers of the newest answer. `content` takes
    the place of what is sealed.
    """
    headers = {
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f'inline; filename="{picture.file_name}"',
        "Content-Security-Policy": _POLICY,
        "Cross-Origin-Resource-Policy": "same-origin",
        "ETag": f'"{picture.pk}"',
        "X-Content-Type-Options": "nosniff",
    }
    unchanged = get_conditional_response(request, etag=headers["ETag"])
    if unchanged is None:
        raw = bytes(picture.content) if content is None else content
        return HttpResponse(raw, content_type=picture.media_type, headers=headers)
    for name, value in headers.items():
        unchanged[name] = value
    return unchanged
