"""Defining metrics in the administration: tried on the last weeks, kept, copied, and fixed once they measure."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.webapp.experiments.random_turns import make_experiment, make_metric, make_person, make_turn
from webapp.accounts.models import User
from webapp.experiments.facts import FACTS
from webapp.experiments.metric_forms import MetricForm
from webapp.experiments.models import Metric
from webapp.experiments.services import metrics
from webapp.experiments.services.history import history
from webapp.moderation.models import AuditEntry

pytestmark = pytest.mark.django_db

ADD = "admin:experiments_metric_add"
GIVEN = {
    "name": "Long chats",
    "key": "long-chats",
    "description": "Messages of a day.",
    "kind": "mean",
    "unit": "count",
    "fact": "turns",
    "per": "",
    "quantile": "",
    "cap": "50",
    "from_hours": "0",
    "window_hours": "24",
    "is_better_up": "on",
}


def browser_for(role: str) -> Client:
    person = User.objects.create_user(f"a-{role}", is_staff=True)
    person.groups.add(Group.objects.get(name=role))
    browser = Client()
    browser.force_login(person)
    return browser


@pytest.fixture
def browser() -> Client:
    return browser_for("experimenter")


def page_of(metric: Metric) -> str:
    return reverse("admin:experiments_metric_change", args=[metric.pk])


def test_the_catalogue_can_be_measured() -> None:
    """Each built-in metric is one that the form would take, and says something where everything happened."""
    built_in = Metric.objects.filter(is_built_in=True)
    assert built_in.count() == 27
    for metric in built_in:
        values = {name: getattr(metric, name) for name in MetricForm.Meta.fields}
        given = {name: value for name, value in values.items() if value is not None and value is not False}
        given |= {f"later_steps_{number}": step for number, step in enumerate(metric.later_steps)}
        form = MetricForm(given, instance=metric)
        assert form.is_valid(), (metric.key, form.errors)
        assert metric.fact in FACTS
        history(metric)


def test_a_metric_is_kept_and_the_record_knows_by_whom(browser: Client) -> None:
    answer = browser.post(reverse(ADD), {**GIVEN, "keep": ""})
    metric = Metric.objects.get(key="long-chats")
    assert answer.url == page_of(metric)  # type: ignore[attr-defined]
    assert (metric.fact, metric.cap, metric.is_better_up, metric.is_built_in) == ("turns", 50.0, True, False)
    entry = AuditEntry.objects.get(action="define_metric")
    assert (entry.actor_ref, entry.details) == (str(browser.session["_auth_user_id"]), {"key": "long-chats"})


def test_trying_it_shows_the_last_weeks_and_keeps_nothing(browser: Client) -> None:
    for num in (1, 2, 2):
        person = make_person()
        for _ in range(num):
            make_turn(person, timezone.now() - timedelta(days=3))
    shown = browser.post(reverse(ADD), {**GIVEN, "try": ""})
    found = shown.context["lately"]
    assert (found.num_people, round(found.mean, 3)) == (3, 1.667)
    assert "Over the last 28 days" in shown.content.decode()
    assert not Metric.objects.filter(key="long-chats").exists()


def test_a_funnel_is_kept_copied_and_tried_with_its_steps(browser: Client) -> None:
    """An empty step between two is left out."""
    steps = {"kind": "funnel", "cap": "", "later_steps_0": "copied", "later_steps_1": "", "later_steps_2": "turns"}
    for num in (1, 2):
        person = make_person()
        for number in range(num):
            at = timezone.now() - timedelta(days=3, minutes=-number)
            make_turn(person, at, copied_at=at if number == 0 else None)
    tried = browser.post(reverse(ADD), {**GIVEN, **steps, "try": ""}).context["lately"]
    assert (tried.num_people, tried.mean) == (2, 0.5)
    assert sum(bar.num for bar in tried.bars) == 2
    browser.post(reverse(ADD), {**GIVEN, **steps, "keep": ""})
    metric = Metric.objects.get(key="long-chats")
    assert (metric.kind, metric.fact, metric.later_steps) == ("funnel", "turns", ["copied", "turns"])
    shown = browser.get(page_of(metric)).content.decode()
    assert shown.count('value="copied" selected') == shown.count('aria-label="Third step"') == 1
    copy = browser.get(reverse(ADD), {"copy": "long-chats"}).content.decode()
    assert copy.count('value="copied" selected') == 1
    listing = browser.get(reverse("admin:experiments_metric_changelist"), {"q": "long-chats"}).content.decode()
    assert "Messages sent → Answers copied, in whole or in part → Messages sent" in listing


def test_the_database_keeps_funnels_and_steps_together() -> None:
    for fields in ({"kind": "funnel"}, {"kind": "mean", "later_steps": ["turns"]}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Metric.objects.create(key="odd", name="Odd", fact="turns", **fields)


def test_trying_it_says_where_there_is_nothing(browser: Client) -> None:
    shown = browser.post(reverse(ADD), {**GIVEN, "try": ""}).content.decode()
    assert "Fewer than two people" in shown


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "ratio", "cap": ""}, "per"),
        ({"per": "answers"}, "per"),
        ({"kind": "quantile", "cap": ""}, "quantile"),
        ({"quantile": "0.5"}, "quantile"),
        ({"kind": "quantile", "cap": "", "quantile": "1"}, "quantile"),
        ({"kind": "quantile", "cap": "", "quantile": "0.5", "fact": "active_days"}, "fact"),
        ({"kind": "binary"}, "cap"),
        ({"cap": "-1"}, "cap"),
        ({"is_rare": "on"}, "is_rare"),
        ({"kind": "retention", "cap": ""}, "from_hours"),
        ({"kind": "funnel", "cap": ""}, "later_steps"),
        ({"later_steps_0": "copied"}, "later_steps"),
        ({"kind": "funnel", "cap": "", "later_steps_1": "latency_ms"}, "later_steps"),
        ({"kind": "funnel", "cap": "", "later_steps_1": "copied", "fact": "active_days"}, "fact"),
        ({"kind": "funnel", "cap": "", "later_steps_1": "copied", "is_rare": "on"}, "is_rare"),
        ({"from_hours": "24"}, "from_hours"),
        ({"window_hours": "0"}, "window_hours"),
        ({"window_hours": "100000"}, "window_hours"),
        ({"fact": "words"}, "fact"),
        ({"key": "kept_rate"}, "key"),
    ],
)
def test_what_does_not_go_together_is_refused_at_its_field(browser: Client, change: dict[str, str], field: str) -> None:
    shown = browser.post(reverse(ADD), {**GIVEN, **change, "keep": ""})
    assert list(shown.context["form"].errors) == [field]
    assert not Metric.objects.filter(key="long-chats").exists()


def test_a_built_in_metric_changes_only_as_a_copy(browser: Client) -> None:
    metric = Metric.objects.get(key="thumbs_up_rate")
    shown = browser.get(page_of(metric)).content.decode()
    assert "It is built in" in shown
    assert 'name="keep"' not in shown
    assert browser.post(page_of(metric), {**GIVEN, "keep": ""}).status_code == 403
    copy = browser.get(reverse(ADD), {"copy": "thumbs_up_rate"}).context["form"].initial
    assert (copy["fact"], copy["per"], copy["window_hours"], copy["key"]) == ("thumbs_up", "rated", 72, "")
    assert browser.get(reverse(ADD), {"copy": "none"}).status_code == 404


def test_a_metric_changes_until_an_experiment_that_has_it_starts(browser: Client) -> None:
    metric = make_metric("mean", "turns")
    experiment = make_experiment(metric).experiment
    type(experiment).objects.filter(pk=experiment.pk).update(state="draft", started_at=None)
    assert browser.post(page_of(metric), {**GIVEN, "keep": ""}).status_code == 302
    metric.refresh_from_db()
    assert (metric.name, metric.cap) == ("Long chats", 50.0)

    type(experiment).objects.filter(pk=experiment.pk).update(state="running", started_at=timezone.now())
    assert browser.post(page_of(metric), {**GIVEN, "name": "Other", "keep": ""}).status_code == 403
    metric.refresh_from_db()
    assert metric.name == "Long chats"
    assert "1 experiment that has started" in browser.get(page_of(metric)).content.decode()


def test_a_start_between_looking_and_keeping_wins() -> None:
    """The row is read again, locked, when it is kept."""
    metric = make_metric("mean", "turns")
    make_experiment(metric)
    metric.cap = 3.0
    with pytest.raises(metrics.MetricIsFixed):
        metrics.save(metric, by=make_person())
    metric.refresh_from_db()
    assert metric.cap is None


def test_what_a_fixed_metric_was_lately_is_shown_when_asked_for(browser: Client) -> None:
    """It reads every turn of four weeks, so not by opening the page."""
    for _ in range(2):
        make_turn(make_person(), timezone.now() - timedelta(days=4))
    metric = Metric.objects.get(key="turns_per_person")
    assert "Over the last" not in browser.get(page_of(metric)).content.decode()
    assert browser.get(page_of(metric), {"lately": "1"}).context["lately"].mean == 1


def test_roles_decide_who_sees_and_who_defines(browser: Client) -> None:
    metric = make_metric("mean", "turns")
    moderator, administrator = browser_for("moderator"), browser_for("administrator")
    listing = reverse("admin:experiments_metric_changelist")
    assert browser.get(listing).status_code == administrator.get(listing).status_code == 200
    assert moderator.get(listing).status_code == moderator.get(page_of(metric)).status_code == 403
    assert administrator.get(reverse(ADD)).status_code == 403
    assert administrator.post(page_of(metric), {**GIVEN, "keep": ""}).status_code == 403
    assert "Metrics" in browser.get(listing).content.decode()


def test_the_list_says_what_each_is_of(browser: Client) -> None:
    make_experiment(Metric.objects.get(key="kept_rate"))
    listing = browser.get(reverse("admin:experiments_metric_changelist"), {"q": "kept_rate"}).content.decode()
    assert "Answers finished and not asked for again" in listing
    assert "0–72" in listing
