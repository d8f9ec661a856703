"""What it costs to find out who is in which experiment: `python -m benchmarks.assignment`.

Twenty experiments run in five layers, each with conditions that people meet, on a database in memory. Prints how long
assigning one person takes, and reading the picture of what runs, and writes both to benchmarks/out/assignment.json.
"""

import json
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

OUT = Path(__file__).parent / "out" / "assignment.json"
NUM_PEOPLE, NUM_READS = 5_000, 50
GOAL_MS = 0.2


def main() -> None:
    os.environ |= {"DATABASE_URL": "sqlite://:memory:", "DJANGO_SETTINGS_MODULE": "webapp.settings"}
    os.environ |= {"SECRET_KEY": "x" * 50, "LOG_LEVEL": "ERROR"}  # Redis may be away, and it does not matter
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    call_command("migrate", verbosity=0)
    make_experiments()
    people = make_people()

    from webapp.experiments.services import running_experiments, serving
    from webapp.experiments.services.assignment import assign

    running_experiments.current()
    with CaptureQueriesContext(connection) as asked:
        num_arms = sum(len(assign(person)) for person in people[:1_000])
    times = {
        "assign": spread(assign, people),
        "everything for a turn": spread(serving.for_next_turn, people),
        "read the picture": spread(lambda _number: running_experiments.read(), range(NUM_READS)),
    }
    counts = {"arms per person": num_arms / 1_000, "queries per person": len(asked) / 1_000}
    print(f"{'':24}  median ms     p95 ms")
    for name, took in times.items():
        print(f"{name:24} {took['median_ms']:10.3f} {took['p95_ms']:10.3f}")
    print(", ".join(f"{name} {number:.3f}" for name, number in counts.items()))
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(times | counts, indent=1))
    if times["assign"]["p95_ms"] >= GOAL_MS:
        raise SystemExit(f"Assigning takes longer than {GOAL_MS} ms.")


def spread(act: Callable[[Any], object], over: Sequence[Any]) -> dict[str, float]:
    """Milliseconds of single calls."""
    took = []
    for one in over:
        start = time.perf_counter_ns()
        act(one)
        took.append((time.perf_counter_ns() - start) / 1e6)
    return {"median_ms": statistics.median(took), "p95_ms": statistics.quantiles(took, n=20)[-1]}


def make_experiments() -> None:
    from django.utils import timezone

    from tests.webapp.experiments.making import DAY, running
    from webapp.experiments.models import Layer

    changes: Sequence[Mapping[str, Any]] = (
        *({"temperature": 0.9}, {"top_p": 0.5}, {"max_reply_tokens": 128}),
        *({"num_passages": 1}, {"endpoint": "big"}),
    )
    for number, changed in enumerate(changes):
        layer = Layer.objects.create(name=f"layer {number}")
        for part in range(4):
            running(
                f"experiment-{number}-{part}",
                {"control": {}, "new": changed},
                layer=layer,
                slots=range(part * 250, part * 250 + 250),
                started_at=timezone.now() - 30 * DAY + timedelta(hours=4 * number + part),
                languages=["en"],
                devices=["phone", "desktop"],
                audience="members",
            )


def make_people() -> Sequence[Any]:
    """As a worker loads them."""
    from webapp.accounts.models import User

    User.objects.bulk_create(User(username=f"person-{n}", device="phone", language="en") for n in range(NUM_PEOPLE))
    return list(User.objects.select_related("preferences"))


if __name__ == "__main__":
    main()
