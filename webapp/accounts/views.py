"""The pages of people that allauth does not bring."""

from django.http import HttpResponse
from django.views.decorators.http import require_POST

from webapp.accounts.middleware import PersonRequest
from webapp.accounts.services.guests import ensure_guest


@require_POST
def become_guest(request: PersonRequest) -> HttpResponse:
    """Make this browser somebody who can chat. Says 204 whether or not there was anything to do."""
    if not request.user.is_authenticated:
        ensure_guest(request.session)
    return HttpResponse(status=204)
