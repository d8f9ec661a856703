"""Taking an answer away that was shown: a moderator found that it breaks a rule, and no guard had."""

from collections.abc import Sequence
from uuid import UUID

from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext, override

from assistant.events import Done, Retract
from assistant.rendering.markdown import RENDERER_VERSION
from assistant.safety.notices import withheld_later_html
from webapp.accounts.services.country import country_for
from webapp.accounts.services.language import language_of
from webapp.chat import turn_log
from webapp.chat.cursor import Cursor
from webapp.chat.errors import Ended
from webapp.chat.models import Conversation, Reply
from webapp.chat.services import summaries
from webapp.chat.services.conversations import locked, title_of
from webapp.chat.services.endings import end_from_outside
from webapp.moderation.models import Case
from webapp.moderation.services import evidence, originals

BY_STAFF = "staff"
"""Why such an answer has ended."""


def may_be_withheld(reply: Reply) -> bool:
    """Whether there is something to take away: an answer that has ended and is shown."""
    return reply.state != Reply.State.BLOCKED and not reply.is_active and bool(reply.text)


@transaction.atomic
def withhold(reply_id: UUID, *, category: str) -> Sequence[UUID]:
    """Seal an answer with what stood beside it, and put a sentence in its place; everything else is as if the guard had
    withheld it. So are those with the same words. Returns them all; none if there was nothing left to take away, as
    nobody is shown a temporary chat that has ended.
    """
    try:
        locked(Reply.objects.select_related("conversation").get(pk=reply_id).conversation)
    except Ended:
        return ()
    reply = (
        Reply.objects.select_for_update(of=("self",)).select_related("conversation__owner", "message").get(pk=reply_id)
    )
    if not may_be_withheld(reply):
        return ()
    owner = reply.conversation.owner
    country = country_for(owner.pk, default=settings.TURNS.default_country)
    with override(language_of(owner)):
        html = withheld_later_html(category, country=country, translate=gettext)
    taken = _with_the_same_words(reply)
    for each in taken:
        if each.is_active:
            end_from_outside(each, state=Reply.State.CANCELLED, finish_reason="stopped")
        _put_away(each, html)
    return [each.pk for each in taken]


def _with_the_same_words(reply: Reply) -> list[Reply]:
    """The answer itself, those that it goes on from or that go on from it, and their copies in other chats."""
    # In temporary chats the database cannot compare words.
    asked = Q(message__text=reply.message.text) | Q(conversation__is_temporary=True)
    mine = Reply.objects.filter(asked, conversation__owner=reply.conversation.owner_id)
    shown = mine.exclude(text="").exclude(state=Reply.State.BLOCKED).order_by("created_at", "pk")
    found_rows = shown.select_for_update(of=("self",)).select_related("conversation", "message")
    versions = [row for row in found_rows if row.message.text == reply.message.text and not row.is_unread]
    found: set[UUID | None] = {reply.pk}
    num_before = 0
    while num_before < len(found):
        num_before = len(found)
        near = [version for version in versions if version.pk in found]
        texts = {version.text for version in near}
        found |= {version.continued_from_id for version in near if version.continued_from_id}
        found |= {version.pk for version in versions if version.continued_from_id in found or version.text in texts}
    return [version for version in versions if version.pk in found]


def _put_away(reply: Reply, html: str) -> None:
    originals.keep(reply.pk, reply.text)
    for case in Case.objects.filter(reply=reply):
        evidence.keep(case, reply)
    reply.state, reply.finish_reason, reply.error_code = Reply.State.BLOCKED, BY_STAFF, ""
    reply.text, reply.token_ids, reply.unchecked_chars = "", [], 0
    reply.blocks, reply.tail, reply.renderer_version = [html], "", RENDERER_VERSION
    reply.citations, reply.passages, reply.notices, reply.code_reports = [], [], [], []
    reply.steps, reply.used, reply.support, reply.followups = [], {}, None, []
    reply.input_checked = True
    reply.epoch, reply.event_index = reply.epoch + 1, 2
    reply.finished_at = reply.finished_at or timezone.now()
    reply.save()
    _forget_title(reply)
    summaries.forget(reply.pk)
    cursor = Cursor(reply.epoch, reply.event_index)
    transaction.on_commit(lambda: async_to_sync(_retract)(reply.pk, cursor, html))


def _forget_title(reply: Reply) -> None:
    """One that a model made of the first answer may tell what it said: words of the message take its place."""
    made_of_it = Conversation.objects.filter(pk=reply.conversation_id, titled_by=Conversation.TitledBy.ASSISTANT)
    if reply.message.parent_id is None:
        made_of_it.update(title=title_of(reply.message.text), titled_by=Conversation.TitledBy.WORDS)


async def _retract(reply_id: UUID, cursor: Cursor, html: str) -> None:
    """The log of the turn forgets what it said."""
    redis = turn_log.connect()
    try:
        events = [Retract(html=html), Done(state="blocked", finish_reason=BY_STAFF)]
        await turn_log.append(redis, reply_id, cursor, events, final=True, forget_earlier=True)
    finally:
        await redis.aclose()
