"""Share links: a copy of chosen turns that whoever has the link can read, until it expires or is revoked.

The copy is made from what the guard has passed, once, and masked before it is stored. What is withheld later is looked
up at every view: the page never shows an answer that its owner could not read any more, nor a turn in which a moderator
saw a broken rule or which today's policy would stop. What it does not show cannot be taken along or reported.
"""

import hashlib
import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from assistant.rendering import RENDERER_VERSION, render
from assistant.rendering.links import hosts_in
from webapp.accounts.models import User
from webapp.chat.errors import NotFound
from webapp.chat.models import Conversation, Message, Picture, Reply
from webapp.chat.services.conversations import branch, title_of
from webapp.chat.services.pictures import description_of
from webapp.moderation.services.kept_back import kept_back
from webapp.sharing.errors import NothingToShare
from webapp.sharing.models import ShareLink
from webapp.sharing.services.masking import Masked, mask

Expiry = Literal["1", "7", "30", "never"]
EXPIRIES: dict[Expiry, timedelta | None] = {
    "1": timedelta(days=1),
    "7": timedelta(days=7),
    "30": timedelta(days=30),
    "never": None,
}
_ONE_VIEW_S = 24 * 60 * 60
_SHARED_NOTICES = frozenset({"advice", "warning"})  # what stands beside the answer, and is not about its reader
_ASKED_OF_REPLIES = ("state", "unchecked_chars", "text", "code_reports", "notices", "message__text")
_ADDRESS = re.compile(r'href="([^"]*)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What of a conversation to share. `replies`: the turns with these answers."""

    replies: Collection[UUID]
    hides_personal_data: bool = True
    words: Sequence[str] = ()


def turns_to_share(conversation: Conversation) -> list[tuple[Message, Reply]]:
    """The turns of the shown branch that may be shared: those with an answer that was checked to the end."""
    turns = [turn for turn in branch(conversation) if _may_be_shared(turn[1])]
    kept = kept_back(conversation.owner_id, [reply for _message, reply in turns])
    return [turn for turn in turns if turn[1].pk not in kept]


def hidden_by(conversation: Conversation, choice: Choice) -> list[str]:
    """What the choice takes out of the chosen turns, each once."""
    hidden: list[str] = []
    for message, reply in _chosen(conversation, choice):
        for text in (message.text, description_of(reply), reply.text):
            hidden += _masked(text, choice).hidden
    return list(dict.fromkeys(hidden))


@transaction.atomic
def share(conversation: Conversation, choice: Choice, *, expiry: Expiry) -> ShareLink:
    """Make a link to the chosen turns. Raises NothingToShare, and NotFound for a temporary chat."""
    if conversation.is_temporary:
        raise NotFound
    chosen = _chosen(conversation, choice)
    if not chosen:
        raise NothingToShare(_("Choose at least one turn with an answer."))
    lasts = EXPIRIES[expiry]
    return ShareLink.objects.create(
        token=secrets.token_urlsafe(32),
        owner_id=conversation.owner_id,
        conversation=conversation,
        title=_masked(_title(conversation, chosen[0][0]), choice).text[:120],
        turns=[_copy(message, reply, choice) for message, reply in chosen],
        renderer_version=RENDERER_VERSION,
        expires_at=timezone.now() + lasts if lasts else None,
    )


def revoke(person: User | None, link_id: UUID) -> ShareLink:
    """End it now. The copy is forgotten. Raises NotFound for what is absent or somebody else's, alike."""
    link = ShareLink.objects.filter(pk=link_id, owner=person).first() if person else None
    if link is None:
        raise NotFound
    if link.revoked_at is None:
        link.revoked_at, link.turns = timezone.now(), []
        link.save(update_fields=["revoked_at", "turns"])
    return link


def open_link(token: str) -> ShareLink:
    """The link with what it still shows in `turns`. Absent, expired, revoked or empty: NotFound, alike."""
    link = ShareLink.objects.open().select_related("owner", "conversation").filter(token=token).first()
    if link is None:
        raise NotFound
    ids = [turn["reply"] for turn in link.turns]
    rows = Reply.objects.filter(pk__in=ids, conversation_id=link.conversation_id).select_related("message")
    fit = [reply for reply in rows.only(*_ASKED_OF_REPLIES) if _may_be_shared(reply)]
    kept = kept_back(link.owner_id, fit)
    shown = {str(reply.pk): reply for reply in fit if reply.pk not in kept}
    first = ids[0] if ids else None
    link.turns = [
        {**turn, "code_reports": _code_reports(turn, reply), "notices": _notices(reply)}
        for turn in link.turns
        if (reply := shown.get(turn["reply"]))
    ]
    if not link.turns:
        raise NotFound
    if first not in shown:  # its words may be in the title
        link.title = title_of(link.turns[0]["question"])
    return link


def picture_in(link: ShareLink, picture_id: UUID) -> Picture:
    """A picture that an open link shows. Raises NotFound."""
    shown = {turn["reply"] for turn in link.turns if (turn.get("picture") or {}).get("id") == str(picture_id)}
    found = Picture.objects.shown().filter(pk=picture_id, reply__in=shown).defer("content").first()
    if found is None:
        raise NotFound
    return found


def count_view(link: ShareLink, viewer: str) -> None:
    """One view for each viewer and day. `viewer` is forgotten: only a hash of it is kept, for a day."""
    digest = hashlib.sha256(f"{link.token}\n{viewer}".encode()).hexdigest()
    if cache.add(f"shared:{digest}", 1, _ONE_VIEW_S):
        ShareLink.objects.filter(pk=link.pk).update(num_views=F("num_views") + 1, last_viewed_at=timezone.now())


def continue_as(person: User, link: ShareLink, *, copy_id: UUID) -> Conversation:
    """A conversation of this person with a copy of the shown turns, as masked as they are.

    Asked for the same copy again, as by a double click, it is the one that is there. But a newcomer is another guest
    with every click until the browser has heard of the first.
    """
    try:
        return _copied_for(person, link, copy_id)
    except IntegrityError:
        there = Conversation.objects.of(person).filter(pk=copy_id).first()
        return there or _copied_for(person, link, uuid4())


@transaction.atomic
def _copied_for(person: User, link: ShareLink, copy_id: UUID) -> Conversation:
    conversation = Conversation.objects.create(
        id=copy_id,
        owner=person,
        title=link.title,
        titled_by=Conversation.TitledBy.ASSISTANT,
        imported_from=_("a shared chat")[:40],
    )
    now = timezone.now()
    parent: Reply | None = None
    for number, turn in enumerate(link.turns):
        text, blocks = _without_picture(turn)
        message = Message.objects.create(id=uuid4(), conversation=conversation, parent=parent, text=turn["question"])
        parent = Reply.objects.create(
            conversation=conversation,
            message=message,
            state=Reply.State.DONE,
            phase="done",
            deadline=now,
            text=text,
            blocks=blocks,
            code_reports=turn["code_reports"],
            notices=turn["notices"],
            renderer_version=link.renderer_version,
            seed=secrets.randbits(31),
            model_id=turn["model"],
            finish_reason="stop",
            created_at=now + timedelta(milliseconds=number),
            finished_at=now,
        )
    return conversation


def _without_picture(turn: dict[str, Any]) -> tuple[str, list[str]]:
    """A copy of megabytes for everybody who asks would fill the disk: it says that there was a picture."""
    if not turn.get("picture") and not turn.get("picture_left_out"):
        return turn["text"], turn["blocks"]
    said = _("A picture, not taken along")
    return f"{turn['text']}\n\n*({said})*", [*turn["blocks"], *render(f"*({said})*", known_hosts=())]


def _may_be_shared(reply: Reply) -> bool:
    is_over = not reply.is_active and reply.state != Reply.State.BLOCKED
    return is_over and bool(reply.text) and not reply.unchecked_chars


def _code_reports(turn: dict[str, Any], reply: Reply) -> list[dict[str, Any]]:
    """They name lines: of an answer with other lines than it had, because some are hidden, they would say nothing."""
    return reply.code_reports if turn["text"].count("\n") == reply.text.count("\n") else []


def _notices(reply: Reply) -> list[dict[str, Any]]:
    return [notice for notice in reply.notices if notice["kind"] in _SHARED_NOTICES]


def _chosen(conversation: Conversation, choice: Choice) -> list[tuple[Message, Reply]]:
    return [turn for turn in turns_to_share(conversation) if turn[1].pk in choice.replies]


def _title(conversation: Conversation, first: Message) -> str:
    """What the chat is called. But a title that was made of its beginning tells of it: if that is left out, or there is
    more than one, the `first` question that is shown gives its words."""
    is_of_the_beginning = first.parent_id is None and conversation.messages.filter(parent=None).count() == 1
    is_chosen = conversation.titled_by == Conversation.TitledBy.PERSON
    return conversation.title if is_chosen or is_of_the_beginning else title_of(first.text)


def _masked(text: str, choice: Choice) -> Masked:
    return mask(text, hides_personal_data=choice.hides_personal_data, words=choice.words)


def _copy(message: Message, reply: Reply, choice: Choice) -> dict[str, Any]:
    answer = _masked(reply.text, choice)
    blocks = [*reply.blocks, reply.tail] if reply.tail else reply.blocks
    if answer.hidden:
        # Links that the answer could not have must not come back by rendering it anew.
        blocks = render(answer.text, known_hosts=hosts_in(_ADDRESS.findall("".join(blocks))))
    titles = [_masked(str(source.get("title", "")), choice).text for source in reply.citations]
    return {
        "reply": str(reply.pk),
        "question": _masked(message.text, choice).text,
        "text": answer.text,
        "blocks": blocks,
        "citations": [{"number": number, "title": title} for number, title in enumerate(titles, start=1)],
        "model": reply.model_id,
        **_picture(reply, choice),
    }


def _picture(reply: Reply, choice: Choice) -> dict[str, Any]:
    """A picture that was drawn from words which are to be hidden may show them: it is left out."""
    drawn = next((step for step in reply.steps if step.get("picture")), None)
    if drawn is None:
        return {"picture": None, "picture_left_out": False}
    if _masked(drawn["input"], choice).hidden:
        return {"picture": None, "picture_left_out": True}
    return {"picture": {**drawn["picture"], "description": drawn["input"]}, "picture_left_out": False}
