"""The pictures of answers: kept for the worker that writes the answer, handed out to whoever may see that."""

import hashlib
import uuid
from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import transaction
from django.db.models import Sum

from assistant.errors import NoRoomForPicture, PictureFailed
from assistant.ports import DrawnPicture, KeptPicture
from assistant.safety.verdict import Verdict
from webapp.accounts.models import User
from webapp.chat import temporary_keys
from webapp.chat.errors import NotFound
from webapp.chat.models import Picture, Reply
from webapp.chat.services import limits
from webapp.chat.services.conversations import check_not_ended
from webapp.chat.services.ownership import Claim
from webapp.moderation.services import verdicts

MAX_BYTES: Final = 200 * 2**20
GUEST_MAX_BYTES: Final = 20 * 2**20
"""Of all pictures of a person. The last one may go beyond it."""


class ReplyAlbum:
    """The Album port: the picture of one reply, for the worker that has claimed it."""

    def __init__(self, claim: Claim) -> None:
        self._claim = claim

    async def kept(self, description: str) -> KeptPicture | None:
        return await sync_to_async(self._kept)(description)

    async def pay(self) -> None:
        await sync_to_async(self._pay)()

    async def give_back(self) -> None:
        await sync_to_async(self._give_back)()

    async def keep(self, description: str, picture: DrawnPicture) -> KeptPicture:
        return await sync_to_async(self._keep)(description, picture)

    async def withheld(self, verdict: Verdict) -> None:
        """What was said is the service's, so it stands with what the guard says of answers."""
        if await Reply.objects.owned(self._claim.reply_id, self._claim.epoch).aexists():
            await sync_to_async(verdicts.record)(self._claim.reply_id, "output", verdict)

    def _kept(self, description: str) -> KeptPicture | None:
        asked = _digest(Reply.objects.select_related("conversation").get(pk=self._claim.reply_id), description)
        found = Picture.objects.filter(reply=self._claim.reply_id, asked_sha=asked).defer("content").first()
        return _as_kept(found) if found else None

    @transaction.atomic
    def _pay(self) -> None:
        owner = self._locked_owner()
        if _is_full(owner):
            raise NoRoomForPicture
        limits.pay_picture(owner)

    @transaction.atomic
    def _give_back(self) -> None:
        """Whoever owns the reply now: it was this one who paid."""
        owner = User.objects.filter(conversations__replies=self._claim.reply_id).first()
        if owner is not None and User.objects.select_for_update().filter(pk=owner.pk).exists():
            limits.give_back_picture(owner)

    @transaction.atomic
    def _keep(self, description: str, picture: DrawnPicture) -> KeptPicture:
        """In the place of one that an earlier worker had drawn from other words, and that nobody has seen."""
        self._locked_owner()
        reply = Reply.objects.select_related("conversation").get(pk=self._claim.reply_id)
        Picture.objects.filter(reply=reply).delete()
        return _as_kept(
            Picture.objects.create(
                reply=reply,
                asked_sha=_digest(reply, description),
                media_type=picture.media_type,
                width=picture.width,
                height=picture.height,
                num_bytes=len(picture.content),
                content=picture.content,
            )
        )

    def _locked_owner(self) -> User:
        """The person, and the reply; both are locked. Raises PictureFailed if it is not this worker's any more."""
        owner = _owner(self._claim.reply_id)
        # The person first, as an erasure does; and of two pictures at once each counts.
        User.objects.select_for_update().filter(pk=owner.pk).first()
        if not Reply.objects.select_for_update().owned(self._claim.reply_id, self._claim.epoch).exists():
            raise PictureFailed("the reply has another owner, or has ended")
        return owner


def picture_for(person: User | None, picture_id: UUID) -> Picture:
    """The picture, if its answer is this person's and not withheld. Raises NotFound otherwise, alike."""
    mine = Picture.objects.shown().filter(pk=picture_id, reply__conversation__owner=person)
    found = mine.select_related("reply__conversation").defer("content").first()
    if person is None or found is None:
        raise NotFound
    check_not_ended(found.reply.conversation)
    return found


def pictures_of(reply_ids: Iterable[UUID]) -> dict[UUID, Picture]:
    """By the reply. What they show is read one at a time, when it is asked for."""
    found = Picture.objects.shown().filter(reply__in=list(reply_ids)).defer("content")
    return {picture.reply_id: picture for picture in found}


def description_of(reply: Reply) -> str:
    """What its picture shows, in the words that were asked for; "" without one."""
    return next((step["input"] for step in reply.steps if step.get("picture")), "")


def copy_picture(source: Reply, to: Reply) -> None:
    """`to` has the steps of `source`, and gets a picture of its own with them, if there is room for it."""
    picture = Picture.objects.shown().filter(reply=source).first()
    if picture is None:
        return
    fresh: UUID | None = None
    if not _is_full(_owner(to.pk)):
        fresh = uuid.uuid4()
        picture._state.adding = True
        picture.pk, picture.reply = fresh, to
        picture.save(force_insert=True)
    to.steps = [_shows_instead(step, fresh) for step in to.steps]
    to.save(update_fields=["steps"])


def _shows_instead(step: dict[str, Any], picture_id: UUID | None) -> dict[str, Any]:
    shown = step.get("picture")
    if not shown:
        return step
    return {**step, "picture": {**shown, "id": str(picture_id)} if picture_id else None}


def _owner(reply_id: UUID) -> User:
    """Raises PictureFailed if the reply is gone."""
    owner = User.objects.filter(conversations__replies=reply_id).first()
    if owner is None:
        raise PictureFailed("the reply is gone")
    return owner


def _is_full(owner: User) -> bool:
    """Whether they keep as much as they may."""
    mine = Picture.objects.filter(reply__conversation__owner=owner)
    most = GUEST_MAX_BYTES if owner.is_guest else MAX_BYTES
    return (mine.aggregate(total=Sum("num_bytes"))["total"] or 0) >= most


def _as_kept(picture: Picture) -> KeptPicture:
    return KeptPicture(id=str(picture.pk), width=picture.width, height=picture.height)


def _digest(reply: Reply, description: str) -> str:
    """Says whether words are the same. In a temporary chat it tells nobody who guesses them."""
    scope = reply.scope
    return _sha(description) if scope is None else temporary_keys.digest(scope, description)


def _sha(description: str) -> str:
    return hashlib.sha256(description.encode()).hexdigest()
