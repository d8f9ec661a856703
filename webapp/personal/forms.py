"""What people fill in on the settings pages."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from webapp.personal.keys import SHORTCUTS, is_usable
from webapp.personal.models import Memory, Preferences
from webapp.personal.services.preferences import ANSWER_LANGUAGES, MAX_INSTRUCTION_CHARS, own_name


def _interface_languages() -> Iterator[tuple[str, object]]:
    yield "", _("As this browser says")
    yield from settings.LANGUAGES


def _answer_languages() -> Iterator[tuple[str, object]]:
    yield "", _("The language of my message")
    yield from ((code, own_name(code)) for code in ANSWER_LANGUAGES)


class GeneralForm(forms.ModelForm):
    language = forms.ChoiceField(choices=_interface_languages, required=False, label=_("Language"))

    class Meta:
        model = Preferences
        fields = ["language", "theme", "text_size", "shortcuts"]
        widgets = {"theme": forms.RadioSelect, "text_size": forms.RadioSelect}


class KeysForm(forms.Form):
    """One field for each shortcut. `cleaned_data` afterwards holds what differs from the usual keys."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, shortcut in SHORTCUTS.items():
            self.fields[name] = forms.CharField(
                label=str(shortcut.label), required=False, max_length=24, widget=forms.HiddenInput
            )

    def clean(self) -> dict[str, str]:
        used: dict[str, str] = {}
        for name, keys in list(self.cleaned_data.items()):
            if keys and not is_usable(keys):
                self.add_error(name, _("These keys cannot be used. Take Ctrl, ⌘ or Alt with another key."))
            elif keys and keys in used:
                self.add_error(name, _("Two shortcuts cannot have the same keys."))
            used[keys] = name
        return {name: keys for name, keys in self.cleaned_data.items() if keys != SHORTCUTS[name].keys}


class ThemeForm(forms.ModelForm):
    """The quick switch in the menu."""

    class Meta:
        model = Preferences
        fields = ["theme"]


class _Lines(forms.CharField):
    """Some lines of text. A form sends each end of a line as two characters, and its field counts one."""

    widget = forms.Textarea(attrs={"rows": 4, "dir": "auto"})

    def to_python(self, value: str | None) -> str | None:
        return super().to_python(value.replace("\r\n", "\n") if value else value)


class AssistantForm(forms.ModelForm):
    about_me = _Lines(max_length=MAX_INSTRUCTION_CHARS, required=False)
    answer_style = _Lines(max_length=MAX_INSTRUCTION_CHARS, required=False)
    answer_language = forms.ChoiceField(choices=_answer_languages, required=False)

    class Meta:
        model = Preferences
        fields = ["uses_instructions", "about_me", "answer_style", "tone", "answer_language", "summarises_chats"]


class UseMemoryForm(forms.ModelForm):
    class Meta:
        model = Preferences
        fields = ["uses_memory"]


class MemoryForm(forms.ModelForm):
    class Meta:
        model = Memory
        fields = ["text"]
        error_messages = {"text": {"required": _("Write what to remember first.")}}
