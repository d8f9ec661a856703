"""Claims, leases, fencing and the reconciler, driven at random against a clock that the test moves."""

import contextlib
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from webapp.accounts.models import User
from webapp.chat.models import Reply
from webapp.chat.services import ownership, turns
from webapp.chat.services.ownership import Claim, TurnLost
from webapp.chat.services.reconciler import reconcile

pytestmark = pytest.mark.django_db


@pytest.fixture
def reply_id(person: User) -> uuid.UUID:
    return turns.send(person=person, turn_id=uuid.uuid4(), conversation_id=None, parent_id=None, text="Hi").reply_id


class Clock:
    """`timezone.now` for a test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = timezone.now()
        monkeypatch.setattr(timezone, "now", lambda: self.at)

    def pass_s(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, reply_id: uuid.UUID) -> Clock:
    return Clock(monkeypatch)


def test_one_of_two_workers_gets_the_turn(reply_id: uuid.UUID) -> None:
    """A task may be delivered twice; the second claim finds nothing to do."""
    assert ownership.claim(reply_id) is not None
    assert ownership.claim(reply_id) is None


def test_a_turn_that_is_gone_is_no_error(reply_id: uuid.UUID) -> None:
    """Somebody deleted the conversation before the worker came."""
    Reply.objects.all().delete()
    assert ownership.claim(reply_id) is None


def test_a_late_writer_is_shut_out(reply_id: uuid.UUID, clock: Clock, settings: Any) -> None:
    """A worker that was frozen past its lease wakes up, and another owns the turn."""
    frozen = ownership.claim(reply_id)
    assert frozen is not None
    clock.pass_s(settings.TURNS.lease_s + 0.1)
    successor = ownership.claim(reply_id)
    assert successor is not None
    assert successor.epoch == frozen.epoch + 1
    with pytest.raises(TurnLost):
        ownership.write(frozen, text="late")
    ownership.write(successor, text="right")


def test_a_sign_of_life_keeps_the_turn(reply_id: uuid.UUID, clock: Clock, settings: Any) -> None:
    claim = ownership.claim(reply_id)
    assert claim is not None
    for _ in range(5):
        clock.pass_s(settings.TURNS.lease_s * 0.9)
        ownership.write(claim)
        assert ownership.claim(reply_id) is None


def test_whether_a_chat_is_temporary_is_asked_at_the_first_flush(reply_id: uuid.UUID) -> None:
    """There are several each second."""
    claim = ownership.claim(reply_id)
    assert claim is not None
    num_queries = []
    for text in ("a", "ab", "abc"):
        with CaptureQueriesContext(connection) as queries:
            ownership.write(claim, text=text)
        num_queries.append(len(queries))
    assert num_queries == [2, 1, 1]
    assert Reply.objects.get().text == "abc"


def test_a_forgotten_turn_is_enqueued_again(reply_id: uuid.UUID, clock: Clock, settings: Any) -> None:
    """Enqueueing is best effort; the row is the outbox."""
    assert reconcile().to_enqueue == ()
    clock.pass_s(settings.TURNS.enqueue_patience_s + 0.1)
    assert reconcile().to_enqueue == (reply_id,)
    assert reconcile().to_enqueue == ()


def test_a_turn_whose_worker_died_is_enqueued_at_once(reply_id: uuid.UUID, clock: Clock, settings: Any) -> None:
    ownership.claim(reply_id)
    assert reconcile().to_enqueue == ()
    clock.pass_s(settings.TURNS.lease_s + 0.1)
    assert reconcile().to_enqueue == (reply_id,)


def test_a_turn_waits_for_the_engine_and_is_tried_again(reply_id: uuid.UUID, clock: Clock, settings: Any) -> None:
    claim = ownership.claim(reply_id)
    assert claim is not None
    ownership.hand_back(claim, phase="waiting_for_model", event_index=1)
    assert ownership.claim(reply_id) is None
    clock.pass_s(settings.TURNS.engine_retry_s + 0.1)
    assert reconcile().to_enqueue == (reply_id,)
    assert ownership.claim(reply_id) is not None


def test_a_turn_that_waits_for_long_is_tried_less_often(reply_id: uuid.UUID, clock: Clock) -> None:
    """Of many that wait the workers would do nothing else; who is back is noticed within five seconds."""
    pauses = []
    for _ in range(30):
        claim = ownership.claim(reply_id)
        assert claim is not None
        ownership.hand_back(claim, phase="waiting_for_model", event_index=1)
        pauses.append((Reply.objects.get().not_before - clock.at).total_seconds())
        clock.pass_s(pauses[-1])
    assert (pauses[:2], pauses[-1], pauses == sorted(pauses)) == ([1.0, 1.0], 5.0, True)


def test_an_overdue_turn_fails_and_says_so(reply_id: uuid.UUID, clock: Clock, settings: Any) -> None:
    """Nothing stays open for ever, whoever died."""
    claim = ownership.claim(reply_id)
    assert claim is not None
    clock.pass_s(settings.TURNS.deadline_s + 1)
    (ending,) = reconcile().endings
    assert ending.reply_id == reply_id
    reply = Reply.objects.get()
    assert (reply.state, reply.error_code) == ("failed", "timed_out")
    with pytest.raises(TurnLost):
        ownership.write(claim, text="late")


class TurnLife(RuleBasedStateMachine):
    """Any order of workers, deaths, stops and reconciling leaves one story: a text that grows, an end that stays."""

    @initialize()
    def begin(self) -> None:
        self.real_now = timezone.now
        self.at = datetime(2026, 1, 1, tzinfo=UTC)
        timezone.now = lambda: self.at
        self.person = User.objects.create_user(username=uuid.uuid4().hex)
        self.reply_id = turns.send(
            person=self.person, turn_id=uuid.uuid4(), conversation_id=None, parent_id=None, text="Hi"
        ).reply_id
        self.claims: list[Claim] = []
        self.seen = ""
        self.end: str | None = None

    def teardown(self) -> None:
        timezone.now = self.real_now
        self.person.delete()

    def row(self) -> Reply:
        return Reply.objects.get(pk=self.reply_id)

    @rule(seconds=st.sampled_from([0.5, 2.0, 5.0]))
    def time_passes(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    @rule()
    def a_worker_claims(self) -> None:
        claim = ownership.claim(self.reply_id)
        if claim is not None:
            assert all(claim.epoch > earlier.epoch for earlier in self.claims)
            self.claims.append(claim)

    @precondition(lambda self: self.claims)
    @rule(which=st.integers(0, 5))
    def any_worker_of_any_age_writes(self, which: int) -> None:
        claim = self.claims[which % len(self.claims)]
        text = self.row().text + f"[{claim.epoch}]"
        owns = self.row().epoch == claim.epoch and self.row().state == "running"
        try:
            ownership.write(claim, text=text)
        except TurnLost:
            assert not owns
        else:
            assert owns

    @precondition(lambda self: self.claims)
    @rule()
    def the_newest_worker_finishes(self) -> None:
        with contextlib.suppress(TurnLost):
            ownership.write(self.claims[-1], state=Reply.State.DONE, lease_until=None)

    @precondition(lambda self: self.claims)
    @rule()
    def the_engine_is_away(self) -> None:
        with contextlib.suppress(TurnLost):
            ownership.hand_back(self.claims[-1], phase="waiting_for_model", event_index=1)

    @rule()
    def the_reconciler_passes(self) -> None:
        for reply_id in reconcile().to_enqueue:
            assert self.row().state in Reply.ACTIVE
            assert reply_id == self.reply_id

    @rule(really=st.integers(0, 9))
    def the_person_stops(self, really: int) -> None:
        if really == 0:
            turns.stop(person=self.person, reply_id=self.reply_id)

    @invariant()
    def what_was_seen_stays(self) -> None:
        row = self.row()
        assert row.text.startswith(self.seen)
        self.seen = row.text
        if self.end is not None:
            assert row.state == self.end
        elif row.state not in Reply.ACTIVE:
            self.end = row.state


def test_any_order_of_events_leaves_one_story() -> None:
    """Workers, deaths, stops, late writers and the reconciler, in any order."""
    run_state_machine_as_test(
        TurnLife,
        settings=hypothesis_settings(
            max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
