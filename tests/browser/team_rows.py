"""What a product team has after eleven days, for pictures of its pages: a prompt, an experiment, people, figures.

Sums are drawn at random, so that a table looks as it does in life; the advice is worked out of them as always.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import product

import numpy as np
from django.contrib.auth.models import Group
from django.utils import timezone

from assistant.experiments.counts import Count
from assistant.experiments.moments import Moments
from assistant.experiments.quantiles import Histogram
from assistant.prompt_text import SYSTEM_PROMPT
from webapp.accounts.models import User
from webapp.experiments.models import Arm, CohortStat, Experiment, Exposure, Metric, Phase, PromptVersion
from webapp.experiments.plan_forms import forms_for_new
from webapp.experiments.services import approvals, drafting, life, prompts, settings_versions
from webapp.experiments.services.drafting import Plan
from webapp.experiments.services.sums import Sums, to_json

DAYS, PEOPLE_A_DAY = 11, 300
DAY = timedelta(days=1)
KINDS = tuple(product(("en", "de"), ("phone", "desktop"), (True, False)))
"""Languages, devices, guests or not: people come from each alike."""

SHARES = {"thumbs_up_rate": (0.62, 0.67), "kept_rate": (0.83, 0.865), "error_rate": (0.011, 0.011)}
SHARES |= {"thumbs_up_rate_6h": (0.62, 0.67), "kept_rate_6h": (0.83, 0.865), "error_rate_1h": (0.011, 0.011)}
"""Of a control's answers, and of the other arm's."""

RARE = {"output_blocks": (0.010, 0.009), "withdrawn": (0.002, 0.002), "reports": (0.004, 0.003)}
RARE |= {"withdrawn_1h": (0.001, 0.001)}
LENGTHS, TURNS, FIRST_TEXT_MS = (540, 590), (6.0, 6.4), (420, 430)
WARM = SYSTEM_PROMPT.replace(
    "Answer clearly and briefly.", "Answer clearly, briefly and warmly, and offer one next step."
)


def make(*names: str) -> None:
    """Ada's prompt, which Grace approved, runs against the built-in one. Settings of Grace's wait for Ada."""
    ada, grace = (_experimenter(name) for name in names)
    prompt = prompts.create(WARM, note="Warmer, and says what to do next", author=ada)
    approvals.approve(prompt, by=grace, note="Reads well in all four languages.")
    calmer = {"temperature": 0.4, "num_passages": 5}
    settings_versions.create(calmer, note="Calmer answers with more sources", author=grace)
    experiment = life.start(drafting.create(_plan(prompt), owner=ada), by=ada)
    began = timezone.now() - DAYS * DAY
    phase = experiment.phases.get()
    # As if it had just been measured: else beat would do so, and count the people and find no turns of theirs.
    looked = {"badge": "ship", "watched_at": timezone.now()}
    Experiment.objects.filter(pk=experiment.pk).update(started_at=began, created_at=began - DAY, **looked)
    Phase.objects.filter(pk=phase.pk).update(started_at=began)
    for day in range(DAYS):
        _expose(experiment, phase, began + day * DAY)
    CohortStat.objects.bulk_create(_cohorts(experiment, phase, began))


def _experimenter(name: str) -> User:
    user = User.objects.get(username=name)
    user.groups.add(Group.objects.get(name="experimenter"))
    return user


def _plan(prompt: PromptVersion) -> Plan:
    """What the form comes to if nothing but the hypothesis and the start is filled in."""
    forms = forms_for_new({"prompt": str(prompt.pk)})
    fields = {
        **{name: forms.plan.initial[name] for name in ("audience", "planned_days", "alpha", "rolls_back")},
        "name": "Warmer answers",
        "hypothesis": "People who are told a next step keep more answers, because they need not ask again.",
        "layer_id": forms.plan.initial["layer"],
        "traffic": 1000,
    }
    control, warmer = (form.initial for form in forms.arms.forms[:2])
    metrics = [
        drafting.Measured(metric=metric, role=role.initial, margin=margin.initial / 100)
        for metric, role, margin in forms.metrics.rows()
        if role.initial
    ]
    return Plan(fields=fields, segments=[], arms=[control, {**warmer, "name": "Warmer"}], metrics=metrics, ramp=())


def _expose(experiment: Experiment, phase: Phase, at: datetime) -> None:
    arms = list(experiment.arms.order_by("key"))
    names = [f"somebody-{at:%d}-{number}" for number in range(PEOPLE_A_DAY * len(arms))]
    people = User.objects.bulk_create(User(username=name, is_guest=True) for name in names)
    Exposure.objects.bulk_create(
        Exposure(phase=phase, arm=arms[number % len(arms)], person=person, at=at)
        for number, person in enumerate(people)
    )


def _cohorts(experiment: Experiment, phase: Phase, began: datetime) -> Iterator[CohortStat]:
    """Of those days whose windows are over."""
    random = np.random.default_rng(3)
    for arm, each, day in product(experiment.arms.order_by("key"), experiment.metrics.all(), range(DAYS)):
        if began + (day + 1) * DAY + timedelta(hours=each.metric.window_hours) > timezone.now():
            continue
        for language, device, is_guest in KINDS:
            part = _drawn(random, each.metric, arm, PEOPLE_A_DAY // len(KINDS))
            yield CohortStat(
                phase=phase,
                metric=each.metric,
                arm=arm,
                day=(began + day * DAY).date(),
                language=language,
                device=device,
                is_guest=is_guest,
                is_new=False,
                n=part.n,
                sums=to_json(part),
                computed_at=timezone.now(),
                is_final=True,
            )


def _drawn(random: np.random.Generator, metric: Metric, arm: Arm, num: int) -> Sums:
    """What so many people of this arm did. The columns of a ratio: both counts, and the same in the time before."""
    side = 0 if arm.is_control else 1
    if metric.key in RARE:
        return Count(n=num, yes=int(random.binomial(num, RARE[metric.key][side])))
    if metric.key == "first_text_p95":
        return Histogram.of(random.lognormal(np.log(FIRST_TEXT_MS[side]), 0.5, num))
    habit = random.gamma(4, 1 / 4, num)
    if metric.key == "turns_per_person":
        return Moments.of(np.column_stack((random.poisson(TURNS[side] * habit), random.poisson(TURNS[0] * habit))))
    answers, before = 1 + random.poisson(5 * habit), 1 + random.poisson(5 * habit)
    if metric.key == "answer_length":
        means = (LENGTHS[side], LENGTHS[0])
        chars = [count * random.normal(mean, 90, num) for count, mean in zip((answers, before), means, strict=True)]
        return Moments.of(np.column_stack((chars[0], answers, chars[1], before)))
    shares = SHARES[metric.key]
    now, then = random.binomial(answers, shares[side]), random.binomial(before, shares[0])
    return Moments.of(np.column_stack((now, answers, then, before)))
