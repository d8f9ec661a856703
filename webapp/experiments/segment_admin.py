"""Segments: people chosen by their addresses, whom an experiment can be meant for."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from webapp.experiments.models import Segment
from webapp.experiments.results_admin import staff_of
from webapp.experiments.services import segments

MAX_SHOWN = 10


class SegmentForm(forms.ModelForm):
    emails = forms.CharField(
        label=_("Add people"),
        required=False,
        max_length=200_000,
        help_text=_("E-mail addresses, one in a line."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 8}),
    )
    empties = forms.BooleanField(
        label=_("Take everybody out who is in it now"), required=False, widget=UnfoldBooleanWidget
    )

    class Meta:
        model = Segment
        fields = ("name",)
        widgets = {"name": UnfoldAdminTextInputWidget}

    def clean_emails(self) -> list[Any]:
        wanted = {line.strip().lower() for line in self.cleaned_data["emails"].splitlines() if line.strip()}
        found = list(segments.people_with(wanted))
        missing = sorted(wanted - {person.email.lower() for person in found})
        if missing:
            text = gettext("Nobody has these addresses: %(addresses)s")
            raise forms.ValidationError(text % {"addresses": ", ".join(missing[:MAX_SHOWN])})
        return found


@admin.register(Segment)
class SegmentAdmin(ModelAdmin):
    """Who is in it is a number here: the list of a segment's people is nobody's reading."""

    form = SegmentForm
    fields = ("name", "num_people", "emails", "empties")
    readonly_fields = ("num_people",)
    list_display = ("name", "num_people")
    ordering = ("name",)
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Segment]:
        queryset: QuerySet[Segment] = super().get_queryset(request)
        return queryset.annotate(num=Count("people"))

    @display(description=_("people"), ordering="num")
    def num_people(self, segment: Segment) -> int:
        return getattr(segment, "num", 0)

    def has_delete_permission(self, request: HttpRequest, obj: Segment | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not (obj and segments.is_in_use(obj))

    def save_model(self, request: HttpRequest, obj: Segment, form: SegmentForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        people, empties = form.cleaned_data["emails"], form.cleaned_data["empties"]
        if people or empties:
            segments.fill(obj, people, empties=empties, by=staff_of(request))
