"""Where in the database something is left of a person."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import connection


def cells() -> Iterator[tuple[str, str]]:
    """Every value of every table, as text, under the name of its column; of the tables without a model, too."""
    for model in apps.get_models(include_auto_created=True):
        columns = [field.attname for field in model._meta.concrete_fields]
        for row in model._base_manager.values_list(*columns):
            for column, value in zip(columns, row, strict=True):
                yield f"{model._meta.label}.{column}", _text(value)
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))
        for table in tables - {model._meta.db_table for model in apps.get_models(include_auto_created=True)}:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            for row in cursor.fetchall():
                for value in row:
                    yield table, _text(value)


def _text(value: Any) -> str:
    return bytes(value).decode("latin-1") if isinstance(value, bytes | memoryview) else str(value)


def traces(*words: str) -> set[str]:
    return {column for column, text in cells() if any(word in text for word in words)}


def tables_with(*words: str) -> set[str]:
    """The tables in which any of the words stands."""
    return {_table(column) for column in traces(*words)}


def _table(column: str) -> str:
    label = column.rpartition(".")[0]
    return apps.get_model(label)._meta.db_table if label else column
