"""What can be counted of a person: facts about their turns, each an expression of SQL over one turn.

A turn is an answer that was begun, with its question, in a chat that is kept; `services.turn_rows` gives its columns.
Copies and imports are none: nothing of them happened here. All facts about a turn belong to the moment it began, also
a thumb or a report that comes days later. 0 is "not so", null is "there is no such number".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Unit = Literal["count", "ms"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """
    sql         of one turn, named `turn`
    is_summed   a person's number is the sum over their turns; else the number of different values
    """

    key: str
    description: str
    unit: Unit = "count"
    sql: str
    is_summed: bool = True


def _if(condition: str) -> str:
    return f"CASE WHEN {condition} THEN 1 ELSE 0 END"


_IS_FIRST_ANSWER = """NOT EXISTS (
    SELECT 1 FROM chat_reply earlier WHERE earlier.message_id = turn.message_id AND earlier.created_at < turn.created_at
)"""
_BEGINS_CHAT = """NOT EXISTS (
    SELECT 1 FROM chat_reply earlier
    WHERE earlier.conversation_id = turn.conversation_id AND earlier.created_at < turn.created_at
)"""
_GOES_ON = """EXISTS (
    SELECT 1 FROM chat_reply later
    WHERE later.conversation_id = turn.conversation_id AND later.created_at > turn.created_at
    AND later.message_id <> turn.message_id
)"""
# An answer that goes on from this one is no other answer, and another version of the question is another question.
_WAS_ASKED_AGAIN = """EXISTS (
    SELECT 1 FROM chat_reply later
    WHERE later.message_id = turn.message_id AND later.created_at > turn.created_at
    AND (later.continued_from_id IS NULL OR later.continued_from_id <> turn.id)
)"""
_WAS_EDITED = """EXISTS (
    SELECT 1 FROM chat_message version
    WHERE version.conversation_id = turn.conversation_id AND version.created_at > turn.asked_at
    AND (version.parent_id = turn.parent_id OR (version.parent_id IS NULL AND turn.parent_id IS NULL))
)"""
_HAS_THUMB = """EXISTS (
    SELECT 1 FROM chat_feedback f WHERE f.reply_id = turn.id AND f.person_id = turn.person_id AND f.thumb {which}
)"""
_HAS_BLOCK = """EXISTS (
    SELECT 1 FROM moderation_verdict v
    WHERE v.reply_id = turn.id AND v.action = 'block' AND v.direction = '{direction}'
)"""
_WAS_REPORTED = """EXISTS (
    SELECT 1 FROM moderation_flag f JOIN moderation_case k ON k.id = f.case_id
    WHERE k.reply_id = turn.id AND f.source = 'report'
)"""
_WAS_APPEALED = """EXISTS (
    SELECT 1 FROM moderation_appeal a JOIN moderation_case k ON k.id = a.case_id WHERE k.reply_id = turn.id
)"""
_WAS_WITHDRAWN = f"turn.first_text_ms IS NOT NULL AND {_HAS_BLOCK.format(direction='output')}"
# A day of SQLite is the beginning of the text that its moments are.
_EARLIER_TURN = """EXISTS (
    SELECT 1 FROM chat_conversation mine
    JOIN chat_reply earlier ON earlier.conversation_id = mine.id
    JOIN chat_message asked ON asked.id = earlier.message_id
    WHERE mine.owner_id = turn.person_id AND NOT mine.is_temporary
    AND earlier.epoch > 0 AND earlier.created_at >= asked.created_at AND {when}
)"""
_IS_RETURN = (
    _EARLIER_TURN.format(when="earlier.created_at < turn.day")
    + " AND NOT "
    + _EARLIER_TURN.format(when="earlier.created_at >= turn.day AND earlier.created_at < turn.created_at")
)
_IS_ANSWER = "turn.state = 'done'"

FACTS: Mapping[str, Fact] = MappingProxyType(
    {
        fact.key: fact
        for fact in (
            Fact(key="turns", description="Messages sent", sql=_if(_IS_FIRST_ANSWER)),
            Fact(
                key="starter_clicks",
                description="Suggested beginnings sent",
                sql=_if(f"turn.origin = 'starter' AND {_IS_FIRST_ANSWER}"),
            ),
            Fact(
                key="followup_clicks",
                description="Suggested questions sent",
                sql=_if(f"turn.origin = 'followup' AND {_IS_FIRST_ANSWER}"),
            ),
            Fact(key="chats", description="Chats begun", sql=_if(_BEGINS_CHAT)),
            Fact(
                key="abandoned_chats",
                description="Chats begun in which nothing more was asked",
                sql=_if(f"{_BEGINS_CHAT} AND NOT {_GOES_ON}"),
            ),
            Fact(key="active_days", description="Days (UTC) with a turn", sql="turn.day", is_summed=False),
            Fact(key="returns", description="Returns on a later day (UTC)", sql=_if(_IS_RETURN)),
            Fact(key="attempts", description="Answers begun, however they ended", sql="1"),
            Fact(key="answers", description="Answers finished", sql=_if(_IS_ANSWER)),
            Fact(
                key="kept_answers",
                description="Answers finished and not asked for again, nor their question changed",
                sql=_if(f"{_IS_ANSWER} AND NOT {_WAS_ASKED_AGAIN} AND NOT {_WAS_EDITED}"),
            ),
            Fact(
                key="copied",
                description="Answers copied, in whole or in part",
                sql=_if(f"{_IS_ANSWER} AND turn.copied_at IS NOT NULL"),
            ),
            Fact(
                key="cited", description="Answers with citations", sql=_if(f"{_IS_ANSWER} AND turn.num_citations > 0")
            ),
            Fact(
                key="cited_sentences",
                description="Sentences about what a source is about, of answers that were checked",
                sql=f"CASE WHEN {_IS_ANSWER} THEN turn.num_cited ELSE 0 END",
            ),
            Fact(
                key="supported_sentences",
                description="Sentences that a source supports, of answers that were checked",
                sql=f"CASE WHEN {_IS_ANSWER} THEN turn.num_supported ELSE 0 END",
            ),
            Fact(key="rated", description="Answers with a thumb", sql=_if(_HAS_THUMB.format(which="<> 0"))),
            Fact(key="thumbs_up", description="Answers with a thumb up", sql=_if(_HAS_THUMB.format(which="= 1"))),
            Fact(key="thumbs_down", description="Answers with a thumb down", sql=_if(_HAS_THUMB.format(which="= -1"))),
            Fact(
                key="reply_chars",
                description="Characters of finished answers",
                sql=f"CASE WHEN {_IS_ANSWER} THEN turn.num_chars ELSE 0 END",
            ),
            Fact(
                key="reply_tokens",
                description="Tokens of finished answers",
                sql=f"CASE WHEN {_IS_ANSWER} THEN turn.reply_tokens ELSE 0 END",
            ),
            Fact(key="first_text_ms", description="Time to the first text", unit="ms", sql="turn.first_text_ms"),
            Fact(
                key="latency_ms",
                description="Time to the end of a finished answer",
                unit="ms",
                sql=f"CASE WHEN {_IS_ANSWER} THEN turn.finished_ms END",
            ),
            Fact(key="errors", description="Answers that failed", sql=_if("turn.state = 'failed'")),
            Fact(key="stops", description="Answers that the person stopped", sql=_if("turn.state = 'cancelled'")),
            Fact(
                key="input_blocks",
                description="Messages withheld by the guard",
                sql=_if(_HAS_BLOCK.format(direction="input")),
            ),
            Fact(
                key="output_blocks",
                description="Answers withheld by the guard",
                sql=_if(_HAS_BLOCK.format(direction="output")),
            ),
            Fact(
                key="withdrawn",
                description="Answers withheld after something of them was shown",
                sql=_if(_WAS_WITHDRAWN),
            ),
            Fact(
                key="shadow_blocks",
                description="Turns that the arm's shadow policy would withhold",
                sql="turn.is_shadow_blocked",
            ),
            Fact(key="reports", description="Answers reported", sql=_if(_WAS_REPORTED)),
            Fact(key="appeals", description="Turns appealed against", sql=_if(_WAS_APPEALED)),
        )
    }
)
