"""Tasks take an id, may come late or twice, and are what the web process calls by name."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from webapp import jobs
from webapp.accounts.models import User
from webapp.chat.models import Conversation, Embedding, Message
from webapp.experiments.models import PlaygroundSession
from webapp.experiments.services import playground
from webapp.moderation.services import audit
from webapp.sharing.models import ChatImport
from workers import tasks
from workers.app import app

pytestmark = [pytest.mark.django_db(transaction=True)]


def test_every_name_the_web_process_uses_is_a_task() -> None:
    """A name nobody answers to would be dropped by the worker with a log line and a turn that waits."""
    names = {value for name, value in vars(jobs).items() if name.isupper() and str(value).startswith("workers.")}
    ours = (
        tasks.run_turn_task,
        tasks.finish_touches_task,
        tasks.index_document_task,
        tasks.send_digests_task,
        tasks.tidy_task,
        tasks.make_data_export_task,
        tasks.playground_run_task,
        tasks.measure_experiments_task,
        tasks.tick_experiments_task,
        tasks.import_chats_task,
        tasks.forget_deleted_task,
        tasks.compact_task,
        tasks.check_support_task,
        tasks.embed_texts_task,
    )
    assert names == {task.name for task in ours}
    assert names <= app.tasks.keys()


@pytest.mark.parametrize(
    "task",
    [
        tasks.run_turn_task,
        tasks.finish_touches_task,
        tasks.index_document_task,
        tasks.make_data_export_task,
        tasks.playground_run_task,
        tasks.import_chats_task,
        tasks.compact_task,
        tasks.check_support_task,
        tasks.embed_texts_task,
    ],
)
def test_a_task_for_something_gone_does_nothing(task: object) -> None:
    """The conversation or the document was deleted before the worker came."""
    for _ in range(2):
        assert task(str(uuid.uuid4())) is None  # type: ignore[operator]  # celery publishes no types


def test_embedding_without_a_model_server_leaves_all_for_later(person: User) -> None:
    """Nobody misses a task that found nobody to ask."""
    conversation = Conversation.objects.create(owner=person, title="x")
    Message.objects.create(id=uuid.uuid4(), conversation=conversation, text="Hello")
    assert tasks.embed_texts_task() is None
    assert tasks.embed_texts_task(str(conversation.pk)) is None
    assert Embedding.objects.get().made_by == ""


def test_measuring_an_experiment_that_is_gone_does_nothing() -> None:
    assert tasks.measure_experiments_task("4711") is None


def test_redelivery_is_left_to_the_reconciler() -> None:
    """Celery's own gives a task back after minutes, or runs it twice at once (decision 1)."""
    assert app.conf.task_acks_late is False
    assert app.conf.worker_disable_prefetch is True
    assert app.conf.task_ignore_result is True


def test_what_is_on_the_schedule_is_a_task() -> None:
    """Beat sends names; one that nobody answers to would be a day on which nothing is tidied."""
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert scheduled == {jobs.EMBED_TEXTS, jobs.MEASURE, jobs.SEND_DIGESTS, jobs.TICK_EXPERIMENTS, jobs.TIDY}


def test_tidying_checks_the_record() -> None:
    """Daily, so that a broken chain is known within a day."""
    tasks.tidy_task()
    verified = audit.last_verified()
    assert verified is not None
    assert verified.details["holds"] is True


def test_tidying_deletes_old_sessions_of_the_playground(person: User) -> None:
    """Turns of somebody's own chats may stand in them."""
    session = PlaygroundSession.objects.create(person=person, turns=[])
    PlaygroundSession.objects.update(created_at=timezone.now() - playground.KEPT - timedelta(minutes=1))
    tasks.tidy_task()
    assert not PlaygroundSession.objects.filter(pk=session.pk).exists()


def test_tidying_forgets_the_imports_of_yesterday(person: User) -> None:
    """Also one that no worker has taken up, with its file."""
    ChatImport.objects.create(person=person, created_at=timezone.now() - timedelta(days=1, minutes=1))
    tasks.tidy_task()
    assert not ChatImport.objects.exists()
