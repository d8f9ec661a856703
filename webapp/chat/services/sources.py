"""A source of an answer as its person reads it: the passage, and where in it stands what a sentence says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from webapp.chat.errors import NotFound
from webapp.chat.models import Reply
from webapp.library.models import Document


@dataclass(frozen=True, slots=True)
class Piece:
    text: str
    is_marked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """`pieces` are the passage; none where its document is not there any more. `finding`: whether it says what the
    sentence says that was asked about; empty if none was."""

    number: int
    title: str
    url: str
    pieces: tuple[Piece, ...]
    finding: Literal["supported", "not_found", ""]


def source_of(reply: Reply, *, number: int, sentence: int | None) -> Source:
    """Source `number` of the answer, with the places marked that support its sentence `sentence`.

    Raises NotFound where the answer has no such source, or is withheld. A document that was deleted is not read out
    again from what the answer keeps of it.
    """
    passages: Sequence[dict[str, Any]] = reply.passages or ()
    if reply.is_active or reply.state == Reply.State.BLOCKED or not 1 <= number <= len(passages):
        raise NotFound
    passage = passages[number - 1]
    owner_id = reply.conversation.owner_id
    is_there = Document.objects.readable_by(owner_id).filter(pk=passage["document_id"]).exists()
    asked = _sentence(reply, number, sentence)
    return Source(
        number=number,
        title=passage["title"],
        url=passage["url"],
        pieces=tuple(_pieces(passage["text"], asked["spans"] if asked else ())) if is_there else (),
        finding="" if asked is None else "supported" if asked["spans"] else "not_found",
    )


def _sentence(reply: Reply, number: int, index: int | None) -> dict[str, Any] | None:
    """What was found out about a sentence, if it is about this source."""
    sentences: Sequence[dict[str, Any]] = (reply.support or {}).get("sentences", ())
    if index is None or not 0 <= index < len(sentences) or sentences[index]["passage"] != number:
        return None
    return sentences[index]


def _pieces(text: str, spans: Sequence[Sequence[int]]) -> list[Piece]:
    pieces: list[Piece] = []
    position = 0
    for start, end in spans:
        pieces += [Piece(text[position:start], is_marked=False), Piece(text[start:end], is_marked=True)]
        position = end
    return [piece for piece in (*pieces, Piece(text[position:], is_marked=False)) if piece.text]
