"""Which of two answers is better, said by somebody who does not know what wrote them."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from assistant.prompt_text import SYSTEM_PROMPT, content_hash
from webapp.accounts.models import User
from webapp.experiments.models import PlaygroundRun, PlaygroundSession, PreferenceVote
from webapp.experiments.models.serving import ANSWERING
from webapp.experiments.services import labels
from webapp.experiments.services.playground import PlaygroundError, turns_of

FINISHED = (PlaygroundRun.State.DONE, PlaygroundRun.State.BLOCKED)


def left_column(run: PlaygroundRun) -> int:
    """The column that stands left in the turn of `run`: by the seed, which is chance, and the same for both."""
    return run.seed % 2


def vote_of(session: PlaygroundSession, turn: int) -> PreferenceVote | None:
    return session.votes.filter(turn=turn).first()


@transaction.atomic
def vote(session: PlaygroundSession, turn: int, *, choice: str, by: User) -> PreferenceVote:
    """Keep what was said of a turn, once: then its columns have names. Raises PlaygroundError."""
    if choice not in PreferenceVote.Choice.values or not session.is_blind:
        raise PlaygroundError("nothing")
    runs = {run.column: run for run in session.runs.select_for_update().filter(turn=turn)}
    if len(runs) != 2 or any(run.state not in FINISHED for run in runs.values()):
        raise PlaygroundError("not_finished")
    said = vote_of(session, turn)
    if said is not None:
        return said
    position = left_column(runs[0])
    left, right = runs[position], runs[1 - position]
    return PreferenceVote.objects.create(
        session=session,
        turn=turn,
        left=left,
        right=right,
        left_serving=_serving_of(left, session),
        right_serving=_serving_of(right, session),
        turn_hash=turns_of(session)[turn].content_hash,
        position=position,
        choice=choice,
        by=by,
    )


def _serving_of(run: PlaygroundRun, session: PlaygroundSession) -> Mapping[str, Any]:
    """What the cell was made with, which is kept when the cell is gone; and what was in production when the session was
    made, by which an arm without a prompt answered."""
    text = run.draft or (run.prompt.text if run.prompt else SYSTEM_PROMPT)
    return {
        "prompt": content_hash(text),
        **{name: getattr(run, name) for name in ANSWERING},
        "production": labels.production_hash_at(session.created_at, labels.production_hashes()),
    }
