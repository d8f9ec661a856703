"""How often moderators agree with the guards, and with each other. The arithmetic is `assistant.safety.quality`."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from assistant.safety.quality import Agreement, Share, agreement, wilson
from webapp.moderation.models import Case, Flag, Review


@dataclass(frozen=True, slots=True)
class Precision:
    """Of what one guard flagged as one category in one direction, the share in which moderators saw that rule broken.

    In `num_other` more they saw another rule broken.
    """

    category: str
    direction: str
    guard_id: str
    agreed: Share
    num_other: int


def standing_reviews(since: datetime) -> dict[object, Review]:
    """Case -> the decision that stands: the last one that was not undone, second reviews left out."""
    decided = Review.objects.filter(second_of=None, undone_at=None, created_at__gte=since)
    return {review.case_id: review for review in decided.order_by("created_at").defer("note")}


def precisions(since: datetime) -> Sequence[Precision]:
    """One row for each category, direction and guard that moderators decided about, the most decided first.

    A guard that flagged a turn several times counts once for each category and direction.
    """
    reviews = standing_reviews(since)
    flags = Flag.objects.filter(verdict__isnull=False, case__reviews__created_at__gte=since).values_list(
        "case_id", "category", "verdict__direction", "verdict__guard_id", "created_at"
    )
    # A flag that came after the decision was not decided about.
    judged = {
        (case_id, category, direction, guard_id)
        for case_id, category, direction, guard_id, flagged_at in flags.distinct()
        if case_id in reviews and flagged_at <= reviews[case_id].created_at
    }
    totals = Counter(row[1:] for row in judged)
    broken = {row for row in judged if reviews[row[0]].outcome == Case.Outcome.AGREED}
    agreed = Counter(row[1:] for row in broken if reviews[row[0]].category == row[1])
    other = Counter(row[1:] for row in broken if reviews[row[0]].category != row[1])
    return [Precision(*row, wilson(agreed[row], total), other[row]) for row, total in totals.most_common()]


def reviewer_agreement(since: datetime) -> Agreement:
    """How far second reviews, given blind, agree with the first."""
    seconds = Review.objects.filter(second_of__isnull=False, second_of__undone_at=None, created_at__gte=since)
    return agreement(list(seconds.values_list("second_of__outcome", "outcome")))
