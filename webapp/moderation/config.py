"""The numbers moderation runs by."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ModerationSettings:
    """
    original_days        how long the words of a withheld answer are kept, encrypted, for an appeal; one that waits
                         keeps them until it is answered
    verdict_days         how long the scores of allowed messages are kept; those of a case stay with the case
    closed_case_days     how long a closed case is kept, and a suspension that is over
    second_review_share  the share of decided cases that a second moderator sees blind
    undo_s               how long a decision can be taken back without a trace for the person
    appeals_per_day      how many reviews a person can ask for in 24 hours
    reports_per_day      how many answers a person can report in 24 hours
    """

    original_days: int = 30
    verdict_days: int = 180
    closed_case_days: int = 365
    second_review_share: float = 0.05
    undo_s: float = 10.0
    appeals_per_day: int = 5
    reports_per_day: int = 20
