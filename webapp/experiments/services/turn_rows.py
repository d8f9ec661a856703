"""What of a database's SQL differs, and the rows that facts are about, for SQLite and PostgreSQL."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection

from assistant.experiments.quantiles import GROWTH, Histogram

ZERO_BIN = next(iter(Histogram.of([0.0]).bins))


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """Functions from expressions to an expression.

    later    of a time, and hours to add
    day      of a time: the date, in UTC
    number   of a column of JSON, and a key: the number, or null
    length   of a column of JSON that holds a list
    first    of a value and a condition: the value of the earliest turn that has one and for which the condition holds
    """

    later: Callable[[str, int], str]
    day: Callable[[str], str]
    number: Callable[[str, str], str]
    length: Callable[[str], str]
    first: Callable[[str, str], str]


_POSTGRES = Dialect(
    later=lambda at, hours: f"({at} + interval '{hours} hours')",
    day=lambda at: f"CAST({at} AT TIME ZONE 'UTC' AS date)",
    number=lambda column, key: f"CAST({column} ->> '{key}' AS double precision)",
    length=lambda column: f"jsonb_array_length({column})",
    first=lambda value, condition: (
        f"(ARRAY_AGG({value} ORDER BY turn.created_at, turn.id)"
        f" FILTER (WHERE {condition} AND ({value}) IS NOT NULL))[1]"
    ),
)
# Times are text that sorts as they do, and a space sorts before the fraction of a second that some of them have.
_SQLITE = Dialect(
    later=lambda at, hours: f"django_format_dtdelta('+', {at}, {hours * 3_600_000_000})",
    day=lambda at: f"SUBSTR({at}, 1, 10)",
    number=lambda column, key: f"JSON_EXTRACT({column}, '$.{key}')",
    length=lambda column: f"JSON_ARRAY_LENGTH({column})",
    first=lambda value, condition: _after_tab(
        f"MIN(CASE WHEN {condition} AND ({value}) IS NOT NULL"
        f" THEN turn.created_at || ' ' || turn.id || CHAR(9) || PRINTF('%%!.17g', {value}) END)"
    ),
)


def _after_tab(text: str) -> str:
    return f"SUBSTR({text}, INSTR({text}, CHAR(9)) + 1)"


def dialect() -> Dialect:
    return _POSTGRES if connection.vendor == "postgresql" else _SQLITE


def turns(*, shadows: bool) -> str:
    """A select of turns. A copied answer is older than its question, and an imported one was worked on by nobody.

    With `shadows` it looks into the table `shadow_blocked`, which there has to be.
    """
    sql = dialect()
    is_shadow_blocked = "CASE WHEN r.id IN (SELECT reply_id FROM shadow_blocked) THEN 1 ELSE 0 END" if shadows else "0"
    return f"""
        SELECT r.id, r.conversation_id, r.message_id, c.owner_id AS person_id, m.parent_id, m.origin,
            m.created_at AS asked_at, r.created_at, r.state, r.copied_at,
            {sql.day("r.created_at")} AS day, LENGTH(r.text) AS num_chars, {sql.length("r.citations")} AS num_citations,
            {sql.number("r.timings", "first_text")} AS first_text_ms,
            {sql.number("r.timings", "finished")} AS finished_ms,
            COALESCE({sql.number("r.usage", "reply_tokens")}, 0) AS reply_tokens,
            COALESCE({sql.number("r.support", "num_cited")}, 0) AS num_cited,
            COALESCE({sql.number("r.support", "num_supported")}, 0) AS num_supported,
            {is_shadow_blocked} AS is_shadow_blocked
        FROM chat_conversation c
        JOIN chat_reply r ON r.conversation_id = c.id
        JOIN chat_message m ON m.id = r.message_id
        WHERE NOT c.is_temporary AND r.epoch > 0 AND r.created_at >= m.created_at
    """  # noqa: S608  # made of constants


def bin_of(value: str) -> str:
    """The bin of `Histogram` that a value falls into; null for null."""
    return (
        f"CASE WHEN {value} > 1e-12 THEN FLOOR(LN({value}) / {math.log(GROWTH)!r})"
        f" WHEN {value} IS NOT NULL THEN {ZERO_BIN} END"
    )
