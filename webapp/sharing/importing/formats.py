"""The kinds of export that we read: ChatGPT, Open WebUI and our own.

ChatGPT keeps a tree of nodes, `mapping`, with hidden system and tool nodes in between. Open WebUI keeps a tree of
messages, `history.messages`. Ours is `docs/chat-export.md`.
"""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from webapp.sharing.errors import BadFile
from webapp.sharing.importing.foreign import ForeignChat, ForeignNode, ForeignThumb, items, mapping, moment, name, text

MAX_CHATS = 10_000
MAX_NODES = 20_000
_CHATGPT_SHOWN = frozenset({"text", "multimodal_text"})


def chats_in(document: Any) -> list[ForeignChat]:
    """The chats of a file that has been read as JSON. Raises BadFile if it is none of the kinds we know."""
    if isinstance(document, dict) and document.get("format") == "cria-chats":
        if document.get("version") != 1:
            raise BadFile("later_version")
        found = [_ours(mapping(chat)) for chat in items(document.get("chats"))]
    else:
        found = [_foreign(mapping(chat)) for chat in (document if isinstance(document, list) else [document])]
    chats = [chat for chat in found if chat is not None and chat.num_messages]
    if not chats:
        raise BadFile("no_chats")
    if len(chats) > MAX_CHATS or any(len(chat.nodes) > MAX_NODES for chat in chats):
        raise BadFile("too_much")
    return chats


def _foreign(chat: Any) -> ForeignChat | None:
    if mapping(chat.get("mapping")):
        return _chatgpt(chat)
    inner = mapping(chat.get("chat")) or chat
    if mapping(mapping(inner.get("history")).get("messages")):
        return _open_webui(chat, inner)
    return None


def _chatgpt(chat: Any) -> ForeignChat | None:
    chat_id = name(chat.get("conversation_id")) or name(chat.get("id"))
    if chat_id is None:
        return None
    return ForeignChat(
        source="ChatGPT",
        id=chat_id,
        title=text(chat.get("title")),
        nodes=list(_chatgpt_nodes(mapping(chat["mapping"]))),
        selected=name(chat.get("current_node")),
        created_at=moment(chat.get("create_time")),
        updated_at=moment(chat.get("update_time")),
        is_archived=chat.get("is_archived") is True,
    )


def _chatgpt_nodes(nodes: Any) -> Iterator[ForeignNode]:
    for key, node in nodes.items():
        node_id = name(key)
        if node_id is None:
            continue
        message = mapping(mapping(node).get("message"))
        content, facts = mapping(message.get("content")), mapping(message.get("metadata"))
        role = mapping(message.get("author")).get("role")
        said = _chatgpt_text(content)
        yield ForeignNode(
            id=node_id,
            parent=name(mapping(node).get("parent")),
            role="person" if role == "user" else "assistant",
            text=said,
            at=moment(message.get("create_time")),
            model=text(facts.get("model_slug")),
            is_shown=bool(said.strip())
            and role in ("user", "assistant")
            and message.get("recipient", "all") == "all"  # else it speaks to a tool
            and facts.get("is_visually_hidden_from_conversation") is not True,
        )


def _chatgpt_text(content: Any) -> str:
    if content.get("content_type") not in _CHATGPT_SHOWN:
        return ""
    parts = (part if isinstance(part, str) else _part_text(mapping(part)) for part in items(content.get("parts")))
    return text("\n\n".join(part for part in parts if part))


def _part_text(part: Any) -> str:
    if "image" in str(part.get("content_type")):
        left_out = _("An image, not in the export")  # in no f-string: there it would not be found for translation
        return f"*({left_out})*"
    return part["text"] if isinstance(part.get("text"), str) else ""


def _open_webui(chat: Any, inner: Any) -> ForeignChat | None:
    chat_id = name(chat.get("id")) or name(inner.get("id"))
    if chat_id is None:
        return None
    history = mapping(inner["history"])
    tags = items(mapping(chat.get("meta")).get("tags")) or items(inner.get("tags"))
    return ForeignChat(
        source="Open WebUI",
        id=chat_id,
        title=text(chat.get("title")) or text(inner.get("title")),
        nodes=list(_open_webui_nodes(mapping(history.get("messages")))),
        selected=name(history.get("currentId")),
        created_at=moment(chat.get("created_at")) or moment(inner.get("timestamp")),
        updated_at=moment(chat.get("updated_at")),
        is_pinned=chat.get("pinned") is True,
        is_archived=chat.get("archived") is True,
        tags=[text(tag) for tag in tags if isinstance(tag, str)],
    )


def _open_webui_nodes(messages: Any) -> Iterator[ForeignNode]:
    for key, value in messages.items():
        message_id = name(key)
        if message_id is None:
            continue
        message = mapping(value)
        said = text(message.get("content"))
        yield ForeignNode(
            id=message_id,
            parent=name(message.get("parentId")),
            role="person" if message.get("role") == "user" else "assistant",
            text=said,
            at=moment(message.get("timestamp")),
            model=text(message.get("model")),
            is_shown=bool(said.strip()) and message.get("role") in ("user", "assistant"),
        )


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
            if node_id is not None:
                yield ForeignNode(
                    id=node_id,
                    parent=name(said.get(parent)),
                    role="person" if role == "person" else "assistant",
                    text=_our_text(said),
                    at=moment(said.get("created_at")),
                    model=text(said.get("model")),
                    thumb=_our_thumb(said.get("feedback")),
                )


def _our_text(said: Any) -> str:
    """A picture stays behind: a file from anywhere is no place to take one from that is shown as drawn here."""
    if not mapping(said.get("picture")):
        return text(said.get("text"))
    left_out = _("A picture, not taken along")
    return text("\n\n".join(filter(None, (text(said.get("text")), f"*({left_out})*"))))


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
