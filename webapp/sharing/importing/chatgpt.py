"""A chat as ChatGPT exports it: a tree of nodes, `mapping`, with hidden system and tool nodes in between.

    user ── assistant: code, to "python" ── tool: execution_output ── assistant: text
    user ── assistant: text, to "browser" ── tool: … ── assistant: text

Code that was run, what it printed and a document beside the chat ("canvas") are part of the answer. What was said to
other tools and by them is not, but is counted; so is what the model thought. What nobody ever saw (system prompts,
instructions) is neither.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from webapp.sharing.importing.foreign import ForeignChat, ForeignNode, items, mapping, moment, name, text
from webapp.sharing.importing.pieces import Pieces

_THOUGHTS: Final = frozenset({"thoughts", "reasoning_recap"})
_INSTRUCTIONS: Final = frozenset({"user_editable_context", "model_editable_context"})
_REFERENCES: Final = re.compile("\ue200[^\ue200\ue201]{0,400}\ue201|【\\d{1,9}(?::\\d{1,9})?†[^【】]{0,80}】")
"""The marks that ChatGPT turns into links to its sources; without it they say nothing. People write brackets of their
own."""


def chatgpt_chat(chat: Any) -> ForeignChat | None:
    chat_id = name(chat.get("conversation_id")) or name(chat.get("id"))
    if chat_id is None:
        return None
    return ForeignChat(
        source="ChatGPT",
        id=chat_id,
        title=text(chat.get("title")),
        nodes=list(_nodes(mapping(chat["mapping"]))),
        selected=name(chat.get("current_node")),
        created_at=moment(chat.get("create_time")),
        updated_at=moment(chat.get("update_time")),
        is_archived=chat.get("is_archived") is True,
    )


def _nodes(nodes: Any) -> Iterator[ForeignNode]:
    for key, node in nodes.items():
        node_id = name(key)
        if node_id is None:
            continue
        message = mapping(mapping(node).get("message"))
        facts = mapping(message.get("metadata"))
        role = mapping(message.get("author")).get("role")
        pieces = Pieces()
        if facts.get("is_visually_hidden_from_conversation") is not True:
            _read(message, role, facts, pieces)
        said = pieces.markdown
        yield ForeignNode(
            id=node_id,
            parent=name(mapping(node).get("parent")),
            role="person" if role == "user" else "assistant",
            text=said,
            at=moment(message.get("create_time")),
            model=text(facts.get("model_slug")),
            is_shown=bool(said),
            left_out=tuple(pieces.left_out),
        )


def _read(message: Any, role: Any, facts: Any, pieces: Pieces) -> None:
    content = mapping(message.get("content"))
    kind, recipient = content.get("content_type"), message.get("recipient", "all")
    parts = items(content.get("parts"))
    if role == "tool":
        if kind == "execution_output":
            pieces.code(text(content.get("text")), "output")
        _read_parts([part for part in parts if _is_image(part)], role, pieces)
    elif role not in ("user", "assistant") or kind in _INSTRUCTIONS:
        return
    elif kind in _THOUGHTS:
        pieces.left_out.append("thoughts")
    elif recipient == "python" or (recipient == "all" and kind == "code"):
        language = content.get("language")
        is_known = language not in (None, "unknown")
        source = content.get("text") if kind == "code" else "\n".join(part for part in parts if isinstance(part, str))
        pieces.code(text(source), language if is_known else "python" if recipient == "python" else "")
    elif recipient != "all":
        source = content.get("text") or "".join(part for part in parts if isinstance(part, str))
        if recipient != "canmore.create_textdoc" or not _read_canvas(source, pieces):
            pieces.left_out.append("steps")
    elif kind in ("text", "multimodal_text"):
        _read_parts(parts, role, pieces)
    else:
        pieces.left_out.append("unknown")
    for file in items(facts.get("attachments")) if role == "user" else ():
        if not text(mapping(file).get("mime_type")).startswith("image/"):  # an image is among the parts
            pieces.file(text(mapping(file).get("name")))


def _read_canvas(source: Any, pieces: Pieces) -> bool:
    """As it was made at first; what became of it later was said to the tool as patterns to be replaced."""
    try:
        document = mapping(json.loads(source))
    except (ValueError, TypeError, RecursionError):
        return False
    written, kind = text(document.get("content")), text(document.get("type"))
    if kind.startswith("code/"):
        pieces.code(written, kind.partition("/")[2])
    else:
        pieces.words(written)
    return bool(written.strip())


def _read_parts(parts: Any, role: Any, pieces: Pieces) -> None:
    for part in parts:
        words = part if isinstance(part, str) else mapping(part).get("text")
        if isinstance(words, str):
            pieces.words(_REFERENCES.sub("", words) if role == "assistant" else words)
        elif _is_image(part):
            pieces.image()
        elif mapping(part):
            pieces.file("")  # such as what was spoken, beside its words


def _is_image(part: Any) -> bool:
    return "image" in str(mapping(part).get("content_type"))
