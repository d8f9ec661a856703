"""The figures of one moment behind a link that cannot be guessed, for people outside the team."""

import hashlib
import secrets
from datetime import timedelta

from django.utils import timezone

from webapp.accounts.models import User
from webapp.experiments.models import Experiment, Report
from webapp.experiments.services.figures import Figures

LASTS_DAYS = (7, 30, 90)


def make(experiment: Experiment, figures: Figures, *, by: User, days: int) -> tuple[Report, str]:
    """The report and its token, of which only a hash is kept: whoever loses the link makes another report."""
    token = secrets.token_urlsafe(32)
    report = Report.objects.create(
        token_hash=_hash(token),
        experiment=experiment,
        figures=figures.to_json(),
        made_by=by,
        expires_at=timezone.now() + timedelta(days=days),
    )
    return report, token


def opened(token: str) -> Report | None:
    """None: absent, expired or revoked, alike."""
    report = Report.objects.filter(token_hash=_hash(token), revoked_at=None).first()
    if report is None or (report.expires_at is not None and report.expires_at <= timezone.now()):
        return None
    return report


def revoke(report: Report) -> None:
    """It ends now, and its figures are forgotten."""
    if report.revoked_at is None:
        report.revoked_at, report.figures = timezone.now(), {}
        report.save(update_fields=["revoked_at", "figures"])


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
