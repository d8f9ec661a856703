"""Sets of ideas to begin with: written once, to be shown by an arm or put into production."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from webapp.accounts.models import User
from webapp.experiments.models import StarterSet
from webapp.experiments.starter_forms import JOB_NAMES, StarterSetForm
from webapp.moderation.readonly import ReadOnlyAdmin
from webapp.moderation.services import audit


@admin.register(StarterSet)
class StarterSetAdmin(ReadOnlyAdmin):
    list_display = ("name", "languages_shown", "author", "created_at")
    list_select_related = ("author",)
    ordering = ("name",)

    class Media:
        css = {"all": ("moderation/moderation.css", "experiments/prompts.css")}

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        return request.user.has_perm("experiments.add_starterset")

    @display(description=gettext_lazy("languages"))
    def languages_shown(self, starters: StarterSet) -> str:
        return ", ".join(name for code, name in _languages() if code in starters.ideas)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = StarterSetForm(request.POST or None)
        if form.is_valid():
            assert isinstance(request.user, User)
            made = StarterSet.objects.create(
                name=form.cleaned_data["name"], ideas=form.cleaned_data["ideas"], author=request.user
            )
            audit.record(request.user, "write_starters", subject_type="starters", subject_ref=made.pk)
            messages.success(request, _("Saved. Nobody sees these ideas yet."))
            return redirect("admin:experiments_starterset_change", made.pk)
        return self._page(request, "experiments/starters_form.html", _("New ideas"), form=form)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        starters = self.get_object(request, object_id)
        if not self.has_view_permission(request):
            raise PermissionDenied
        if starters is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        shown = [
            (code, name, [(JOB_NAMES.get(job, job), pairs) for job, pairs in starters.ideas[code].items()])
            for code, name in _languages()
            if code in starters.ideas
        ]
        return self._page(request, "experiments/starters.html", str(starters), starters=starters, shown=shown)

    def _page(self, request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
        common = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media, "title": title}
        return TemplateResponse(request, template, {**common, **context})


def _languages() -> list[tuple[str, str]]:
    return [(code, str(name)) for code, name in settings.LANGUAGES]
