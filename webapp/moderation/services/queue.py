"""What the queue page says of the whole queue, and what it shows of each case."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from django.db.models import (
    Count,
    DurationField,
    ExpressionWrapper,
    F,
    IntegerField,
    Min,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
)
from django.db.models.functions import Coalesce
from django.utils import timezone

from assistant.safety.quality import Share, wilson
from webapp.accounts.models import User
from webapp.moderation.models import AuditEntry, Case, Flag, Review
from webapp.moderation.services.cases import STRIKES_COUNT_FOR

LOOKS_BACK = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Standing:
    """How the queue stands. The last two tell of the last thirty days, and are None where nothing was decided."""

    num_pending: int
    pending_by_category: Sequence[tuple[str, int]]
    oldest: datetime | None
    median_time: timedelta | None
    overturned: Share | None


def standing() -> Standing:
    """Overturned is the share of decided cases in which moderators saw a false alarm."""
    pending = Case.objects.exclude(state=Case.State.CLOSED)
    by_category = pending.order_by().values_list("category").annotate(num=Count("pk")).order_by("-num", "category")
    counts = [(category, num) for category, num in by_category]
    closed = Case.objects.filter(state=Case.State.CLOSED, closed_at__gt=timezone.now() - LOOKS_BACK)
    took = ExpressionWrapper(F("closed_at") - F("opened_at"), output_field=DurationField())
    decided: list[tuple[str, timedelta]] = list(closed.order_by().annotate(took=took).values_list("outcome", "took"))
    num_overturned = sum(outcome == Case.Outcome.DISAGREED for outcome, _ in decided)
    return Standing(
        num_pending=sum(num for _, num in counts),
        pending_by_category=counts,
        oldest=pending.aggregate(oldest=Min("opened_at"))["oldest"],
        median_time=timedelta(seconds=median(took.total_seconds() for _, took in decided)) if decided else None,
        overturned=wilson(num_overturned, len(decided)) if decided else None,
    )


def with_what_cards_show(cases: QuerySet[Case]) -> QuerySet[Case]:
    """The cases with `num_strikes` of their person, their flags and the verdicts behind these, in few queries."""
    broken = Case.objects.broken_since(timezone.now() - STRIKES_COUNT_FOR)
    broken = broken.filter(person=OuterRef("person")).exclude(pk=OuterRef("pk"))
    counted = broken.order_by().values("person").annotate(num=Count("pk")).values("num")
    return (
        cases.select_related("person", "assignee")
        .annotate(num_strikes=Coalesce(Subquery(counted, output_field=IntegerField()), 0))
        .prefetch_related(Prefetch("flags", queryset=Flag.objects.select_related("verdict").defer("text")))
    )


def neighbours(queue: QuerySet[Case], case: Case) -> tuple[Case | None, Case | None]:
    """The cases before and after this one in the queue's own order, whether or not this one is still in it."""
    queue = queue.order_by("-score", "opened_at").exclude(pk=case.pk)
    sooner = Q(score__gt=case.score) | Q(score=case.score, opened_at__lt=case.opened_at)
    return queue.filter(sooner).reverse().first(), queue.exclude(sooner).first()


def undoable(moderator: User) -> Sequence[Review]:
    """This moderator's decisions that can still be undone, newest first."""
    mine = Review.objects.filter(reviewer=moderator, undone_at=None, due_at__gt=timezone.now())
    return list(mine.select_related("case").defer("note").order_by("-created_at"))


def history(case: Case, *, after_version: int = -1) -> Sequence[AuditEntry]:
    """The acts on a case, oldest first; those that made a later version than `after_version`."""
    acts = AuditEntry.objects.filter(subject_type="case", subject_ref=str(case.pk)).select_related("actor")
    return [act for act in acts.order_by("pk") if act.details.get("version", 0) > after_version]
