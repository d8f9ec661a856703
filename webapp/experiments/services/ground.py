"""What changed beneath an experiment: an arm that leaves something as in production moves along with it."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from django.utils import timezone

from webapp.experiments.models import Experiment, LabelChange, Phase, ProductionChange, PromptLabel
from webapp.experiments.services.life import UNDER_WAY
from webapp.experiments.services.picture import Changes


def changed_beneath(phase: Phase) -> Sequence[datetime]:
    """When production changed in what some arms set and others leave open: what is compared was another thing before
    and after. Where all arms leave it open, all of them moved alike."""
    differing = _differing(phase)
    ended_at = phase.ended_at or timezone.now()
    return sorted([*_of_prompt(phase, ended_at, differing), *_of_settings(phase, ended_at, differing - {"prompt"})])


def shipped_since(phase: Phase) -> Sequence[datetime]:
    """When something went into production from the beginning of the holdout to the end of its period `phase`."""
    time = {"created_at__gt": phase.experiment.started_at, "created_at__lt": phase.ended_at or timezone.now()}
    prompts = LabelChange.objects.filter(label=PromptLabel.PRODUCTION, **time)
    rows = (prompts, ProductionChange.objects.filter(**time))
    return sorted(at for several in rows for at in several.values_list("created_at", flat=True))


def moved_by(names: frozenset[str]) -> Sequence[Experiment]:
    """What is under way and would compare something else from now on, if these changed in production."""
    under_way = Experiment.objects.filter(state__in=UNDER_WAY, layer__isnull=False)
    phases = Phase.objects.filter(ended_at=None, experiment__in=under_way).select_related("experiment")
    return [phase.experiment for phase in phases.order_by("experiment_id") if _differing(phase) & names]


def _differing(phase: Phase) -> frozenset[str]:
    """What some of its arms set and others leave as in production."""
    allocations = phase.allocations.filter(weight__gt=0).select_related("arm__prompt", "arm__starters")
    said = [Changes.of(allocation.arm).names for allocation in allocations]
    return frozenset[str]().union(*said) - frozenset.intersection(*said) if said else frozenset[str]()


def _of_prompt(phase: Phase, ended_at: datetime, differing: frozenset[str]) -> Iterator[datetime]:
    if "prompt" in differing:
        moved = LabelChange.objects.filter(label=PromptLabel.PRODUCTION, created_at__lt=ended_at)
        yield from moved.filter(created_at__gt=phase.started_at).values_list("created_at", flat=True)


def _of_settings(phase: Phase, ended_at: datetime, differing: frozenset[str]) -> Iterator[datetime]:
    if not differing:
        return
    rows = ProductionChange.objects.select_related("prompt", "starters").order_by("created_at", "pk")
    for before, after in pairwise([ProductionChange(), *rows.filter(created_at__lt=ended_at)]):
        old, new = Changes.of(before), Changes.of(after)
        if after.created_at > phase.started_at and any(getattr(old, name) != getattr(new, name) for name in differing):
            yield after.created_at
