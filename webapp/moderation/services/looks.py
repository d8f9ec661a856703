"""Reading the turn that a case is about, with what was said before and after. Every look is on record."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from assistant.safety import personal_data
from webapp.accounts.models import User
from webapp.chat.errors import NotFound
from webapp.chat.models import Message, Picture, Reply
from webapp.chat.services.conversations import branch
from webapp.moderation.models import Case, Verdict
from webapp.moderation.services import audit, evidence, originals, reveals
from webapp.moderation.services.case_rules import check_is_not_about

TURNS_AROUND = 3
Kind = Literal["look", "look_blind", "look_personal_data", "look_picture"]


@dataclass(frozen=True, slots=True)
class Piece:
    """Some characters in a row that are shown alike. Of what is hidden only the kind is left."""

    text: str
    is_flagged: bool
    hidden: personal_data.Kind | None = None


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """What a picture was drawn from. To see it is a look of its own."""

    id: UUID
    description: Sequence[Piece]


@dataclass(frozen=True, slots=True)
class ShownTurn:
    """One turn. `answer` is the original where the answer was withheld, as long as it is kept."""

    question: Sequence[Piece]
    answer: Sequence[Piece]
    is_flagged: bool
    is_original: bool
    picture: ShownPicture | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What a moderator reads. `told` is what those who reported or appealed say, `passages` what the answer quoted."""

    turns: Sequence[ShownTurn]
    passages: Sequence[tuple[Sequence[Piece], Sequence[Piece]]]
    told: Sequence[tuple[str, Sequence[Piece]]]
    num_hidden: int


@transaction.atomic
def look(case: Case, *, staff: User, kind: Kind = "look") -> Look:
    """Put on record that `staff` reads this turn because of its case, then return it.

    Personal data are left out unless `kind` is "look_personal_data". A blind look is the same and is counted apart:
    who has looked with sight of the decision gives no second opinion. Raises CannotDecide for a case about `staff`.
    """
    _put_on_record(case, staff, kind)
    with evidence.opened(case):
        return _Reader(hides=kind != "look_personal_data").read(case)


@transaction.atomic
def look_at_picture(case: Case, picture_id: UUID, *, staff: User) -> tuple[Picture, bytes]:
    """Put on record that `staff` sees this picture because of the case, then return it with what it shows.

    Raises CannotDecide for a case about `staff`, and NotFound for a picture that is in none of the turns of a look, or
    that is withheld with a turn which the case is not about.
    """
    opened = Q(reply=case.reply_id) | Q(is_sealed=False)
    with evidence.opened(case):
        answers = [answer for _message, answer in turns_around(case.reply)]
        picture = Picture.objects.filter(opened, pk=picture_id, reply__in=answers).first()
        content = originals.picture_content(picture) if picture else None
    if picture is None or not content:
        raise NotFound
    _put_on_record(case, staff, "look_picture")
    return picture, content


def _put_on_record(case: Case, staff: User, kind: Kind) -> None:
    check_is_not_about(case, staff)
    reasons = {"look_personal_data": ", with personal data", "look_picture": ", a picture"}
    reveals.reveal(case.reply.conversation, staff=staff, reason=f"Case {case.pk}{reasons.get(kind, '')}")
    audit.record(staff, kind, subject_type="case", subject_ref=case.pk, details={"version": case.version})


def cut(text: str, *, flagged: Iterable[tuple[int, int]] = (), hides: bool = True) -> Sequence[Piece]:
    """The text in pieces, cut where a flagged span or something personal begins or ends. None of it is lost."""
    hidden = {(found.start, found.end): found.kind for found in personal_data.find(text)} if hides else {}
    spans = [(start, min(end, len(text))) for start, end in flagged]
    edges = {0, len(text), *(edge for span in (*spans, *hidden) for edge in span if edge <= len(text))}
    pieces = []
    for start, end in zip(sorted(edges), sorted(edges)[1:], strict=False):
        is_flagged = any(first <= start and end <= last for first, last in spans)
        kind = next((kind for (first, last), kind in hidden.items() if first <= start and end <= last), None)
        pieces.append(Piece("" if kind else text[start:end], is_flagged, kind))
    return pieces


class _Reader:
    """Reads the turns of one look and counts what it leaves out."""

    def __init__(self, *, hides: bool) -> None:
        self._hides = hides
        self._num_hidden = 0

    def read(self, case: Case) -> Look:
        reply = Reply.objects.select_related("message", "conversation").get(pk=case.reply_id)
        kept = originals.read(reply.pk) if reply.state == Reply.State.BLOCKED else None
        turns = [self._turn(message, answer, reply, kept) for message, answer in turns_around(reply)]
        quoted = (kept.beside.get("passages") if kept else reply.passages) or []
        passages = [(self._cut(str(each.get("title", ""))), self._cut(str(each["text"]))) for each in quoted]
        told = [(flag.get_source_display(), self._cut(flag.told)) for flag in case.flags.all() if flag.told]
        return Look(turns, passages, told, self._num_hidden)

    def _turn(self, message: Message, reply: Reply, flagged: Reply, kept: originals.Kept | None) -> ShownTurn:
        is_flagged = reply.pk == flagged.pk
        spans = _spans(reply) if is_flagged else {"input": [], "output": []}
        is_original = is_flagged and kept is not None
        answer = kept.text if is_flagged and kept else reply.text
        question = self._cut(message.text, spans["input"])
        shown = self._cut(answer, spans["output"])
        steps = kept.beside.get("steps", []) if is_flagged and kept else reply.steps
        return ShownTurn(question, shown, is_flagged, is_original, self._picture(steps))

    def _picture(self, steps: Iterable[Mapping[str, Any]]) -> ShownPicture | None:
        drawn = next((step for step in steps if step.get("picture")), None)
        return ShownPicture(UUID(drawn["picture"]["id"]), self._cut(drawn["input"])) if drawn else None

    def _cut(self, text: str, spans: Iterable[tuple[int, int]] = ()) -> Sequence[Piece]:
        pieces = cut(text, flagged=spans, hides=self._hides)
        self._num_hidden += sum(piece.hidden is not None for piece in pieces)
        return pieces


def turns_around(reply: Reply) -> Sequence[tuple[Message, Reply]]:
    """The turn with up to three before it and three after it, along its own branch of the conversation; of a temporary
    chat that has ended, the turn alone."""
    conversation = reply.conversation
    before = branch(conversation, leaf=reply)[-TURNS_AROUND - 1 :]
    answers: dict[UUID | None, Reply] = {
        answer.message.parent_id: answer  # the newest one that answers this
        for answer in conversation.replies.select_related("message").order_by("created_at")
    }
    after: list[tuple[Message, Reply]] = []
    step = answers.get(reply.pk)
    while step is not None and len(after) < TURNS_AROUND:
        after.append((step.message, step))
        step = answers.get(step.pk)
    return [turn for turn in (*before, *after) if not (turn[0].is_unread or turn[1].is_unread) or turn[1] == reply]


def _spans(reply: Reply) -> dict[str, list[tuple[int, int]]]:
    """Where the guards found something, on each side of the turn."""
    spans: dict[str, list[tuple[int, int]]] = {"input": [], "output": []}
    for verdict in reply.verdicts.exclude(action=Verdict.Action.ALLOW):
        if verdict.char_end > verdict.char_start:
            spans[verdict.direction].append((verdict.char_start, verdict.char_end))
    return spans
