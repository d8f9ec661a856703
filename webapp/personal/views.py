"""The settings pages: how Cria looks, and how the assistant answers. Each form is a plain POST."""

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from webapp.accounts.middleware import PersonRequest
from webapp.accounts.services.guests import ensure_guest
from webapp.accounts.services.language import language_of
from webapp.personal.forms import AssistantForm, GeneralForm, KeysForm, ThemeForm
from webapp.personal.keys import SHORTCUTS, TAKEN
from webapp.personal.pages import shown_prompt
from webapp.personal.services.preferences import change, preferences_of


@require_GET
def index(request: PersonRequest) -> HttpResponse:
    """The list of pages on a phone; where there is room, with the first of them beside it."""
    form = GeneralForm(instance=preferences_of(request.person))
    return render(request, "settings/general.html", {"form": form, "is_index": True})


@require_http_methods(["GET", "POST"])
def general(request: PersonRequest) -> HttpResponse:
    if request.method != "POST":
        return render(request, "settings/general.html", {"form": GeneralForm(instance=preferences_of(request.person))})
    form = GeneralForm(request.POST)
    if not form.is_valid():
        return render(request, "settings/general.html", {"form": form}, status=422)
    person = request.person or ensure_guest(request.session)
    person.preferences = change(person, **form.cleaned_data)
    with translation.override(language_of(person) if form.cleaned_data["language"] else translation.get_language()):
        return saved(request, "settings_general")


@require_http_methods(["GET", "POST"])
def keys(request: PersonRequest) -> HttpResponse:
    """The keys of shortcuts: changed, or all the usual ones again."""
    form, status = KeysForm(initial=preferences_of(request.person).bindings), 200
    if request.method == "POST":
        form = KeysForm({} if "usual" in request.POST else request.POST)
        if "usual" in request.POST or form.is_valid():
            chosen = {} if "usual" in request.POST else form.cleaned_data
            change(request.person or ensure_guest(request.session), keys=chosen)
            return saved(request, "settings_keys")
        status = 422
    context = {"form": form, "taken": sorted(TAKEN), "usual": SHORTCUTS}
    return render(request, "settings/keys.html", context, status=status)


@require_POST
def choose_theme(request: PersonRequest) -> HttpResponse:
    form = ThemeForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest()
    change(request.person or ensure_guest(request.session), **form.cleaned_data)
    return HttpResponse(status=204)


@require_http_methods(["GET", "POST"])
def assistant(request: PersonRequest) -> HttpResponse:
    if request.method == "POST":
        form = AssistantForm(request.POST)
        if form.is_valid():
            change(request.person or ensure_guest(request.session), **form.cleaned_data)
            return saved(request, "settings_assistant")
        status = 422
    else:
        form, status = AssistantForm(instance=preferences_of(request.person)), 200
    context = {"form": form, "parts": shown_prompt(request.person, preferences_of(request.person))}
    return render(request, "settings/assistant.html", context, status=status)


@require_POST
def preview(request: PersonRequest) -> HttpResponse:
    """What the model would be sent with the form as it is filled in now. Nothing is stored."""
    form = AssistantForm(request.POST, instance=preferences_of(request.person))
    if not form.is_valid():
        return HttpResponseBadRequest()
    return render(request, "settings/_prompt.html", {"parts": shown_prompt(request.person, form.save(commit=False))})


def saved(request: PersonRequest, page: str) -> HttpResponseRedirect:
    messages.success(request, _("Saved"))
    return redirect(page)
