"""The results of an experiment in the administration."""

import csv
import io
import re
from datetime import timedelta

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from assistant.experiments.counts import Count
from assistant.experiments.quantiles import Histogram
from tests.webapp.experiments.making import take_slots
from tests.webapp.experiments.results_making import (
    SITUATIONS,
    START,
    Made,
    make,
    measure,
    moments,
    people,
    prompt,
    situation,
)
from tests.webapp.experiments.team import approved, browser_for, member_of
from tests.webapp.moderation.making import make_reply
from webapp import jobs
from webapp.accounts.models import User
from webapp.chat.models import Comparison, Reply
from webapp.experiments.models import Allocation, Metric, Phase, PlaygroundSession, PreferenceVote
from webapp.experiments.services import labels, votes
from webapp.experiments.services.analysis import analyse
from webapp.experiments.services.playground_turns import typed

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser() -> Client:
    return browser_for(member_of("experimenter"))


def address(made: Made, page: str = "results", *more: object) -> str:
    return reverse(f"admin:experiments_experiment_{page}", args=[made.experiment.pk, *more])


def text_of(browser: Client, where: str) -> str:
    answer = browser.get(where)
    assert answer.status_code == 200
    return answer.content.decode()


WORDS = {
    "no_data": "No data yet",
    "unhealthy": "The people are not divided as planned",
    "ship": "“Variant” is certainly better at: Liked ship",
    "roll_back": "“Variant” is certainly worse at: Harm roll back",
    "keep_running": "Keep running, about",
}


@pytest.mark.parametrize("badge", SITUATIONS)
def test_the_badge_says_what_to_do_and_why(badge: str, browser: Client) -> None:
    """In one plain sentence."""
    assert WORDS[badge] in text_of(browser, address(situation(badge)))


def test_an_empty_page_says_when_the_first_figures_come(browser: Client) -> None:
    """The first person's shortest window, here a day, ends then."""
    page = text_of(browser, address(situation("no_data")))
    assert "The first people’s 24 hours end on Nov. 3, 2026" in page


def test_health_is_a_strip_of_lamps_with_words(browser: Client) -> None:
    """Not by colour alone."""
    made = situation("ship")
    made.expose({made.control: 30}, num_mixed=30, at=START + timedelta(days=1))
    page = text_of(browser, address(made))
    assert "90 : 60 people, planned 1 : 1" in page
    assert "20.00 % saw a second one" in page
    assert page.count("lamp lamp-bad") == 1
    assert " not in order" in page


def test_the_table_has_a_row_for_each_metric_by_role(browser: Client) -> None:
    """With the change, its interval as words and as a picture, and a verdict in words."""
    page = text_of(browser, address(situation("ship")))
    _head, goals, guardrails = page.split('<div class="results-group"')
    assert "Goals" in goals and "Liked ship" in goals
    assert "Guardrails" in guardrails and "Harm ship" in guardrails
    assert page.count('<svg class="plot plot-row"') == 2
    assert '<span class="mark mark-good">better</span>' in page
    assert '<span class="mark mark-good">within limits</span>' in page
    assert "less is better" in page


def test_a_change_is_shown_relative_absolute_or_for_everybody(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """0.6 of 2 is about 30 %. 120 people in 20 days with three tenths of the slots are 20 a day: 0.6 is 12 for them."""
    monkeypatch.setattr(timezone, "now", lambda: START + timedelta(days=20))
    made = situation("ship")
    take_slots(made.experiment, range(300))
    difference = next(row for row in analyse(made.experiment).rows if row.metric.key == "liked_ship").effect.difference
    relative, absolute, scaled = (
        text_of(browser, address(made) + f"?show={scale}") for scale in ("relative", "absolute", "scaled")
    )
    assert '<strong dir="ltr">+3' in relative and " %</strong>" in relative
    assert '<strong dir="ltr">+0.6' in absolute or '<strong dir="ltr">+0.5' in absolute
    (shown,) = re.findall(r'<strong dir="ltr">\+([\d.]+)</strong>', scaled)
    assert float(shown) == pytest.approx(20 * difference, abs=0.05)
    assert shown not in absolute


def test_the_badge_goes_by_everybody_whatever_is_looked_at(browser: Client) -> None:
    """Among many parts one looks good by chance; and nobody ships the control. A report is of everybody, too."""
    made = situation("keep_running")
    goal = Metric.objects.get(key="liked_keep_running")
    lucky = people(2, 400, mean=4.0)
    made.put(goal, {made.control: moments(people(1, 400, mean=2.0)), made.arm: moments(lucky)}, language="de")
    made.put(goal, {made.control: moments(lucky), made.arm: moments(people(1, 400, mean=2.0))}, language="es")
    for look in ("?part=language:de", "?base=b"):
        page = text_of(browser, address(made) + look)
        assert WORDS["keep_running"] in page
        assert "is certainly better" not in page
    table = browser.get(reverse("admin:experiments_experiment_csv", args=[made.experiment.pk]) + "?part=language:de")
    assert ",language:de," in table.content.decode()
    browser.post(reverse("admin:experiments_experiment_report", args=[made.experiment.pk]) + "?part=language:de&base=b")
    figures = made.experiment.reports.get().figures
    assert (figures["badge"], figures["base_id"]) == ("keep_running", made.control.pk)


@pytest.mark.parametrize(
    ("events", "words"),
    [(5, "All guardrails are within limits."), (16, "No guardrail is certainly broken, but 1 is not certain yet.")],
)
def test_a_guardrail_that_is_not_certain_is_not_passed_over(events: int, words: str, browser: Client) -> None:
    """Whoever ships should know of it."""
    made = situation("ship")
    harm = Metric.objects.get(key="harm_ship")
    made.phase.cohorts.filter(metric=harm).delete()
    made.put(harm, {made.control: Count(n=2000, yes=5), made.arm: Count(n=2000, yes=events)})
    assert f"is certainly better at: Liked ship. {words}" in text_of(browser, address(made))


def test_where_nobody_differs_it_is_not_said_that_anything_could_be(browser: Client) -> None:
    made = make()
    metric = measure(made, "visits")
    alike = moments(np.ones((400, 2)))
    made.put(metric, {made.control: alike, made.arm: alike})
    for page in (address(made), address(made, "metric", metric.pk, "b")):
        said = text_of(browser, page)
        assert "not known, as nobody differs from the others of their arm yet" in said
        assert "could be anything" not in said


def test_what_was_over_before_the_first_window_promises_nothing(browser: Client) -> None:
    made = situation("no_data")
    Phase.objects.filter(pk=made.phase.pk).update(ended_at=START + timedelta(hours=23))
    page = text_of(browser, address(made))
    assert "Nobody’s time has ended yet" in page
    assert "hours end on" not in page
    assert "Nobody has been in it" not in page


def test_what_is_over_has_no_days_left(browser: Client) -> None:
    made = situation("keep_running")
    Phase.objects.filter(pk=made.phase.pk).update(ended_at=START + timedelta(days=5))
    page = text_of(browser, address(made))
    assert "Ready for review" in page
    assert "It has ended. Nothing is certain" in page
    assert "Keep running" not in page


def test_every_view_has_an_address(browser: Client) -> None:
    """Switches keep what the others say, and what is unknown in an address is left out."""
    made = situation("ship")
    Phase.objects.filter(pk=made.phase.pk).update(ended_at=START + timedelta(days=7))
    second = Phase.objects.create(experiment=made.experiment, number=2, started_at=START + timedelta(days=7))
    for arm in (made.control, made.arm):
        Allocation.objects.create(phase=second, arm=arm, weight=1)
    assert "No data yet" in text_of(browser, address(made))
    page = text_of(browser, address(made) + "?phase=1&base=b&show=absolute&part=language:en")
    assert "?phase=1&amp;base=control&amp;show=absolute&amp;part=language%3Aen" in page
    assert "Phase 2" in page
    assert text_of(browser, address(made) + "?phase=77&base=zz&show=x&part=shoe:size")


def test_a_metric_can_be_looked_at_closer(browser: Client) -> None:
    """Day by day, by parts of the people, and by other methods."""
    made = make()
    metric = measure(made, "turns")
    for day, device in ((0, "phone"), (1, "desktop"), (2, "desktop")):
        rows = people(day, 400, mean=2.0)
        made.put(
            metric, {made.control: moments(rows), made.arm: moments(rows + np.array([0.5, 0]))}, day=day, device=device
        )
    page = text_of(browser, address(made, "metric", metric.pk, "b"))
    assert '<svg class="plot plot-series"' in page
    assert "<td>2026-11-04</td>" in page
    assert "<td>phone</td>" in page
    assert "Always valid" in page
    assert "Bayesian, flat prior" in page


def test_a_quantile_shows_how_it_is_spread(browser: Client) -> None:
    """Both arms in one picture; there is no posterior of a quantile."""
    made = make()
    metric = measure(made, "latency", kind="quantile", unit="ms", quantile=0.5, fact="latency_ms", is_better_up=False)
    times = [100.0 * 1.05**number for number in range(80)]
    made.put(metric, {made.control: Histogram.of(times * 5), made.arm: Histogram.of([t * 1.2 for t in times] * 5)})
    page = text_of(browser, address(made, "metric", metric.pk, "b"))
    assert page.count('<polyline class="plot-curve') == 2
    assert "Bayesian" not in page


def test_the_table_file_has_every_figure_and_no_formula(browser: Client) -> None:
    """A program for tables would compute a name that begins like a formula."""
    made = situation("ship")
    made.experiment.name = "=HYPERLINK(0)"
    made.experiment.save()
    answer = browser.get(address(made, "csv"))
    lines = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [line["metric_key"] for line in lines] == ["liked_ship", "harm_ship"]
    assert {line["experiment"] for line in lines} == {"'=HYPERLINK(0)"}
    assert float(lines[0]["difference"]) == pytest.approx(0.6, abs=0.1)
    assert float(lines[0]["adjusted_p_value"]) == float(lines[0]["e_bh"]) == float(lines[0]["p_value"]) < 0.001
    assert 'adjusted <bdi dir="ltr">&lt; 0.001</bdi>' in text_of(browser, address(made))
    assert answer["Content-Disposition"] == 'attachment; filename="ship.csv"'


def test_figures_can_be_asked_for_now(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """By POST; reading the address changes nothing."""
    asked: list[int] = []
    monkeypatch.setattr(jobs, "enqueue_measuring", asked.append)
    made = situation("no_data")
    assert browser.get(address(made, "measure")).status_code == 302
    assert asked == []
    browser.post(address(made, "measure"))
    assert asked == [made.experiment.pk]


def test_blind_votes_stand_beside_the_figures(browser: Client) -> None:
    """Where the two answers were written by the prompts of two arms: in chats, and in the playground."""
    made = situation("keep_running")
    made.control.prompt, made.arm.prompt, made.arm.temperature = prompt(1), prompt(2), None
    made.control.save()
    made.arm.save()
    person = User.objects.create_user("ada")
    for number in range(6):
        one, other = (answered(person, f"{version:012d}") for version in (1, 2))
        left, right = (one, other) if number % 2 else (other, one)
        choice = "tie" if number == 5 else ("right" if number % 2 else "left")
        Comparison.objects.create(person=person, message=one.message, left=left, right=right, choice=choice)
    PreferenceVote.objects.create(
        turn=0,
        left_serving={"prompt": f"{1:012d}"},
        right_serving={"prompt": f"{2:012d}"},
        turn_hash="a",
        position=0,
        choice="left",
    )
    assert "was preferred in 5 of 7 comparisons, 1 of them ties." in text_of(browser, address(made))


def test_blind_votes_count_for_arms_that_answer_so(browser: Client) -> None:
    """The same prompt at another temperature is another arm; of an answer in a chat only the prompt is known."""
    made = situation("keep_running")
    made.control.prompt = made.arm.prompt = prompt(1)
    made.arm.temperature = 0.2
    made.control.save()
    made.arm.save()
    person = User.objects.create_user("ada")
    one, other = (answered(person, f"{version:012d}") for version in (1, 1))
    Comparison.objects.create(person=person, message=one.message, left=one, right=other, choice="left")
    for temperature in (0.2, 0.2, 0.9):
        PreferenceVote.objects.create(
            turn=0,
            left_serving={"prompt": f"{1:012d}", "temperature": None, "endpoint": ""},
            right_serving={"prompt": f"{1:012d}", "temperature": temperature, "endpoint": ""},
            turn_hash="a",
            position=0,
            choice="right",
        )
    assert "was preferred in 2 of 2 comparisons, 0 of them ties." in text_of(browser, address(made))


def test_an_arm_without_a_prompt_answered_with_what_was_in_production_then(browser: Client) -> None:
    """Shipping the other arm, or anything else, does not turn its votes into others."""
    author, staff = member_of("experimenter", "ada"), member_of("experimenter", "grace")
    old, new, other = (approved(text, author=author, by=staff) for text in ("Be calm.", "Be kind.", "Be brief."))
    made = situation("keep_running")
    made.arm.prompt, made.arm.temperature = new, None
    made.arm.save()
    labels.put(labels.PRODUCTION, old, by=staff, reason="First")
    session = PlaygroundSession.objects.create(person=staff, turns=[typed("wool").to_json()], is_blind=True)
    for column, version in enumerate((old, new)):
        session.runs.create(column=column, turn=0, prompt=version, state="done", text="An answer")
    labels.put(labels.PRODUCTION, other, by=staff, reason="Meanwhile")
    votes.vote(session, 0, choice="right", by=staff)
    said = "was preferred in 1 of 1 comparisons"
    assert said in text_of(browser, address(made))
    labels.put(labels.PRODUCTION, new, by=staff, reason="Shipped")
    session.delete()
    assert said in text_of(browser, address(made))
    for version in (old, other):  # in a chat: what was in production when the answer was made, and what was not
        one, two = (answered(staff, each.content_hash) for each in (version, new))
        Reply.objects.filter(pk=one.pk).update(created_at=session.created_at)
        Comparison.objects.create(person=staff, message=one.message, left=one, right=two, choice="right")
    assert "was preferred in 2 of 2 comparisons" in text_of(browser, address(made))


def answered(person: User, prompt_version: str) -> Reply:
    reply = make_reply(person)
    reply.prompt_version = prompt_version
    reply.save()
    return reply


@pytest.mark.parametrize(("role", "status"), [("experimenter", 200), ("administrator", 200), ("moderator", 403)])
def test_who_may_see_results(role: str, status: int) -> None:
    """Whoever judges people's words does not run experiments on them, and the other way round."""
    made = situation("ship")
    metric = made.experiment.metrics.get(role="goal").metric
    browser = browser_for(member_of(role))
    for page in (address(made), address(made, "csv"), address(made, "metric", metric.pk, "b")):
        assert browser.get(page).status_code == status


def test_many_arms_and_endless_intervals_are_shown(browser: Client) -> None:
    """A control without an event has a lift without an end; the difference is shown instead, with what is known."""
    made = make()
    metric = measure(made, "harm", role="guardrail", kind="binary", unit="share", is_rare=True, is_better_up=False)
    made.put(metric, {made.control: Count(n=500, yes=0), made.arm: Count(n=500, yes=0)})
    page = text_of(browser, address(made))
    assert "points" in page
    assert "nan" not in page.lower().replace("finance", "")
