"""The playground: several versions answer the same turns side by side, for whoever tries them and for nobody else."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from assistant import prompt_text
from webapp import jobs
from webapp.accounts.models import User
from webapp.experiments.models import PlaygroundRun, PlaygroundSession, PromptVersion
from webapp.experiments.models.serving import ANSWERING
from webapp.experiments.services import prompts
from webapp.experiments.services.playground_turns import TriedTurn, typed

MAX_COLUMNS, MAX_TURNS, MAX_ACTIVE = 4, 6, 24
KEPT = timedelta(days=14)
SILENT_FOR, WAITED_FOR = timedelta(minutes=1), timedelta(minutes=2)
ACTIVE = (PlaygroundRun.State.QUEUED, PlaygroundRun.State.RUNNING)
UNANSWERED = (PlaygroundRun.State.FAILED, PlaygroundRun.State.STOPPED)
LOST = "lost"


class PlaygroundError(ValueError):
    """Nothing was begun. `code`: nothing, too_many_columns, too_many_turns, too_busy, not_finished, needs_two."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What one column answers with: a version, or a text that is none yet, or neither for the built-in prompt."""

    prompt: PromptVersion | None = None
    draft: str = ""
    temperature: float | None = None
    top_p: float | None = None
    max_reply_tokens: int | None = None
    num_passages: int | None = None
    passage_tokens: int | None = None
    min_similarity: float | None = None
    similarity_to_best: float | None = None
    passages_per_document: int | None = None
    endpoint: str = ""


@transaction.atomic
def start(
    person: User, *, columns: Sequence[Column], turns: Sequence[TriedTurn], is_blind: bool = False
) -> PlaygroundSession:
    """Have every column answer every turn. Raises PlaygroundError, or PromptTextError for a draft."""
    if not columns or not turns:
        raise PlaygroundError("nothing")
    if len(columns) > MAX_COLUMNS:
        raise PlaygroundError("too_many_columns")
    if len(turns) > MAX_TURNS:
        raise PlaygroundError("too_many_turns")
    if is_blind and len(columns) != 2:
        raise PlaygroundError("needs_two")
    columns = [replace(column, draft=prompts.as_kept(column.draft)) for column in columns]
    for column in columns:
        if column.draft:
            prompt_text.check(column.draft)
    session = PlaygroundSession.objects.create(
        person=person, turns=[turn.to_json() for turn in turns], is_blind=is_blind
    )
    _enqueue([run for number in range(len(turns)) for run in _queue(session, number, columns)])
    return session


def sessions_of(person: User) -> Sequence[PlaygroundSession]:
    return list(PlaygroundSession.objects.filter(person=person))


def session_for(person: User, session_id: UUID) -> PlaygroundSession | None:
    """None: it is absent or somebody else's, alike."""
    return PlaygroundSession.objects.filter(pk=session_id, person=person).first()


def turns_of(session: PlaygroundSession) -> Sequence[TriedTurn]:
    return [TriedTurn.load(stored) for stored in session.turns]


@transaction.atomic
def go_on(session: PlaygroundSession, text: str, *, after: int | None) -> None:
    """Ask all columns one more thing: after its own answer to turn `after` each, or anew. Raises PlaygroundError."""
    session = PlaygroundSession.objects.select_for_update().get(pk=session.pk)
    turns = turns_of(session)
    if len(turns) >= MAX_TURNS:
        raise PlaygroundError("too_many_turns")
    if not text.strip() or (after is not None and not 0 <= after < len(turns)):
        raise PlaygroundError("nothing")
    if after is not None and session.runs.filter(turn=after, state__in=ACTIVE).exists():
        raise PlaygroundError("not_finished")
    session.turns.append(typed(text, after=after).to_json())
    session.save(update_fields=["turns"])
    columns = [column_of(run) for run in session.runs.filter(turn=0).order_by("column")]
    _enqueue(_queue(session, len(turns), columns))


@transaction.atomic
def retry(run: PlaygroundRun) -> None:
    """Once more, if it failed or was stopped. Raises PlaygroundError."""
    _check_room(run.session.person, 1)
    queued = PlaygroundRun.objects.filter(pk=run.pk, state__in=UNANSWERED).update(
        state=PlaygroundRun.State.QUEUED,
        text="",
        html="",
        error_code="",
        usage={},
        first_text_ms=None,
        updated_at=timezone.now(),
    )
    if queued:
        _enqueue([run])


def stop(run: PlaygroundRun) -> None:
    """What is written so far stays. The worker sees it when it writes again, and the engine stops; what has come to its
    end by itself stays as it is."""
    active = PlaygroundRun.objects.filter(pk=run.pk, state__in=ACTIVE)
    active.update(state=PlaygroundRun.State.STOPPED, updated_at=timezone.now())


def delete(session: PlaygroundSession) -> None:
    """With all its answers; what is being written is not written on. What was voted stays, without words."""
    session.delete()


def give_up_lost(session: PlaygroundSession, *, now: datetime | None = None) -> None:
    """A cell whose worker is gone, or that none comes for while none writes another one, can be tried again."""
    now = now or timezone.now()
    running = PlaygroundRun.objects.filter(state=PlaygroundRun.State.RUNNING)
    lost = Q(state=PlaygroundRun.State.RUNNING, updated_at__lt=now - SILENT_FOR)
    if not running.filter(updated_at__gte=now - SILENT_FOR).exists():
        lost |= Q(state=PlaygroundRun.State.QUEUED, updated_at__lt=now - WAITED_FOR)
    session.runs.filter(lost).update(state=PlaygroundRun.State.FAILED, error_code=LOST, updated_at=now)


def column_of(run: PlaygroundRun) -> Column:
    return Column(
        prompt=run.prompt,
        draft=run.draft,
        **{name: getattr(run, name) for name in ANSWERING},
    )


def tidy(*, now: datetime | None = None) -> int:
    """Delete what is older than two weeks; how many sessions there were. What was voted stays."""
    old = PlaygroundSession.objects.filter(created_at__lt=(now or timezone.now()) - KEPT)
    num = old.count()
    old.delete()
    return num


def _queue(session: PlaygroundSession, turn: int, columns: Sequence[Column]) -> Sequence[PlaygroundRun]:
    """One cell for each column, with the same seed, so that they differ by what is compared."""
    _check_room(session.person, len(columns))
    seed = secrets.randbits(62)
    return [
        PlaygroundRun.objects.create(
            session=session,
            column=number,
            turn=turn,
            seed=seed,
            **{name: getattr(column, name) for name in Column.__slots__},
        )
        for number, column in enumerate(columns)
    ]


def _enqueue(runs: Sequence[PlaygroundRun]) -> None:
    transaction.on_commit(partial(jobs.enqueue_playground_runs, [run.pk for run in runs]))


def _check_room(person: User, num_more: int) -> None:
    active = PlaygroundRun.objects.filter(session__person=person, state__in=ACTIVE).count()
    if active + num_more > MAX_ACTIVE:
        raise PlaygroundError("too_busy")
