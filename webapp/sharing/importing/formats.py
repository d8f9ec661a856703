"""The kinds of export that we read: ChatGPT, Claude, Open WebUI and our own.

Ours is `docs/chat-export.md`.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from webapp.sharing.errors import BadFile
from webapp.sharing.importing.chatgpt import chatgpt_chat
from webapp.sharing.importing.claude import claude_chat
from webapp.sharing.importing.foreign import ForeignChat, ForeignNode, ForeignThumb, items, mapping, moment, name, text
from webapp.sharing.importing.open_webui import is_open_webui, open_webui_chat
from webapp.sharing.importing.pieces import Pieces

MAX_CHATS = 10_000
MAX_NODES = 20_000
MAX_ALL_NODES = 1_000_000
MAX_ALL_CHARS = 200_000_000


def chats_in(values: Iterable[Any]) -> list[ForeignChat]:
    """The chats among what was read from a file. Raises BadFile if there are none of the kinds we know."""
    chats: list[ForeignChat] = []
    num_nodes = num_chars = 0
    for number, value in enumerate(values):
        if number == MAX_CHATS:
            raise BadFile("too_much")
        for chat in _chats_of(mapping(value)):
            chats.append(chat)
            num_nodes += len(chat.nodes)
            num_chars += sum(len(node.text) for node in chat.nodes)
            is_huge = len(chats) > MAX_CHATS or len(chat.nodes) > MAX_NODES
            if is_huge or num_nodes > MAX_ALL_NODES or num_chars > MAX_ALL_CHARS:
                raise BadFile("too_much")
    if not chats:
        raise BadFile("no_chats")
    return chats


def _chats_of(value: Any) -> Iterator[ForeignChat]:
    """One, or in a file of ours all."""
    is_ours = value.get("format") == "cria-chats"
    if is_ours and value.get("version") != 1:
        raise BadFile("later_version")
    found = (_ours(mapping(chat)) for chat in items(value.get("chats"))) if is_ours else (_foreign(value),)
    return (chat for chat in found if chat is not None and chat.num_messages)


def _foreign(chat: Any) -> ForeignChat | None:
    if mapping(chat.get("mapping")):
        return chatgpt_chat(chat)
    if items(chat.get("chat_messages")):
        return claude_chat(chat)
    inner = mapping(chat.get("chat")) or chat
    return open_webui_chat(chat, inner) if is_open_webui(inner) else None


def _ours(chat: Any) -> ForeignChat | None:
    chat_id = name(chat.get("id"))
    if chat_id is None:
        return None
    return ForeignChat(
        source="Cria",
        id=chat_id,
        title=text(chat.get("title")),
        nodes=list(_our_nodes(chat)),
        selected=name(chat.get("selected")),
        created_at=moment(chat.get("created_at")),
        updated_at=moment(chat.get("updated_at")),
        is_pinned=chat.get("pinned") is True,
        is_archived=chat.get("archived") is True,
        folder=text(chat.get("folder")),
        tags=[text(tag) for tag in items(chat.get("tags")) if isinstance(tag, str)],
    )


def _our_nodes(chat: Any) -> Iterator[ForeignNode]:
    for role, parent, key in (("person", "parent", "messages"), ("assistant", "message", "replies")):
        for value in items(chat.get(key)):
            said = mapping(value)
            node_id = name(said.get("id"))
            if node_id is None:
                continue
            pieces = Pieces()
            pieces.words(text(said.get("text")))
            if mapping(said.get("picture")):
                pieces.drawn()
            for file in items(said.get("attachments")):
                pieces.file(text(file))
            yield ForeignNode(
                id=node_id,
                parent=name(said.get(parent)),
                role="person" if role == "person" else "assistant",
                text=pieces.markdown,
                at=moment(said.get("created_at")),
                model=text(said.get("model")),
                thumb=_our_thumb(said.get("feedback")),
                left_out=tuple(pieces.left_out),
            )


def _our_thumb(given: Any) -> ForeignThumb | None:
    """The first that is one: its owner has one on each answer."""
    for value in items(given):
        thumb = mapping(value)
        if thumb.get("thumb") in ("up", "down"):
            return ForeignThumb(
                is_up=thumb["thumb"] == "up",
                reasons=frozenset(reason for reason in items(thumb.get("reasons")) if isinstance(reason, str)),
                text=text(thumb.get("text")),
                at=moment(thumb.get("created_at")),
            )
    return None
