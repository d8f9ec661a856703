"""What moderators decide about."""

import uuid
from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q, Subquery
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class CaseQuerySet(models.QuerySet["Case"]):
    def broken_since(self, moment: datetime) -> Self:
        """Those in which a rule was broken, by the last decision that stands, also while they are looked at again.

        An answer that people reported and no guard found is the assistant's fault, and not a strike of whoever got it,
        unless the decision did something to them. Neither has somebody broken a rule who spoke of hurting themselves.
        """
        standing = Review.objects.filter(case=OuterRef("pk"), second_of=None, undone_at=None)
        last = standing.order_by("-created_at", "-pk")
        decided = self.alias(
            last_outcome=Subquery(last.values("outcome")[:1]),
            last_category=Subquery(last.values("category")[:1]),
            last_consequence=Subquery(last.values("consequence")[:1]),
            decided_at=Subquery(last.values("created_at")[:1]),
        )
        found = Exists(Flag.objects.filter(case=OuterRef("pk"), source__in=Flag.OF_GUARDS))
        about_the_answer = (Review.Consequence.NONE, Review.Consequence.WITHHOLD)
        is_theirs = Q(found) & ~Q(last_category="self_harm") | ~Q(last_consequence__in=about_the_answer)
        return decided.filter(is_theirs, last_outcome=Case.Outcome.AGREED, decided_at__gt=moment)


class Case(models.Model):
    """One turn that a guard, a person or an appeal pointed at. Pointing at it again reopens it; it stays one case.

    `version` counts changes: whoever decides names the version they have seen, and a later one refuses the decision.
    """

    class State(models.TextChoices):
        OPEN = "open", _("open")
        ESCALATED = "escalated", _("escalated")
        CLOSED = "closed", _("closed")

    class Outcome(models.TextChoices):
        AGREED = "agreed", _("rule broken")
        DISAGREED = "disagreed", _("false alarm")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    reply = models.OneToOneField("chat.Reply", on_delete=models.CASCADE, related_name="case")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="cases")
    state = models.CharField(max_length=9, choices=State.choices, default=State.OPEN)
    outcome = models.CharField(max_length=9, choices=Outcome.choices, blank=True)
    category = models.CharField(max_length=40, blank=True, db_index=True, help_text="The strongest one.")
    score = models.FloatField(default=0.0, help_text="What is looked at first: see `services.scoring`.")
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="cases_assigned"
    )
    version = models.PositiveIntegerField(default=0)
    sealed_key = models.BinaryField(null=True, help_text="Opens the turn where its chat was temporary; encrypted.")
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = CaseQuerySet.as_manager()

    class Meta:
        ordering = ["-score", "opened_at"]
        indexes = [models.Index(fields=["state", "-score"])]
        permissions = [("review_case", "Can decide cases"), ("settle_case", "Can decide escalated cases")]

    def __str__(self) -> str:
        return f"Case {self.id}"

    @property
    def decision(self) -> "Review | None":
        """The last decision that was not taken back, whether or not the case was opened again since."""
        return self.reviews.filter(second_of=None, undone_at=None).order_by("created_at", "pk").last()


class Flag(models.Model):
    """One reason to look at a case."""

    class Source(models.TextChoices):
        GUARD_INPUT = "guard_input", _("guard, message")
        GUARD_OUTPUT = "guard_output", _("guard, answer")
        REPORT = "report", _("report")
        SHARED = "shared", _("report, shared chat")
        APPEAL = "appeal", _("appeal")

    class Reason(models.TextChoices):
        DANGEROUS = "dangerous", _("Dangerous or against the law")
        HATEFUL = "hateful", _("Hateful or insulting")
        SEXUAL = "sexual", _("Sexual")
        SELF_HARM = "self_harm", _("Encourages to hurt oneself")
        PRIVATE = "private", _("Tells private things about somebody")
        WRONG = "wrong", _("Wrong or misleading")
        OTHER = "other", _("Something else")

    OF_GUARDS = (Source.GUARD_INPUT, Source.GUARD_OUTPUT)

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="flags")
    source = models.CharField(max_length=12, choices=Source.choices)
    verdict = models.ForeignKey("moderation.Verdict", null=True, on_delete=models.SET_NULL, related_name="flags")
    category = models.CharField(max_length=40, blank=True)
    score = models.FloatField(default=1.0)
    reason = models.CharField(max_length=9, choices=Reason.choices, blank=True, help_text="Of a report.")
    text = models.CharField(max_length=1000, blank=True, help_text="What the person who reports or appeals says.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at"]

    def __str__(self) -> str:
        return self.get_source_display()

    @property
    def told(self) -> str:
        """What the person says: the reason in the language of whoever reads it, the words as they were written."""
        return f"{self.get_reason_display()}. {self.text}".strip() if self.reason else self.text


class Review(models.Model):
    """What one moderator decided about a case. A second, blind one measures how far moderators agree."""

    class Consequence(models.TextChoices):
        NONE = "none", _("none")
        RELEASE = "release", _("released")
        WITHHOLD = "withhold", _("answer withheld")
        WARN = "warn", _("person warned")
        MUTE = "mute", _("muted for a day")
        SUSPEND = "suspend", _("suspended")

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="reviews")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="reviews")
    outcome = models.CharField(max_length=9, choices=Case.Outcome.choices)
    category = models.CharField(max_length=40, blank=True, help_text="As the reviewer sees it.")
    consequence = models.CharField(max_length=8, choices=Consequence.choices, default=Consequence.NONE)
    days = models.PositiveSmallIntegerField(null=True, help_text="How long a suspension lasts.")
    reason = models.CharField(max_length=200, blank=True, help_text="Of a suspension, shown to the person.")
    note = models.CharField(max_length=1000, blank=True, help_text="For colleagues; the person does not see it.")
    state_before = models.CharField(max_length=9, choices=Case.State.choices, blank=True, help_text="For undoing.")
    second_of = models.OneToOneField(
        "self",
        null=True,
        on_delete=models.CASCADE,
        related_name="second",
        help_text="The review that this one was made without sight of; it changes nothing.",
    )
    wants_second = models.BooleanField(default=False, help_text="Drawn for a second review.")
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(
        null=True, db_index=True, help_text="When its consequences are carried out; empty once they are, or undone."
    )
    undone_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True, help_text="When the person saw the warning.")
    failure = models.CharField(max_length=200, blank=True, help_text="Why a consequence could not be carried out.")

    class Meta:
        ordering = ["created_at"]

    def __str__(self) -> str:
        return f"{self.get_outcome_display()}"


class Note(models.Model):
    """What one colleague tells the others about a case. Goes when the case goes, because it may quote."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="notes")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="notes")
    text = models.CharField(max_length=1000)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at"]

    def __str__(self) -> str:
        return f"Note {self.pk}"
