"""The metrics that a chat is measured by, ready to be chosen."""

from typing import Any

from django.db import migrations

GOALS: list[dict[str, Any]] = [
    {
        "key": "thumbs_up_rate",
        "name": "Thumbs up",
        "description": "Of the answers that somebody rated.",
        "kind": "ratio",
        "unit": "share",
        "fact": "thumbs_up",
        "per": "rated",
    },
    {
        "key": "kept_rate",
        "name": "Kept answers",
        "description": "Of the finished answers, those not asked for again and whose question was not changed.",
        "kind": "ratio",
        "unit": "share",
        "fact": "kept_answers",
        "per": "answers",
    },
    {
        "key": "copy_rate",
        "name": "Copied answers",
        "description": "Of the finished answers.",
        "kind": "ratio",
        "unit": "share",
        "fact": "copied",
        "per": "answers",
    },
    {
        "key": "next_day_return",
        "name": "Return on the next day",
        "description": "People who sent something 24 to 48 hours after they were first part of it.",
        "kind": "retention",
        "unit": "share",
        "fact": "turns",
        "from_hours": 24,
        "window_hours": 48,
    },
]
SECONDARY: list[dict[str, Any]] = [
    {
        "key": "turns_per_person",
        "name": "Messages",
        "description": "Sent by a person, up to 200.",
        "kind": "mean",
        "fact": "turns",
        "cap": 200.0,
    },
    {
        "key": "turns_per_chat",
        "name": "Messages in a chat",
        "description": "Messages sent by chats begun.",
        "kind": "ratio",
        "fact": "turns",
        "per": "chats",
    },
    {
        "key": "followup_rate",
        "name": "Suggested questions",
        "description": "Of the messages, those that were suggested.",
        "kind": "ratio",
        "unit": "share",
        "fact": "followup_clicks",
        "per": "turns",
    },
    {
        "key": "abandonment",
        "name": "Chats left after one message",
        "description": "Of the chats begun.",
        "kind": "ratio",
        "unit": "share",
        "fact": "abandoned_chats",
        "per": "chats",
        "is_better_up": False,
    },
    {
        "key": "answer_length",
        "name": "Length of answers",
        "description": "Characters of a finished answer. Longer is not better.",
        "kind": "ratio",
        "fact": "reply_chars",
        "per": "answers",
        "is_better_up": False,
    },
]


def _rare(key: str, name: str, description: str) -> dict[str, Any]:
    return {
        "key": key,
        "name": name,
        "description": description,
        "kind": "binary",
        "unit": "share",
        "fact": key,
        "is_rare": True,
    }


def _slow(key: str, name: str, description: str, fact: str, quantile: float) -> dict[str, Any]:
    return {
        "key": key,
        "name": name,
        "description": description,
        "kind": "quantile",
        "unit": "ms",
        "fact": fact,
        "quantile": quantile,
    }


GUARDRAILS: list[dict[str, Any]] = [
    _rare("input_blocks", "Withheld messages", "People of whom the guard withheld a message."),
    _rare("output_blocks", "Withheld answers", "People to whom the guard did not let an answer through."),
    _rare("withdrawn", "Withdrawn answers", "People who saw an answer taken back."),
    _rare("reports", "Reports", "People who reported an answer."),
    {
        "key": "error_rate",
        "name": "Failed answers",
        "description": "Of all answers begun.",
        "kind": "ratio",
        "unit": "share",
        "fact": "errors",
        "per": "attempts",
    },
    {
        "key": "stop_rate",
        "name": "Stopped answers",
        "description": "Of all answers begun.",
        "kind": "ratio",
        "unit": "share",
        "fact": "stops",
        "per": "attempts",
    },
    {
        "key": "tokens_per_answer",
        "name": "Tokens of an answer",
        "description": "What a finished answer costs to make.",
        "kind": "ratio",
        "fact": "reply_tokens",
        "per": "answers",
    },
    _slow("first_text_p50", "Time to first text, median", "Of a person's first answer.", "first_text_ms", 0.5),
    _slow("first_text_p95", "Time to first text, slow", "95 of 100 first answers are faster.", "first_text_ms", 0.95),
    _slow("latency_p95", "Time to the end, slow", "95 of 100 first answers are finished sooner.", "latency_ms", 0.95),
    {
        "key": "cited_rate",
        "name": "Answers with citations",
        "description": "Of the finished answers.",
        "kind": "ratio",
        "unit": "share",
        "fact": "cited",
        "per": "answers",
        "is_better_up": True,
    },
]


def make(apps: Any, _schema: Any) -> None:
    metrics = apps.get_model("experiments", "Metric").objects
    guardrails = [{"window_hours": 24, "is_better_up": False, **metric} for metric in GUARDRAILS]
    for metric in [*GOALS, *SECONDARY, *guardrails]:
        values = {name: value for name, value in metric.items() if name != "key"}
        metrics.update_or_create(key=metric["key"], defaults={"window_hours": 72, **values, "is_built_in": True})


def take_away(apps: Any, _schema: Any) -> None:
    apps.get_model("experiments", "Metric").objects.filter(is_built_in=True, experiments=None).delete()


class Migration(migrations.Migration):
    dependencies = [("experiments", "0010_rollbacks_and_preference_votes")]

    operations = [migrations.RunPython(make, take_away)]
