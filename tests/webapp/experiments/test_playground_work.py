"""Cells of the playground and their workers: tried again, stopped, lost, and written once."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import OperationalError, transaction
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerAway

from tests.webapp.experiments.playing import Echo, address, states, text_comes, tried, work
from tests.webapp.experiments.team import browser_for, member_of
from webapp import jobs, wiring
from webapp.accounts.models import User
from webapp.experiments.models import (
    PlaygroundRun,
    PlaygroundSession,
)
from webapp.experiments.services import playground, playground_running

pytestmark = pytest.mark.django_db(transaction=True)


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


def test_workers_are_asked_after_the_commit(tester: User, enqueued: list[UUID]) -> None:
    """One that came earlier would find nothing."""
    with transaction.atomic():
        session = tried(tester, "Be brief.", "Be kind.")
        assert not enqueued
    assert {run.pk for run in session.runs.all()} == set(enqueued)
