"""The pages of people that allauth does not bring."""

from allauth.usersessions.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from webapp.accounts.middleware import PersonRequest
from webapp.accounts.services.guests import ensure_guest


@require_POST
def become_guest(request: PersonRequest) -> HttpResponse:
    """Make this browser somebody who can chat. Says 204 whether or not there was anything to do."""
    if not request.user.is_authenticated:
        ensure_guest(request.session)
    return HttpResponse(status=204)


@require_POST
@login_required
def end_session(request: PersonRequest, session_id: int) -> HttpResponse:
    """Log one other device out."""
    session = get_object_or_404(UserSession, pk=session_id, user=request.user)
    get_adapter().end_sessions([session])
    messages.success(request, _("That device is logged out."))
    return redirect("usersessions_list")
