"""An experiment with very many people and their turns, made by the database itself."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import Model
from django.utils import timezone

from webapp.accounts.models import User
from webapp.chat.models import Conversation, Feedback, Message, Reply
from webapp.experiments.models import Allocation, Arm, Experiment, Exposure, Layer, Phase

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
NUM_DAYS = 28
KEY = "large"
_NOW = timezone.now()
TABLES = ("experiments_exposure", "chat_conversation", "chat_message", "chat_reply", "chat_feedback")
# Searching for words is another benchmark's; these would be half of the disk.
_UNUSED = ("chat_search_title", "chat_search_message", "chat_search_reply")


def make_phase() -> Phase:
    experiment = Experiment.objects.create(
        key=KEY, name="Large", layer=Layer.objects.create(name="main"), state="running", started_at=BEGIN
    )
    phase = Phase.objects.create(experiment=experiment, number=1, started_at=BEGIN)
    for key in ("control", "warm"):
        arm = Arm.objects.create(experiment=experiment, key=key, name=key, is_control=key == "control")
        Allocation.objects.create(phase=phase, arm=arm, weight=1)
    return phase


def fill(phase: Phase, *, num_people: int, num_replies: int) -> None:
    """One chat for each person, from a week before the exposure to two weeks after it; some have many turns, some none.

    The rows of the people themselves are left out, as no query reads them, so foreign keys are not checked meanwhile.
    """
    with connection.cursor() as cursor:
        indexes = _drop_indexes()
        cursor.execute("SET session_replication_role = replica")
        _insert_people(phase, num_people)
        _insert_turns(num_people, num_replies)
        cursor.execute("SET session_replication_role = origin")
        for definition in indexes:
            cursor.execute(definition)
        cursor.execute("VACUUM ANALYZE")


def _insert_people(phase: Phase, num: int) -> None:
    control, warm = phase.experiment.arms.values_list("pk", flat=True)
    step = NUM_DAYS * 86_400 / num
    person, at = "md5('p' || i)::uuid", f"timestamptz '{BEGIN.isoformat()}' + i * interval '{step:.9f} seconds'"
    _insert(
        Exposure(phase=phase, arm_id=control, person=User(), at=_NOW),
        {
            "id": "i + 1",
            "person_id": person,
            "at": at,
            "arm_id": f"CASE WHEN random() < 0.5 THEN {control} ELSE {warm} END",
            "language": "(ARRAY['en', 'en', 'en', 'de', 'es', 'ar'])[1 + floor(random() * 6)]",
            "device": "(ARRAY['phone', 'desktop'])[1 + floor(random() * 2)]",
            "is_guest": "random() < 0.4",
            "is_new": "random() < 0.3",
            "is_mixed": "random() < 0.001",
        },
        num,
    )
    _insert(
        Conversation(owner=User(), title="Chat"),
        {"id": "md5('c' || i)::uuid", "owner_id": person, "created_at": at},
        num,
    )


def _insert_turns(num_people: int, num_replies: int) -> None:
    step = NUM_DAYS * 86_400 / num_people
    with connection.cursor() as cursor:
        cursor.execute(
            f"""CREATE UNLOGGED TABLE generated AS
            SELECT i, person, timestamptz '{BEGIN.isoformat()}' + person * interval '{step:.9f} seconds'
                + (random() * 21 - 7) * interval '1 day' AS at, random() AS luck
            FROM (SELECT i, floor({num_people} * random() ^ 1.5)::bigint AS person
                FROM generate_series(0, {num_replies - 1}) i OFFSET 0) drawn"""
        )
    chat = "md5('c' || person)::uuid"
    _insert(
        Message(conversation=Conversation(), text="What is this?"),
        {"id": "md5('m' || i)::uuid", "conversation_id": chat, "created_at": "at"},
        source="generated",
    )
    _insert(
        Reply(conversation=Conversation(), message=Message(), state="done", epoch=1, seed=1, deadline=_NOW),
        {
            "id": "md5('r' || i)::uuid",
            "conversation_id": chat,
            "message_id": "md5('m' || i)::uuid",
            "created_at": "at",
            "state": "CASE WHEN luck < 0.92 THEN 'done' WHEN luck < 0.97 THEN 'cancelled' ELSE 'failed' END",
            "text": "repeat('word ', (10 + luck * 30)::int)",
            "timings": "jsonb_build_object('first_text', 200 + 800 * random(), 'finished', 1000 + 5000 * random())",
            "usage": "jsonb_build_object('reply_tokens', (10 + luck * 30)::int)",
            "copied_at": "CASE WHEN random() < 0.1 THEN at END",
        },
        source="generated",
    )
    _insert(
        Feedback(reply=Reply(), person=User(), thumb=1),
        {
            "id": "i + 1",
            "reply_id": "md5('r' || i)::uuid",
            "person_id": "md5('p' || person)::uuid",
            "thumb": "CASE WHEN random() < 0.7 THEN 1 ELSE -1 END",
        },
        source="generated WHERE luck < 0.1",
    )
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE generated")


def _insert(template: Model, expressions: Mapping[str, str], num: int = 0, *, source: str = "") -> None:
    """Rows like `template`, but for the columns that are given as expressions over `source`, or over i below `num`."""
    fields = template._meta.concrete_fields
    wanted: list[str] = []
    params: list[Any] = []
    for field in fields:
        if expression := expressions.get(str(field.column)):
            wanted.append(expression)
        else:
            wanted.append("%s")
            params.append(field.get_db_prep_save(field.pre_save(template, True), connection))
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    table, source = template._meta.db_table, source or f"generate_series(0, {num - 1}) i"
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({columns}) SELECT {', '.join(wanted)} FROM {source}", params)


def _drop_indexes() -> list[str]:
    """All that a constraint does not need. Returns how to make those again that are of use here."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE indexdef NOT LIKE 'CREATE UNIQUE%%'"
            " AND tablename = ANY(%s) ORDER BY indexname",
            [list(TABLES)],
        )
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {name}")
    return [definition for name, definition in indexes if name not in _UNUSED]
