"""What people preferred who did not know which arm had answered: in the playground, and side by side in chats.

A vote counts where both answers were made as the two arms make them, with all that they set. An answer in a chat tells
its prompt alone, so these count for arms that set nothing else.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from assistant.experiments.preferences import Outcome, Preference, Vote, preference, strengths
from assistant.prompt_text import SYSTEM_PROMPT, content_hash
from webapp.chat.models import Comparison
from webapp.experiments.models import Arm, PreferenceVote
from webapp.experiments.services import labels

SETTINGS = ("temperature", "top_p", "max_reply_tokens", "num_passages", "endpoint")
Way = tuple[str, frozenset[tuple[str, Any]]]
OUTCOMES: dict[str, Outcome] = {"left": "left", "right": "right", "tie": "tie", "neither": "tie"}


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindVotes:
    """Of `num` votes, `num_preferred` are for the arm and `num_ties` for neither or both."""

    num: int
    num_preferred: int
    num_ties: int
    preference: Preference


def between(base: Arm, arm: Arm) -> BlindVotes | None:
    """None where nobody has compared what they answer with, or this is the same."""
    authors = {_way_of(base): 0, _way_of(arm): 1}
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


def _way_of(arm: Arm) -> Way:
    return _way({"prompt": prompt_hash(arm), **{name: getattr(arm, name) for name in SETTINGS}})


def _way(serving: Mapping[str, Any]) -> Way:
    """The prompt's hash, and what else is set."""
    said = {name: serving.get(name) for name in SETTINGS}
    return serving["prompt"], frozenset((name, value) for name, value in said.items() if value not in (None, ""))


def _votes(authors: Mapping[Way, int]) -> Iterator[Vote]:
    for left, right, choice, turn in (*_tried(authors), *_chatted(authors)):
        if left != right and left in authors and right in authors:
            yield Vote(authors[left], authors[right], OUTCOMES[choice], turn)


def _tried(authors: Mapping[Way, int]) -> Iterator[tuple[Way, Way, str, str]]:
    hashes = [prompt for prompt, _settings in authors]
    found = PreferenceVote.objects.filter(left_serving__prompt__in=hashes, right_serving__prompt__in=hashes)
    for vote in found:
        yield _way(vote.left_serving), _way(vote.right_serving), vote.choice, vote.turn_hash


def _chatted(authors: Mapping[Way, int]) -> Iterator[tuple[Way, Way, str, str]]:
    if any(settings for _prompt, settings in authors):
        return
    hashes = [prompt for prompt, _settings in authors]
    found = Comparison.objects.filter(left__prompt_version__in=hashes, right__prompt_version__in=hashes)
    names = ("left__prompt_version", "right__prompt_version", "choice", "message_id")
    for left, right, choice, message_id in found.values_list(*names):
        yield (left, frozenset()), (right, frozenset()), choice, str(message_id)


def _winner(vote: Vote) -> int | None:
    if vote.outcome == "tie":
        return None
    return vote.left if vote.outcome == "left" else vote.right
