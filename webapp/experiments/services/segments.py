"""Segments of people, as the staff choose them."""

from collections.abc import Collection

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Lower

from webapp.accounts.models import User
from webapp.experiments.models import Experiment, Segment
from webapp.moderation.services import audit


def people_with(emails: Collection[str]) -> QuerySet[User]:
    """The members who have one of these addresses, in small letters."""
    return User.objects.alias(lower=Lower("email")).filter(lower__in=emails, is_guest=False).exclude(email="")


@transaction.atomic
def fill(segment: Segment, people: Collection[User], *, empties: bool, by: User) -> None:
    """Add these people, with `empties` in place of those who are in it."""
    if empties:
        segment.people.clear()
    segment.people.add(*people)
    details = {"added": len(people), "emptied": empties}
    audit.record(by, "fill_segment", subject_type="segment", subject_ref=segment.pk, details=details)


def is_in_use(segment: Segment) -> bool:
    """Whether an experiment that is not over is meant for it: without it, that one would be for everybody."""
    over = (Experiment.State.STOPPED, Experiment.State.ARCHIVED)
    return segment.experiments.exclude(state__in=over).exists()
