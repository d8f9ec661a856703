"""Chats of Claude become chats of ours."""

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.webapp.sharing import making
from tests.webapp.sharing.taking import take_all, texts
from webapp.accounts.models import User
from webapp.chat.models import Conversation

pytestmark = pytest.mark.django_db


def words(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said, "citations": []}


def test_a_claude_export_keeps_versions_where_it_tells_of_them(person: User) -> None:
    """An earlier one does not say what follows what: there it is the one before."""
    said = {"q": "Why do bridges hum?", "a": "The **wind**.", "b": "They do not.", "q2": "Always?", "a2": "No."}
    follows = {"q": "00000000-0000-4000-8000-000000000000", "a": "q", "b": "q", "q2": "a", "a2": "q2"}
    senders = {key: "human" if key.startswith("q") else "assistant" for key in said}
    messages = [
        making.claude_message(key, senders[key], words(said[key]), parent_message_uuid=follows[key]) for key in said
    ]
    earlier = [{"uuid": key, "sender": senders[key], "text": said[key]} for key in ("q", "a", "q2", "a2")]
    chats = [making.claude(*messages), making.claude(*earlier, uuid="claude-2", name="Earlier")]
    take_all(person, making.zipped(conversations__json=json.dumps(chats).encode(), users__json=b"[]"))
    chat = Conversation.objects.get(title="Bridges")
    after: list[object] = [("Always?", [("No.", [])])]
    assert texts(making.shape(chat)) == [(said["q"], [(said["a"], after), (said["b"], [])])]
    assert (chat.imported_from, chat.created_at) == ("Claude", datetime(2026, 3, 1, 10, 0, 0, 123456, tzinfo=UTC))
    assert texts(making.shape(Conversation.objects.get(title="Earlier"))) == [(said["q"], [(said["a"], after)])]


def test_what_claude_made_stays_and_what_is_missing_is_counted(person: User) -> None:
    """A document that it made beside the chat is part of the answer, and so is a long text that was pasted of the
    question."""

    def made(**document: str) -> dict[str, Any]:
        return {"type": "tool_use", "name": "artifacts", "input": document}

    attached = [
        {"file_name": "", "extracted_content": "A long text."},
        {"file_name": "a.pdf", "extracted_content": "A"},
    ]
    chat = making.claude(
        making.claude_message(
            "q", "human", words("Look"), attachments=attached, files=[{"file_name": "x.PNG"}, {"file_name": "b.csv"}]
        ),
        making.claude_message(
            "a",
            "assistant",
            {"type": "thinking", "thinking": "Hm."},
            words("First:"),
            {"type": "tool_use", "name": "web_search", "input": {"query": "bridges"}},
            {"type": "tool_result", "content": [words("Bridges hum.")]},
            made(command="create", type="application/vnd.ant.code", language="python", content="print(7)"),
            made(command="create", type="text/html", content="<p>7</p>"),
            made(command="create", type="text/markdown", content="*Seven*"),
            made(command="update", old_str="7", new_str="8"),
            {"type": "hologram"},
        ),
    )
    done = take_all(person, making.as_file([chat]))
    ((question, [(answer, [])]),) = texts(making.shape(Conversation.objects.get()))
    assert question == (
        "Look\n\nA long text.\n\n*(A file, not in the export: a.pdf)*\n\n*(An image, not in the export)*"
        "\n\n*(A file, not in the export: b.csv)*"
    )
    assert answer == "First:\n\n```python\nprint(7)\n```\n\n```html\n<p>7</p>\n```\n\n*Seven*"
    assert done.left_out == Counter({"thoughts": 1, "steps": 2, "files": 2, "images": 1, "unknown": 1})


@pytest.mark.parametrize("odd", [None, 7, [], {}, "//[", [[]], [{"type": [], "text": {}, "file_name": "//["}]])
def test_what_is_of_another_kind_than_it_should_be_is_passed_over(person: User, odd: Any) -> None:
    """Anybody can write such a file."""
    keys = ("content", "attachments", "files", "parent_message_uuid", "created_at", "sender")
    strange = [making.claude_message(f"q-{key}", "human", words("Look")) | {key: odd} for key in keys]
    chat = making.claude(making.claude_message("q", "human", words("Look")), *strange, created_at=odd, name=odd)
    assert take_all(person, making.as_file([chat])).num_chats == 1
