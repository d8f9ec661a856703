"""The Celery application: `celery -A workers.app worker` and `celery -A workers.app beat`."""

import os
import threading

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

import django
from celery import Celery
from celery.schedules import crontab
from celery.signals import setup_logging, worker_ready

django.setup()

from django.conf import settings  # noqa: E402

from webapp import jobs  # noqa: E402
from workers import pairing  # noqa: E402


@setup_logging.connect  # type: ignore[untyped-decorator]  # celery publishes no types
def _keep_our_logging(**_: object) -> None:
    """Celery would replace the log set-up of `webapp.settings.logs`."""


@worker_ready.connect  # type: ignore[untyped-decorator]  # celery publishes no types
def _watch_the_pair(**_: object) -> None:
    threading.Thread(target=pairing.watch_for_ever, name="redis_pair_watch", daemon=True).start()


app = Celery("cria", broker=settings.CELERY_BROKER_URL)
app.conf.update(
    imports=("workers.tasks",),
    task_ignore_result=True,
    task_default_queue="cria",
    # Redelivery is the reconciler's: Celery's own gives a task back after minutes, or twice at once.
    task_acks_late=False,
    worker_prefetch_multiplier=1,
    worker_disable_prefetch=True,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={"global_keyprefix": "cria:celery:"},
    beat_scheduler="workers.beat:ReconcilingScheduler",
    beat_schedule={
        "tidy": {"task": jobs.TIDY, "schedule": crontab(hour="3", minute="30")},
        "measure": {"task": jobs.MEASURE, "schedule": crontab(hour="2", minute="15")},
        "digests": {"task": jobs.SEND_DIGESTS, "schedule": crontab(hour="6", minute="0")},
        "embed": {
            "task": jobs.EMBED_TEXTS,
            "schedule": crontab(),
            "options": {"expires": 50, "priority": jobs.LAST},
        },
        # Each minute; one that was not run in time is not run late.
        "experiments": {"task": jobs.TICK_EXPERIMENTS, "schedule": crontab(), "options": {"expires": 50}},
    },
)
