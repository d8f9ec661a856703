"""What becomes of each thing that refers to a person when they leave, or wipe what they made.

Every relation to the user model has exactly one rule; a test fails for one that has none.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db.models import Model, QuerySet


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """erase: the row goes. anonymise: the row stays and names nobody any more; `reason` says why it stays.

    `is_wiped`: it also goes when a person wipes what they made and keeps the account.
    """

    deed: Literal["erase", "anonymise"]
    is_wiped: bool = False
    reason: str = ""


MADE = Rule(deed="erase", is_wiped=True)
OF_THE_ACCOUNT = Rule(deed="erase")
WORK = Rule(deed="anonymise", reason="work of the staff, about other people or things")

# "app.Model.field" of every relation to the user model.
RULES: dict[str, Rule] = {
    "chat.Conversation.owner": MADE,
    "chat.Folder.owner": MADE,
    "chat.Feedback.person": MADE,
    "chat.Comparison.person": MADE,
    "library.Document.owner": MADE,
    "personal.Memory.owner": MADE,
    "personal.Preferences.person": MADE,
    "sharing.ShareLink.owner": MADE,
    "sharing.ChatImport.person": MADE,
    "privacy.DataExport.person": MADE,
    # A case is about a turn, and goes with it.
    "moderation.Case.person": MADE,
    # Wiping is no way out of a suspension.
    "moderation.Appeal.person": OF_THE_ACCOUNT,
    "moderation.Suspension.person": OF_THE_ACCOUNT,
    "chat.Allowance.person": OF_THE_ACCOUNT,
    "account.EmailAddress.user": OF_THE_ACCOUNT,
    "mfa.Authenticator.user": OF_THE_ACCOUNT,
    "socialaccount.SocialAccount.user": OF_THE_ACCOUNT,
    "usersessions.UserSession.user": OF_THE_ACCOUNT,
    "admin.LogEntry.user": OF_THE_ACCOUNT,
    "accounts.User_groups.user": OF_THE_ACCOUNT,
    "accounts.User_user_permissions.user": OF_THE_ACCOUNT,
    "accounts.PasswordLink.person": OF_THE_ACCOUNT,
    "accounts.PasswordLink.made_by": WORK,
    "experiments.Exposure.person": OF_THE_ACCOUNT,  # wiping does not draw another arm
    "experiments.ForcedArm.person": OF_THE_ACCOUNT,
    "experiments.Segment_people.user": OF_THE_ACCOUNT,
    "experiments.PlaygroundSession.person": MADE,
    "experiments.PreferenceVote.by": WORK,
    "experiments.PromptVersion.author": WORK,
    "experiments.PromptApproval.by": WORK,
    "experiments.LabelChange.by": WORK,
    "experiments.StarterSet.author": WORK,
    "experiments.ProductionChange.by": WORK,
    "experiments.SettingsVersion.author": WORK,
    "experiments.SettingsApproval.by": WORK,
    "experiments.Experiment.owner": WORK,
    "experiments.Experiment.decided_by": WORK,
    "experiments.ExperimentEvent.by": WORK,
    "experiments.Holdout.by": WORK,
    "experiments.TestTurn.author": WORK,
    "experiments.Report.made_by": WORK,
    "moderation.AuditEntry.actor": Rule(deed="anonymise", reason="the record of what the staff did has no gaps"),
    "moderation.Reveal.staff": Rule(deed="anonymise", reason="the record of who read what has no gaps"),
    "moderation.Case.assignee": WORK,
    "moderation.Review.reviewer": WORK,
    "moderation.Note.author": WORK,
    "moderation.Suspension.by": WORK,
    "moderation.Suspension.lifted_by": WORK,
    "moderation.Appeal.decided_by": WORK,
    "moderation.PolicyVersion.author": WORK,
    "moderation.PolicyVersion.activated_by": WORK,
}


def relations() -> Iterator[tuple[str, type[Model], str]]:
    """Every relation to the user model that a table holds: its name in RULES, the model and the field."""
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.get_fields():
            is_ours = field.concrete and not field.many_to_many and field.remote_field is not None
            if is_ours and field.related_model is get_user_model():
                yield f"{model._meta.label}.{field.name}", model, field.name


def rows_of(model: type[Model], field: str, person: Model) -> QuerySet[Any]:
    """By the manager that hides and forbids nothing."""
    return model._base_manager.filter(**{field: person})
