"""What people preferred who did not know which arm had answered: in the playground, and side by side in chats.

A vote counts where both answers were made as the two arms made them then, with all that they set. An answer in a chat
tells its prompt alone, so these count for arms that set nothing else.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assistant.experiments.preferences import Outcome, Preference, Vote, preference, strengths
from assistant.prompt_text import SYSTEM_PROMPT, content_hash
from webapp.chat.models import Comparison
from webapp.experiments.models import Arm, PreferenceVote
from webapp.experiments.models.serving import ANSWERING
from webapp.experiments.services import labels

Way = tuple[str, frozenset[tuple[str, Any]]]
Productions = Sequence[tuple[datetime, str]]
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
    votes = list(_votes(base, arm))
    if not votes:
        return None
    return BlindVotes(
        num=len(votes),
        num_preferred=sum(_winner(vote) == 1 for vote in votes),
        num_ties=sum(vote.outcome == "tie" for vote in votes),
        preference=preference(strengths(votes, 2), 1, 0),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    """`production`: the hash of the prompt that was in production when the answers were made."""

    left: Way
    right: Way
    choice: str
    turn: str
    production: str


def _votes(base: Arm, arm: Arm) -> Iterator[Vote]:
    known = labels.production_hashes()
    for vote in (*_tried(base, arm, known), *_chatted(base, arm, known)):
        authors = {_way_of(base, vote.production): 0, _way_of(arm, vote.production): 1}
        if len(authors) == 2 and vote.left != vote.right and vote.left in authors and vote.right in authors:
            yield Vote(authors[vote.left], authors[vote.right], OUTCOMES[vote.choice], vote.turn)


def _way_of(arm: Arm, production: str) -> Way:
    """An arm without a prompt answers with the one in production."""
    prompt = arm.prompt.content_hash if arm.prompt else production
    return _way({"prompt": prompt, **{name: getattr(arm, name) for name in ANSWERING}})


def _way(serving: Mapping[str, Any]) -> Way:
    """The prompt's hash, and what else is set."""
    said = {name: serving.get(name) for name in ANSWERING}
    return serving["prompt"], frozenset((name, value) for name, value in said.items() if value not in (None, ""))


def _tried(base: Arm, arm: Arm, known: Productions) -> Iterator[_Compared]:
    hashes = _hashes(base, arm, known)
    found = PreferenceVote.objects.filter(left_serving__prompt__in=hashes, right_serving__prompt__in=hashes)
    for vote in found:
        yield _Compared(
            left=_way(vote.left_serving),
            right=_way(vote.right_serving),
            choice=vote.choice,
            turn=vote.turn_hash,
            production=vote.left_serving.get("production") or labels.production_hash_at(vote.created_at, known),
        )


def _chatted(base: Arm, arm: Arm, known: Productions) -> Iterator[_Compared]:
    if any(getattr(each, name) not in (None, "") for each in (base, arm) for name in ANSWERING):
        return
    hashes = _hashes(base, arm, known)
    found = Comparison.objects.filter(left__prompt_version__in=hashes, right__prompt_version__in=hashes)
    names = ("left__prompt_version", "right__prompt_version", "choice", "message_id", "left__created_at")
    for left, right, choice, message_id, at in found.values_list(*names):
        yield _Compared(
            left=(left, frozenset()),
            right=(right, frozenset()),
            choice=choice,
            turn=str(message_id),
            production=labels.production_hash_at(at, known),
        )


def _hashes(base: Arm, arm: Arm, known: Productions) -> set[str]:
    """Of all prompts that the two have ever answered with."""
    if base.prompt and arm.prompt:
        return {base.prompt.content_hash, arm.prompt.content_hash}
    own = {each.prompt.content_hash for each in (base, arm) if each.prompt}
    return {content_hash(SYSTEM_PROMPT), *(found for _since, found in known), *own}


def _winner(vote: Vote) -> int | None:
    if vote.outcome == "tie":
        return None
    return vote.left if vote.outcome == "left" else vote.right
