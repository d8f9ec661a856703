"""A chat as Claude exports it: a list of messages, `chat_messages`, each with the blocks of its `content`.

    human: text ── assistant: thinking, text, tool_use (search), tool_result, text, tool_use (artifacts)

Later exports say what each message follows; in earlier ones it is the one before. A document that was made beside the
chat ("artifact") is part of the answer, as it was made; other uses of tools, and what the model thought, are counted.
"""

from collections.abc import Iterator
from typing import Any, Final

from webapp.sharing.importing.foreign import ForeignChat, ForeignNode, items, mapping, moment, name, text
from webapp.sharing.importing.pieces import Pieces

_LANGUAGES: Final = {
    "application/vnd.ant.mermaid": "mermaid",
    "application/vnd.ant.react": "jsx",
    "image/svg+xml": "svg",
    "text/html": "html",
}
_IMAGES: Final = (".gif", ".heic", ".jpeg", ".jpg", ".png", ".webp")
_HALF_OF_A_STEP: Final = frozenset({"tool_result", "token_budget"})
"""Their other half is counted, or nobody ever saw them."""


def claude_chat(chat: Any) -> ForeignChat | None:
    chat_id = name(chat.get("uuid"))
    if chat_id is None:
        return None
    return ForeignChat(
        source="Claude",
        id=chat_id,
        title=text(chat.get("name")),
        nodes=list(_nodes(map(mapping, items(chat["chat_messages"])))),
        selected=name(chat.get("current_leaf_message_uuid")),
        created_at=moment(chat.get("created_at")),
        updated_at=moment(chat.get("updated_at")),
    )


def _nodes(messages: Iterator[Any]) -> Iterator[ForeignNode]:
    before: str | None = None
    for message in messages:
        message_id = name(message.get("uuid"))
        if message_id is None:
            continue
        pieces = Pieces()
        if message.get("sender") in ("human", "assistant"):
            _read(message, pieces)
        said = pieces.markdown
        yield ForeignNode(
            id=message_id,
            parent=name(message["parent_message_uuid"]) if "parent_message_uuid" in message else before,
            role="person" if message.get("sender") == "human" else "assistant",
            text=said,
            at=moment(message.get("created_at")),
            is_shown=bool(said),
            left_out=tuple(pieces.left_out),
        )
        before = message_id


def _read(message: Any, pieces: Pieces) -> None:
    """Before there were blocks, `text` had all that was said."""
    for block in map(mapping, items(message.get("content")) or [{"type": "text", "text": message.get("text")}]):
        _read_block(block, pieces)
    for attached in map(mapping, items(message.get("attachments"))):
        file_name = text(attached.get("file_name"))
        if file_name:
            pieces.file(file_name)
        else:
            pieces.words(text(attached.get("extracted_content")))  # a long text that was pasted
    for file in map(mapping, items(message.get("files"))):
        file_name = text(file.get("file_name"))
        if file_name.lower().endswith(_IMAGES):
            pieces.image()
        else:
            pieces.file(file_name)


def _read_block(block: Any, pieces: Pieces) -> None:
    kind = name(block.get("type"))
    if kind == "text":
        pieces.words(text(block.get("text")))
    elif kind == "thinking":
        pieces.left_out.append("thoughts")
    elif kind == "tool_use":
        if block.get("name") != "artifacts" or not _read_artifact(mapping(block.get("input")), pieces):
            pieces.left_out.append("steps")
    elif kind not in _HALF_OF_A_STEP:
        pieces.left_out.append("unknown")


def _read_artifact(document: Any, pieces: Pieces) -> bool:
    """Whether it is there as a whole: changes name only what they replace."""
    written, kind = text(document.get("content")), document.get("type")
    if kind == "text/markdown":
        pieces.words(written)
    else:
        pieces.code(written, document.get("language") or _LANGUAGES.get(text(kind), ""))
    return bool(written.strip())
