"""One number for each person and fact: the one pass over turns that all metrics of a window share."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from django.db import connection, transaction

from webapp.experiments.facts import FACTS
from webapp.experiments.models import Phase
from webapp.experiments.services.funnels import Steps, furthest
from webapp.experiments.services.turn_rows import dialect, turns

TABLE = "measured_people"
HISTORY_HOURS = 14 * 24
"""How long before the exposure CUPED looks."""

GROUPS = ("arm_id", "day", "language", "device", "is_guest", "is_new")
Span = Literal["after", "before", "first"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The time that counts, in hours from the exposure: from `from_hours` on, before `until_hours`."""

    from_hours: int
    until_hours: int

    @property
    def length(self) -> timedelta:
        return timedelta(hours=self.until_hours)


@dataclass(frozen=True, slots=True)
class Column:
    """A fact of a person: all of it within the window, all of it in the days before, or its first value within."""

    fact: str
    span: Span

    @property
    def name(self) -> str:
        return f"{self.fact}_{self.span}"

    @property
    def facts(self) -> tuple[str, ...]:
        return (self.fact,)


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Whom a pass is about: a select with the columns id, person_id, at and `GROUPS`, and its parameters.

    Every `at` is in [since, before), so that the database need not look at turns that are far from that. Without
    `has_past` the days before count as empty, and nothing is adjusted by them.
    """

    sql: str
    params: tuple[Any, ...]
    since: datetime
    before: datetime
    has_past: bool = True


def exposed(phase: Phase, window: Window, *, since: datetime, before: datetime, now: datetime) -> People:
    """Those exposed in [since, before) whose window is over; testers are none of them."""
    at = connection.ops.adapt_datetimefield_value
    sql = dialect()
    return People(
        sql=f"""
            SELECT x.id, x.person_id, x.at, x.arm_id, {sql.day("x.at")} AS day,
                x.language, x.device, x.is_guest, x.is_new
            FROM experiments_exposure x
            WHERE x.phase_id = %s AND NOT x.is_forced AND x.at >= %s AND x.at < %s AND x.at <= %s
        """,  # noqa: S608  # made of constants
        params=(phase.pk, at(since), at(before), at(now - window.length)),
        since=since,
        before=before,
        has_past=phase.has_past,
    )


def active(window: Window, *, since: datetime, now: datetime) -> People:
    """Those with a turn since then, from their first one on, if the window after it is over; as they are today."""
    at = connection.ops.adapt_datetimefield_value
    return People(
        sql=f"""
            SELECT first.person_id AS id, first.person_id, first.at, 0 AS arm_id, {dialect().day("first.at")} AS day,
                person.language, person.device, person.is_guest, 0 AS is_new
            FROM (
                SELECT turn.person_id, MIN(turn.created_at) AS at
                FROM ({turns(shadows=False)}) turn WHERE turn.created_at >= %s GROUP BY turn.person_id
            ) first
            JOIN accounts_user person ON person.id = first.person_id
            WHERE first.at <= %s
        """,  # noqa: S608  # made of constants
        params=(at(since), at(now - window.length)),
        since=since,
        before=now,
    )


@contextmanager
def measured(
    people: People, window: Window, columns: Sequence[Column | Steps], *, shadows: bool = False
) -> Iterator[None]:
    """There is a table `TABLE` with a row for each person: `GROUPS`, and the columns by their names.

    It is this connection's own and goes with the block, as with a failure.
    """
    sql, params = query(people, window, columns, shadows=shadows)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE {TABLE} AS {sql}", params)
        yield
        cursor.execute(f"DROP TABLE {TABLE}")


def query(
    people: People, window: Window, columns: Sequence[Column | Steps], *, shadows: bool = False
) -> tuple[str, tuple[Any, ...]]:
    """What `measured` keeps, and its parameters. People without a turn have a row of zeros."""
    sql, at = dialect(), connection.ops.adapt_datetimefield_value
    plain = [column for column in columns if isinstance(column, Column)]
    counted = [f"{_number(column, window)} AS {column.name}" for column in plain]
    groups = ", ".join(f"p.{name}" for name in ("id", *GROUPS))
    looks_back = people.has_past and any(column.span == "before" for column in plain)
    from_hours = -HISTORY_HOURS if looks_back else window.from_hours
    select = f"""
        SELECT {", ".join([groups, *counted])}
        FROM ({people.sql}) p LEFT JOIN ({turns(shadows=shadows)} AND r.created_at >= %s AND r.created_at < %s) turn
            ON turn.person_id = p.person_id
            AND turn.created_at >= {sql.later("p.at", from_hours)}
            AND turn.created_at < {sql.later("p.at", window.until_hours)}
        GROUP BY {groups}
    """  # noqa: S608  # made of constants
    begins, ends = people.since + timedelta(hours=from_hours), people.before + window.length
    params = (*people.params, at(begins), at(ends))
    for column in columns:
        if isinstance(column, Steps):
            taken, more = _steps(people, window, column, shadows=shadows)
            select = f"SELECT so_far.*, f.{column.name} FROM ({select}) so_far JOIN ({taken}) f ON f.id = so_far.id"  # noqa: S608
            params = (*params, *more)
    return select, params


def _steps(people: People, window: Window, steps: Steps, *, shadows: bool) -> tuple[str, tuple[Any, ...]]:
    sql, at = dialect(), connection.ops.adapt_datetimefield_value
    select = furthest(
        steps,
        people=people.sql,
        turns=f"{turns(shadows=shadows)} AND r.created_at >= %s AND r.created_at < %s",
        begins=sql.later("p.at", window.from_hours) if window.from_hours else "p.at",
        ends=sql.later("p.at", window.until_hours),
    )
    return select, (*people.params, at(people.since), at(people.before + window.length))


def _number(column: Column, window: Window) -> str:
    sql, fact = dialect(), FACTS[column.fact]
    begins = sql.later("p.at", window.from_hours) if window.from_hours else "p.at"
    is_within = "turn.created_at < p.at" if column.span == "before" else f"turn.created_at >= {begins}"
    if column.span == "first":
        number = sql.first(fact.sql, is_within)
    elif fact.is_summed:
        number = f"COALESCE(SUM(CASE WHEN {is_within} THEN {fact.sql} END), 0)"
    else:
        number = f"COUNT(DISTINCT CASE WHEN {is_within} THEN {fact.sql} END)"
    return f"CAST({number} AS double precision)"
