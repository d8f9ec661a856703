"""What is tried in the playground: up to four columns, and the turns they answer."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.utils.text import Truncator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from assistant.prompt_text import MAX_CHARS
from webapp.accounts.models import User
from webapp.experiments.models import PromptVersion, TestTurn
from webapp.experiments.prompt_forms import check_text
from webapp.experiments.services import labels
from webapp.experiments.services.playground import MAX_COLUMNS, MAX_TURNS, Column
from webapp.experiments.services.playground_turns import TriedTurn, from_own, own_turns, typed
from webapp.experiments.serving_forms import ServingForm
from webapp.experiments.version_forms import MAX_NOTE_CHARS

NONE, BUILT_IN, PRODUCTION, DRAFT = "", "built-in", "production", "draft"
MAX_VERSIONS = 100
MAX_TYPED_CHARS = 8000


class ColumnForm(ServingForm):
    """Without a source it is no column."""

    source = forms.ChoiceField(label=_("Prompt"), required=False, widget=UnfoldAdminSelectWidget)
    draft = forms.CharField(
        label=_("Draft"),
        required=False,
        max_length=MAX_CHARS,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 6, "class": "prompt-text"}),
        help_text=_("Only for “a draft”. It is no version until it is saved as one."),
    )
    unset = _("the usual one")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._versions = {str(version.pk): version for version in PromptVersion.objects.all()[:MAX_VERSIONS]}
        named = [(pk, f"{version}: {Truncator(version.note).chars(50)}") for pk, version in self._versions.items()]
        self.fields["source"].choices = [  # type: ignore[attr-defined]  # a ChoiceField, as written above
            (NONE, _("no column")),
            (PRODUCTION, _("what is in production")),
            (BUILT_IN, _("the built-in prompt")),
            (DRAFT, _("a draft")),
            *named,
        ]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("source") == DRAFT:
            try:
                check_text(cleaned.get("draft", ""))
            except forms.ValidationError as error:
                self.add_error("draft", error)
        return cleaned

    def column(self) -> Column | None:
        cleaned = {**self.cleaned_data}
        source, draft = cleaned.pop("source"), cleaned.pop("draft")
        if source == NONE:
            return None
        prompt = labels.production() if source == PRODUCTION else self._versions.get(source)
        return Column(prompt=prompt, draft=draft if source == DRAFT else "", **cleaned)


class TurnsForm(forms.Form):
    """The turns: of the team, of one's own chats, and one that is typed."""

    written = forms.ModelMultipleChoiceField(
        TestTurn.objects.all(), label=_("Written turns"), required=False, widget=forms.CheckboxSelectMultiple
    )
    own = forms.MultipleChoiceField(
        label=_("Turns of your own chats"), required=False, widget=forms.CheckboxSelectMultiple
    )
    text = forms.CharField(
        label=_("A message, typed now"),
        required=False,
        max_length=MAX_TYPED_CHARS,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )
    is_blind = forms.BooleanField(
        label=_("Compare blind: two columns, shuffled for each turn and without names until you have voted on it"),
        required=False,
    )

    def __init__(self, *args: Any, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._person = person
        mine = [(str(turn.reply_id), Truncator(turn.text).chars(90)) for turn in own_turns(person)]
        self.fields["own"].choices = mine  # type: ignore[attr-defined]  # a ChoiceField, as written above

    def clean(self) -> dict[str, Any]:
        """Adds `turns`."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        written = [TriedTurn(messages=tuple(map(tuple, turn.messages))) for turn in cleaned["written"]]
        own = from_own(self._person, map(UUID, cleaned["own"]))
        cleaned["turns"] = [*written, *own, *([typed(cleaned["text"])] if cleaned["text"] else [])]
        if not cleaned["turns"]:
            self.add_error(None, gettext("Choose or type at least one turn."))
        if len(cleaned["turns"]) > MAX_TURNS:
            self.add_error(None, gettext("At most %(num)d turns, please.") % {"num": MAX_TURNS})
        return cleaned


class GoOnForm(forms.Form):
    text = forms.CharField(
        label=_("One more message, to all columns"),
        max_length=MAX_TYPED_CHARS,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )
    after = forms.TypedChoiceField(
        label=_("It goes on from"), required=False, coerce=int, empty_value=None, widget=UnfoldAdminSelectWidget
    )

    def __init__(self, *args: Any, num_turns: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["after"].initial = num_turns - 1
        turns = [(number, gettext("turn %(number)d") % {"number": number + 1}) for number in range(num_turns)]
        self.fields["after"].choices = [*reversed(turns), ("", gettext("nothing: it begins anew"))]  # type: ignore[attr-defined]


class SaveForm(forms.Form):
    note = forms.CharField(
        label=_("What changes, and why"), max_length=MAX_NOTE_CHARS, widget=UnfoldAdminTextInputWidget
    )


def column_forms(posted: Any, *, prompt: str = "") -> Sequence[ColumnForm]:
    """Four of them; to begin with what is in production beside the version named by `prompt`."""
    first = [{"source": PRODUCTION}, {"source": prompt}]
    return [
        ColumnForm(posted, prefix=f"c{number}", initial=first[number] if number < len(first) else {})
        for number in range(MAX_COLUMNS)
    ]
