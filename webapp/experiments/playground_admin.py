"""The playground in the administration: a page for each session, which only whoever made it can open."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST
from unfold.decorators import display

from assistant.prompt_text import PromptTextError
from webapp.accounts.models import User
from webapp.experiments import playground_pages
from webapp.experiments.models import PlaygroundSession
from webapp.experiments.models.versions import Version
from webapp.experiments.playground_forms import GoOnForm, SaveForm, TurnsForm, column_forms
from webapp.experiments.prompt_forms import said
from webapp.experiments.services import playground, prompts, versions, votes
from webapp.experiments.services.playground import PlaygroundError
from webapp.moderation.readonly import ReadOnlyAdmin

PAGE = "admin:experiments_playgroundsession_change"
TRIES = "experiments.add_promptversion"


@admin.register(PlaygroundSession)
class PlaygroundAdmin(ReadOnlyAdmin):
    """For those who may write prompts. A session of somebody else is absent, also for a superuser."""

    list_display = ("question_shown", "num_turns", "is_blind", "created_at")
    list_display_links = ("question_shown",)
    ordering = ("-created_at",)

    class Media:
        css = {"all": ("moderation/moderation.css", "experiments/prompts.css", "experiments/playground.css")}
        js = ("experiments/playground.js",)

    def get_urls(self) -> list[URLPattern]:
        def own(tail: str, view: Callable[..., HttpResponse], name: str) -> URLPattern:
            wrapped = self.admin_site.admin_view(view)
            return path(f"<uuid:session_id>/{tail}/", wrapped, name=f"experiments_playground_{name}")

        return [
            own("cells", require_GET(self.cells_view), "cells"),
            own("go-on", require_POST(self.go_on_view), "go_on"),
            own("retry/<uuid:run_id>", require_POST(self.retry_view), "retry"),
            own("stop/<uuid:run_id>", require_POST(self.stop_view), "stop"),
            own("delete", require_POST(self.delete_own_view), "delete"),
            own("vote/<int:turn>", require_POST(self.vote_view), "vote"),
            own("save/<uuid:run_id>", require_POST(self.save_view), "save"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[PlaygroundSession]:
        sessions: QuerySet[PlaygroundSession] = super().get_queryset(request)
        return sessions.filter(person=request.user.pk)

    def has_view_permission(self, request: HttpRequest, *_: Any) -> bool:
        return request.user.has_perm(TRIES)

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        return request.user.has_perm(TRIES)

    @display(description=gettext_lazy("first turn"))
    def question_shown(self, session: PlaygroundSession) -> str:
        return Truncator(playground.turns_of(session)[0].question).chars(80)

    @display(description=gettext_lazy("turns"))
    def num_turns(self, session: PlaygroundSession) -> int:
        return len(session.turns)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """The columns and the turns of a new session."""
        person = _tester(request)
        columns = column_forms(request.POST or None, prompt=request.GET.get("prompt", ""))
        turns = TurnsForm(request.POST or None, person=person)
        if request.method == "POST" and all([turns.is_valid(), *(form.is_valid() for form in columns)]):
            chosen = [column for form in columns if (column := form.column()) is not None]
            try:
                session = playground.start(
                    person,
                    columns=chosen,
                    turns=turns.cleaned_data["turns"],
                    is_blind=turns.cleaned_data["is_blind"],
                )
                return redirect(PAGE, session.pk)
            except PlaygroundError as error:
                messages.error(request, str(playground_pages.REFUSALS[error.code]))
        context = {"columns": columns, "form": turns}
        return self._page(request, "experiments/playground_form.html", _("Playground"), **context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The answers side by side."""
        try:
            session = self._session(request, UUID(object_id))
        except ValueError:
            raise Http404 from None
        return self._session_page(request, session)

    def cells_view(self, request: HttpRequest, session_id: UUID) -> HttpResponse:
        """The cells that changed since the page looked last."""
        session = self._session(request, session_id)
        asked = {name: request.GET.get(name, "") for name in ("since", "num_finished")}
        return TemplateResponse(request, "experiments/cells.html", {**playground_pages.cells_page(session, **asked)})

    def go_on_view(self, request: HttpRequest, session_id: UUID) -> HttpResponse:
        session = self._session(request, session_id)
        form = GoOnForm(request.POST, num_turns=len(session.turns))
        if not form.is_valid():
            return self._session_page(request, session, go_on=form)
        try:
            playground.go_on(session, form.cleaned_data["text"], after=form.cleaned_data["after"])
        except PlaygroundError as error:
            messages.error(request, str(playground_pages.REFUSALS[error.code]))
        return redirect(PAGE, session.pk)

    def retry_view(self, request: HttpRequest, session_id: UUID, run_id: UUID) -> HttpResponse:
        session = self._session(request, session_id)
        run = get_object_or_404(session.runs, pk=run_id)
        try:
            playground.retry(run)
        except PlaygroundError as error:
            messages.error(request, str(playground_pages.REFUSALS[error.code]))
        return redirect(PAGE, session.pk)

    def stop_view(self, request: HttpRequest, session_id: UUID, run_id: UUID) -> HttpResponse:
        session = self._session(request, session_id)
        run = get_object_or_404(session.runs, pk=run_id)
        playground.stop(run)
        return redirect(f"{reverse(PAGE, args=[session.pk])}#cell-{run.pk}")

    def delete_own_view(self, request: HttpRequest, session_id: UUID) -> HttpResponse:
        playground.delete(self._session(request, session_id))
        messages.success(request, _("Deleted."))
        return redirect("admin:experiments_playgroundsession_changelist")

    def vote_view(self, request: HttpRequest, session_id: UUID, turn: int) -> HttpResponse:
        session = self._session(request, session_id)
        try:
            votes.vote(session, turn, choice=request.POST.get("choice", ""), by=_tester(request))
        except PlaygroundError as error:
            messages.error(request, str(playground_pages.REFUSALS[error.code]))
        return redirect(f"{reverse(PAGE, args=[session.pk])}#turn-{turn}")

    def save_view(self, request: HttpRequest, session_id: UUID, run_id: UUID) -> HttpResponse:
        """The draft of a column becomes a version."""
        session = self._session(request, session_id)
        run = get_object_or_404(session.runs, pk=run_id)
        form = SaveForm(request.POST)
        if not form.is_valid():
            messages.error(request, _("Please say what changes, and why."))
            return redirect(PAGE, session.pk)
        try:
            made: Version = prompts.create(run.draft, note=form.cleaned_data["note"], author=_tester(request))
        except PromptTextError as error:
            messages.error(request, said(error))
            return redirect(PAGE, session.pk)
        except versions.Duplicate as error:
            messages.info(request, _("There is a version that says exactly this: this one."))
            made = error.version
        return redirect("admin:experiments_promptversion_change", made.pk)

    def _session(self, request: HttpRequest, session_id: UUID) -> PlaygroundSession:
        session = playground.session_for(_tester(request), session_id)
        if session is None:
            raise Http404
        return session

    def _session_page(
        self, request: HttpRequest, session: PlaygroundSession, *, go_on: GoOnForm | None = None
    ) -> HttpResponse:
        context = playground_pages.session_page(session, go_on=go_on)
        return self._page(request, "experiments/playground.html", _("Playground"), **context)

    def _page(self, request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
        common = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media, "title": title}
        return TemplateResponse(request, template, {**common, **context})


def _tester(request: HttpRequest) -> User:
    if not request.user.has_perm(TRIES):
        raise PermissionDenied
    assert isinstance(request.user, User)
    return request.user
