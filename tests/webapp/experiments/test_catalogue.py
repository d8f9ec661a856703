"""The built-in metrics, on two days of eight people that can be counted by hand."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.webapp.experiments.random_turns import BEGIN, expose, make_experiment, make_person, make_turn
from webapp.accounts.models import User
from webapp.chat.models import Feedback, Reply
from webapp.experiments.models import Metric
from webapp.experiments.services.comparing import value_of
from webapp.experiments.services.measuring import by_window, measure
from webapp.experiments.services.sums import add
from webapp.moderation.models import Case, Flag, Verdict

pytestmark = pytest.mark.django_db

MINUTE, EVENING, NEXT_DAY = timedelta(minutes=1), timedelta(hours=8), timedelta(hours=30)

# What it comes to, and whether more of it is better. Of all 72 hours there are 12 finished answers to 20 messages in 18
# chats; of the first 24 hours 9 of 18 answers that were begun, two of them after the first six.
CATALOGUE = {
    "thumbs_up_rate": (2 / 5, True),
    "kept_rate": (11 / 12, True),
    "copy_rate": (1 / 12, True),
    "next_day_return": (3 / 8, True),
    "turns_per_person": (20 / 8, True),
    "turns_per_chat": (20 / 18, True),
    "followup_rate": (1 / 20, True),
    "abandonment": (17 / 18, False),
    "answer_length": (560 / 12, False),
    "input_blocks": (4 / 8, False),
    "output_blocks": (2 / 8, False),
    "withdrawn": (1 / 8, False),
    "reports": (3 / 8, False),
    "error_rate": (1 / 18, False),
    "stop_rate": (2 / 18, False),
    "tokens_per_answer": (126 / 9, False),
    "first_text_p50": (500, False),
    "first_text_p95": (900, False),
    "latency_p95": (9000, False),
    "cited_rate": (2 / 9, True),
    "supported_rate": (4 / 7, True),
    "thumbs_up_rate_6h": (2 / 3, True),
    "kept_rate_6h": (8 / 9, True),
    "withdrawn_1h": (0, False),
    "error_rate_1h": (1 / 16, False),
    "shadow_blocks": (6 / 8, False),
    "way_back": (2 / 8, True),
}


def test_each_metric_counts_what_its_name_says() -> None:
    """The fact, what it is divided by, the window and the direction: each value is another one."""
    metrics = list(Metric.objects.filter(is_built_in=True))
    assert {metric.key for metric in metrics} == set(CATALOGUE)
    # But that as many came back as reported something, and that as many took the whole way as answers were withheld of.
    assert len({value for value, _is_better_up in CATALOGUE.values()}) == len(CATALOGUE) - 2
    found = measured(metrics)
    for metric in metrics:
        value, is_better_up = CATALOGUE[metric.key]
        # Times are kept in bins that are 1% wide.
        near = pytest.approx(value, rel=0.005 if metric.kind == "quantile" else 1e-12)
        assert (metric.key, found[metric.key], metric.is_better_up) == (metric.key, near, is_better_up)


def measured(metrics: list[Metric]) -> dict[str, float]:
    phase = make_experiment()
    people = [make_person() for _ in range(8)]
    for person in people:
        expose(phase, person, BEGIN)
    two_days(people)
    found = {}
    for window, mine in by_window(metrics).items():
        cells = measure(phase, window, mine, since=BEGIN, before=BEGIN + MINUTE, now=BEGIN + timedelta(days=9))
        for metric, parts in zip(mine, cells, strict=True):
            found[metric.key] = value_of(metric, add([part.sums for part in parts]))
    return found


def two_days(people: list[User]) -> None:
    first, second, third, fourth, fifth, *others = people

    opened = answer(first, BEGIN, 100, 40, first_text=200, finished=1000, citations=[{"number": 1}])
    asked = answer(first, BEGIN + MINUTE, 60, 20, chat=opened.conversation, parent=opened, copied_at=BEGIN)
    asked.message.origin = "followup"
    asked.message.save(update_fields=["origin"])
    disliked = answer(first, BEGIN + 2 * MINUTE, 40, 12, chat=opened.conversation, parent=asked)
    answer(first, BEGIN + 3 * MINUTE, 30, 8, chat=opened.conversation, message=disliked.message)
    for reply in (opened, asked):
        Feedback.objects.create(reply=reply, person=first, thumb=1)
    dislike(disliked)
    make_turn(first, BEGIN + 4 * MINUTE, state="failed")
    make_turn(first, BEGIN + 5 * MINUTE, state="cancelled")
    checked = {"num_cited": 7, "num_supported": 4, "sentences": []}
    report(answer(first, BEGIN + 6 * MINUTE, 20, 6, citations=[{"number": 1}], support=checked))
    answer(first, BEGIN + NEXT_DAY, 10, 4)

    answer(second, BEGIN, 50, 10, first_text=400, finished=3000)
    make_turn(second, BEGIN + EVENING, state="cancelled")
    dislike(answer(second, BEGIN + NEXT_DAY, 50, 10))

    withhold(make_turn(third, BEGIN, state="blocked"), "input")
    dislike(answer(third, BEGIN + NEXT_DAY, 50, 10))

    withhold(make_turn(fourth, BEGIN + EVENING, state="blocked", timings={"first_text": 900}), "output")
    withhold(make_turn(fifth, BEGIN, state="blocked"), "output")

    for number, person in enumerate(others):
        reply = answer(person, BEGIN, 50, 10, first_text=500 + 100 * number, finished=5000 + 2000 * number)
        if number < 2:
            report(reply)
        withhold(make_turn(person, BEGIN + MINUTE, state="blocked"), "input")


def answer(
    person: User,
    at: datetime,
    num_chars: int,
    num_tokens: int,
    *,
    first_text: int = 0,
    finished: int = 0,
    **fields: Any,
) -> Reply:
    timings = {"first_text": first_text, "finished": finished} if finished else {}
    return make_turn(person, at, text="x" * num_chars, usage={"reply_tokens": num_tokens}, timings=timings, **fields)


def dislike(reply: Reply) -> None:
    Feedback.objects.create(reply=reply, person=reply.conversation.owner, thumb=-1)


def report(reply: Reply) -> None:
    case = Case.objects.create(reply=reply, person=reply.conversation.owner, opened_at=reply.created_at)
    Flag.objects.create(case=case, source="report")


def withhold(reply: Reply, direction: str) -> None:
    Verdict.objects.create(
        reply=reply,
        direction=direction,
        action="block",
        score=0.9,
        categories={"hate": 0.9},
        guard_id="embedded-1",
        policy_version="1",
        latency_ms=1.0,
    )
