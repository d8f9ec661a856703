"""The playground: the real pipeline beside itself, seen by whoever tries and by nobody else."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import OperationalError, transaction
from django.test import Client
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerAway

from assistant.errors import ModelUnavailable
from assistant.ports import ChatMessage, GeneratedPiece, GenerationEnd, GenerationRequest
from assistant.prompt_text import PromptTextError, content_hash
from tests.assistant.test_turn import NoCode, Shelf, WordGuard
from tests.webapp.chat.talking import talk
from tests.webapp.experiments.team import browser_for, member_of
from webapp import jobs, wiring
from webapp.accounts.models import User
from webapp.chat.models import Conversation, Reply
from webapp.experiments.models import (
    PlaygroundRun,
    PlaygroundSession,
    PreferenceVote,
    ProductionChange,
    PromptVersion,
    TestTurn,
)
from webapp.experiments.services import playground, playground_running, prompts, running_experiments, votes
from webapp.experiments.services.playground import Column, PlaygroundError
from webapp.experiments.services.playground_turns import TriedTurn, conversation, from_own, own_turns, typed
from webapp.personal.services import memories

pytestmark = pytest.mark.django_db(transaction=True)

ADD = "/admin/experiments/playgroundsession/add/"
DEADLY = "forbidden"


class Echo:
    """Says who it was told to be, in several pieces; what it was asked is kept."""

    def __init__(self) -> None:
        self.requests: list[GenerationRequest] = []
        self.is_away = False
        self.pause_s = 0.0
        self.is_asked = asyncio.Event()
        self.num_ended = 0

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[GeneratedPiece | GenerationEnd, None]:
        if self.is_away:
            raise ModelUnavailable
        self.requests.append(request)
        self.is_asked.set()
        system, asked = request.messages[0].text, request.messages[-1].text
        try:
            for piece in ("**", system.splitlines()[0], "** ", "said of: ", asked, "."):
                yield GeneratedPiece(text=piece, token_ids=(1,))
                await asyncio.sleep(self.pause_s)
            yield GenerationEnd(finish_reason="stop", prompt_tokens=40, reply_tokens=6)
        finally:
            self.num_ended += 1


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Echo:
    """The services of a turn, with these in place of the servers."""
    echo = Echo()

    @asynccontextmanager
    async def turn_services(*, person_id: UUID, endpoint: str) -> AsyncGenerator[wiring.TurnServices, None]:
        yield wiring.TurnServices(
            model=echo,
            model_id="echo",
            model_name=f"Echo {endpoint}".strip(),
            guard=WordGuard(DEADLY),
            code_shield=NoCode(),
            index=Shelf(),
            tools=(),
            calls_tools=False,
            is_small=False,
            canary_of=lambda _day: "",
        )

    monkeypatch.setattr(wiring, "turn_services", turn_services)
    return echo


@pytest.fixture
def enqueued(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """The cells that workers were asked for, instead of a broker."""
    asked: list[UUID] = []
    monkeypatch.setattr(jobs, "enqueue_playground_runs", asked.extend)
    return asked


@pytest.fixture
def tester(enqueued: list[UUID]) -> User:
    return member_of("experimenter", "grace")


def work(enqueued: list[UUID]) -> None:
    """What the workers do."""
    while enqueued:
        async_to_sync(playground_running.run)(enqueued.pop(0))


def tried(person: User, *prompts: str, turns: Sequence[TriedTurn] = (), **fields: Any) -> PlaygroundSession:
    columns = [Column(draft=prompt) for prompt in prompts]
    return playground.start(person, columns=columns, turns=turns or [typed("wool")], **fields)


def test_every_column_answers_every_turn(tester: User, model: Echo, enqueued: list[UUID]) -> None:
    """With the same seed for a turn, so that columns differ by what is compared."""
    session = tried(tester, "Be brief.", "Be kind.", turns=[typed("wool"), typed("moss")])
    work(enqueued)
    texts = list(session.runs.values_list("turn", "column", "text"))
    assert texts == [
        (0, 0, "**Be brief.** said of: wool."),
        (0, 1, "**Be kind.** said of: wool."),
        (1, 0, "**Be brief.** said of: moss."),
        (1, 1, "**Be kind.** said of: moss."),
    ]
    run = session.runs.first()
    assert run is not None
    assert (run.state, run.usage["reply_tokens"]) == ("done", 6)
    assert "<strong>Be brief.</strong>" in run.html
    assert run.first_text_ms and run.total_ms and run.first_text_ms <= run.total_ms
    seeds = set(session.runs.values_list("turn", "seed"))
    assert len(seeds) == 2


def test_settings_and_variables_reach_the_model(tester: User, model: Echo, enqueued: list[UUID], settings: Any) -> None:
    columns = [
        Column(draft="You are {{model}}.", temperature=1.5, top_p=0.5, max_reply_tokens=32, endpoint="large"),
        Column(),
    ]
    playground.start(tester, columns=columns, turns=[typed("wool")])
    work(enqueued)
    chosen, usual = model.requests
    assert (chosen.temperature, chosen.top_p, chosen.max_tokens) == (1.5, 0.5, 32)
    assert chosen.messages[0].text == "You are Echo large."
    assert (usual.temperature, usual.max_tokens) == (settings.TURNS.temperature, settings.TURNS.max_reply_tokens)
    assert usual.messages[0].text.startswith("You are Cria")


def test_what_a_column_leaves_open_is_as_in_production(tester: User, model: Echo, enqueued: list[UUID]) -> None:
    """So it would be in an arm; a prompt is tried with what it will be used with."""
    ProductionChange.objects.create(temperature=0.25, top_p=0.5, reason="Shipped")
    running_experiments.forget()
    playground.start(tester, columns=[Column(draft="Be brief.", top_p=1.0)], turns=[typed("wool")])
    work(enqueued)
    (request,) = model.requests
    assert (request.temperature, request.top_p) == (0.25, 1.0)
    assert request.messages[0].text.startswith("Be brief.")


def test_a_draft_is_tried_as_its_version_would_be(tester: User, model: Echo, enqueued: list[UUID]) -> None:
    """A form sends other ends of lines, and votes are counted by the hash of the text."""
    session = tried(tester, "Be brief.\r\nBe kind. ", turns=[typed("wool\r\nmoss")])
    work(enqueued)
    assert session.runs.get().draft == prompts.create("Be brief.\nBe kind.", note="x", author=tester).text
    assert model.requests[0].messages[-1].text == "wool\nmoss"


def test_nothing_of_the_tester_is_told(tester: User, model: Echo, enqueued: list[UUID]) -> None:
    """Results would depend on who tries."""
    memories.add(tester, "I like wool")
    tried(tester, "Be brief.")
    work(enqueued)
    assert "I like" not in str(model.requests[0].messages)


def test_text_is_seen_while_it_is_written(tester: User, model: Echo, enqueued: list[UUID]) -> None:
    """In the row, a few times a second."""
    session = tried(tester, "Be brief.")
    model.pause_s = 0.25
    seen: list[str] = []

    async def watch() -> None:
        running = asyncio.create_task(playground_running.run(enqueued.pop()))
        while not running.done():
            seen.append(await session.runs.values_list("text", flat=True).aget())
            await asyncio.sleep(0.02)
        await running

    async_to_sync(watch)()
    whole = session.runs.get().text
    assert any(0 < len(text) < len(whole) for text in seen)
    assert all(whole.startswith(text) for text in seen)


@pytest.mark.parametrize(("prompt", "asked", "side"), [("Be kind.", DEADLY, "input"), (DEADLY, "wool", "output")])
def test_the_guard_withholds_here_too(
    tester: User, model: Echo, enqueued: list[UUID], prompt: str, asked: str, side: str
) -> None:
    """And nothing of what was withheld is kept."""
    session = tried(tester, prompt, turns=[typed(asked)])
    work(enqueued)
    run = session.runs.get()
    assert (run.state, run.text, run.error_code) == ("blocked", "", side)
    assert run.html.startswith("<p>")
    assert DEADLY not in run.html


def test_a_failed_cell_says_why_and_can_be_tried_again(tester: User, model: Echo, enqueued: list[UUID]) -> None:
    model.is_away = True
    session = tried(tester, "Be brief.")
    work(enqueued)
    run = session.runs.get()
    assert (run.state, run.error_code) == ("failed", "model_unavailable")
    browser = browser_for(tester)
    page = browser.get(address(session)).content.decode()
    assert "model server is not available" in page
    model.is_away = False
    browser.post(f"{address(session, 'retry')}{run.pk}/")
    work(enqueued)
    run.refresh_from_db()
    assert (run.state, run.error_code) == ("done", "")
    browser.post(f"{address(session, 'retry')}{run.pk}/")
    assert not enqueued


def test_a_bug_ends_the_cell_too(tester: User, enqueued: list[UUID], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(wiring, "turn_services", broken)
    session = tried(tester, "Be brief.")
    work(enqueued)
    assert states(session) == [("failed", "internal_error")]
    assert session.runs.get().attempt == 2
    assert "Something went wrong on our side, twice" in browser_for(tester).get(address(session)).content.decode()


def test_what_goes_wrong_once_is_tried_again(
    tester: User, model: Echo, enqueued: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a chat: a database that was locked for a moment is no reason to give up."""
    session = tried(tester, "Be brief.")
    usual, failures = playground_running._update, [OperationalError("database is locked")]

    def locked_once(*args: Any, **fields: Any) -> bool:
        if fields.get("state") == "done" and failures:
            raise failures.pop()
        return usual(*args, **fields)

    monkeypatch.setattr(playground_running, "_update", locked_once)
    work(enqueued)
    assert states(session) == [("done", "")]
    assert session.runs.get().text == "**Be brief.** said of: wool."


def test_a_cell_is_stopped_and_the_engine_with_it(tester: User, model: Echo, enqueued: list[UUID]) -> None:
    """What was written stays. It can be tried again, and is not voted on."""
    session = tried(tester, "Be brief.")
    run, browser = session.runs.get(), browser_for(tester)
    stop = f"{address(session, 'stop')}{run.pk}/"
    model.pause_s = 0.3

    async def stop_meanwhile() -> None:
        running = asyncio.create_task(playground_running.run(enqueued.pop()))
        await asyncio.wait_for(text_comes(session), timeout=5)
        assert model.num_ended == 0
        page = (await sync_to_async(browser.get)(address(session))).content.decode()
        assert stop in page
        await sync_to_async(browser.post)(stop)
        await asyncio.wait_for(running, timeout=1.5)

    async_to_sync(stop_meanwhile)()
    assert model.num_ended == 1
    run.refresh_from_db()
    assert run.state == "stopped"
    assert "**Be brief.** said of: wool.".startswith(run.text) and 0 < len(run.text) < 28
    page = browser.get(address(session)).content.decode()
    assert ">stopped</span>" in page and "Try again" in page and stop not in page
    model.pause_s = 0.0
    browser.post(f"{address(session, 'retry')}{run.pk}/")
    work(enqueued)
    browser.post(stop)
    assert states(session) == [("done", "")]


def test_what_waits_is_stopped_before_it_begins(tester: User, model: Echo, enqueued: list[UUID]) -> None:
    session = tried(tester, "Be brief.")
    playground.stop(session.runs.get())
    work(enqueued)
    assert (states(session), model.requests) == ([("stopped", "")], [])


def test_a_worker_that_was_stopped_writes_nothing_into_the_next_try(
    tester: User, model: Echo, enqueued: list[UUID]
) -> None:
    """It may look only when another one writes already."""
    session = tried(tester, "Be brief.")
    first = playground_running._claim(enqueued.pop())
    assert first is not None
    playground.stop(session.runs.get())
    playground.retry(session.runs.get())
    second = playground_running._claim(enqueued.pop())
    assert second is not None
    assert not playground_running._update(first, text="Old")
    assert playground_running._update(second, text="New")
    assert session.runs.get().text == "New"


def test_what_was_stopped_is_told_again(tester: User, model: Echo, enqueued: list[UUID]) -> None:
    """It was said, as in a chat."""
    session = tried(tester, "Be brief.")
    session.runs.update(state="stopped", text="So far")
    enqueued.clear()
    playground.go_on(session, "And moss?", after=0)
    work(enqueued)
    assert [message.text for message in model.requests[0].messages[1:]] == ["wool", "So far", "And moss?"]


def test_a_session_is_deleted_by_who_made_it(tester: User, model: Echo, enqueued: list[UUID]) -> None:
    """With its answers. A vote stays."""
    session = tried(tester, "Be brief.", "Be kind.", is_blind=True)
    kept = tried(tester, "Be calm.")
    work(enqueued)
    votes.vote(session, 0, choice="left", by=tester)
    browser, delete = browser_for(tester), address(session, "delete")
    assert delete in browser.get(address(session)).content.decode()
    assert browser.get(delete).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(tester, backend="django.contrib.auth.backends.ModelBackend")
    for act in (delete, f"{address(session, 'stop')}{session.runs.all()[0].pk}/"):
        assert strict.post(act).status_code == 403
    assert browser.post(delete)["Location"] == "/admin/experiments/playgroundsession/"
    assert list(PlaygroundSession.objects.all()) == [kept]
    assert PlaygroundRun.objects.count() == 1
    assert PreferenceVote.objects.get().session is None


def test_a_cell_is_written_once(tester: User, model: Echo, enqueued: list[UUID]) -> None:
    """However often and late a worker is asked."""
    session = tried(tester, "Be brief.")
    (run_id,) = enqueued
    enqueued += [run_id, uuid4()]
    work(enqueued)
    assert len(model.requests) == 1
    session.delete()
    async_to_sync(playground_running.run)(run_id)


def test_a_worker_stops_when_nobody_waits_any_more(tester: User, model: Echo, enqueued: list[UUID]) -> None:
    session = tried(tester, "Be brief.")
    model.pause_s = 0.3

    async def delete_meanwhile() -> None:
        running = asyncio.create_task(playground_running.run(enqueued.pop()))
        await model.is_asked.wait()
        await PlaygroundSession.objects.filter(pk=session.pk).adelete()
        await asyncio.wait_for(running, timeout=1.5)

    async_to_sync(delete_meanwhile)()
    assert not PlaygroundRun.objects.exists()


def test_a_cell_whose_worker_is_gone_can_be_tried_again(tester: User, enqueued: list[UUID]) -> None:
    session = tried(tester, "Be brief.", "Be kind.")
    first = session.runs.all()[0]
    session.runs.filter(pk=first.pk).update(state="running")
    playground.give_up_lost(session, now=timezone.now() + playground.SILENT_FOR)
    assert states(session) == [("failed", "lost"), ("queued", "")]


def test_what_waits_is_given_up_when_nothing_is_written_any_more(tester: User, enqueued: list[UUID]) -> None:
    """While something is, of whomever, there are workers, and they come to it."""
    session, other = tried(tester, "Be brief."), tried(member_of("experimenter", "ada"), "Be kind.")
    later = timezone.now() + playground.WAITED_FOR
    other.runs.update(state="running", updated_at=later)
    playground.give_up_lost(session, now=later)
    assert states(session) == [("queued", "")]
    other.runs.update(state="done")
    playground.give_up_lost(session, now=later)
    assert states(session) == [("failed", "lost")]


def test_a_broker_that_is_away_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time takes seconds, and whoever started the session waits for the page."""
    asked: list[tuple[str, ...]] = []

    class Away:
        def send_task(self, name: str, *, args: tuple[str, ...], **_: Any) -> None:
            asked.append(args)
            raise BrokerAway

    monkeypatch.setattr(jobs, "_producer", Away)
    jobs.enqueue_playground_runs([uuid4(), uuid4()])
    assert len(asked) == 1


@pytest.mark.usefixtures("redis")
def test_who_chats_does_not_wait_for_the_playground() -> None:
    """Workers take cells when nothing else is there."""
    jobs._producer.cache_clear()
    with jobs._producer().connection_for_read() as connection:
        queue = connection.SimpleQueue("cria")
        queue.clear()  # what other tests have asked for
        jobs.enqueue_playground_runs([uuid4()])
        jobs.enqueue_turn(uuid4())
        taken = [queue.get(timeout=5).headers["task"] for _ in range(2)]
    jobs._producer.cache_clear()
    assert taken == [jobs.RUN_TURN, jobs.PLAYGROUND_RUN]


async def text_comes(session: PlaygroundSession) -> None:
    while not await session.runs.exclude(text="").aexists():  # noqa: ASYNC110  # the row is where it comes
        await asyncio.sleep(0.02)


def states(session: PlaygroundSession) -> list[tuple[str, str]]:
    return list(session.runs.values_list("state", "error_code"))


def test_a_column_goes_on_from_its_own_answer(tester: User, model: Echo, enqueued: list[UUID]) -> None:
    session = tried(tester, "Be brief.", "Be kind.")
    with pytest.raises(PlaygroundError, match="not_finished"):
        playground.go_on(session, "And moss?", after=0)
    work(enqueued)
    playground.go_on(session, "And moss?", after=0)
    playground.go_on(session, "Anew", after=None)
    work(enqueued)
    told = [[message.text for message in request.messages[1:]] for request in model.requests[2:]]
    assert told == [
        ["wool", "**Be brief.** said of: wool.", "And moss?"],
        ["wool", "**Be kind.** said of: wool.", "And moss?"],
        ["Anew"],
        ["Anew"],
    ]


def test_what_got_no_answer_is_not_told_again() -> None:
    turns = [
        typed("one"),
        TriedTurn(messages=(("user", "two"),), after=0),
        TriedTurn(messages=(("user", "x"),), after=1),
    ]
    told = conversation(turns, 2, {1: "second"})
    assert [message.text for message in told] == ["two", "second", "x"]
    assert told[-1] == ChatMessage(role="user", text="x")


def test_workers_are_asked_after_the_commit(tester: User, enqueued: list[UUID]) -> None:
    """One that came earlier would find nothing."""
    with transaction.atomic():
        session = tried(tester, "Be brief.", "Be kind.")
        assert not enqueued
    assert {run.pk for run in session.runs.all()} == set(enqueued)


def test_there_are_limits(tester: User, enqueued: list[UUID]) -> None:
    five = [typed(str(number)) for number in range(5)]
    for columns, turns, code in (
        ([], five, "nothing"),
        ([Column()], [], "nothing"),
        ([Column()] * 5, five, "too_many_columns"),
        ([Column()], [*five, *five], "too_many_turns"),
    ):
        with pytest.raises(PlaygroundError, match=code):
            playground.start(tester, columns=columns, turns=turns)
    with pytest.raises(PromptTextError):
        playground.start(tester, columns=[Column(draft="{{name}}")], turns=five)
    playground.start(tester, columns=[Column()] * 4, turns=five)
    with pytest.raises(PlaygroundError, match="too_busy"):
        playground.start(tester, columns=[Column()], turns=five)
    assert (PlaygroundSession.objects.count(), len(enqueued)) == (1, 20)
    playground.start(member_of("experimenter", "ada"), columns=[Column()], turns=five)


def test_own_turns_are_ones_own(tester: User, person: User, model: Echo, enqueued: list[UUID]) -> None:
    """With what was said before; of somebody else's, and of a temporary chat, there is nothing."""
    mine = talk(tester, "Hello", "And now?")
    theirs = talk(person, "Secret")
    hidden = talk(tester, "Unkept")
    Conversation.objects.filter(pk=hidden[0].conversation_id).update(is_temporary=True)
    assert [turn.text for turn in own_turns(tester)] == ["And now?", "Hello"]
    ids = [accepted.reply_id for accepted in (mine[1], theirs[0], hidden[0])]
    (turn,) = from_own(tester, ids)
    assert turn.messages == (("user", "Hello"), ("assistant", "An answer."), ("user", "And now?"))
    Reply.objects.filter(pk=mine[0].reply_id).update(state="blocked", text="")
    (turn,) = from_own(tester, ids)
    assert turn.messages == (("user", "And now?"),)


def address(session: PlaygroundSession, page: str = "change") -> str:
    return f"/admin/experiments/playgroundsession/{session.pk}/{page}/"


def test_the_form_starts_a_session(tester: User, person: User, enqueued: list[UUID]) -> None:
    version = prompts.create("Be brief.", note="Shorter", author=tester)
    written = TestTurn.objects.create(name="Wool", messages=[["user", "wool"]])
    mine, theirs = talk(tester, "Hello"), talk(person, "Secret")
    browser = browser_for(tester)
    page = browser.get(f"{ADD}?prompt={version.pk}").content.decode()
    assert f'<option value="{version.pk}" selected>' in page
    assert "Secret" not in page
    posted = {
        "c0-source": "production",
        "c1-source": str(version.pk),
        "c1-temperature": "0.7",
        "c2-source": "draft",
        "c2-draft": "Be kind.",
        "written": [written.pk],
        "own": [str(mine[0].reply_id)],
        "text": "moss",
    }
    answer = browser.post(ADD, posted)
    session = PlaygroundSession.objects.get()
    assert answer["Location"] == address(session)
    assert [turn["messages"][-1][1] for turn in session.turns] == ["wool", "Hello", "moss"]
    columns = list(session.runs.filter(turn=0).values_list("prompt", "draft", "temperature"))
    assert columns == [(None, "", None), (version.pk, "", 0.7), (None, "Be kind.", None)]
    refused = browser.post(ADD, posted | {"own": [str(theirs[0].reply_id)]})
    assert refused.status_code == 200
    assert PlaygroundSession.objects.count() == 1


@pytest.mark.parametrize(
    ("posted", "reason"),
    [
        ({"c0-source": "production"}, "at least one turn"),
        ({"text": "wool"}, "nothing to ask"),
        ({"c0-source": "draft", "c0-draft": "{{name}}", "text": "wool"}, "no variable of this name"),
        ({"c0-source": "built-in", "c0-temperature": "3", "text": "wool"}, "less than or equal to 2"),
        ({"c0-source": "built-in", "is_blind": "on", "text": "wool"}, "exactly two columns"),
    ],
)
def test_a_form_that_makes_no_sense_comes_back_with_the_reason(tester: User, posted: Any, reason: str) -> None:
    assert reason in browser_for(tester).post(ADD, posted).content.decode()
    assert not PlaygroundSession.objects.exists()


@pytest.mark.parametrize("page", ["change", "cells"])
def test_a_session_of_somebody_else_is_absent(tester: User, page: str, enqueued: list[UUID]) -> None:
    """For a superuser too: chats of its person may stand in it."""
    session = tried(tester, "Be brief.")
    run = session.runs.get()
    boss = User.objects.create_user("boss", is_staff=True, is_superuser=True)
    for somebody in (member_of("experimenter", "ada"), boss):
        browser = browser_for(somebody)
        assert browser.get(address(session, page)).status_code == 404
        for act in ("go-on", "vote/0", f"retry/{run.pk}", f"stop/{run.pk}", f"save/{run.pk}", "delete"):
            assert browser.post(address(session, act), {"text": "x", "note": "x"}).status_code == 404
        assert str(session.pk) not in browser.get("/admin/experiments/playgroundsession/").content.decode()
    assert browser_for(tester).get(address(session, page)).status_code == 200
    assert browser_for(tester).get("/admin/experiments/playgroundsession/nothing/change/").status_code == 404


@pytest.mark.parametrize("role", ["member", "moderator", "administrator"])
def test_who_writes_no_prompts_tries_none(role: str, enqueued: list[UUID]) -> None:
    browser = browser_for(member_of(role))
    for response in (browser.get(ADD), browser.post(ADD, {"c0-source": "built-in", "text": "x"})):
        assert response.status_code in {302, 403}
    assert not PlaygroundSession.objects.exists()


def test_the_page_asks_for_what_changed_until_all_is_finished(tester: User, model: Echo, enqueued: list[UUID]) -> None:
    session = tried(tester, "Be brief.", "Be kind.")
    first, second = session.runs.all()
    browser = browser_for(tester)
    assert 'hx-trigger="load delay:400ms"' in browser.get(address(session)).content.decode()
    async_to_sync(playground_running.run)(first.pk)
    cells = address(session, "cells")
    since = timezone.now().isoformat()
    PlaygroundRun.objects.filter(pk=second.pk).update(updated_at=timezone.now() - timedelta(minutes=1))
    part = browser.get(cells, {"since": since, "num_finished": "0"}).content.decode()
    assert "Be brief." in part and f"cell-{first.pk}" in part and f"cell-{second.pk}" not in part
    assert "1 of 2 answers" in part
    assert "hx-get" in part
    assert "1 of 2 answers" not in browser.get(cells, {"since": since, "num_finished": "1"}).content.decode()
    async_to_sync(playground_running.run)(second.pk)
    last = browser.get(cells, {"since": "nonsense"}).content.decode()
    assert f"cell-{first.pk}" in last and f"cell-{second.pk}" in last
    assert "hx-get" not in last
    assert "load delay:400ms" not in browser.get(address(session)).content.decode()


def test_the_list_tells_ones_own_sessions_apart(tester: User, enqueued: list[UUID]) -> None:
    tried(tester, "Be brief.", turns=[typed("All about wool")])
    tried(member_of("experimenter", "ada"), "Be brief.", turns=[typed("Secret")])
    page = browser_for(tester).get("/admin/experiments/playgroundsession/").content.decode()
    assert "All about wool" in page
    assert "Secret" not in page


def test_what_is_typed_is_shown_and_not_run(tester: User, model: Echo, enqueued: list[UUID]) -> None:
    session = tried(tester, "<script>alert(1)</script>", turns=[typed("<script>alert(2)</script>")])
    work(enqueued)
    assert "<script>alert" not in browser_for(tester).get(address(session)).content.decode()


def test_a_message_goes_on_from_the_page(tester: User, model: Echo, enqueued: list[UUID]) -> None:
    session = tried(tester, "Be brief.")
    browser = browser_for(tester)
    go_on = address(session, "go-on")
    refused = browser.post(go_on, {"text": "And moss?", "after": "0"}, follow=True).content.decode()
    assert "wait until the answers are finished" in refused
    work(enqueued)
    assert browser.post(go_on, {"text": "", "after": "0"}).status_code == 200
    browser.post(go_on, {"text": "And moss?", "after": "0"})
    session.refresh_from_db()
    assert session.turns[1] == {"messages": [["user", "And moss?"]], "after": 0}
    assert "goes on from turn 1" in browser.get(address(session)).content.decode()


def test_a_draft_becomes_a_version(tester: User, enqueued: list[UUID]) -> None:
    session = tried(tester, "Be brief.")
    save = f"{address(session, 'save')}{session.runs.get().pk}/"
    browser = browser_for(tester)
    browser.post(save, {"note": ""})
    assert not PromptVersion.objects.exists()
    browser.post(save, {"note": "Shorter"})
    version = PromptVersion.objects.get()
    assert (version.text, version.author) == ("Be brief.", tester)
    assert browser.post(save, {"note": "Again"})["Location"].endswith(f"/{version.pk}/change/")


@pytest.fixture
def blind(tester: User, model: Echo, enqueued: list[UUID]) -> PlaygroundSession:
    return tried(tester, "Be brief.", "Be kind.", is_blind=True)


def test_blind_columns_have_no_names_until_there_is_a_vote(
    tester: User, blind: PlaygroundSession, enqueued: list[UUID]
) -> None:
    """Nor anything else that would tell them apart but the words of the answers."""
    browser = browser_for(tester)
    with pytest.raises(PlaygroundError, match="not_finished"):
        votes.vote(blind, 0, choice="left", by=tester)
    work(enqueued)
    before = browser.get(address(blind)).content.decode()
    assert "Which is better?" in before
    for hint in ("Column 1", "Draft", "First text", "Save as a version"):
        assert hint not in before
    browser.post(address(blind, "vote/0"), {"choice": "left"})
    after = browser.get(address(blind)).content.decode()
    assert "You chose: left" in after
    assert "Column 1" in after and "First text" in after and "Save as a version" in after


def test_a_vote_says_what_was_compared_when_the_session_is_gone(
    tester: User, blind: PlaygroundSession, enqueued: list[UUID]
) -> None:
    work(enqueued)
    vote = votes.vote(blind, 0, choice="right", by=tester)
    assert votes.vote(blind, 0, choice="left", by=tester) == vote
    hashes = [content_hash(text) for text in ("Be brief.", "Be kind.")]
    assert vote.left_serving["prompt"] == hashes[vote.position]
    assert vote.right_serving["prompt"] == hashes[1 - vote.position]
    PlaygroundSession.objects.update(created_at=timezone.now() - playground.KEPT - timedelta(minutes=1))
    assert playground.tidy() == 1
    vote = PreferenceVote.objects.get()
    assert (vote.session, vote.left, vote.choice, vote.by) == (None, None, "right", tester)


@pytest.mark.parametrize("seed", [6, 7])
def test_the_left_side_is_chosen_by_chance(
    tester: User, blind: PlaygroundSession, enqueued: list[UUID], seed: int
) -> None:
    blind.runs.update(seed=seed)
    work(enqueued)
    page = browser_for(tester).get(address(blind)).content.decode()
    answers = [page.index(f"<strong>{text}</strong>") for text in ("Be brief.", "Be kind.")]
    assert (answers[0] < answers[1]) == (seed % 2 == 0)


def test_only_a_blind_session_is_voted_on(tester: User, model: Echo, enqueued: list[UUID]) -> None:
    """Who sees the names has an opinion of them."""
    session = tried(tester, "Be brief.", "Be kind.")
    work(enqueued)
    browser_for(tester).post(address(session, "vote/0"), {"choice": "left"})
    assert not PreferenceVote.objects.exists()


def test_sessions_are_kept_for_two_weeks(tester: User, enqueued: list[UUID]) -> None:
    old, new = tried(tester, "Be brief."), tried(tester, "Be kind.")
    PlaygroundSession.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=14, minutes=1))
    PlaygroundSession.objects.filter(pk=new.pk).update(created_at=timezone.now() - timedelta(days=13))
    playground.tidy()
    assert list(PlaygroundSession.objects.all()) == [new]


TURNS = "/admin/experiments/testturn/"


def test_a_test_turn_is_written_as_one_text(tester: User) -> None:
    browser: Client = browser_for(tester)
    browser.post(f"{TURNS}add/", {"name": "Wool", "text": "Hello\n---\nHi!\nWhat is it?\n---\nWool"})
    turn = TestTurn.objects.get()
    assert turn.messages == [["user", "Hello"], ["assistant", "Hi!\nWhat is it?"], ["user", "Wool"]]
    assert turn.author == tester
    assert "Hi!\nWhat is it?\n---\nWool" in browser.get(f"{TURNS}{turn.pk}/change/").content.decode()
    for text in ("Hello\n---\nHi!", "Hello\n---\n\n---\nWool"):
        assert browser.post(f"{TURNS}add/", {"name": "Other", "text": text}).status_code == 200
    assert TestTurn.objects.count() == 1
