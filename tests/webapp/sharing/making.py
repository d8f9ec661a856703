"""Chats to share and export, and export files as other products write them."""

import io
import json
import uuid
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any

from assistant.rendering import render
from webapp.accounts.models import User
from webapp.chat.models import Conversation, Message, Reply

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def conversation(owner: User, title: str = "Llamas", **fields: Any) -> Conversation:
    return Conversation.objects.create(owner=owner, title=title, **fields)


def turn(
    chat: Conversation, question: str, answer: str, *, after: Reply | None = None, state: str = "done", minute: int = 0
) -> Reply:
    message = Message.objects.create(id=uuid.uuid4(), conversation=chat, parent=after, text=question)
    Message.objects.filter(pk=message.pk).update(created_at=NOON + timedelta(minutes=minute))
    return version(message, answer, state=state, minute=minute)


def version(message: Message, answer: str, *, state: str = "done", minute: int = 0) -> Reply:
    at = NOON + timedelta(minutes=minute, seconds=1)
    return Reply.objects.create(
        conversation=message.conversation,
        message=message,
        state=state,
        text=answer,
        blocks=render(answer),
        deadline=at,
        seed=1,
        model_id="llama-3",
        created_at=at,
        finished_at=at,
    )


def tree(owner: User) -> Conversation:
    """Two versions of an answer and two of a later question.

    q1 ─┬─ a1 ─┬─ q2 ── a2
        │      └─ q2b ── a2b   (shown)
        └─ a1b
    """
    chat = conversation(owner)
    first = turn(chat, "What is a llama?", "An **animal**.", minute=1)
    version(first.message, "A camelid.", minute=2)
    turn(chat, "Where?", "In the Andes.", after=first, minute=3)
    chat.selected = turn(chat, "Since when?", "Since $x^2$ years.", after=first, minute=4)
    chat.save()
    return chat


def shape(chat: Conversation) -> Any:
    """The tree of a chat without its ids: each question with its time, its answers, and what follows them."""

    def below(parent: Reply | None) -> list[Any]:
        return [
            (
                message.text,
                message.created_at,
                [
                    (reply.text, reply.created_at, reply.blocks, reply.model_id, below(reply))
                    for reply in message.replies.order_by("created_at")
                ],
            )
            for message in chat.messages.filter(parent=parent).order_by("created_at")
        ]

    return below(None)


def chatgpt(**fields: Any) -> dict[str, Any]:
    """A chat as ChatGPT exports it: a system node at the root, a tool call, and two versions of an answer."""

    def node(
        node_id: str, parent: str | None, role: str | None, text: str = "", at: float | None = None, **message: Any
    ) -> Any:
        said = {
            "id": node_id,
            "author": {"role": role, "name": None, "metadata": {}},
            "create_time": at,
            "content": {"content_type": "text", "parts": [text]},
            "status": "finished_successfully",
            "metadata": {"model_slug": "gpt-4o"} if role == "assistant" else {},
            "recipient": "all",
            **message,
        }
        return {"id": node_id, "message": said if role else None, "parent": parent, "children": []}

    nodes = [
        node("root", None, None),
        node("system", "root", "system", "", metadata={"is_visually_hidden_from_conversation": True}),
        node("q1", "system", "user", "What is the weather in Lima?", 1_700_000_000.5),
        node("call", "q1", "assistant", "search('Lima')", 1_700_000_001, recipient="browser"),
        node("tool", "call", "tool", "18 degrees", 1_700_000_002),
        node("a1", "tool", "assistant", "Mild: **18 °C**.", 1_700_000_003),
        node("a1b", "q1", "assistant", "I cannot know.", 1_700_000_010),
        node("q2", "a1", "user", "Thank you", 1_700_000_020),
        node("a2", "q2", "assistant", "With pleasure.", 1_700_000_021),
    ]
    return {
        "title": "Weather in Lima",
        "create_time": 1_700_000_000.0,
        "update_time": 1_700_000_021.0,
        "mapping": {one["id"]: one for one in nodes},
        "current_node": "a2",
        "conversation_id": "11111111-aaaa-bbbb-cccc-000000000001",
        **fields,
    }


def open_webui() -> dict[str, Any]:
    """A chat as Open WebUI exports it, with two models that answered the same message."""

    def message(message_id: str, parent: str | None, role: str, content: str, at: int, **fields: Any) -> Any:
        return {"id": message_id, "parentId": parent, "role": role, "content": content, "timestamp": at, **fields}

    messages = [
        message("m1", None, "user", "Write a haiku", 1_710_000_000, childrenIds=["m2", "m3"]),
        message("m2", "m1", "assistant", "Snow on the high pass", 1_710_000_005, model="llama3:8b", childrenIds=[]),
        message("m3", "m1", "assistant", "A llama hums low", 1_710_000_006, model="phi3", childrenIds=[]),
    ]
    return {
        "id": "owui-1",
        "user_id": "u",
        "title": "Haiku",
        "chat": {
            "title": "Haiku",
            "models": ["llama3:8b", "phi3"],
            "history": {"messages": {one["id"]: one for one in messages}, "currentId": "m2"},
            "messages": [],
        },
        "created_at": 1_710_000_000,
        "updated_at": 1_710_000_006,
        "pinned": True,
        "archived": False,
        "meta": {"tags": ["poems"]},
    }


def claude(*messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A chat as Claude exports it."""
    return {
        "uuid": "claude-1",
        "name": "Bridges",
        "summary": "",
        "created_at": "2026-03-01T10:00:00.123456Z",
        "updated_at": "2026-03-01T10:05:00.123456Z",
        "account": {"uuid": "u"},
        "chat_messages": list(messages),
        **fields,
    }


def claude_message(message_id: str, sender: str, *content: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """`text` has a note where a block is no text, as Claude writes it."""
    words = "\n".join(block.get("text", "This block is not supported.") for block in content)
    at = "2026-03-01T10:00:01.5Z"
    return {"uuid": message_id, "sender": sender, "text": words, "content": list(content), "created_at": at, **fields}


def as_file(document: Any) -> io.BytesIO:
    return io.BytesIO(json.dumps(document).encode())


def zipped(**files: bytes) -> io.BytesIO:
    """A zip of files; "__" in a name stands for a dot."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "."), content)
    packed.seek(0)
    return packed
