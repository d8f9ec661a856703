"""How the staff helps somebody who cannot log in any more: with a link, never with a password of their choice."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextInputWidget

from webapp.accounts.models import User
from webapp.accounts.services.password_links import make_link


class PasswordLinkForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Why they need a new password, for the record"),
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
    )


class PasswordLinkPages(ModelAdmin):
    """Takes the place of the form by which one would set somebody's password."""

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """Django's name, under the address of its own form. One's own password is changed on one's own page."""
        person = self.get_object(request, id)
        if person is None or person.is_guest:
            raise Http404
        if not self.has_change_permission(request, person):
            raise PermissionDenied
        if person == request.user:
            return HttpResponseRedirect(reverse("admin:password_change"))
        form = PasswordLinkForm(request.POST or None)
        address = ""
        if form.is_valid():
            assert isinstance(request.user, User)
            address = make_link(request, person, by=request.user, reason=form.cleaned_data["reason"])
            if not address:
                messages.success(request, _("A letter with the link is on its way."))
                return HttpResponseRedirect(reverse("admin:accounts_user_change", args=[person.pk]))
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("A new password for %(person)s") % {"person": person},
            "person": person,
            "form": form,
            "address": address,
        }
        return TemplateResponse(request, "accounts/password_link.html", context)
