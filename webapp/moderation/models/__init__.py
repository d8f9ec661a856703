"""What is stored about safety: verdicts, policies, cases and their reviews, what happened to people, and the record."""

from webapp.moderation.models.audit import AuditEntry, Reveal
from webapp.moderation.models.cases import Case, Flag, Note, Review
from webapp.moderation.models.people import Appeal, Original, Suspension
from webapp.moderation.models.policies import PolicyVersion
from webapp.moderation.models.verdicts import Verdict

__all__ = [
    "Appeal",
    "AuditEntry",
    "Case",
    "Flag",
    "Note",
    "Original",
    "PolicyVersion",
    "Reveal",
    "Review",
    "Suspension",
    "Verdict",
]
