"""An answer is rendered once: the stream, the chat page, a shared page, an export and the staff show the same HTML."""

import uuid
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import Client

from assistant.ports import GenerationEnd
from assistant.rendering import render
from assistant.reply import GrowingReply, Written
from tests.client import Page
from webapp.accounts.models import User
from webapp.chat import turn_log
from webapp.chat.following import follow
from webapp.chat.models import Conversation, Reply
from webapp.chat.services import ownership, turns
from webapp.chat.services.journal import ReplyJournal
from webapp.sharing.services import exporting, links
from webapp.sharing.services.links import Choice

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

RICH = (
    "# Wool & weaving\n\nLlamas keep *warm*[^1], see [the book](https://a.example/?a=1&b=2).\n\n"
    "| Kind | Micron |\n|:--|--:|\n| Fine `<b>` | 20 |\n\n"
    '```python\nprint("<p>", 1 < 2)\n```\n\n$$\\frac{1}{2} < x$$\n\nand $a^2$ too.\n\n'
    "- [ ] shear\n- [x] spin\n  1. by hand\n\n> A quote\n> of **two** lines\n\n<script>alert(1)</script>\n\n"
    "[^1]: A footnote."
)
PARTS = ("<h1", "<em", "<sup", "<a href", "<table", '<figure class="code"', '<math display="block"', "☑", "<blockquote")


@pytest.fixture
async def reply(person: User) -> Reply:
    """Written piece by piece into row and log, as a worker does it."""
    send = sync_to_async(turns.send)
    accepted = await send(person=person, turn_id=uuid.uuid4(), conversation_id=None, parent_id=None, text="All of it?")
    claim = await sync_to_async(ownership.claim)(accepted.reply_id)
    assert claim is not None
    redis_client = turn_log.connect()
    reply = await Reply.objects.aget(pk=accepted.reply_id)
    journal = ReplyJournal(claim, redis_client, created_at=reply.created_at)
    growing = GrowingReply(Written())
    for start in range(0, len(RICH), 40):
        growing.add(RICH[start : start + 40], ())
        await journal.wrote(growing)
    growing.close()
    end = GenerationEnd(finish_reason="stop", prompt_tokens=5, cached_tokens=0, reply_tokens=9)
    await journal.finished(growing, end, ())
    await redis_client.aclose()
    return await Reply.objects.select_related("conversation").aget(pk=accepted.reply_id)


async def test_the_answer_looks_the_same_everywhere(reply: Reply, person: User) -> None:
    """Table, code, formulas, tasks, quote, link and footnote; whatever the page around them is made of."""
    assert reply.blocks == render(RICH)
    assert all(any(part in block for block in reply.blocks) for part in PARTS)
    stream = Page()
    async for event in follow(reply.pk, None):
        stream.apply(event)
    assert (stream.blocks, stream.tail) == (reply.blocks, "")
    for where, html in (await sync_to_async(_pages)(reply.conversation, reply, person)).items():
        place = 0
        for block in reply.blocks:
            place = html.find(block, place)
            assert place >= 0, f"{where} lacks {block}"
            place += len(block)


def _pages(conversation: Conversation, reply: Reply, person: User) -> dict[str, str]:
    owner, stranger, staff = Client(), Client(), Client()
    owner.force_login(person)
    staff.force_login(User.objects.create_user("staff", is_staff=True, is_superuser=True))
    shared = links.share(conversation, Choice(replies=[reply.pk]), expiry="1")
    reason: dict[str, Any] = {"reason": "Report 17: to see whether it looks the same"}
    return {
        "the chat page": owner.get(f"/c/{conversation.pk}/").content.decode(),
        "the shared page": stranger.get(f"/s/{shared.token}/").content.decode(),
        "the export": "".join(exporting.export(conversation, "html")),
        "the staff's page": staff.post(f"/admin/chat/conversation/{conversation.pk}/reveal/", reason).content.decode(),
    }
