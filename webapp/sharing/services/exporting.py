"""A person's chats as files of their own: Markdown and HTML to read, JSON to take elsewhere (`docs/chat-export.md`).

What was withheld is in none of them. Answers that are being written are left out: they are not checked to the end.
Rows are read in portions and the text leaves in pieces, so a long chat is never in memory as a whole.
"""

import json
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, get_args

from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.accounts.models import User
from webapp.chat.models import Conversation, Feedback, Message, Picture, Reply
from webapp.chat.services.attachments import titles_of
from webapp.chat.services.pictures import description_of, pictures_of
from webapp.sharing.services.export_html import html_pieces
from webapp.sharing.services.export_rows import portions, rows_of

Format = Literal["md", "json", "html"]
FORMATS: tuple[Format, ...] = get_args(Format)
CONTENT_TYPES: dict[Format, str] = {
    "md": "text/markdown; charset=utf-8",
    "json": "application/json",
    "html": "text/html; charset=utf-8",
}
FORMAT_NAME, FORMAT_VERSION = "cria-chats", 1


def export(conversation: Conversation, as_: Format) -> Iterator[str]:
    """The file of one chat, in pieces."""
    if as_ == "json":
        return _json_file([conversation])
    return html_pieces(conversation) if as_ == "html" else _markdown(conversation)


def write_all(person: User, folder: Path) -> int:
    """Write every chat of this person into `folder`: each as Markdown and HTML, all in `chats.json`, and the pictures.

    Temporary chats are in no export. Returns how many chats there were.
    """
    chats = Conversation.objects.of(person).kept().order_by("created_at")
    _write(folder / "chats.json", _json_file(chats.iterator(chunk_size=100)))
    num_chats = 0
    for conversation in chats.iterator(chunk_size=100):
        for as_ in ("md", "html"):
            _write(folder / file_name(conversation, as_), export(conversation, as_))
        drawn = Picture.objects.shown().filter(reply__conversation=conversation)
        for picture in drawn.exclude(reply__state__in=Reply.ACTIVE).iterator(chunk_size=1):
            (folder / picture.file_name).write_bytes(picture.content)
        num_chats += 1
    return num_chats


def file_name(conversation: Conversation, ending: str) -> str:
    """Readable in every script, safe on every disk, and different for each chat."""
    kept = (
        char if char.isalnum() or unicodedata.category(char)[0] == "M" else " " for char in conversation.title.lower()
    )
    words = "-".join("".join(kept).split())[:40].strip("-") or "chat"
    return f"{words}-{str(conversation.pk)[:8]}.{ending}"


def _write(path: Path, pieces: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(pieces)


def _json_file(conversations: Iterable[Conversation]) -> Iterator[str]:
    yield f'{{"format": "{FORMAT_NAME}", "version": {FORMAT_VERSION}, "chats": ['
    for number, conversation in enumerate(conversations):
        if number:
            yield ","
        yield from _json_chat(conversation)
    yield "\n]}\n"


def _json_chat(conversation: Conversation) -> Iterator[str]:
    chat = {
        "id": str(conversation.pk),
        "title": conversation.title,
        "created_at": _time(conversation.created_at),
        "updated_at": _time(conversation.updated_at),
        "pinned": conversation.pinned,
        "archived": conversation.archived_at is not None,
        "folder": conversation.folder.name if conversation.folder else None,
        "tags": [tag.name for tag in conversation.tags.all()],
        "imported_from": conversation.imported_from,
        "selected": str(conversation.selected_id) if conversation.selected_id else None,
    }
    yield "\n" + json.dumps(chat, ensure_ascii=False)[:-1] + ', "messages": ['
    yield from _json_list(_json_messages(conversation))
    yield '], "replies": ['
    yield from _json_list(_json_replies(conversation))
    yield "]}"


def _in_order(rows: Any) -> Iterator[Any]:
    return iter(rows.order_by("created_at").iterator(chunk_size=200))


def _json_list(objects: Iterator[dict[str, Any]]) -> Iterator[str]:
    separator = "\n"
    for portion in portions(objects):
        yield separator + ",\n".join(json.dumps(found, ensure_ascii=False) for found in portion)
        separator = ",\n"


def _json_messages(conversation: Conversation) -> Iterator[dict[str, Any]]:
    for portion in portions(_in_order(conversation.messages)):
        files = titles_of(conversation.owner_id, portion)
        for message in portion:
            yield _json_message(message, files.get(message.pk, ()))


def _json_replies(conversation: Conversation) -> Iterator[dict[str, Any]]:
    replies = conversation.replies.exclude(state__in=Reply.ACTIVE).prefetch_related("feedback")
    for portion in portions(_in_order(replies)):
        pictures = pictures_of(reply.pk for reply in portion)
        for reply in portion:
            yield _json_reply(reply, pictures.get(reply.pk))


def _json_message(message: Message, files: Sequence[str]) -> dict[str, Any]:
    return {
        "id": str(message.pk),
        "parent": str(message.parent_id) if message.parent_id else None,
        "created_at": _time(message.created_at),
        "text": message.text,
        "attachments": list(files),
    }


def _json_reply(reply: Reply, picture: Picture | None) -> dict[str, Any]:
    is_withheld = reply.state == Reply.State.BLOCKED
    return {
        "id": str(reply.pk),
        "message": str(reply.message_id),
        "created_at": _time(reply.created_at),
        "finished_at": _time(reply.finished_at) if reply.finished_at else None,
        "state": "withheld" if is_withheld else reply.state,
        "text": "" if is_withheld else reply.text,
        "model": reply.model_id,
        "sources": [] if is_withheld else [source.get("title", "") for source in reply.citations],
        "picture": {"description": description_of(reply), "file": picture.file_name} if picture else None,
        "feedback": [_json_feedback(feedback) for feedback in reply.feedback.all()],
    }


def _json_feedback(feedback: Feedback) -> dict[str, Any]:
    return {
        "thumb": "up" if feedback.thumb == Feedback.Thumb.UP else "down",
        "reasons": feedback.reasons,
        "text": feedback.text,
        "created_at": _time(feedback.created_at),
    }


def _time(moment: datetime) -> str:
    return moment.isoformat()


def _markdown(conversation: Conversation) -> Iterator[str]:
    yield f"# {conversation.title}\n\n{timezone.localtime(conversation.created_at):%Y-%m-%d}\n"
    for row in rows_of(conversation):
        if row.message is not None:
            you, attached = _("You"), _("Attached files")
            yield f"\n## {you}\n\n{row.message.text}\n"
            if row.files:
                yield f"\n*{attached}: {', '.join(row.files)}*\n"
        elif row.reply is not None:
            yield f"\n## Cria\n\n{said(row.reply)}\n"
            if row.picture is not None:
                picture = _("Picture")
                yield f"\n*{picture}: {description_of(row.reply)}*\n"
        elif row.part.kind == "open":
            begins = _("Another version")
            yield f"\n---\n\n**{begins}**\n"
        else:
            ends = _("End of the other version")
            yield f"\n**{ends}**\n\n---\n"


def said(reply: Reply) -> str:
    """What an export to read says for this reply."""
    if reply.state == Reply.State.BLOCKED:
        instead = _("This answer was withheld.")
    elif reply.text:
        return reply.text
    else:
        instead = _("No answer was written.")
    return f"*{instead}*"
