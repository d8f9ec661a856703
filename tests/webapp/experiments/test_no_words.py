"""People with names and words that nobody could mistake, and every page that shows figures of them."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.webapp.experiments.days import ANSWER, MORNING, QUESTION, TITLE, Clock, Days
from tests.webapp.experiments.making import DAY
from tests.webapp.experiments.planning import measure, ready
from tests.webapp.experiments.team import browser_for, member_of
from webapp.accounts.models import User
from webapp.chat.models import Conversation, Message, Reply
from webapp.experiments.models import Experiment, ExperimentMetric
from webapp.experiments.services import forced_arms, life, snapshots
from webapp.experiments.services.analysis import analyse
from webapp.experiments.services.figures import figures_of

pytestmark = pytest.mark.django_db

NAME, ADDRESS = "Zebulon Quillfeather", "zebulon@quill.example"
TOLD = re.compile("plover|sorrow|weep|zebulon|quill", re.IGNORECASE)
OURS = "/admin/experiments/"
AS_A_PART = ("?part=language:de", "?show=absolute", "?show=scaled", "?base=b", "?phase=1")


@pytest.fixture
def experiment(monkeypatch: pytest.MonkeyPatch) -> Experiment:
    """Of eighty people who have chatted, one of whom is a tester; with figures."""
    clock = Clock()
    monkeypatch.setattr(timezone, "now", lambda: clock.now)
    members = [
        User(username=f"zebulon-{number}", first_name=NAME, email=f"{number}{ADDRESS}", language=language)
        for number, language in enumerate(["en", "de"] * 40)
    ]
    crowd = User.objects.bulk_create(members)
    experiment = ready("birds", owner=member_of("experimenter", "ada"))
    for key in ("next_day_return", "answer_length"):
        measure(experiment, key, ExperimentMetric.Role.SECONDARY, margin=0.0)
    experiment = life.start(experiment, by=None)
    forced_arms.force(experiment, experiment.arms.get(key="b"), crowd[0])
    days = Days()
    for number, person in enumerate(crowd):
        days.chats(person, MORNING + timedelta(hours=number))
    days.end()
    clock.now = MORNING + 20 * DAY
    snapshots.refresh(experiment, now=clock.now)
    return experiment


def result_pages(experiment: Experiment) -> Iterator[str]:
    """Whatever shows figures of an experiment, or what they are made of, and the lists around it."""
    for name in ("results", "csv"):
        address = reverse(f"admin:experiments_experiment_{name}", args=[experiment.pk])
        yield from (address, *(address + query for query in AS_A_PART))
    for metric in experiment.metrics.all():
        yield reverse("admin:experiments_experiment_metric", args=[experiment.pk, metric.metric_id, "b"])
        yield reverse("admin:experiments_metric_change", args=[metric.metric_id])
    yield reverse("admin:experiments_experiment_change", args=[experiment.pk])
    yield reverse("admin:experiments_layer_change", args=[experiment.layer_id])
    yield reverse("admin:experiments_experiment_ship", args=[experiment.pk, "b"])
    yield reverse("admin:experiments_experiment_roll_back", args=[experiment.pk])
    yield from (f"{OURS}{model}/" for model in ("experiment", "layer", "metric", "promptversion", "holdout"))


def test_no_page_shows_a_name_or_a_word_of_the_people(experiment: Experiment) -> None:
    """Sums only: results and parts of them, one metric by day, the table file, reports, shipping, metrics with their
    history, the experiment with its events, layers, prompts and holdouts."""
    for text in (QUESTION, ANSWER, TITLE, NAME, ADDRESS):
        assert TOLD.search(text)
    assert (Message.objects.count(), Conversation.objects.count()) == (240, 80)
    assert Reply.objects.filter(text=ANSWER).count() >= 240
    browser = browser_for(member_of("experimenter", "grace"))
    browser.post(reverse("admin:experiments_experiment_report", args=[experiment.pk]), {"days": "7"})
    answer = browser.get(reverse("admin:experiments_experiment_results", args=[experiment.pk]))
    (report,) = set(re.findall(r"http://testserver(/[^\s<\"]+)", answer.content.decode()))
    answers = {address: browser.get(address, follow=True) for address in (report, *result_pages(experiment))}
    assert {answer.status_code for answer in answers.values()} == {200}
    pages = {address: answer.content.decode() for address, answer in answers.items()}
    assert {address: TOLD.findall(page) for address, page in pages.items() if TOLD.search(page)} == {}

    results = reverse("admin:experiments_experiment_results", args=[experiment.pk])
    assert "Kept answers" in pages[results] and "Kept answers" in pages[report]
    assert figures_of(analyse(experiment)).num_people == 79, "the tester is in no figure"
