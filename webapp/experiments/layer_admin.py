"""Layers, with who is in which of their slots."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from webapp.experiments import strips
from webapp.experiments.models import Layer
from webapp.experiments.models.experiments import SLOTS
from webapp.experiments.services import layers
from webapp.moderation.readonly import ReadOnlyAdmin


@admin.register(Layer)
class LayerAdmin(ReadOnlyAdmin):
    """A layer may be made and renamed. Its salt decides who is where, so it stays."""

    list_display = ("name", "num_free")
    list_before_template = "experiments/layers.html"
    fields = ("name",)
    ordering = ("name",)

    class Media:
        css = {"all": ("moderation/moderation.css", "experiments/prompts.css", "experiments/life.css")}

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        return request.user.has_perm("experiments.add_layer")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("experiments.change_layer")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Layer]:
        queryset: QuerySet[Layer] = super().get_queryset(request)
        return queryset.annotate(num_taken=Count("slots"))

    @display(description=gettext_lazy("free, in per cent"), ordering="-num_taken")
    def num_free(self, layer: Layer) -> str:
        return f"{(SLOTS - getattr(layer, 'num_taken', 0)) / SLOTS * 100:g}"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        shown = [strips.shown(strip) for strip in layers.strips()]
        return super().changelist_view(request, {"strips": shown, **(extra_context or {})})
