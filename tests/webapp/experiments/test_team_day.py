"""The days of a product team with 2,000 people, through the services of the pages: two ideas, two decisions."""

import pytest
from django.utils import timezone

from tests.webapp.experiments.days import HOT, HOUR, MORNING, Clock, Days, make_people
from tests.webapp.experiments.team import member_of
from webapp.accounts.models import User
from webapp.experiments.errors import CannotChange
from webapp.experiments.evidence import evidence_on
from webapp.experiments.models import Experiment, ExperimentMetric, Exposure, Layer, Metric, ProductionChange
from webapp.experiments.services import (
    approvals,
    checklist,
    drafting,
    labels,
    life,
    prompts,
    serving,
    shipping,
    ticking,
)
from webapp.experiments.services.analysis import analyse
from webapp.experiments.services.drafting import Measured, Plan
from webapp.experiments.services.figures import figures_of
from webapp.experiments.services.snapshots import refresh

pytestmark = pytest.mark.django_db

NUM_PEOPLE = 2_000
Role = ExperimentMetric.Role
KEPT, KEPT_WARM = 0.78, 0.85


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timezone, "now", lambda: clock.now)
    return clock


@pytest.fixture
def team(clock: Clock) -> tuple[User, User]:
    return member_of("experimenter", "ada"), member_of("experimenter", "grace")


def planned(name: str, owner: User, better: dict[str, object], *, guardrail: str, margin: float) -> Experiment:
    """A draft in a layer of its own, as the form makes it."""
    kept, guards = (Metric.objects.get(key=key) for key in ("kept_rate", guardrail))
    plan = Plan(
        fields={"name": name, "hypothesis": "Answers get better.", "layer": Layer.objects.create(name=name)},
        segments=(),
        arms=({"name": "As it is", "weight": 1}, {"name": "Another way", "weight": 1, **better}),
        metrics=(
            Measured(metric=kept, role=Role.GOAL, margin=0.02),
            Measured(metric=guards, role=Role.GUARDRAIL, margin=margin),
        ),
        ramp=(),
    )
    return drafting.create(plan, owner=owner)


def likely_days() -> Days:
    """With effects of a likely size."""
    return Days(kept=KEPT, kept_warm=KEPT_WARM, shocked_usually=0.005, shocked_hot=0.05, failed=0.03)


def test_two_versions_in_the_morning_two_decisions_in_the_end(team: tuple[User, User], clock: Clock) -> None:
    """One arm is truly better and is shipped; the other breaks a guardrail and is rolled back by nobody."""
    ada, grace = team
    warm = prompts.create("You are Cria, a warm assistant.", note="Warmer", author=ada)
    draft = planned("Warm", ada, {"prompt": warm}, guardrail="error_rate", margin=1.0)
    assert [item.code for item in checklist.required(draft) if not item.is_met] == ["approved"]
    with pytest.raises(CannotChange, match="is approved"):
        life.start(draft, by=ada)
    approvals.approve(warm, by=grace)
    better = life.start(draft, by=ada)
    hot = life.start(planned("Hot", grace, {"temperature": HOT}, guardrail="reports", margin=0.01), by=grace)
    before = serving.in_production()
    people, days = make_people(NUM_PEOPLE), likely_days()
    for day in range(2):
        for number, person in enumerate(people[day::2]):
            days.chats(person, MORNING + day * 24 * HOUR + number * HOUR / 120)
    days.end()

    for experiment in (better, hot):
        met = Exposure.objects.filter(phase__experiment=experiment)
        assert (met.count(), met.filter(is_mixed=True).count()) == (NUM_PEOPLE, 0)
    assert analyse(better, now=clock.now).recommendation.badge == "no_data"

    rolled_back_after = None
    for hours in range(24, 24 * 8, 6):
        clock.now = MORNING + hours * HOUR
        ticking.tick(clock.now)
        if hours % 24 == 18:  # at two in the morning
            refresh(better, now=clock.now)
        if rolled_back_after is None and Experiment.objects.get(pk=hot.pk).is_over:
            rolled_back_after = hours

    hot.refresh_from_db()
    assert (hot.state, hot.decision, hot.decided_by) == ("stopped", "roll_back", None)
    assert rolled_back_after is not None
    assert rolled_back_after <= 24 * 3 + 6, "the windows of a guardrail are a day"
    assert hot.events.get(kind="stop").details["broken"][0]["metric"] == "reports"
    assert analyse(hot, now=clock.now).recommendation.badge == "roll_back"

    found = analyse(better, now=clock.now)
    assert found.health.is_healthy
    assert found.recommendation.badge == Experiment.objects.get(pk=better.pk).badge == "ship"
    assert found.leader is not None
    assert found.leader.prompt == warm
    kept = next(row for row in found.rows if row.metric.key == "kept_rate")
    # What is asked again is one answer more, and that one is kept.
    truth = 1 / (2 - KEPT_WARM) - 1 / (2 - KEPT)
    assert 0 < kept.effect.of_difference.low < truth < kept.effect.of_difference.high
    assert kept.base.n + kept.side.n == NUM_PEOPLE

    evidence = evidence_on(figures_of(found, now=clock.now), found.leader.pk, advice="ship")
    shipping.ship(better, found.leader, by=ada, reason="People keep more of the answers.", evidence=evidence)
    better.refresh_from_db()
    assert (better.state, better.decision, better.shipped) == ("stopped", "ship", found.leader)
    after = serving.in_production()
    assert labels.production() == warm
    assert after.prompt_version == warm.content_hash != before.prompt_version
    assert {serving.for_next_turn(person).prompt_version for person in people[:50]} == {warm.content_hash}
    assert not ProductionChange.objects.exists(), "the prompt is all that this arm changed"

    shipping.undo(better, by=grace, reason="Let us see.")
    assert serving.in_production().prompt_version == before.prompt_version
