"""Letters to the owner of an experiment about what it did by itself."""

import logging
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import send_mail
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from webapp.accounts.services.language import language_of
from webapp.experiments.models import Experiment

logger = logging.getLogger(__name__)


def tell_owner(experiment: Experiment, *, kind: str, reason: str) -> None:
    """Best effort: what happened stands on the page of the experiment, too."""
    owner = experiment.owner
    if owner is None or not owner.email or not owner.is_active:
        return
    with override(language_of(owner)):
        subject = _subject(kind) % {"name": experiment.name}
    address = settings.SITE_ADDRESS + reverse("admin:experiments_experiment_change", args=[experiment.pk])
    try:
        send_mail(subject, f"{reason}\n\n{address}\n", None, [owner.email])
    except (SMTPException, OSError) as error:
        logger.warning("experiment_letter_failed", extra={"experiment": experiment.pk, "error": type(error).__name__})


def _subject(kind: str) -> str:
    match kind:
        case "start":
            return _("Cria: “%(name)s” has started")
        case "not_ready":
            return _("Cria: “%(name)s” could not start")
        case "held":
            return _("Cria: “%(name)s” does not get more traffic")
        case "pause":
            return _("Cria: “%(name)s” was paused")
    return _("Cria: “%(name)s” was stopped")
