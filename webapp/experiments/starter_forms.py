"""Ideas to begin with, as people write them: for each language four boxes, a line for each idea."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.forms import BoundField
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from webapp.chat.starters import IDEAS
from webapp.experiments.models import StarterSet

JOBS = tuple(IDEAS)
JOB_NAMES = {
    "learn": _("Learn"),
    "get-things-done": _("Get things done"),
    "create": _("Create"),
    "connect": _("Connect"),
}
MAX_TITLE_CHARS, MAX_PROMPT_CHARS, MAX_IDEAS = 60, 300, 30
SEPARATOR = "|"


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    code: str
    name: str
    boxes: Sequence[BoundField]


class StarterSetForm(forms.Form):
    """A language whose boxes are all empty keeps the built-in ideas."""

    name = forms.CharField(label=_("Name"), max_length=80, widget=UnfoldAdminTextInputWidget)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for code, _name in settings.LANGUAGES:
            for job in JOBS:
                box = UnfoldAdminTextareaWidget(attrs={"rows": 4, "lang": code, "dir": "auto"})
                self.fields[_box(code, job)] = forms.CharField(label=JOB_NAMES[job], required=False, widget=box)

    def languages(self) -> Sequence[Language]:
        return [
            Language(code=code, name=str(name), boxes=[self[_box(code, job)] for job in JOBS])
            for code, name in settings.LANGUAGES
        ]

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if StarterSet.objects.filter(name=name).exists():
            raise forms.ValidationError(gettext("There are ideas of this name already."))
        return name

    def clean(self) -> dict[str, Any]:
        """Adds `ideas`, as `StarterSet` keeps them."""
        cleaned = super().clean() or {}
        written = {code: self._ideas(code, cleaned) for code, _name in settings.LANGUAGES}
        cleaned["ideas"] = {code: ideas for code, ideas in written.items() if any(ideas.values())}
        if not self.errors and not cleaned["ideas"]:
            self.add_error(None, gettext("Please write ideas for at least one language."))
        return cleaned

    def _ideas(self, code: str, cleaned: Mapping[str, Any]) -> Mapping[str, Sequence[tuple[str, str]]]:
        boxes = {job: str(cleaned.get(_box(code, job), "")) for job in JOBS}
        if not any(boxes.values()):
            return {}
        return {job: self._pairs(_box(code, job), text) for job, text in boxes.items()}

    def _pairs(self, box: str, text: str) -> Sequence[tuple[str, str]]:
        """The ideas of one box; what is wrong with them is said beside it."""
        lines = [line for line in text.splitlines() if line.strip()]
        if not lines:
            self.add_error(box, gettext("A language needs at least one idea for each of the four."))
        if len(lines) > MAX_IDEAS:
            self.add_error(box, gettext("At most %(num)d ideas, please.") % {"num": MAX_IDEAS})
        pairs = [
            (title.strip(), prompt.strip()) for title, _bar, prompt in (line.partition(SEPARATOR) for line in lines)
        ]
        for number, (title, prompt) in enumerate(pairs, start=1):
            if not title or not prompt:
                self.add_error(box, gettext("Line %(number)d is not “title | prompt”.") % {"number": number})
            elif len(title) > MAX_TITLE_CHARS or len(prompt) > MAX_PROMPT_CHARS:
                limits = {"number": number, "title": MAX_TITLE_CHARS, "prompt": MAX_PROMPT_CHARS}
                self.add_error(
                    box,
                    gettext(
                        "Line %(number)d is too long: %(title)d characters for the title, %(prompt)d for the prompt."
                    )
                    % limits,
                )
        return pairs


def _box(code: str, job: str) -> str:
    return f"{code}-{job}"
