"""What is timed, and its report."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from http import HTTPStatus

from django.conf import settings
from django.db import connection
from django.db.models import Count
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings
from django.urls import reverse

from benchmarks.exposures.people import BEGIN, KEY, NUM_DAYS, TABLES, fill, make_phase
from webapp.accounts.models import User
from webapp.experiments.models import CohortStat, ExperimentMetric, Exposure, Metric, Phase
from webapp.experiments.services import snapshots
from webapp.experiments.services.analysis import analyse
from webapp.experiments.services.measuring import by_window, columns_of, measure
from webapp.experiments.services.per_person import Window, exposed, query
from webapp.experiments.services.snapshots import refresh
from webapp.experiments.services.sums import to_json
from webapp.experiments.services.ticking import SOON_HOURS
from webapp.experiments.services.waiting import arrived_so_far

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
PLAIN_FILES = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
GOALS = ("thumbs_up_rate", "kept_rate", "copy_rate", "next_day_return")


def run(num_people: int, num_replies: int) -> None:
    phase = Phase.objects.filter(experiment__key=KEY).first()
    if phase is None:
        with timed("rows made"):
            phase = make_phase()
            fill(phase, num_people=num_people, num_replies=num_replies)
    show_sizes()
    CohortStat.objects.all().delete()
    end = BEGIN + NUM_DAYS * DAY
    show_plan(phase, [Metric.objects.get(key="kept_rate")], Window(from_hours=0, until_hours=72), end - 4 * DAY)
    choose(phase, "reports", "kept_rate")
    with timed("all 28 days of one yes-or-no metric and one ratio"):
        print(refresh(phase.experiment, now=end + 6 * DAY, everything=True))

    choose(phase, *Metric.objects.filter(is_built_in=True).values_list("key", flat=True))
    CohortStat.objects.all().delete()
    measure_a_day(phase, end - 6 * DAY, end)
    with timed("the refresh of a night"):
        print(refresh(phase.experiment, now=end))
    measure_an_hour(phase, end)
    read_results()


def choose(phase: Phase, *keys: str) -> None:
    """These metrics, and no other, are the experiment's: goals first, and what is known after a day guards."""
    phase.experiment.metrics.all().delete()
    for metric in Metric.objects.filter(key__in=keys):
        role = "goal" if metric.key in GOALS else "guardrail" if metric.window_hours == 24 else "secondary"
        ExperimentMetric.objects.create(experiment=phase.experiment, metric=metric, role=role, margin=0.02)


def measure_a_day(phase: Phase, day: datetime, end: datetime) -> None:
    """All metrics for those first exposed on one day; its rows stand in for the days before it, which are final."""
    metrics = Metric.objects.filter(experiments__experiment=phase.experiment)
    found = []
    with timed(f"one day of {len(metrics)} metrics"):
        for window, mine in by_window(metrics).items():
            with timed(f"  of which {len(mine)} within {window.until_hours} hours"):
                results = measure(phase, window, mine, since=day, before=day + DAY, now=end + 6 * DAY)
            found += list(zip(mine, results, strict=True))
    rows = [
        CohortStat(
            phase=phase,
            metric=metric,
            **{**one.cell._asdict(), "day": (BEGIN + number * DAY).date()},
            n=one.n,
            sums=to_json(one.sums),
            computed_at=end,
            is_final=True,
        )
        for metric, cells in found
        for one in cells
        for number in range((day - BEGIN).days)
    ]
    CohortStat.objects.bulk_create(rows, batch_size=5000)
    print(f"{len(rows):,} rows of sums")


def measure_an_hour(phase: Phase, end: datetime) -> None:
    """What guards, and what is known soon, as each hour looks at it while the experiment runs."""
    roles = [ExperimentMetric.Role.GUARDRAIL]
    with timed("the look of an hour"):
        print(refresh(phase.experiment, now=end + HOUR, roles=roles, or_within_hours=SOON_HOURS, waits_for_late=False))


def read_results() -> None:
    """The result with all its statistics; and what it reads, by itself, by day and of one segment."""
    phase = Phase.objects.get(experiment__key=KEY)
    metrics = list(Metric.objects.filter(experiments__experiment=phase.experiment))
    with timed(f"the result: analysis of {len(metrics)} metrics"):
        found = analyse(phase.experiment, phase=phase, now=BEGIN + NUM_DAYS * DAY)
    print({people.arm.key: people.n for people in found.arms}, f"{len(found.rows)} rows, {found.recommendation}")
    with timed("  of which people by arm"):
        snapshots.exposed(phase)
    with timed("  of which the metrics"):
        for metric in metrics:
            snapshots.totals(phase, metric)
    with timed("people by day, for a forecast"):
        arrived_so_far(phase, days=NUM_DAYS)
    with timed("the same metrics by day"):
        for metric in metrics:
            snapshots.by_day(phase, metric)
    with timed("the same metrics of one segment"):
        for metric in metrics:
            snapshots.totals(phase, metric, where=snapshots.Where(language="de", device="phone"))
    read_pages(phase, metrics[0])
    people = Exposure.objects.filter(phase=phase, is_forced=False).values("arm_id").annotate(n=Count("pk"))
    print("Plan of the people by arm:", people.order_by().explain(), sep="\n")
    print("Plan of a metric:", CohortStat.objects.filter(phase=phase, metric=metrics[0]).explain(), sep="\n")


@override_settings(STORAGES={**settings.STORAGES, "staticfiles": PLAIN_FILES})
def read_pages(phase: Phase, metric: Metric) -> None:
    """What somebody of the staff waits for, from the request to the last byte."""
    browser = Client(headers={"host": "localhost"})
    staff, _made = User.objects.get_or_create(username="ada", defaults={"is_staff": True, "is_superuser": True})
    browser.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    results = reverse("admin:experiments_experiment_results", args=[phase.experiment_id])
    closer = reverse("admin:experiments_experiment_metric", args=[phase.experiment_id, metric.pk, "warm"])
    for name, address in (
        ("the page of the results", results),
        ("the same page, once more", results),
        ("the same of a part of the people", f"{results}?part=language:de"),
        ("the page of one metric, by day and part", closer),
    ):
        with timed(name), CaptureQueriesContext(connection) as queries:
            answer = browser.get(address)
        assert answer.status_code == HTTPStatus.OK, (address, answer.status_code)
        print(f"  {len(queries)} queries, {len(answer.content):,} bytes")


def show_plan(phase: Phase, metrics: Sequence[Metric], window: Window, day: datetime) -> None:
    people = exposed(phase, window, since=day, before=day + DAY, now=day + 6 * DAY)
    select, params = query(people, window, columns_of(metrics))
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {select}", params)
        print(f"Plan of one day of {', '.join(map(str, metrics))}:")
        print("\n".join(f"    {line}" for (line,) in cursor.fetchall()))


def show_sizes() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_size_pretty(pg_database_size(current_database()))")
        print(f"database: {cursor.fetchone()[0]}")
        for table in TABLES:
            cursor.execute(
                "SELECT reltuples::bigint, pg_size_pretty(pg_total_relation_size(oid)) FROM pg_class"
                " WHERE relname = %s",
                [table],
            )
            num, size = cursor.fetchone()
            print(f"    {table}: {num:,} rows, {size}")


@contextmanager
def timed(what: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    print(f"{what}: {time.perf_counter() - began:.2f} s", flush=True)
