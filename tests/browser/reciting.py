"""Answers whose words are known before, written by the real pipeline beside the running assistant.

Only the model is another one, behind its port: what checks, renders, stores and sends them is what people have.
"""

import asyncio
import subprocess
import sys
import uuid
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.utils import timezone

from assistant.ports import GeneratedPiece, GenerationEnd, GenerationRequest
from tests.stack import ROOT, Stack
from webapp import wiring
from webapp.chat import hints
from webapp.chat.models import Conversation, Reply
from webapp.chat.services import turns
from webapp.chat.services.running import run_turn

QUESTION = "What do you know of llamas?"
PROGRAM = "from tests.browser.reciting import recite; recite({text!r})"
PIECE_CHARS = 12
PIECE_S = 0.05


@dataclass(frozen=True, slots=True)
class RecitingModel:
    """Says `text`, whatever it is asked, at the pace of a model."""

    text: str

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[GeneratedPiece | GenerationEnd, None]:
        for start in range(0, len(self.text), PIECE_CHARS):
            await asyncio.sleep(PIECE_S)
            yield GeneratedPiece(text=self.text[start : start + PIECE_CHARS])
        yield GenerationEnd(finish_reason="stop")


@contextmanager
def reciting(stack: Stack, text: str) -> Iterator[Callable[[str], None]]:
    """A function that asks QUESTION in the conversation of this id, where `text` is the answer. It does not wait."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "shell", "--verbosity=0", "-c", PROGRAM.format(text=text)],
        cwd=ROOT,
        env={**stack.environment, "DJANGO_SETTINGS_MODULE": "webapp.settings", "PATH": "/usr/bin:/bin"},
        stdin=subprocess.PIPE,
        text=True,
    )
    assert process.stdin

    def ask(conversation: str) -> None:
        print(conversation, file=process.stdin, flush=True)

    with process:
        yield ask
        process.stdin.close()
    assert process.returncode == 0


def recite(text: str) -> None:
    """In a process of the assistant's: for each conversation that is named to it."""
    services_of = wiring.turn_services

    @asynccontextmanager
    async def with_known_words(**settings: Any) -> AsyncGenerator[wiring.TurnServices, None]:
        async with services_of(**settings) as services:
            yield replace(services, model=RecitingModel(text))

    wiring.turn_services = with_known_words
    for line in sys.stdin:
        asyncio.run(run_turn(_ask(line.strip())))


def _ask(conversation_id: str) -> uuid.UUID:
    """The reply that is to be written, by no worker; the person's pages are told."""
    conversation = Conversation.objects.get(pk=conversation_id)
    with transaction.atomic():
        asked = turns.send(
            person=conversation.owner,
            turn_id=uuid.uuid4(),
            conversation_id=conversation.pk,
            parent_id=conversation.selected_id,
            text=QUESTION,
        )
        Reply.objects.filter(pk=asked.reply_id).update(enqueued_at=timezone.now())
    asyncio.run(
        hints.conversation_changed(
            asked.person_id, conversation_id=asked.conversation_id, title=asked.title, reply_id=asked.reply_id
        )
    )
    return asked.reply_id
