"""The settings page about memory: all of it to see, change and delete."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from webapp.accounts.middleware import PersonRequest
from webapp.accounts.services.guests import ensure_guest
from webapp.personal.errors import NoSuchMemory, TooManyMemories
from webapp.personal.forms import MemoryForm, UseMemoryForm
from webapp.personal.models import Memory
from webapp.personal.pages import found_memories
from webapp.personal.services import memories
from webapp.personal.services.preferences import change, preferences_of
from webapp.personal.views import saved


@require_GET
def memory(request: PersonRequest) -> HttpResponse:
    """With `q`, those that hold these words; htmx takes the list alone."""
    return _page(request, MemoryForm())


@require_POST
def use(request: PersonRequest) -> HttpResponse:
    form = UseMemoryForm(request.POST)
    if form.is_valid():
        change(request.person or ensure_guest(request.session), **form.cleaned_data)
    return saved(request, "settings_memory")


@require_POST
def add(request: PersonRequest) -> HttpResponse:
    form = MemoryForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        memories.add(request.person or ensure_guest(request.session), form.cleaned_data["text"])
    except TooManyMemories:
        form.add_error("text", _("Memory is full. Delete something that is not needed any more, then try again."))
        return _page(request, form, status=422)
    return saved(request, "settings_memory")


@require_POST
def edit(request: PersonRequest, memory_id: UUID) -> HttpResponse:
    form = MemoryForm(request.POST)
    try:
        if form.is_valid():
            memories.edit(request.person, memory_id, form.cleaned_data["text"])
        elif not request.POST.get("text", "").strip():
            memories.forget(request.person, memory_id)  # emptied: there is nothing left to remember
        else:
            memory = memories.memory_for(request.person, memory_id)
            return _page(request, MemoryForm(), edited=(memory, form), status=422)
    except NoSuchMemory:
        raise Http404 from None
    return saved(request, "settings_memory")


@require_POST
def forget(request: PersonRequest, memory_id: UUID) -> HttpResponse:
    try:
        memories.forget(request.person, memory_id)
    except NoSuchMemory:
        raise Http404 from None
    messages.success(request, _("Forgotten"))
    return redirect("settings_memory")


@require_POST
def forget_all(request: PersonRequest) -> HttpResponse:
    num_forgotten = memories.forget_all(request.person)
    text = ngettext("%(count)d memory was deleted", "%(count)d memories were deleted", num_forgotten)
    messages.success(request, text % {"count": num_forgotten})
    return redirect("settings_memory")


def _page(
    request: PersonRequest, form: MemoryForm, *, edited: tuple[Memory, MemoryForm] | None = None, status: int = 200
) -> HttpResponse:
    """`edited`: the memory whose change could not be kept, with what was written."""
    query = request.GET.get("q", "").replace("\0", "").strip()
    context = {
        "form": form,
        "edited": edited,
        "query": query,
        "found": found_memories(request.person, query),
        "num_all": memories.memories_of(request.person).count(),
        "uses_memory": preferences_of(request.person).uses_memory,
    }
    template = "settings/_memories.html" if request.headers.get("HX-Request") else "settings/memory.html"
    return render(request, template, context, status=status)
