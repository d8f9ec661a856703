from django.db import migrations

WORDS_OF = "to_tsvector('simple', regexp_replace({column}, '[^[:alnum:]]+', ' ', 'g'))"
INDEXES = {
    "chat_search_title": f"chat_conversation USING gin ({WORDS_OF.format(column='title')})",
    "chat_search_message": f"chat_message USING gin ({WORDS_OF.format(column='text')})",
    "chat_search_reply": f"chat_reply USING gin ({WORDS_OF.format(column='text')})"
    " WHERE state IN ('done', 'cancelled', 'failed')",
}


def make(apps, schema_editor):
    """On SQLite, `webapp.chat.services.search_sqlite` makes its tables and triggers after every migration."""
    if schema_editor.connection.vendor == "postgresql":
        for name, definition in INDEXES.items():
            schema_editor.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {definition}")


def unmake(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for name in INDEXES:
            schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("chat", "0003_people_expect")]
    operations = [migrations.RunPython(make, unmake)]
