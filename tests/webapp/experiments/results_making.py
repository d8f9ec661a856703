"""An experiment with sums of one's own making, so that a test knows what its results have to be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from django.utils import timezone

from assistant.experiments.counts import Count
from assistant.experiments.moments import Moments
from webapp.accounts.models import User
from webapp.experiments.models import (
    Allocation,
    Arm,
    CohortStat,
    Experiment,
    ExperimentMetric,
    Exposure,
    Layer,
    Metric,
    Phase,
    PromptApproval,
    PromptVersion,
)
from webapp.experiments.services.sums import Sums, to_json

START = datetime(2026, 11, 2, tzinfo=UTC)
NOW = START + timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A running experiment with a control and an arm `b`, drawn alike, since `START`."""

    experiment: Experiment
    phase: Phase
    control: Arm
    arm: Arm

    def put(self, metric: Metric, sums: Mapping[Arm, Sums], *, day: int = 0, **people: Any) -> None:
        """What a metric comes to, of people exposed on this day of the experiment."""
        for arm, part in sums.items():
            cohort = {"language": "en", "device": "desktop", "is_guest": False, "is_new": False, **people}
            CohortStat.objects.create(
                phase=self.phase,
                metric=metric,
                arm=arm,
                day=date_of(day),
                **cohort,
                n=part.n,
                sums=to_json(part),
                computed_at=NOW,
            )

    def expose(self, nums: Mapping[Arm, int], *, num_mixed: int = 0, at: datetime = START) -> None:
        """So many people in each arm; some of the first arm's saw another one later."""
        for arm, num in nums.items():
            names = [f"{self.experiment.key}-{arm.key}-{at:%m%d}-{number}" for number in range(num)]
            people = User.objects.bulk_create(User(username=name) for name in names)
            Exposure.objects.bulk_create(
                Exposure(phase=self.phase, arm=arm, person=person, at=at, is_mixed=number < num_mixed)
                for number, person in enumerate(people)
            )
            num_mixed = 0


def date_of(day: int) -> date:
    return (START + timedelta(days=day)).date()


def make(key: str = "warmer", *, weights: Sequence[int] = (1, 1), state: str = "running", **more: Any) -> Made:
    experiment = Experiment.objects.create(
        key=key,
        name=f"The {key} one",
        hypothesis="People like it.",
        layer=Layer.objects.get_or_create(name="Prompts")[0],
        state=state,
        started_at=START,
        **more,
    )
    phase = Phase.objects.create(experiment=experiment, number=1, started_at=START)
    control = Arm.objects.create(experiment=experiment, key="control", name="Control", is_control=True)
    arm = Arm.objects.create(experiment=experiment, key="b", name="Variant", temperature=0.3)
    for each, weight in zip((control, arm), weights, strict=True):
        Allocation.objects.create(phase=phase, arm=each, weight=weight)
    return Made(experiment=experiment, phase=phase, control=control, arm=arm)


def measure(made: Made, key: str, *, role: str = "goal", margin: float = 0.0, **fields: Any) -> Metric:
    """A metric of the experiment; a mean of a count unless other fields are named."""
    known = {"kind": "mean", "unit": "count", "fact": "turns", **fields}
    metric = Metric.objects.create(key=key, name=key.replace("_", " ").capitalize(), **known)
    ExperimentMetric.objects.create(experiment=made.experiment, metric=metric, role=role, margin=margin)
    return metric


def prompt(number: int = 1, *, author: User | None = None, approved_by: User | None = None) -> PromptVersion:
    version = PromptVersion.objects.create(
        number=number, content_hash=f"{number:012d}", text=f"Be kind, {number} times.", note="Kinder", author=author
    )
    if approved_by:
        PromptApproval.objects.create(version=version, by=approved_by, is_approved=True)
    return version


def people(seed: int, num: int, *, mean: float, deviation: float = 1.0, explained: float = 0.0) -> np.ndarray:
    """Rows of a value and the same before: with `explained` of the variance shared by both."""
    random = np.random.default_rng(seed)
    before = random.normal(mean, deviation, num)
    now = mean + np.sqrt(explained) * (before - mean) + random.normal(0, deviation * np.sqrt(1 - explained), num)
    return np.column_stack((now, before))


def moments(values: np.ndarray) -> Moments:
    return Moments.of(values)


SITUATIONS = ("no_data", "unhealthy", "ship", "roll_back", "keep_running")


def situation(badge: str) -> Made:
    """An experiment whose badge has to be this one."""
    made = make(badge.replace("_", "-"), planned_days=365 if badge == "keep_running" else 14)
    goal = measure(made, f"liked_{badge}", margin=0.02)
    harm = measure(
        made, f"harm_{badge}", role="guardrail", kind="binary", unit="share", is_rare=True, margin=0.01,
        is_better_up=False, window_hours=24,
    )  # fmt: skip
    made.expose({made.control: 60, made.arm: 300 if badge == "unhealthy" else 60})
    if badge == "no_data":
        return made
    if badge == "keep_running":  # people still come
        made.expose({made.control: 60, made.arm: 60}, at=timezone.now() - timedelta(days=1))
    gain = {"ship": 0.6, "keep_running": 0.05}.get(badge, 0.0)
    later = people(2, 2000, mean=2.0) + np.array([gain, 0])
    made.put(goal, {made.control: moments(people(1, 2000, mean=2.0)), made.arm: moments(later)})
    events = 160 if badge == "roll_back" else 5
    made.put(harm, {made.control: Count(n=2000, yes=5), made.arm: Count(n=2000, yes=events)})
    return made
