"""What the pages of the playground show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from assistant.errors import GuardUnavailable, ModelRefused, ModelUnavailable, PromptTooLong, WindowFull
from webapp.experiments.models import PlaygroundRun, PlaygroundSession, PreferenceVote
from webapp.experiments.models.serving import ANSWERING
from webapp.experiments.playground_forms import GoOnForm
from webapp.experiments.services import playground, votes
from webapp.experiments.services.playground_running import INTERNAL_ERROR
from webapp.experiments.services.playground_turns import TriedTurn
from webapp.experiments.setting_names import named

State = PlaygroundRun.State
OVERLAP = timedelta(seconds=1)
"""A row that was written before the last look may have been committed after it."""

ERRORS = {
    ModelUnavailable.code: gettext_lazy("The model server is not available right now."),
    ModelRefused.code: gettext_lazy("The model server refused this request. The prompt may be too long for it."),
    GuardUnavailable.code: gettext_lazy("The safety check is not available right now, so there is no answer."),
    PromptTooLong.code: gettext_lazy("Prompt and conversation are too long for the model."),
    WindowFull.code: gettext_lazy("The answer has filled all the room that the model has for one."),
    playground.LOST: gettext_lazy("No worker brought this to its end."),
    INTERNAL_ERROR: gettext_lazy("Something went wrong on our side, twice. The log of the worker says what it was."),
}
REFUSALS = {
    "nothing": gettext_lazy("There is nothing to ask."),
    "too_many_columns": gettext_lazy("There are too many columns."),
    "too_many_turns": gettext_lazy("A session has six turns at most. Please begin another one."),
    "too_busy": gettext_lazy(
        "Too many answers are being written for you already. Please wait until some are finished."
    ),
    "not_finished": gettext_lazy("Please wait until the answers are finished."),
    "needs_two": gettext_lazy("A blind comparison has exactly two columns."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One answer as it is shown. `name` says what wrote it, or on which side it stands; `is_named` which of them."""

    run: PlaygroundRun
    name: str
    is_named: bool

    @property
    def is_active(self) -> bool:
        return self.run.state in playground.ACTIVE

    @property
    def may_retry(self) -> bool:
        return self.run.state in playground.UNANSWERED

    @property
    def error(self) -> str:
        if self.run.state != State.FAILED:
            return ""
        return str(ERRORS.get(self.run.error_code) or _("It was given up: %(code)s.") % {"code": self.run.error_code})


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One turn with its answers from left to right. `may_vote`: both are there, and nobody said which is better."""

    number: int
    turn: TriedTurn
    cells: Sequence[Cell]
    vote: PreferenceVote | None
    may_vote: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a column answers with. `query` is for the form of an experiment."""

    run: PlaygroundRun
    name: str
    settings: str
    query: str


def rows(session: PlaygroundSession) -> Sequence[Row]:
    playground.give_up_lost(session)
    runs: dict[int, list[PlaygroundRun]] = {}
    for run in session.runs.select_related("prompt"):
        runs.setdefault(run.turn, []).append(run)
    said = {vote.turn: vote for vote in session.votes.all()}
    turns = enumerate(playground.turns_of(session))
    return [_row(session, number, turn, runs.get(number, []), said.get(number)) for number, turn in turns]


def changed(found: Sequence[Row], since: datetime) -> Sequence[Row]:
    """The turns with only those cells that were written since."""
    return [
        Row(number=row.number, turn=row.turn, cells=cells, vote=row.vote, may_vote=row.may_vote)
        for row in found
        if (cells := [cell for cell in row.cells if cell.run.updated_at >= since - OVERLAP])
    ]


def progress(found: Sequence[Row]) -> Mapping[str, Any]:
    cells = [cell for row in found for cell in row.cells]
    num_finished = sum(not cell.is_active for cell in cells)
    return {
        "num_finished": num_finished,
        "num_cells": len(cells),
        "is_running": num_finished < len(cells),
        "now": timezone.now().isoformat(),
    }


def heads(session: PlaygroundSession, found: Sequence[Row]) -> Sequence[Head]:
    """None while the session is blind and something is not voted on."""
    if session.is_blind and not all(row.vote for row in found):
        return []
    runs = session.runs.filter(turn=0).select_related("prompt").order_by("column")
    return [Head(run=run, name=name_of(run), settings=_settings(run), query=_query(run)) for run in runs]


def session_page(session: PlaygroundSession, *, go_on: GoOnForm | None = None) -> Mapping[str, Any]:
    asked_at = timezone.now()
    found = rows(session)
    return {
        **progress(found),
        "now": asked_at.isoformat(),
        "session": session,
        "rows": found,
        "heads": heads(session, found),
        "num_columns": max((len(row.cells) for row in found), default=1),
        "may_go_on": len(found) < playground.MAX_TURNS,
        "go_on_form": go_on or GoOnForm(num_turns=len(found)),
    }


def cells_page(session: PlaygroundSession, *, since: str, num_finished: str) -> Mapping[str, Any]:
    """What changed since the last look, and how much is finished if that changed."""
    asked_at = timezone.now()
    found = rows(session)
    state = progress(found)
    return {
        **state,
        "now": asked_at.isoformat(),
        "session": session,
        "rows": changed(found, _time(since) or session.created_at),
        "says_progress": num_finished != str(state["num_finished"]),
    }


def name_of(run: PlaygroundRun) -> str:
    if run.draft:
        return _("Draft")
    return str(run.prompt) if run.prompt else _("Built-in")


def _row(
    session: PlaygroundSession,
    number: int,
    turn: TriedTurn,
    runs: Sequence[PlaygroundRun],
    vote: PreferenceVote | None,
) -> Row:
    hides = session.is_blind and vote is None
    if session.is_blind and runs and votes.left_column(runs[0]):
        runs = runs[::-1]
    sides = (_("Left"), _("Right"))
    cells = [
        Cell(run=run, name=sides[place] if hides else _title(run), is_named=not hides) for place, run in enumerate(runs)
    ]
    is_whole = all(run.state in votes.FINISHED for run in runs)
    return Row(number=number, turn=turn, cells=cells, vote=vote, may_vote=hides and is_whole)


def _title(run: PlaygroundRun) -> str:
    return _("Column %(number)d: %(name)s") % {"number": run.column + 1, "name": name_of(run)}


def _settings(run: PlaygroundRun) -> str:
    values = {name: getattr(run, name) for name in ANSWERING}
    return " · ".join(f"{name}: {value}" for name, value in named(values))


def _query(run: PlaygroundRun) -> str:
    values = {"prompt": run.prompt_id, **{name: getattr(run, name) for name in ANSWERING}}
    return urlencode({name: value for name, value in values.items() if value not in (None, "")})


def _time(text: str) -> datetime | None:
    try:
        found = parse_datetime(text)
    except ValueError:
        return None
    return found if found and timezone.is_aware(found) else None
