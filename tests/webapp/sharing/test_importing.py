"""Chats of other products become chats of ours, with every branch, once, or not at all."""

import io
import json
import time
import tracemalloc
import zipfile
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError
from django.utils import timezone

from tests.webapp.sharing import making
from tests.webapp.sharing.taking import take, take_all, texts
from webapp.accounts.models import User
from webapp.chat.models import Conversation, Message, Reply
from webapp.chat.services.conversations import branch
from webapp.sharing.errors import BadFile
from webapp.sharing.importing import files, formats, streams
from webapp.sharing.importing.foreign import MAX_TEXT_CHARS, ForeignChat, ForeignNode
from webapp.sharing.importing.turns import said_in
from webapp.sharing.services import exporting, importing
from webapp.sharing.wording import left_out

pytestmark = pytest.mark.django_db


def test_a_chatgpt_export_keeps_branches_times_and_the_shown_branch(person: User) -> None:
    """Without the hidden nodes: the system prompt, the call of a tool and what the tool said."""
    take_all(person, making.as_file([making.chatgpt()]))
    chat = Conversation.objects.get()
    assert texts(making.shape(chat)) == [
        (
            "What is the weather in Lima?",
            [("Mild: **18 °C**.", [("Thank you", [("With pleasure.", [])])]), ("I cannot know.", [])],
        )
    ]
    assert [message.text for message, _ in branch(chat)] == ["What is the weather in Lima?", "Thank you"]
    assert (chat.title, chat.imported_from, chat.owner) == ("Weather in Lima", "ChatGPT", person)
    assert chat.created_at == datetime.fromtimestamp(1_700_000_000, UTC)
    first = Message.objects.get(parent=None)
    assert first.created_at == datetime.fromtimestamp(1_700_000_000.5, UTC)
    answer = Reply.objects.get(text__startswith="Mild")
    assert (answer.model_id, answer.state, answer.token_ids) == ("gpt-4o", "done", [])
    assert answer.blocks == ["<p>Mild: <strong>18 °C</strong>.</p>"]


def test_an_open_webui_export_keeps_answers_side_by_side(person: User) -> None:
    take_all(person, making.as_file([making.open_webui()]))
    chat = Conversation.objects.get()
    assert texts(making.shape(chat)) == [("Write a haiku", [("Snow on the high pass", []), ("A llama hums low", [])])]
    assert branch(chat)[-1][1].text == "Snow on the high pass"
    assert (chat.imported_from, chat.pinned, [tag.name for tag in chat.tags.all()]) == ("Open WebUI", True, ["poems"])


def said_by(role: str, content: Any, **message: Any) -> dict[str, Any]:
    return {"author": {"role": role}, "content": content, **message}


def in_a_row(*said: dict[str, Any]) -> dict[str, Any]:
    """A chat of ChatGPT, each message after the one before."""
    nodes = {str(n): {"parent": str(n - 1) if n else None, "message": message} for n, message in enumerate(said)}
    return {"id": "chat", "title": "", "mapping": nodes}


def test_what_chatgpt_ran_stays_and_what_is_missing_is_counted(person: User) -> None:
    """Code, what it printed and where a picture was; the rest of what its tools did has no place in an answer. What a
    person wrote is theirs, brackets and all."""
    image = {"content_type": "image_asset_pointer", "asset_pointer": "file-service://1"}
    files = [{"name": "sales.csv", "mime_type": "text/csv"}, {"name": "x.png", "mime_type": "image/png"}]
    chat = in_a_row(
        said_by("system", {"content_type": "text", "parts": ["Be kind."]}),
        said_by("user", {"content_type": "user_editable_context", "user_instructions": "Be brief."}),
        said_by(
            "user",
            {"content_type": "multimodal_text", "parts": [image, "Sum 【1†it】."]},
            metadata={"attachments": files},
        ),
        said_by("assistant", {"content_type": "thoughts", "thoughts": [{"content": "Hm."}]}),
        said_by("assistant", {"content_type": "code", "language": "unknown", "text": "search('sum')"}, recipient="web"),
        said_by("tool", {"content_type": "tether_browsing_display", "result": "A sum is …"}),
        said_by(
            "assistant", {"content_type": "code", "language": "python", "text": "print('```')"}, recipient="python"
        ),
        said_by("tool", {"content_type": "execution_output", "text": "```\n"}),
        said_by("tool", {"content_type": "multimodal_text", "parts": ["A plot", image]}),
        said_by(
            "assistant",
            {"content_type": "text", "parts": ["7 \ue200cite\ue202turn0\ue201【4†source】【3:1†a.pdf】【2024年版】."]},
        ),
        said_by(
            "assistant",
            {"content_type": "code", "text": '{"name": "sum", "type": "code/python", "content": "x = 7"}'},
            recipient="canmore.create_textdoc",
        ),
        said_by("assistant", {"content_type": "code", "text": "{}"}, recipient="canmore.update_textdoc"),
        said_by("assistant", {"content_type": "code", "text": "[" * 9_000}, recipient="canmore.create_textdoc"),
        said_by("assistant", {"content_type": "hologram"}),
    )
    done = take_all(person, making.as_file([chat]))
    ((question, [(answer, [])]),) = texts(making.shape(Conversation.objects.get()))
    assert question == "*(An image, not in the export)*\n\nSum 【1†it】.\n\n*(A file, not in the export: sales.csv)*"
    assert answer == (
        "````python\nprint('```')\n````\n\n````output\n```\n````\n\n*(An image, not in the export)*\n\n7 【2024年版】."
        "\n\n```python\nx = 7\n```"
    )
    assert Reply.objects.get().blocks[0].startswith('<figure class="code" data-language="python">')
    assert done.left_out == Counter({"images": 2, "files": 1, "thoughts": 1, "steps": 3, "unknown": 1})
    assert len(left_out(done.left_out)) == 5


WRITTEN = '<details type="reasoning">\nWhat does this do?\n</details>'


def test_what_open_webui_ran_stays_and_what_is_missing_is_counted(person: User) -> None:
    """It writes them into the text; what only looks like it stays as it is, and so does what a person wrote."""
    chat = making.open_webui()
    messages = chat["chat"]["history"]["messages"]
    files = [{"type": "image", "url": "data:…"}, {"type": "file", "name": "a.pdf"}]
    messages["m1"] |= {"content": WRITTEN, "files": files}
    messages["m2"]["content"] = (
        '<details type="reasoning" done="true">\n<summary>Thought</summary>\n> Hm.\n</details>\nFirst:\n'
        '<details type="tool_calls" name="weather" arguments="&quot;{}&quot;">\n<summary>Ran</summary>\n</details>\n'
        '<details type="code_interpreter" '
        'output="{&quot;stdout&quot;: &quot;7\\n&quot;, &quot;result&quot;: &quot;8&quot;}">'
        "\n<summary>Analyzed</summary>\n```python\nprint(7)\n```\n</details>\nDone. <details type="
    )
    messages["m3"]["content"] = [{"type": "text", "text": "Low"}, {"type": "image_url", "image_url": {}}]
    done = take_all(person, making.as_file([chat]))
    ((question, answers),) = texts(making.shape(Conversation.objects.get()))
    assert question == f"{WRITTEN}\n\n*(An image, not in the export)*\n\n*(A file, not in the export: a.pdf)*"
    assert answers == [
        ("First:\n\n```python\nprint(7)\n```\n\n```output\n7\n8\n```\n\nDone. <details type=", []),
        ("Low\n\n*(An image, not in the export)*", []),
    ]
    assert done.left_out == Counter({"images": 2, "files": 1, "thoughts": 1, "steps": 1})


@pytest.mark.parametrize(
    "text", ['<details type="a"', '<details type="a">', "\ue200", "【1", "【1:1†", "`", '<details type="a" output="']
)
def test_marks_without_an_end_cost_no_more_than_other_text(text: str) -> None:
    began = time.thread_time()
    many = text * (MAX_TEXT_CHARS // len(text))
    chat = making.open_webui()
    chat["chat"]["history"]["messages"]["m2"]["content"] = many
    importing.read(None, making.as_file([chat, our_chat(("user", "1", None, many))]))
    assert time.thread_time() - began < 1


def test_our_own_export_comes_back_as_the_same_tree(person: User, somebody_else: User) -> None:
    """Texts, times, versions, the shown branch; only the ids are new."""
    chat = making.tree(person)
    file = io.BytesIO("".join(exporting.export(chat, "json")).encode())
    take_all(somebody_else, file)
    copy = Conversation.objects.get(owner=somebody_else)
    assert making.shape(copy) == making.shape(chat)
    assert [message.text for message, _ in branch(copy)] == [message.text for message, _ in branch(chat)]
    assert (copy.title, copy.created_at, copy.updated_at) == (chat.title, chat.created_at, chat.updated_at)
    take_all(person, file)
    assert Conversation.objects.filter(owner=person).count() == 2  # beside the one it was made of


def test_the_same_file_twice_makes_nothing_twice(person: User, somebody_else: User) -> None:
    """Also where it was renamed since; another person has their own copy."""
    file = making.as_file([making.chatgpt(), making.open_webui()])
    assert take_all(person, file).num_chats == 2
    before = (Message.objects.count(), Reply.objects.count())
    again = take_all(person, file)
    assert (again.num_chats, again.num_here) == (0, 2)
    assert (Message.objects.count(), Reply.objects.count()) == before
    assert all(preview.is_here for preview in importing.read(person, file))
    assert take_all(somebody_else, file).num_chats == 2


def test_only_what_is_chosen_is_taken(person: User) -> None:
    file = making.as_file([making.chatgpt(), making.open_webui()])
    take(person, file, {"owui-1"})
    assert [chat.title for chat in Conversation.objects.all()] == ["Haiku"]


def test_a_zip_is_read_like_the_file_in_it(person: User) -> None:
    """ChatGPT sends a zip, with pictures and pages beside."""
    packed = making.zipped(conversations__json=json.dumps([making.chatgpt()]).encode(), chat__html=b"<p>", x__png=b"0")
    assert take_all(person, packed).num_chats == 1


def our_chat(*said: tuple[str, str, str | None, str]) -> dict[str, Any]:
    """(kind, id, parent, text)"""
    return {
        "id": "chat",
        "title": "",
        "mapping": {
            node_id: {
                "parent": parent,
                "message": {"author": {"role": role}, "content": {"content_type": "text", "parts": [text]}},
            }
            for role, node_id, parent, text in said
        },
    }


def test_sides_that_speak_twice_are_joined(person: User) -> None:
    """We keep questions and answers in alternation; where one side branches, each branch has the whole."""
    said = our_chat(
        ("user", "1", None, "Hello"),
        ("user", "2", "1", "Are you there?"),
        ("assistant", "3", "2", "Yes."),
        ("assistant", "4", "3", "I am."),
        ("assistant", "5", "3", "I was."),
    )
    take_all(person, making.as_file([said]))
    assert texts(making.shape(Conversation.objects.get())) == [
        ("Hello\n\nAre you there?", [("Yes.\n\nI am.", []), ("Yes.\n\nI was.", [])])
    ]


def test_a_question_without_an_answer_can_be_asked_again(person: User) -> None:
    take_all(person, making.as_file([our_chat(("user", "1", None, "Hello"))]))
    ((message, reply),) = branch(Conversation.objects.get())
    assert (message.text, reply.text, reply.state) == ("Hello", "", "cancelled")


def test_a_chat_that_begins_with_an_answer_is_kept(person: User) -> None:
    take_all(person, making.as_file([our_chat(("assistant", "1", None, "Welcome"))]))
    assert texts(making.shape(Conversation.objects.get())) == [("…", [("Welcome", [])])]


def test_imported_text_is_rendered_by_us(person: User) -> None:
    """HTML in it is text, and links lead nowhere: nobody here has named their hosts."""
    said = our_chat(
        ("user", "1", None, "Hi"), ("assistant", "2", "1", "<script>alert(1)</script> [x](https://evil.example)")
    )
    take_all(person, making.as_file([said]))
    (block,) = Reply.objects.get().blocks
    assert "<script" not in block
    assert "href" not in block


BAD_FILES = {
    "no JSON": b"hello",
    "no UTF-8": b"\xff\xfe\x00",
    "nothing in it": b"[]",
    "another thing": b'{"a": 1}',
    "a number": b"7",
    "deep": b"[" * 100_000,
    "a later version": b'{"format": "cria-chats", "version": 2, "chats": []}',
    "a broken zip": b"PK\x03\x04" + b"x" * 100,
    "a zip of other things": making.zipped(a__txt=b"x").getvalue(),
    "a circle": json.dumps([our_chat(("user", "1", "2", "a"), ("assistant", "2", "1", "b"))]).encode(),
}


@pytest.mark.parametrize("content", BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_bad_file_is_refused_in_words(person: User, content: bytes) -> None:
    """Nothing is imported, nothing breaks."""
    with pytest.raises(BadFile) as refusal:
        take_all(person, io.BytesIO(content))
    assert refusal.value.user_text
    assert not Conversation.objects.exists()


def test_a_zip_bomb_is_refused_by_counting(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the zip says of the size of its files."""
    monkeypatch.setattr(files, "MAX_UNPACKED_BYTES", 10_000)
    with pytest.raises(BadFile, match="BadFile"):
        importing.read(person, making.zipped(conversations__json=b" " * 20_000))


def test_too_large_a_file_is_refused_unread(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 10)
    with pytest.raises(BadFile):
        importing.read(person, making.as_file([making.chatgpt()]))


def test_a_small_tree_that_would_make_a_huge_text_is_refused(person: User) -> None:
    """A thousand in a row by one side would be copied into each of a thousand branches."""
    row = [("user", str(number), str(number - 1) if number else None, "x" * 100) for number in range(1_000)]
    with pytest.raises(BadFile):
        take_all(person, making.as_file([our_chat(*row)]))


def test_one_bad_chat_leaves_none_behind(person: User) -> None:
    """A thing in it has the id of the empty answer that stands for a missing one: nothing at all is imported."""
    bad = our_chat(("user", "1", None, "a"), ("user", "2", None, "b"), ("assistant", "1!", "2", "c"))
    with pytest.raises(IntegrityError):
        take_all(person, making.as_file([making.open_webui(), bad]))
    assert not Conversation.objects.exists()


@pytest.mark.parametrize("value", [None, "x", -1, 1e300, float("nan"), True, [], {}, "2026-99-99", 10**30])
def test_a_time_that_is_none_is_no_reason_to_refuse(person: User, value: Any) -> None:
    assert take_all(person, making.as_file([making.chatgpt(create_time=value, update_time=value)])).num_chats == 1


def test_text_that_no_database_holds_is_mended(person: User) -> None:
    """A NUL, and half of a pair of surrogates."""
    take_all(person, making.as_file([our_chat(("user", "1", None, "a\x00b\ud800"))]))
    assert Message.objects.get().text == "ab?"


@pytest.mark.parametrize("odd", ["\ud800", "a\ud800", "\x00"])
def test_ids_may_hold_anything(person: User, odd: str) -> None:
    """What no database and no page can hold is no id, and breaks nothing."""
    chat = making.chatgpt(conversation_id=f"c{odd}", current_node=odd)
    chat["mapping"][f"q1{odd}"] = {**chat["mapping"]["q1"], "parent": odd}
    assert take_all(person, making.as_file([chat])).num_chats == 1


@pytest.mark.parametrize(
    "at", ["9999-12-31T23:59:59.999999", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", 253402300799.9, 1]
)
def test_nothing_was_said_at_an_absurd_time(person: User, at: Any) -> None:
    """Or a chat would stay on top of the list for ever, or no database could hold it."""
    chat = our_chat(("user", "1", None, "a"), ("assistant", "2", "1", "b"))
    chat |= {"create_time": at, "update_time": at}
    for node in chat["mapping"].values():
        node["message"]["create_time"] = at
    take_all(person, making.as_file([chat]))
    now = timezone.now()
    for row in (Conversation.objects.get(), Message.objects.get(), Reply.objects.get()):
        assert now - timedelta(hours=1) < row.created_at <= now + timedelta(hours=1)


def test_many_hidden_things_in_a_row_cost_one_step_each() -> None:
    """Twenty thousand of them are read at once and not for minutes."""
    hidden = [ForeignNode(id=str(n), parent=str(n - 1), role="person", text="", is_shown=False) for n in range(20_000)]
    shown = ForeignNode(id="last", parent="19999", role="person", text="a")
    began = time.thread_time()
    assert len(list(said_in(ForeignChat(source="x", id="1", title="", nodes=[*hidden, shown])))) == 1
    assert time.thread_time() - began < 2


def test_many_small_trees_together_make_no_huge_text(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """What fits for one chat is not given to each of ten thousand."""
    monkeypatch.setattr(importing, "MAX_CHARS", 1_000)
    chats = [our_chat(("user", "1", None, "a" * 400), ("assistant", "2", "1", "b" * 400)) | {"id": id} for id in "xyz"]
    with pytest.raises(BadFile) as refusal:
        take_all(person, making.as_file(chats))
    assert "Choose some of them" in refusal.value.user_text
    assert not Conversation.objects.exists()
    assert take(person, making.as_file(chats), {"x"}).num_chats == 1


def test_a_file_of_countless_empty_things_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each would take twenty times its place in memory."""
    monkeypatch.setattr(streams, "MAX_VALUES", 1_000)
    with pytest.raises(BadFile, match="BadFile"):
        importing.read(None, io.BytesIO(b"[" + b"[]," * 1_000 + b"[]]"))


@pytest.mark.parametrize("size", [1, 2, 3, 50, 1_000_000])
def test_a_long_list_is_read_in_pieces(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever a piece ends: within a letter, a number, an escape; and with or without a mark at the beginning."""
    monkeypatch.setattr(streams, "_CHUNK_BYTES", size)
    values = [{"é": 'a\\"ü😀'}, [1, [2]], 12345.5, -7, "x", None, True, {}]
    for text in (json.dumps(values), json.dumps(values, ensure_ascii=False, indent=2), "[]", " [ ] "):
        for mark in ("", "\ufeff"):
            assert list(streams.values_of(io.BytesIO(f"{mark}{text}".encode()))) == json.loads(text)
    for text in ("12345", '{"a": [1]}', '"x"'):
        assert list(streams.values_of(io.BytesIO(text.encode()))) == [json.loads(text)]
    for text in ("", "[", "[1", "[1,]", "[,1]", "[1 2]", "[1]]", "[1],", "1 2", '["x', "[nul]"):
        with pytest.raises(BadFile):
            list(streams.values_of(io.BytesIO(text.encode())))


def test_an_export_larger_than_memory_is_read_chat_by_chat(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not ours to keep, as most of such a file, is forgotten with its chat."""
    monkeypatch.setattr(streams, "_CHUNK_BYTES", 10_000)
    chats = [making.chatgpt(id=str(number), conversation_id=str(number), odd=["x"] * 10_000) for number in range(40)]
    packed = making.zipped(conversations__json=json.dumps(chats).encode())
    del chats
    tracemalloc.start()
    found = importing.read(None, packed)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found) == 40
    assert peak_bytes < 1_000_000  # one of them takes a tenth of that, all of them four times as much


@pytest.mark.parametrize("limit", ["MAX_CHATS", "MAX_NODES", "MAX_ALL_NODES", "MAX_ALL_CHARS"])
def test_more_than_can_be_kept_is_refused(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As soon as it is read."""
    monkeypatch.setattr(formats, limit, 1)
    with pytest.raises(BadFile):
        importing.read(None, making.as_file([making.chatgpt(), making.chatgpt()]))


@pytest.mark.parametrize("packing", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_zip_packed_in_an_unusual_way_is_refused(packing: int) -> None:
    """LZMA may ask for gigabytes before it gives a byte, and fails in ways of its own when damaged."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", packing) as archive:
        archive.writestr("conversations.json", making.as_file([making.chatgpt()]).getvalue())
    with pytest.raises(BadFile):
        importing.read(None, packed)


def test_damaged_zips_are_refused_in_words(person: User) -> None:
    """Whichever byte is wrong."""
    good = making.zipped(conversations__json=making.as_file([making.chatgpt()]).getvalue()).getvalue()
    for position in range(0, len(good), 3):
        damaged = bytearray(good)
        damaged[position] ^= 0xFF
        with suppress(BadFile):
            importing.read(person, io.BytesIO(bytes(damaged)))
