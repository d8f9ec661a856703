"""Verdicts of the guards and readings by the staff. Neither holds a word of a conversation."""

from django.contrib import admin
from django.db.models import Model, QuerySet, TextField
from django.db.models.functions import Cast
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from assistant.safety.taxonomy import CATEGORIES, INSECURE_CODE, UNKNOWN, plain_name
from webapp.moderation import appeal_admin, audit_admin, case_admin, policy_admin  # noqa: F401  # register theirs
from webapp.moderation.models import Reveal, Verdict
from webapp.moderation.readonly import ReadOnlyAdmin, ReadOnlyInline, page_link

ACTION_COLOURS = {
    Verdict.Action.ALLOW.label: "success",
    Verdict.Action.WARN.label: "warning",
    Verdict.Action.BLOCK.label: "danger",
}


class ViolatedCategoryFilter(admin.SimpleListFilter):
    title = "category"
    parameter_name = "category"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(category, plain_name(category)) for category in (*CATEGORIES, INSECURE_CODE, UNKNOWN)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Verdict]) -> QuerySet[Verdict]:
        if self.value() is None:
            return queryset
        # As text, because SQLite cannot look into a JSON list.
        return queryset.alias(violated_text=Cast("violated", TextField())).filter(
            violated_text__contains=f'"{self.value()}"'
        )


class VerdictNumbers:
    """How a verdict's parts are shown."""

    @display(description=gettext_lazy("action"), ordering="action", label=ACTION_COLOURS)
    def action_shown(self, verdict: Verdict) -> str:
        return verdict.get_action_display()

    @display(description=gettext_lazy("categories"), label=True)
    def category_chips(self, verdict: Verdict) -> list[str]:
        return [f"{plain_name(name)} {_score(verdict.categories.get(name))}".strip() for name in verdict.violated]

    @display(description=gettext_lazy("categories"))
    def categories_shown(self, verdict: Verdict) -> str:
        return ", ".join(self.category_chips(verdict))

    @display(description=gettext_lazy("P(unsafe)"), ordering="score")
    def score_shown(self, verdict: Verdict) -> str:
        return _score(verdict.score)

    @display(description=gettext_lazy("latency"), ordering="latency_ms")
    def latency(self, verdict: Verdict) -> str:
        return f"{verdict.latency_ms:.0f} ms"


def _score(score: float | None) -> str:
    return "" if score is None else f"{score:.2f}"


class VerdictInline(VerdictNumbers, ReadOnlyInline):
    model = Verdict
    fields = readonly_fields = (
        *("direction", "action_shown", "categories_shown", "score_shown", "guard_id", "policy_version", "latency"),
        *("char_start", "char_end"),
    )


@admin.register(Verdict)
class VerdictAdmin(VerdictNumbers, ReadOnlyAdmin):
    list_display = (
        *("created_at", "reply_link", "direction", "action_shown", "category_chips", "score_shown"),
        *("guard_id", "policy_version", "latency"),
    )
    list_filter = ("action", "direction", ViolatedCategoryFilter, "guard_id", "policy_version", "created_at")
    search_fields = ("reply__id__startswith", "reply__conversation__id__startswith", "guard_id")
    search_help_text = "Beginning of the reply's or its conversation's id, guard"
    date_hierarchy = "created_at"
    fieldsets = (
        (None, {"fields": ("reply_link", "direction", "char_start", "char_end", "created_at")}),
        ("Judgement", {"fields": ("action_shown", "categories_shown", "score_shown", "categories")}),
        ("Guard", {"fields": ("guard_id", "policy_version", "latency")}),
    )
    readonly_fields = ("action_shown", "categories_shown", "score_shown", "latency", "reply_link")

    @display(description=gettext_lazy("reply"), ordering="reply_id")
    def reply_link(self, verdict: Verdict) -> SafeString:
        return page_link("chat_reply", verdict.reply_id)


class RevealInline(ReadOnlyInline):
    """Who has read this conversation. Whoever may look at the conversation may know that."""

    model = Reveal
    fields = readonly_fields = ("staff", "created_at")
    verbose_name_plural = "read by"

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("chat.view_conversation")


@admin.register(Reveal)
class RevealAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "staff", "conversation_ref", "reason")
    list_filter = (("staff", admin.RelatedOnlyFieldListFilter), "created_at")
    list_select_related = ("staff",)
    search_fields = ("conversation_ref__startswith", "staff__username", "staff__email", "reason")
    search_help_text = "Beginning of the conversation's id, who read it, why"
    date_hierarchy = "created_at"
    fields = ("created_at", "staff", "staff_ref", "conversation", "conversation_ref", "reason")
