"""Summaries of long chats: when they are written, who comes first, and what makes them void."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from assistant.errors import ModelUnavailable
from assistant.ports import GeneratedPiece, GenerationEnd, GenerationRequest
from assistant.window import Filled
from tests.assistant.turns import WordGuard
from tests.webapp.chat.talking import end, send
from tests.webapp.chat.test_withholding import BLOCK
from webapp import jobs, wiring
from webapp.accounts.models import User
from webapp.chat import hints, turn_log
from webapp.chat.errors import NotFound, NothingToSummarise, TurnInProgress
from webapp.chat.models import Conversation, Reply, Summary
from webapp.chat.models.summaries import WRITTEN_WITHIN
from webapp.chat.services import compacting, ownership, queueing, summaries
from webapp.chat.services.compacting import ask_for_summary, compact, is_due
from webapp.chat.services.conversations import branch
from webapp.chat.services.duplicating import duplicate
from webapp.chat.services.journal import ReplyJournal
from webapp.chat.services.running import _load
from webapp.chat.services.turns import Accepted
from webapp.moderation.services import originals, releases, withholding
from webapp.personal.services.preferences import change

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

ANSWER = "Llamas keep warm in the cold mountains with thick wool, which is soft and sheds the rain. " * 5
SUMMARY = "The person asks how llamas keep warm. Thick wool sheds the rain in the cold mountains."
ROOM = 1536


class Writer:
    """A model that writes summaries; `said` in order, the last again and again. It waits for `may_end`, if there is."""

    def __init__(self, *said: str) -> None:
        self.said = list(said)
        self.read: list[str] = []
        self.began, self.may_end = asyncio.Event(), asyncio.Event()
        self.may_end.set()
        self.is_closed = False

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[GeneratedPiece | GenerationEnd, None]:
        self.read.append(request.messages[-1].text)
        self.began.set()
        try:
            await self.may_end.wait()
            yield GeneratedPiece(text=self.said.pop(0) if len(self.said) > 1 else self.said[0])
            yield GenerationEnd(finish_reason="stop")
        finally:
            self.is_closed = True


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> list[uuid.UUID]:
    """The conversations that pages were told of."""
    told: list[uuid.UUID] = []

    async def window_changed(person_id: uuid.UUID, *, conversation_id: uuid.UUID) -> None:
        told.append(conversation_id)

    monkeypatch.setattr(hints, "window_changed", window_changed)
    monkeypatch.setattr(compacting, "LOOK_EVERY_S", 0.01)
    return told


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Writer]:
    def serve(*said: str, guard: Any = None, is_away: bool = False) -> Writer:
        writer = Writer(*said or (SUMMARY,))

        @asynccontextmanager
        async def turn_services(*, person_id: uuid.UUID, endpoint: str) -> AsyncGenerator[Any, None]:
            if is_away:
                raise ModelUnavailable
            yield SimpleNamespace(model=writer, guard=guard or WordGuard())

        monkeypatch.setattr(wiring, "turn_services", turn_services)
        return writer

    return serve


def filled(earlier: int) -> dict[str, Any]:
    return {"filled": asdict(Filled(room=ROOM, instructions=60, earlier=earlier, question=60))}


def answered(said: Accepted, *, earlier: int = 1200, **fields: Any) -> Accepted:
    return end(said, text=ANSWER, token_ids=[], **(filled(earlier) | fields))


def grown(person: User, num_turns: int = 8) -> list[Accepted]:
    """A chat whose last answer says that its window is nearly full."""
    turns: list[Accepted] = []
    for number in range(num_turns):
        text = f"{number}: how do llamas keep warm?"
        turns.append(answered(send(person, text, after=turns[-1] if turns else None)))
    return turns


def covered() -> list[int]:
    """Which turns the summaries end with, by the number in their questions."""
    texts = Summary.objects.exclude(text="").values_list("reply__message__text", flat=True)
    return sorted(int(text.partition(":")[0]) for text in texts)


def prompt_of(accepted: Accepted) -> tuple[str, int]:
    """The summary that the next attempt at this turn begins with, and how many messages it covers."""
    claim = ownership.claim(accepted.reply_id)
    assert claim is not None
    summary = _load(claim).turn.summary
    return (summary.text, summary.num_messages) if summary else ("", 0)


def placed(accepted: Accepted) -> Summary | None:
    reply = Reply.objects.select_related("conversation").get(pk=accepted.reply_id)
    found = summaries.placed_in(summaries.states_of(branch(reply.conversation, leaf=reply)))
    return found.summary if found else None


async def run(accepted: Accepted, *, is_asked_for: bool = False) -> None:
    await asyncio.wait_for(compact(accepted.reply_id, is_asked_for=is_asked_for), 20)


async def test_a_chat_that_is_nearly_full_is_compacted_to_half(person: User, serve: Any, told: list[uuid.UUID]) -> None:
    """Once: what follows is said as it was until it is full again."""
    writer = serve()
    turns = await sync_to_async(grown)(person)
    await run(turns[-1])
    await run(turns[-1])
    assert await sync_to_async(covered)() == [5]
    assert len(writer.read) == 1
    assert "5: how do" in writer.read[0] and "6: how do" not in writer.read[0]
    assert told == [turns[0].conversation_id] * 2
    later = await sync_to_async(send)(person, "And now?", after=turns[-1])
    assert await sync_to_async(prompt_of)(later) == (SUMMARY, 12)


@pytest.mark.parametrize(
    ("fields", "is_full"),
    [
        ({}, True),
        (filled(300), False),
        (filled(300) | {"used": {"num_unread": 2}}, True),
        ({"filled": {}}, False),
        ({"state": Reply.State.CANCELLED}, True),
        ({"state": Reply.State.BLOCKED}, False),
        ({"state": Reply.State.RUNNING}, False),
    ],
    ids=["full", "roomy", "unread", "unknown", "stopped", "withheld", "active"],
)
def test_it_is_due_by_what_was_counted_for_the_last_answer(person: User, fields: dict[str, Any], is_full: bool) -> None:
    (turn,) = grown(person, 1)
    Reply.objects.filter(pk=turn.reply_id).update(**fields)
    assert is_due(turn.reply_id) is is_full
    change(person, summarises_chats=False)
    assert not is_due(turn.reply_id)


async def test_a_person_can_have_one_made_now(person: User, serve: Any) -> None:
    """Of all but the last turn, whether the chat is full or not."""
    serve()
    turns = await sync_to_async(grown)(person, 3)
    await Reply.objects.aupdate(**filled(100))
    await run(turns[-1])
    assert await sync_to_async(covered)() == []
    await run(turns[-1], is_asked_for=True)
    assert await sync_to_async(covered)() == [1]


async def test_whoever_wants_none_gets_none(person: User, serve: Any) -> None:
    """Not even one that was asked for before that; and one from before is not read."""
    writer = serve()
    turns = await sync_to_async(summarised)(person)
    await sync_to_async(change)(person, summarises_chats=False)
    await run(turns[-1], is_asked_for=True)
    assert writer.read == []
    with pytest.raises(NothingToSummarise):
        await sync_to_async(ask_for_summary)(person, turns[0].conversation_id)
    later = await sync_to_async(send)(person, "And now?", after=turns[-1])
    assert await sync_to_async(prompt_of)(later) == ("", 0)


async def test_whoever_asked_is_told_that_it_is_over_whatever_came_of_it(
    person: User, monkeypatch: pytest.MonkeyPatch, told: list[uuid.UUID]
) -> None:
    def broken(**_arguments: object) -> Any:
        raise RuntimeError("broken")

    monkeypatch.setattr(wiring, "turn_services", broken)
    turns = await sync_to_async(grown)(person, 3)
    with pytest.raises(RuntimeError):
        await run(turns[-1], is_asked_for=True)
    assert told == [turns[0].conversation_id]


async def test_the_next_one_is_made_of_the_last_and_of_the_turns_since(person: User, serve: Any) -> None:
    """The older one stays for branches that leave before the newer."""
    newer = "The person asks again and again how llamas keep warm, and thick wool is the answer."
    writer = serve(SUMMARY, newer)
    turns = await sync_to_async(grown)(person)
    await run(turns[-1])
    for number in range(8, 12):
        sent = await sync_to_async(send)(person, f"{number}: how do llamas keep warm?", after=turns[-1])
        turns.append(await sync_to_async(answered)(sent))
    await run(turns[-1])
    assert await sync_to_async(covered)() == [5, 9]
    assert SUMMARY in writer.read[1] and "6: how" in writer.read[1] and "5: how" not in writer.read[1]
    newest, older = await sync_to_async(placed)(turns[-1]), await sync_to_async(placed)(turns[7])
    assert newest and newest.text == newer
    assert older and older.text == SUMMARY


async def test_what_is_longer_than_a_model_can_read_is_summarised_in_steps(person: User, serve: Any) -> None:
    """Such as a chat that came from elsewhere."""
    writer = serve()
    turns = await sync_to_async(grown)(person, 24)
    await run(turns[-1])
    ends = await sync_to_async(covered)()
    assert len(writer.read) == len(ends) == 3
    assert ends[-1] == 21
    assert all(SUMMARY in read for read in writer.read[1:])


@pytest.mark.parametrize("said", ["", "Bananas! " * 20], ids=["empty", "useless"])
async def test_what_is_of_no_use_is_not_kept(person: User, serve: Any, said: str) -> None:
    """The newest turns are read, as without it; and it is not tried again with every answer that follows."""
    writer = serve(said)
    turns = await sync_to_async(grown)(person)
    await run(turns[-1])
    await run(turns[-1])
    assert len(writer.read) == 1
    later = await sync_to_async(send)(person, "8: and now?", after=turns[-1])
    assert await sync_to_async(prompt_of)(later) == ("", 0)
    await sync_to_async(answered)(later)
    await run(later)
    assert len(writer.read) == 1
    await run(later, is_asked_for=True)
    assert len(writer.read) == 2


async def test_what_takes_too_long_is_not_waited_for(person: User, serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor begun again with every answer: the engine is too slow for it."""
    monkeypatch.setattr(compacting, "PATIENCE_S", 0.02)
    writer = serve()
    writer.may_end.clear()
    turns = await sync_to_async(grown)(person)
    await run(turns[-1])
    await run(turns[-1])
    assert writer.is_closed
    assert len(writer.read) == await Summary.objects.failed().acount() == 1


async def test_the_guard_reads_it_first(person: User, serve: Any) -> None:
    guard = WordGuard("sheds")
    serve(guard=guard)
    turns = await sync_to_async(grown)(person)
    await run(turns[-1])
    assert guard.seen == [SUMMARY]
    assert await sync_to_async(covered)() == []
    assert await Summary.objects.failed().acount() == 1


async def test_a_model_that_is_away_is_asked_another_time(person: User, serve: Any) -> None:
    serve(is_away=True)
    turns = await sync_to_async(grown)(person)
    await run(turns[-1])
    assert not await Summary.objects.aexists()
    await run(Accepted(**{**asdict(turns[0]), "reply_id": uuid.uuid4()}))


async def test_who_writes_on_comes_first(person: User, serve: Any) -> None:
    """The model is free for the answer at once, and no prompt changes while an answer is written with it."""
    writer = serve()
    writer.may_end.clear()
    turns = await sync_to_async(grown)(person)
    job = asyncio.create_task(run(turns[-1]))
    await writer.began.wait()
    later = await sync_to_async(send)(person, "8: and now?", after=turns[-1])
    await job
    assert writer.is_closed
    assert not await Summary.objects.aexists()
    assert await sync_to_async(prompt_of)(later) == ("", 0)
    await run(turns[-1])
    assert len(writer.read) == 1


async def test_who_waits_for_a_worker_comes_first(person: User, somebody_else: User, serve: Any) -> None:
    """Whoever it is: summaries must not fill the places that answers are written in."""
    writer = serve()
    writer.may_end.clear()
    turns = await sync_to_async(grown)(person)
    job = asyncio.create_task(run(turns[-1]))
    await writer.began.wait()
    other = await sync_to_async(send)(somebody_else, "Hello")
    await Reply.objects.filter(pk=other.reply_id).aupdate(not_before=timezone.now() - 2 * summaries.WAITING_AFTER)
    await job
    assert writer.is_closed
    assert not await Summary.objects.aexists()


def test_a_summary_that_comes_after_a_message_is_not_kept(person: User) -> None:
    """The two can meet between two looks: whoever is second sees the first."""
    turns = grown(person, 3)
    conversation = Conversation.objects.get()
    states = summaries.states_of(branch(conversation))[:2]
    claimed = summaries.claim(conversation, states)
    assert claimed is not None
    send(person, "3: and now?", after=turns[-1])
    assert not summaries.keep(claimed, conversation, SUMMARY)
    assert not Summary.objects.exists()


def test_a_message_that_waits_comes_first(person: User) -> None:
    turns = grown(person, 3)
    answering = send(person, "3: and now?", after=turns[-1])
    queueing.queue(person=person, turn_id=uuid.uuid4(), conversation_id=answering.conversation_id, text="And then?")
    answered(answering)
    conversation = Conversation.objects.get()
    assert summaries.claim(conversation, summaries.states_of(branch(conversation))[:2]) is None


def test_one_is_written_at_a_time_and_a_dead_worker_is_not_waited_for(person: User) -> None:
    """A worker that comes back late changes nothing."""
    grown(person, 4)
    conversation = Conversation.objects.get()
    states = summaries.states_of(branch(conversation))
    first = summaries.claim(conversation, states[:2])
    assert first is not None
    assert summaries.claim(conversation, states[:2]) is None
    assert summaries.claim(conversation, states[:3]) is None
    long_ago = timezone.now() - WRITTEN_WITHIN - timedelta(seconds=1)
    Summary.objects.update(started_at=long_ago)
    second = summaries.claim(conversation, states[:2])
    assert second is not None
    assert not summaries.keep(first, conversation, SUMMARY)
    summaries.give_up(first)
    assert summaries.keep(second, conversation, SUMMARY)
    conversation.delete()
    assert not summaries.keep(second, Conversation(pk=uuid.uuid4(), owner=person), SUMMARY)


def summarised(person: User) -> list[Accepted]:
    """A chat of four turns, of which a summary covers the first two."""
    turns = grown(person, 4)
    conversation = Conversation.objects.get()
    claimed = summaries.claim(conversation, summaries.states_of(branch(conversation))[:2])
    assert claimed is not None
    assert summaries.keep(claimed, conversation, SUMMARY)
    assert placed(turns[-1])
    return turns


def test_another_branch_is_not_touched(person: User) -> None:
    """What is changed after the covered turns goes on from the summary; what is changed in them does without."""
    turns = summarised(person)
    after = answered(send(person, "2: otherwise", after=turns[1]))
    before = answered(send(person, "1: otherwise", after=turns[0]))
    assert placed(after)
    assert placed(before) is None
    assert prompt_of(send(person, "More", after=before)) == ("", 0)


@pytest.mark.parametrize("place", [0, 1])
def test_a_turn_that_is_released_makes_it_void(person: User, place: int) -> None:
    """The person reads an answer that the summary knows nothing of."""
    turns = grown(person, 4)
    reply = turns[place].reply_id
    originals.keep(reply, ANSWER)
    Reply.objects.filter(pk=reply).update(state=Reply.State.BLOCKED, text="", input_checked=True)
    conversation = Conversation.objects.get()
    claimed = summaries.claim(conversation, summaries.states_of(branch(conversation))[:2])
    assert claimed is not None
    summaries.keep(claimed, conversation, SUMMARY)
    assert placed(turns[-1])
    releases.release(reply)
    assert placed(turns[-1]) is None


def test_a_turn_that_is_withheld_later_makes_it_void(person: User) -> None:
    turns = summarised(person)
    Reply.objects.filter(pk=turns[0].reply_id).update(state=Reply.State.BLOCKED, text="")
    assert placed(turns[-1]) is None


def test_no_summary_keeps_a_word_of_what_is_withheld(person: User) -> None:
    """Used, void or being written; those of other branches stay."""
    turns = summarised(person)
    other = answered(send(person, "1: otherwise", after=turns[0]))
    beside = Summary.objects.create(reply_id=other.reply_id, text="Beside", finished_at=timezone.now())
    Summary.objects.create(reply_id=turns[3].reply_id, text="Void", finished_at=timezone.now())
    assert withholding.withhold(turns[1].reply_id, category="hate")
    assert list(Summary.objects.all()) == [beside]
    assert withholding.withhold(turns[0].reply_id, category="hate")
    assert not Summary.objects.exists()


async def test_what_the_guard_withholds_is_in_no_summary_either(person: User) -> None:
    """An answer that was released may be withheld anew, with a summary of it in between."""
    turns = await sync_to_async(summarised)(person)
    again = turns[1]
    await Reply.objects.filter(pk=again.reply_id).aupdate(state=Reply.State.QUEUED, lease_until=None)
    claim = await sync_to_async(ownership.claim)(again.reply_id)
    assert claim is not None
    redis = turn_log.connect()
    await ReplyJournal(claim, redis, created_at=timezone.now()).withheld("output", BLOCK, ANSWER)
    await redis.aclose()
    assert not await Summary.objects.aexists()


def test_what_is_withheld_between_reading_and_writing_is_not_kept(person: User) -> None:
    """The turns were read before the summary was claimed."""
    turns = grown(person, 4)
    conversation = Conversation.objects.get()
    as_read = summaries.states_of(branch(conversation))[:2]
    assert withholding.withhold(turns[0].reply_id, category="hate")
    claimed = summaries.claim(conversation, as_read)
    assert claimed is not None
    assert not summaries.keep(claimed, conversation, SUMMARY)
    assert not Summary.objects.exists()


def test_a_copy_of_the_chat_begins_with_the_same_summary(person: User) -> None:
    summarised(person)
    copy = duplicate(Conversation.objects.get())
    found = summaries.placed_in(summaries.states_of(branch(copy)))
    assert found
    assert (found.summary.text, found.num_turns, found.summary.reply.conversation_id) == (SUMMARY, 2, copy.pk)


def test_it_goes_with_the_chat(person: User) -> None:
    """A temporary one, too."""
    summarised(person)
    Conversation.objects.update(is_temporary=True)
    Conversation.objects.get().delete()
    assert not Summary.objects.exists()


def test_asking_for_one(person: User, somebody_else: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker is asked once there is something to be summarised and nobody talks."""
    asked: list[tuple[uuid.UUID, bool]] = []

    def enqueue(reply_id: uuid.UUID, *, is_asked_for: bool = False) -> bool:
        asked.append((reply_id, is_asked_for))
        return True

    monkeypatch.setattr(jobs, "enqueue_compaction", enqueue)
    first = grown(person, 1)[0]
    with pytest.raises(NothingToSummarise):
        ask_for_summary(person, first.conversation_id)
    second = send(person, "1: and now?", after=first)
    with pytest.raises(TurnInProgress):
        ask_for_summary(person, first.conversation_id)
    answered(second)
    with pytest.raises(NotFound):
        ask_for_summary(somebody_else, first.conversation_id)
    ask_for_summary(person, first.conversation_id)
    assert asked == [(second.reply_id, True)]
    conversation = Conversation.objects.get()
    assert summaries.claim(conversation, summaries.states_of(branch(conversation))[:1])
    ask_for_summary(person, first.conversation_id)
    assert len(asked) == 1


def test_answers_come_before_summaries_that_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker takes everything else first."""
    priorities: list[int] = []
    monkeypatch.setattr(jobs, "_enqueue", lambda *_arguments, priority=0: priorities.append(priority))
    jobs.enqueue_compaction(uuid.uuid4(), is_asked_for=True)
    jobs.enqueue_support_check(uuid.uuid4())
    assert priorities == [jobs.LAST] * 2
