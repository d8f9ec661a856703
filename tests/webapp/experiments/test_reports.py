"""The figures of one moment, for people outside the team."""

import math
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from assistant.experiments.counts import Count
from tests.webapp.experiments.results_making import NOW, Made, make, measure, situation
from tests.webapp.experiments.team import browser_for, member_of
from webapp.experiments.models import Report
from webapp.experiments.services import reports
from webapp.experiments.services.analysis import analyse
from webapp.experiments.services.figures import Figures, figures_of

pytestmark = pytest.mark.django_db


def made_report(made: Made) -> tuple[Report, str]:
    figures = figures_of(analyse(made.experiment, now=NOW), now=NOW)
    return reports.make(made.experiment, figures, by=member_of("experimenter", "emma-lee"), days=7)


def read(token: str, language: str = "en") -> str:
    answer = Client(headers={"accept-language": language}).get(reverse("experiment_report", args=[token]))
    assert answer.status_code == 200
    return answer.content.decode()


def test_whoever_has_the_link_sees_the_figures_without_logging_in() -> None:
    """The same table as the team, and nobody's name."""
    _report, token = made_report(situation("ship"))
    page = read(token)
    assert "Liked ship" in page
    assert "Ship" in page
    assert '<svg class="plot plot-row"' in page
    assert "Nov. 16, 2026" in page
    assert "emma-lee" not in page
    assert "People like it." not in page


def test_the_figures_are_frozen() -> None:
    """What happens later is in another report."""
    made = situation("ship")
    _report, token = made_report(made)
    before = read(token)
    made.phase.cohorts.all().delete()
    made.experiment.name = "Another name"
    made.experiment.save()
    assert read(token) == before


def test_only_a_hash_of_the_token_is_kept() -> None:
    """Whoever reads the table cannot open a report."""
    report, token = made_report(situation("ship"))
    assert len(token) >= 43
    assert token not in (report.token_hash, str(report.figures))
    assert Client().get(reverse("experiment_report", args=[report.token_hash])).status_code == 404


def test_it_is_in_no_index_and_no_cache_and_sends_no_address_on() -> None:
    """The address is the key."""
    _report, token = made_report(situation("ship"))
    answer = Client().get(reverse("experiment_report", args=[token]))
    assert answer["X-Robots-Tag"] == "noindex, nofollow"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["Cache-Control"] == "private, no-store"
    assert not answer.cookies


def test_it_ends_by_itself_or_by_hand() -> None:
    """Expired, revoked and never made look the same; of a revoked one the figures are gone."""
    expired, expired_token = made_report(situation("ship"))
    Report.objects.filter(pk=expired.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    revoked, revoked_token = reports.make(
        expired.experiment, Figures.from_json(expired.figures), by=member_of("experimenter"), days=7
    )
    reports.revoke(revoked)
    answers = [
        Client().get(reverse("experiment_report", args=[token]))
        for token in (expired_token, revoked_token, "never-made")
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    revoked.refresh_from_db()
    assert revoked.figures == {}


def test_figures_are_the_same_after_being_written_down() -> None:
    """Endless ends of intervals too, which JSON has no number for."""
    made = make()
    metric = measure(made, "harm", role="guardrail", kind="binary", unit="share", is_rare=True, is_better_up=False)
    made.put(metric, {made.control: Count(n=50, yes=0), made.arm: Count(n=50, yes=0)})
    figures = figures_of(analyse(made.experiment, now=NOW), now=NOW)
    report, _token = reports.make(made.experiment, figures, by=member_of("experimenter"), days=7)
    report.refresh_from_db()
    read_back = Figures.from_json(report.figures)
    assert math.isinf(read_back.rows[0].lift_high)
    assert read_back.to_json() == figures.to_json()


@pytest.mark.parametrize(("language", "direction"), [("en", "ltr"), ("de", "ltr"), ("es", "ltr"), ("ar", "rtl")])
def test_it_is_written_in_the_reader_s_language_and_direction(language: str, direction: str) -> None:
    """Plots keep their direction: greater is on the right."""
    _report, token = made_report(situation("ship"))
    page = read(token, language)
    assert f'<html lang="{language}" dir="{direction}">' in page
    assert 'direction="ltr"' in page
    assert re.search(r"\+\d\d,\d %" if language in ("de", "es") else r"\+\d\d[.٫,]\d %", page)


def test_the_team_makes_one_sees_it_in_the_list_and_revokes_it() -> None:
    """The link is said once."""
    made, browser = situation("ship"), browser_for(member_of("experimenter"))
    where = reverse("admin:experiments_experiment_report", args=[made.experiment.pk])
    page = browser.post(where, {"days": "30"}, follow=True).content.decode()
    (link,) = re.findall(r"http://testserver(/reports/[\w-]+/)", page)
    assert Client().get(link).status_code == 200
    report = Report.objects.get()
    assert report.expires_at is not None
    assert timedelta(days=29) < report.expires_at - timezone.now() < timedelta(days=30)
    results = reverse("admin:experiments_experiment_results", args=[made.experiment.pk])
    assert link not in browser.get(results).content.decode()
    browser.post(reverse("admin:experiments_experiment_revoke", args=[made.experiment.pk, report.pk]))
    assert Client().get(link).status_code == 404


def test_who_may_make_a_report() -> None:
    """Whoever runs experiments; reading the address makes none."""
    made = situation("ship")
    where = reverse("admin:experiments_experiment_report", args=[made.experiment.pk])
    assert browser_for(member_of("moderator")).post(where).status_code == 403
    browser_for(member_of("experimenter")).get(where)
    assert not Report.objects.exists()
