"""Conversations that prompts are tried on, as the team writes them."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from webapp.experiments.models import TestTurn
from webapp.experiments.services.playground_turns import Messages, roles_in_turn

MAX_CHARS = 20_000
NEXT = "---"


class TestTurnForm(forms.ModelForm):
    """The messages are one text. A line of three dashes begins the next one, which is the other side's."""

    __test__ = False  # for pytest, which takes the name for a test's

    text = forms.CharField(
        label=_("Messages"),
        max_length=MAX_CHARS,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 12}),
        help_text=_(
            "The first message is a person’s. A line with --- begins the next one: the assistant’s, then a person’s "
            "again. A person’s is the last one, which gets an answer. Write them yourself: these are no place for what "
            "somebody said in a chat."
        ),
    )

    class Meta:
        model = TestTurn
        fields = ["name"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["text"] = f"\n{NEXT}\n".join(text for _role, text in self.instance.messages)

    def clean_text(self) -> Messages:
        texts = [""]
        for line in self.cleaned_data["text"].splitlines():
            if line.strip() == NEXT:
                texts.append("")
            else:
                texts[-1] += f"{line}\n"
        texts = [text.strip() for text in texts]
        if not all(texts):
            raise forms.ValidationError(gettext("One of the messages is empty."))
        if len(texts) % 2 == 0:
            raise forms.ValidationError(gettext("The last message has to be a person’s."))
        return roles_in_turn(texts)

    def save(self, commit: bool = True) -> TestTurn:
        self.instance.messages = self.cleaned_data["text"]
        saved: TestTurn = super().save(commit)
        return saved


@admin.register(TestTurn)
class TestTurnAdmin(ModelAdmin):
    form = TestTurnForm
    fields = ("name", "text")
    list_display = ("name", "num_messages", "author", "created_at")
    list_select_related = ("author",)
    search_fields = ("name",)

    @display(description=_("messages"))
    def num_messages(self, turn: TestTurn) -> int:
        return len(turn.messages)

    def save_model(self, request: HttpRequest, obj: TestTurn, form: forms.ModelForm, change: bool) -> None:
        if not change:
            obj.author = request.user  # type: ignore[assignment]  # nobody else gets here
        super().save_model(request, obj, form, change)
