"""What people preferred who did not know which arm had answered: in the playground, and side by side in chats."""

from collections.abc import Iterator
from dataclasses import dataclass

from assistant.experiments.preferences import Outcome, Preference, Vote, preference, strengths
from assistant.prompt_text import SYSTEM_PROMPT, content_hash
from webapp.chat.models import Comparison
from webapp.experiments.models import Arm, PreferenceVote
from webapp.experiments.services import labels

OUTCOMES: dict[str, Outcome] = {"left": "left", "right": "right", "tie": "tie", "neither": "tie"}


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindVotes:
    """Of `num` votes, `num_preferred` are for the arm and `num_ties` for neither or both."""

    num: int
    num_preferred: int
    num_ties: int
    preference: Preference


def between(base: Arm, arm: Arm) -> BlindVotes | None:
    """None where nobody has compared their prompts, or these are the same."""
    authors = {prompt_hash(base): 0, prompt_hash(arm): 1}
    if len(authors) < 2:
        return None
    votes = list(_votes(authors))
    if not votes:
        return None
    return BlindVotes(
        num=len(votes),
        num_preferred=sum(_winner(vote) == 1 for vote in votes),
        num_ties=sum(vote.outcome == "tie" for vote in votes),
        preference=preference(strengths(votes, 2), 1, 0),
    )


def prompt_hash(arm: Arm) -> str:
    """Of what it answers with: its own prompt, or the one in production."""
    prompt = arm.prompt or labels.production()
    return prompt.content_hash if prompt else content_hash(SYSTEM_PROMPT)


def _votes(authors: dict[str, int]) -> Iterator[Vote]:
    """A turn has one name in each of the two places."""
    hashes = list(authors)
    tried = PreferenceVote.objects.values_list(
        "left_serving__prompt", "right_serving__prompt", "choice", "turn_hash"
    ).filter(left_serving__prompt__in=hashes, right_serving__prompt__in=hashes)
    chatted = Comparison.objects.values_list(
        "left__prompt_version", "right__prompt_version", "choice", "message_id"
    ).filter(left__prompt_version__in=hashes, right__prompt_version__in=hashes)
    for left, right, choice, turn in (*tried, *chatted):
        if left != right:
            yield Vote(authors[left], authors[right], OUTCOMES[choice], str(turn))


def _winner(vote: Vote) -> int | None:
    if vote.outcome == "tie":
        return None
    return vote.left if vote.outcome == "left" else vote.right
