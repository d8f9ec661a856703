"""A chat as Open WebUI exports it: a tree of messages, `history.messages`.

What a model thought, the tools it used and the code it ran stand in its text as `<details type="…">`. Code and what it
printed stay, as blocks of code; the rest is counted. What a person wrote stays as it is.
"""

import json
import re
from collections.abc import Iterator
from html import unescape
from typing import Any, Final

from webapp.sharing.importing.foreign import ForeignChat, ForeignNode, items, mapping, moment, name, text
from webapp.sharing.importing.pieces import LeftOut, Pieces

_OPENING: Final = re.compile(r'<details type="(?P<kind>\w{1,40})"(?P<attributes>[^<>]*)>\s*')
_OUTPUT: Final = re.compile(r'\boutput="([^"]*)"')
_LEFT_OUT: Final[dict[str, LeftOut]] = {"reasoning": "thoughts", "tool_calls": "steps"}
_END, _SUMMARY_END = "</details>", "</summary>"


def is_open_webui(inner: Any) -> bool:
    return bool(mapping(mapping(inner.get("history")).get("messages")))


def open_webui_chat(chat: Any, inner: Any) -> ForeignChat | None:
    chat_id = name(chat.get("id")) or name(inner.get("id"))
    if chat_id is None:
        return None
    history = mapping(inner["history"])
    tags = items(mapping(chat.get("meta")).get("tags")) or items(inner.get("tags"))
    return ForeignChat(
        source="Open WebUI",
        id=chat_id,
        title=text(chat.get("title")) or text(inner.get("title")),
        nodes=list(_nodes(mapping(history.get("messages")))),
        selected=name(history.get("currentId")),
        created_at=moment(chat.get("created_at")) or moment(inner.get("timestamp")),
        updated_at=moment(chat.get("updated_at")),
        is_pinned=chat.get("pinned") is True,
        is_archived=chat.get("archived") is True,
        tags=[text(tag) for tag in tags if isinstance(tag, str)],
    )


def _nodes(messages: Any) -> Iterator[ForeignNode]:
    for key, value in messages.items():
        message_id = name(key)
        if message_id is None:
            continue
        message = mapping(value)
        pieces = Pieces()
        if message.get("role") in ("user", "assistant"):
            _read(message, pieces)
        said = pieces.markdown
        yield ForeignNode(
            id=message_id,
            parent=name(message.get("parentId")),
            role="person" if message.get("role") == "user" else "assistant",
            text=said,
            at=moment(message.get("timestamp")),
            model=text(message.get("model")),
            is_shown=bool(said),
            left_out=tuple(pieces.left_out),
        )


def _read(message: Any, pieces: Pieces) -> None:
    content = message.get("content")
    for part in items(content) or [{"text": content}]:  # some models are told in parts
        if "text" in mapping(part) and message.get("role") == "assistant":
            _read_words(text(part["text"]), pieces)
        elif "text" in mapping(part):
            pieces.words(text(part["text"]))
        elif "image" in str(mapping(part).get("type")):
            pieces.image()
    for file in map(mapping, items(message.get("files"))):
        if file.get("type") == "image":
            pieces.image()
        elif file:
            pieces.file(text(file.get("name")))


def _read_words(words: str, pieces: Pieces) -> None:
    """Each `<details>` is looked at once: a text may hold thousands that never end."""
    position = 0
    while opening := _OPENING.search(words, position):
        end = words.find(_END, opening.end())
        if end < 0:
            break
        pieces.words(words[position : opening.start()].strip("\n"))
        _read_details(opening, words[opening.end() : end], pieces)
        position = end + len(_END)
    pieces.words(words[position:].strip("\n") if position else words)


def _read_details(opening: re.Match[str], inside: str, pieces: Pieces) -> None:
    left_out = _LEFT_OUT.get(opening["kind"])
    if left_out is not None:
        pieces.left_out.append(left_out)
        return
    pieces.words((inside.partition(_SUMMARY_END)[2] or inside).strip("\n"))
    output = _OUTPUT.search(opening["attributes"])
    if output:
        pieces.code(_printed(unescape(output[1])), "output")


def _printed(output: str) -> str:
    """What the code printed, what it failed with, and its value."""
    try:
        known = mapping(json.loads(output))
    except (ValueError, RecursionError):
        return ""
    parts = (known.get(part) for part in ("stdout", "stderr", "result"))
    return text("\n".join(str(part).strip("\n") for part in parts if part))
