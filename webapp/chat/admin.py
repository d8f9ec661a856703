"""Conversations and replies as the staff sees them: states, numbers and times, never what was written.

Titles stay out too, because they are taken from the first message. Bodies open on the reveal page only.
"""

from typing import Any

from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display

from webapp.accounts.models import User
from webapp.chat.models import Conversation, Reply
from webapp.moderation.admin import RevealInline, VerdictInline
from webapp.moderation.forms import RevealForm
from webapp.moderation.readonly import ReadOnlyAdmin, ReadOnlyInline, page_link, short
from webapp.moderation.services import reveals

STATE_COLOURS = {
    Reply.State.DONE.label: "success",
    Reply.State.BLOCKED.label: "warning",
    Reply.State.FAILED.label: "danger",
    Reply.State.QUEUED.label: "info",
    Reply.State.RUNNING.label: "info",
}
BODY_FIELDS = ("text", "token_ids", "blocks", "tail", "passages", "citations")


class ReplyNumbers:
    """What of a reply's numbers the lists show."""

    @display(description=gettext_lazy("state"), ordering="state", label=STATE_COLOURS)
    def state_shown(self, reply: Reply) -> str:
        return reply.get_state_display()

    @display(description=gettext_lazy("tokens"))
    def num_tokens(self, reply: Reply) -> int | None:
        return reply.usage.get("reply_tokens")

    @display(description=gettext_lazy("first text"))
    def first_text(self, reply: Reply) -> str | None:
        return _seconds(reply.timings.get("first_text"))

    @display(description=gettext_lazy("finished in"))
    def total_time(self, reply: Reply) -> str | None:
        return _seconds(reply.timings.get("finished"))


def _seconds(milliseconds: float | None) -> str | None:
    return None if milliseconds is None else f"{milliseconds / 1000:.1f} s"


class ReplyInline(ReplyNumbers, ReadOnlyInline):
    model = Reply
    verbose_name_plural = "replies"
    fields = readonly_fields = (
        *("reply_link", "state_shown", "model_id", "num_tokens", "first_text", "total_time", "created_at"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Reply]:
        return super().get_queryset(request).defer(*BODY_FIELDS)

    @display(description=gettext_lazy("reply"))
    def reply_link(self, reply: Reply) -> SafeString:
        return page_link("chat_reply", reply.pk)


@admin.register(Conversation)
class ConversationAdmin(ReadOnlyAdmin):
    list_display = ("short_id", "owner", "num_turns", "last_state", "updated_at")
    list_filter = (("replies__state", admin.ChoicesFieldListFilter), "owner__is_guest", "updated_at")
    search_fields = ("id__startswith", "owner__email", "owner__username")
    search_help_text = "Beginning of the id, address or username of the owner"
    list_select_related = ("owner",)
    date_hierarchy = "updated_at"
    fields = ("id", "owner", "num_turns", "pinned", "created_at", "updated_at")
    readonly_fields = ("num_turns",)
    inlines = (ReplyInline, RevealInline)
    actions_detail = ("reveal",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conversation]:
        last_reply = Reply.objects.filter(conversation=OuterRef("pk")).order_by("-created_at")
        return (
            super()
            .get_queryset(request)
            .defer("title")
            .annotate(num_turns=Count("messages", distinct=True), last_state=Subquery(last_reply.values("state")[:1]))
        )

    @display(description=gettext_lazy("conversation"), ordering="id")
    def short_id(self, conversation: Conversation) -> str:
        return short(conversation.pk)

    @display(description=gettext_lazy("turns"), ordering="num_turns")
    def num_turns(self, conversation: Any) -> int:
        return conversation.num_turns

    @display(description=gettext_lazy("last reply"), ordering="last_state", label=STATE_COLOURS)
    def last_state(self, conversation: Any) -> str | None:
        return Reply.State(conversation.last_state).label if conversation.last_state else None

    def has_reveal_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self.has_view_permission(request) and request.user.has_perm("moderation.reveal_conversation")

    @action(description="Read this conversation", url_path="reveal", icon="visibility", permissions=["reveal"])
    def reveal(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the reason; put it on record; then show the conversation, in this one answer."""
        conversation = self.get_object(request, object_id)
        if conversation is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        context = {**self.admin_site.each_context(request), "title": f"Conversation {short(conversation.pk)}"}
        form = RevealForm(request.POST or None)
        if not form.is_valid():
            return render(request, "moderation/reveal_form.html", {**context, "form": form})
        assert isinstance(request.user, User)
        record = reveals.reveal(conversation, staff=request.user, reason=form.cleaned_data["reason"])
        shown = {"record": record, "messages_shown": reveals.transcript(record)}
        return render(request, "moderation/transcript.html", {**context, **shown})


@admin.register(Reply)
class ReplyAdmin(ReplyNumbers, ReadOnlyAdmin):
    list_display = (
        *("short_id", "state_shown", "epoch", "phase", "model_id", "num_tokens", "first_text", "total_time"),
        *("failures", "error_code", "created_at"),
    )
    list_filter = ("state", "phase", ("model_id", admin.AllValuesFieldListFilter), "error_code", "created_at")
    search_fields = ("id__startswith", "conversation__id__startswith", "error_code", "model_id")
    search_help_text = "Beginning of the reply's or its conversation's id, error code, model"
    date_hierarchy = "created_at"
    fieldsets = (
        (None, {"fields": ("id", "conversation", "state", "phase", "finish_reason", "error_code")}),
        ("Owner", {"fields": ("epoch", "event_index", "lease_until", "failures", "enqueued_at", "waiting_since")}),
        ("Generation", {"fields": ("model_id", "seed", "usage", "timings", "input_checked", "renderer_version")}),
        ("Times", {"fields": ("created_at", "not_before", "deadline", "finished_at")}),
    )
    inlines = (VerdictInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Reply]:
        return super().get_queryset(request).defer(*BODY_FIELDS)

    @display(description=gettext_lazy("reply"), ordering="id")
    def short_id(self, reply: Reply) -> str:
        return short(reply.pk)
