"""People who have chatted while an experiment ran, written down beside the running assistant."""

from datetime import timedelta

from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from tests.browser.staff import manage
from tests.stack import Stack
from tests.webapp.experiments.days import Days, make_people
from webapp.chat.models import Message, Reply
from webapp.experiments.models import Experiment, Phase

NUM_PEOPLE = 600
DAYS_AGO = 15


def make_chatters(stack: Stack) -> None:
    manage(stack, "shell", "-c", "from tests.browser import chatters; chatters.chat()")


@transaction.atomic
def chat() -> None:
    """As if the experiment that runs had begun as long ago as was planned, and these had come in its first days.

    Nothing is reported: the cases of the stack are of others.
    """
    since = timezone.now() - timedelta(days=DAYS_AGO)
    experiments = Experiment.objects.filter(state=Experiment.State.RUNNING, layer__isnull=False)
    Phase.objects.filter(experiment__in=experiments).update(started_at=since)
    experiments.update(started_at=since)
    days = Days(shocked_usually=0)
    for number, person in enumerate(make_people(NUM_PEOPLE)):
        days.chats(person, since + number * timedelta(minutes=7))
    days.end()
    answers = Reply.objects.filter(message=OuterRef("pk")).order_by("created_at").values("created_at")
    Message.objects.filter(conversation__in=days.conversations).update(created_at=Subquery(answers[:1]))
